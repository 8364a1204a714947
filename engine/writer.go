package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// A writer turns plain bytes into blobs, and blobs into packs in the store. Naming a
// blob is synchronous: the ref is there on return. Compressing, sealing and uploading
// run behind it on a bounded number of goroutines, which end with finish or abort.
//
// The first error sticks: every later call returns it, and finish reports it.
type writer struct {
	s      *session
	ctx    context.Context
	cancel context.CancelCauseFunc
	jobs   chan job
	room   *semaphore.Weighted // bytes in jobs
	sent   sync.WaitGroup      // jobs not sealed yet
	seals  errgroup.Group      // sealers
	puts   errgroup.Group      // uploads
	stats  writerStats

	buffers chan []byte // for the bytes of packs on their way, as many as there may be at a time
	scraps  chan []byte // for plain bytes in jobs, used again

	mu      sync.Mutex
	emptied sync.Cond               // a pack has left its memory to the next
	lasting map[pack.ClassKind]int  // packs in memory of the classes that are bounded
	over    map[pack.ClassKind]bool // no more packs of these are expected
	idle    map[pack.ClassKind][]*openPack
	pending map[seal.ID]*waiter // blobs that are not in an uploaded pack yet
	open    map[pack.Class][]*openPack
	leaving int           // bytes in expiring packs on their way
	used    uses          // where what was saved or found lies
	packed  []pack.Packed // uploaded since the last segment
	copies  *copies       // set by who copies
}

// A waiter is a blob on its way into a pack of a class.
type waiter struct {
	class  pack.Class
	needed [2]bool // see use; what is only a checkpoint's is not
	also   *waiter // on its way into a pack of another class, which this one would not outlive
}

// A copied is a blob that is copied into packs of a class.
type copied struct {
	id    seal.ID
	class pack.Class
}

// copies are the packs into which a writer has copied blobs.
type copies struct {
	packs []pack.Packed
	order []copiedTo // by ID, once sorted
}

// A copiedTo is a blob of one of the packs, both by their number.
type copiedTo struct{ pack, blob uint32 }

// sort puts the copies in order. Nothing more is copied from then on, and many goroutines may
// find what was.
func (c *copies) sort() {
	for i, p := range c.packs {
		for j := range p.Table.Blobs {
			c.order = append(c.order, copiedTo{uint32(i), uint32(j)})
		}
	}
	slices.SortFunc(c.order, func(a, b copiedTo) int { return compareBlobs(c.blob(a).ID, c.blob(b).ID) })
}

// find says where the copy of a blob lies.
func (c *copies) find(id seal.ID, class pack.Class) (at index.Place, ok bool) {
	i, _ := slices.BinarySearchFunc(c.order, id, func(a copiedTo, id seal.ID) int { return compareBlobs(c.blob(a).ID, id) })
	for ; i < len(c.order) && c.blob(c.order[i]).ID == id; i++ {
		if p, b := c.packs[c.order[i].pack], c.blob(c.order[i]); p.Table.Class == class {
			return index.Place{Pack: p.Name, Class: class, Off: b.Off, Len: b.Len}, true
		}
	}
	return at, false
}

func (c *copies) blob(a copiedTo) pack.Blob { return c.packs[a.pack].Table.Blobs[a.blob] }

func compareBlobs(a, b seal.ID) int { return bytes.Compare(a[:], b[:]) }

// writerStats count what a writer did, in blobs and bytes.
type writerStats struct {
	tree, permanent, expiring atomic.Int64 // sealed bytes
	padding, other            atomic.Int64
	packs, uploaded           atomic.Int64
	fresh                     atomic.Int64 // plain bytes of content blobs that were new
	nodesSaved, nodesLoaded   atomic.Int64
}

type job struct {
	kind   seal.Kind
	class  pack.Class
	ref    seal.Ref
	plain  []byte
	needed bool
}

// An openPack is a pack that grows: blobs are sealed in it side by side.
type openPack struct {
	*pack.Builder
	class   pack.Class
	filling sync.WaitGroup // places that are not filled yet
}

const (
	maxWaiting  = 4 << 20  // plain bytes waiting to be sealed
	maxExpiring = 4 << 20  // bytes in open packs of all expiry buckets together
	maxScrap    = 16 << 10 // nodes are shorter; larger plaintexts are rare in jobs

	openPacks    = 2             // of a class that does not expire
	packsInClass = openPacks + 1 // in memory: one may be on its way into a buffer
)

func (s *session) newWriter(ctx context.Context) *writer {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &writer{s: s, ctx: ctx, cancel: cancel, jobs: make(chan job, 256), room: semaphore.NewWeighted(maxWaiting),
		scraps: make(chan []byte, 256), lasting: map[pack.ClassKind]int{}, over: map[pack.ClassKind]bool{}, idle: map[pack.ClassKind][]*openPack{},
		pending: map[seal.ID]*waiter{}, open: map[pack.Class][]*openPack{}, used: uses{}}
	w.emptied.L = &w.mu
	context.AfterFunc(ctx, func() { // whoever waits for memory finds out
		w.mu.Lock()
		defer w.mu.Unlock()
		w.emptied.Broadcast()
	})
	w.buffers = make(chan []byte, s.a.opt.Uploads)
	for range s.a.opt.Uploads {
		w.buffers <- nil
	}
	for range s.a.opt.Workers {
		w.seals.Go(func() error {
			var se sealer
			for j := range w.jobs {
				if w.ctx.Err() == nil {
					w.fail(w.do(&se, j))
				}
				w.room.Release(int64(len(j.plain)))
				w.discard(j.plain)
				w.sent.Done()
			}
			return nil
		})
	}
	return w
}

// fail keeps the first error and stops the rest.
func (w *writer) fail(err error) {
	if err != nil {
		w.cancel(err)
	}
}

// save names a plaintext, and behind the caller's back looks for it and, unless a pack
// that outlives class has it, stores it. plain is copied.
func (w *writer) save(kind seal.Kind, class pack.Class, plain []byte) (seal.Ref, error) {
	return w.saveFor(kind, class, plain, true)
}

// saveFor is save; needed is false for what the run's last snapshot will not need.
func (w *writer) saveFor(kind seal.Kind, class pack.Class, plain []byte, needed bool) (seal.Ref, error) {
	ref := w.s.a.keys.Ref(nil, kind, plain)
	if err := w.room.Acquire(w.ctx, int64(len(plain))); err != nil {
		return ref, context.Cause(w.ctx)
	}
	w.sent.Add(1)
	w.jobs <- job{kind, class, ref, append(w.scrap(), plain...), needed}
	return ref, nil
}

// do is what a job is for.
func (w *writer) do(se *sealer, j job) error {
	fresh, err := w.claim(j.kind, j.ref.ID(), j.class, len(j.plain), j.needed)
	if err != nil || !fresh {
		return err
	}
	return w.seal(se, j)
}

// scrap is an empty buffer for the plain bytes of a job.
func (w *writer) scrap() []byte {
	select {
	case b := <-w.scraps:
		return b
	default:
		return nil
	}
}

// discard gives the buffer of a job back.
func (w *writer) discard(b []byte) {
	if cap(b) > maxScrap {
		return
	}
	select {
	case w.scraps <- b[:0]:
	default:
	}
}

// saveNow is save for a worker that brings its own sealer: the blob is in a pack on
// return, and plain is not copied.
func (w *writer) saveNow(se *sealer, kind seal.Kind, class pack.Class, scope, plain []byte) (seal.Ref, error) {
	ref := w.s.a.keys.Ref(scope, kind, plain)
	return ref, w.do(se, job{kind, class, ref, plain, true})
}

// claim reports whether a blob has to be stored, and from then on takes it as stored.
func (w *writer) claim(kind seal.Kind, id seal.ID, class pack.Class, n int, needed bool) (bool, error) {
	if w.ctx.Err() != nil {
		return false, context.Cause(w.ctx)
	}
	if w.has(id, class, needed) {
		return false, nil
	}
	w.mu.Lock()
	fresh := !w.waits(id, class, needed) // nobody was faster meanwhile
	if fresh {
		w.wait(id, class, needed)
	}
	w.mu.Unlock()
	if !fresh {
		return false, nil
	}
	if kind == seal.Media || kind == seal.Text {
		w.stats.fresh.Add(int64(n))
	} else {
		w.stats.nodesSaved.Add(1)
	}
	return true, nil
}

// has reports whether packs that outlive class hold a blob already, or will when it is
// uploaded, and takes them into the snapshot's list if so.
func (w *writer) has(id seal.ID, class pack.Class, needed bool) bool {
	w.mu.Lock()
	on := w.waits(id, class, needed)
	w.mu.Unlock()
	if on {
		return true
	}
	at, ok := w.s.a.index.Lookup(id, class, w.s.usable)
	if !ok {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.s.usable(at.Pack) { // a collection has condemned it meanwhile: see rebase
		return false
	}
	k := w.used.of(at.Pack, at.Class)
	if needed {
		k.add(mapOf(class), at.Off, at.Len)
	}
	return true
}

// waits reports whether a blob is on its way in a pack that outlives class. The caller
// holds the lock.
func (w *writer) waits(id seal.ID, class pack.Class, needed bool) bool {
	for p := w.pending[id]; p != nil; p = p.also {
		if p.class.Outlives(class) {
			p.needed[mapOf(class)] = p.needed[mapOf(class)] || needed
			return true
		}
	}
	return false
}

// wait takes a blob as on its way. The caller holds the lock.
func (w *writer) wait(id seal.ID, class pack.Class, needed bool) {
	p := &waiter{class: class, also: w.pending[id]}
	p.needed[mapOf(class)] = needed
	w.pending[id] = p
}

// arrive takes a blob as uploaded in a pack of a class. The caller holds the lock.
func (w *writer) arrive(id seal.ID, class pack.Class) (needed [2]bool) {
	var rest *waiter
	for p := w.pending[id]; p != nil; p = p.also {
		if p.class == class {
			for i := range needed {
				needed[i] = needed[i] || p.needed[i]
			}
		} else {
			rest = &waiter{p.class, p.needed, rest}
		}
	}
	if delete(w.pending, id); rest != nil {
		w.pending[id] = rest
	}
	return needed
}

// A sealer is what one goroutine seals with. Its buffer is used again.
type sealer struct {
	coder pack.Coder
	body  []byte
}

// seal puts a blob into an open pack of its class, where it is sealed.
func (w *writer) seal(se *sealer, j job) error {
	codec, body := se.coder.Encode(se.body[:0], j.kind, j.plain)
	if codec != pack.Stored {
		se.body = body
	}
	n := seal.BlobSize(len(j.plain), len(body))
	p, place, err := w.place(j.ref.ID(), j.class, n)
	if err != nil || place == nil {
		return err
	}
	defer p.filling.Done()
	_, err = seal.AppendBlob(place[:0], w.s.a.opt.Rand, j.ref, codec, len(j.plain), body)
	w.fail(err) // before the pack takes its place for filled
	return err
}

// place finds room for a blob of n bytes in an open pack of a class. Once the place is
// filled, p.filling is done. The place is nil when the pack has the blob already.
func (w *writer) place(id seal.ID, class pack.Class, n int) (p *openPack, place []byte, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p, err = w.roomy(class, n); err != nil {
		return nil, nil, err
	}
	if place = p.Place(id, n); place == nil {
		return p, nil, nil
	}
	p.filling.Add(1)
	w.count(class, n)
	if class.Kind == pack.Expiring {
		w.relieve()
	}
	return p, place, nil
}

// count notes n sealed bytes of a class.
func (w *writer) count(class pack.Class, n int) {
	switch class.Kind {
	case pack.Tree:
		w.stats.tree.Add(int64(n))
	case pack.Permanent:
		w.stats.permanent.Add(int64(n))
	default:
		w.stats.expiring.Add(int64(n))
	}
}

func (w *writer) target(class pack.Class) int {
	if class.Kind == pack.Permanent {
		return w.s.a.config.PackSize
	}
	return w.s.a.config.TreePackSize
}

// roomy returns an open pack with room for n bytes, and sends on its way one that has
// none. The classes that do not expire have two open packs, and a blob goes to one of
// them at random, so that neighbours in the history are not neighbours in a pack. The
// caller holds the lock, which is given up while too many packs are on their way.
func (w *writer) roomy(class pack.Class, n int) (*openPack, error) {
	i := 0
	if class.Kind != pack.Expiring {
		i = w.coin()
	}
	for w.ctx.Err() == nil {
		if i < len(w.open[class]) {
			p := w.open[class][i]
			if p.Count() == 0 || p.Len()+n <= w.target(class) {
				return p, nil
			}
			w.put(p)
		}
		if p := w.fresh(class); p != nil {
			i = len(w.open[class])
			w.open[class] = append(w.open[class], p)
		} else {
			w.emptied.Wait()
		}
	}
	return nil, context.Cause(w.ctx)
}

// fresh returns a further pack for a class, in memory that an earlier one has left; nil
// when there is none, and may be none more.
func (w *writer) fresh(class pack.Class) *openPack {
	if class.Kind == pack.Expiring { // of those there may be many, and most stay small
		if w.leaving > maxExpiring {
			return nil
		}
		return &openPack{Builder: pack.NewBuilder(class), class: class}
	}
	if n := len(w.idle[class.Kind]); n > 0 {
		p := w.idle[class.Kind][n-1]
		w.idle[class.Kind] = w.idle[class.Kind][:n-1]
		return p
	}
	if w.lasting[class.Kind] == packsInClass {
		return nil
	}
	w.lasting[class.Kind]++
	p := &openPack{Builder: pack.NewBuilder(class), class: class}
	p.Grow(w.target(class))
	return p
}

// leave takes back the memory of a pack, which had n bytes.
func (w *writer) leave(p *openPack, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch kind := p.class.Kind; {
	case kind == pack.Expiring:
		w.leaving -= n
	case w.over[kind]:
		w.lasting[kind]--
	default:
		w.idle[kind] = append(w.idle[kind], p)
	}
	w.emptied.Broadcast()
}

// coin returns 0 or 1.
func (w *writer) coin() int {
	var b [1]byte
	if _, err := io.ReadFull(w.s.a.opt.Rand, b[:]); err != nil {
		w.cancel(err)
	}
	return int(b[0] & 1)
}

// relieve sends the largest open expiring pack on its way when all of them hold too much.
func (w *writer) relieve() {
	var largest *openPack
	sum := 0
	for c, ps := range w.open {
		if c.Kind != pack.Expiring {
			continue
		}
		for _, p := range ps {
			sum += p.Len()
			if largest == nil || p.Len() > largest.Len() {
				largest = p
			}
		}
	}
	if sum >= maxExpiring {
		w.put(largest)
	}
}

// put uploads an open pack behind the caller's back, who holds the lock.
func (w *writer) put(p *openPack) {
	w.open[p.class] = slices.DeleteFunc(w.open[p.class], func(o *openPack) bool { return o == p })
	if len(w.open[p.class]) == 0 {
		delete(w.open, p.class)
	}
	if p.class.Kind == pack.Expiring {
		w.leaving += p.Len()
	}
	w.puts.Go(func() error {
		w.fail(w.upload(p))
		return nil
	})
}

func (w *writer) upload(p *openPack) error {
	p.filling.Wait()
	if w.ctx.Err() != nil {
		return nil
	}
	n := p.Len()
	if p.Count() == 0 { // another has absorbed it
		w.leave(p, n)
		return nil
	}
	buf := <-w.buffers
	defer func() { w.buffers <- buf }()
	name, data, table, err := p.FinishInto(buf, w.s.a.keys, w.s.a.opt.Rand)
	if err != nil {
		return err
	}
	if cap(buf) < len(data) {
		buf = data
	}
	w.leave(p, n)
	if err := w.s.a.store.Put(w.ctx, name.Path(), data); errors.Is(err, fs.ErrExist) {
		w.s.doubt.Store(true) // or so the store says
	} else if err != nil {
		return err
	}
	packed := pack.Packed{Name: name, Size: uint32(len(data)), Table: table}
	w.s.mu.Lock()
	w.s.listed[name] = int64(len(data))
	w.s.mu.Unlock()
	if err := w.s.a.note(packed); err != nil {
		return err
	}
	w.stats.packs.Add(1)
	w.stats.uploaded.Add(int64(len(data)))
	blobs := 0
	for _, bl := range table.Blobs {
		blobs += int(bl.Len)
	}
	w.stats.padding.Add(int64(len(data) - blobs))
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.used.of(name, table.Class)
	w.packed = append(w.packed, packed)
	for _, bl := range table.Blobs {
		for i, needed := range w.arrive(bl.ID, table.Class) {
			if needed {
				k.add(i, bl.Off, bl.Len)
			}
		}
	}
	if w.copies != nil {
		w.copies.packs = append(w.copies.packs, packed)
	}
	return nil
}

// finished says that no more contents come: their packs are sent on their way, and their
// memory is free. More may come nevertheless.
func (w *writer) finished() {
	w.mu.Lock()
	defer w.mu.Unlock()
	class := pack.Class{Kind: pack.Permanent}
	w.over[class.Kind] = true
	w.lasting[class.Kind] -= len(w.idle[class.Kind])
	delete(w.idle, class.Kind)
	w.tails(class)
}

// tails sends the open packs of a class on their way, as one if that is not too large.
// The caller holds the lock.
func (w *writer) tails(class pack.Class) {
	ps := slices.Clone(w.open[class])
	if len(ps) == openPacks && ps[0].Len()+ps[1].Len() <= w.target(class)*5/4 {
		ps[0].filling.Wait()
		ps[1].filling.Wait()
		ps[0].Absorb(ps[1].Builder)
	}
	for _, p := range ps {
		w.put(p)
	}
}

// flush uploads everything that was saved, the tails of each class merged, and a
// segment that tells of the new packs.
func (w *writer) flush() error {
	w.sent.Wait()
	w.mu.Lock()
	for _, class := range slices.SortedFunc(maps.Keys(w.open), compareClasses) {
		w.tails(class)
	}
	w.mu.Unlock()
	_ = w.puts.Wait() // errors stick in the context
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	w.mu.Lock()
	packed := w.packed
	w.packed = nil
	w.mu.Unlock()
	if len(packed) == 0 {
		return nil
	}
	_, size, err := w.s.a.putSegment(w.ctx, packed)
	if err != nil {
		return err
	}
	w.stats.other.Add(size)
	w.stats.uploaded.Add(size)
	return nil
}

func compareClasses(a, b pack.Class) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Day, b.Day))
}

// close ends the writer. What was uploaded stays for the next run to adopt.
func (w *writer) close() {
	w.cancel(context.Canceled)
	close(w.jobs)
	_ = w.seals.Wait()
	_ = w.puts.Wait()
}

// failed returns the error that has stuck, if any.
func (w *writer) failed() error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	return nil
}
