package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"

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

	uploads int // packs on their way at a time

	mu      sync.Mutex
	idle    [2][]*pack.Builder     // empty ones, for small and for large packs
	spare   [][]byte               // buffers of packs that were uploaded
	pending map[seal.ID]pack.Class // blobs that are not in an uploaded pack yet
	open    map[pack.Class][]*pack.Builder
	used    map[pack.Name]pack.Class // packs that what was saved or found lies in
	packed  []pack.Packed            // uploaded since the last segment
}

// writerStats count what a writer did, in blobs and bytes.
type writerStats struct {
	tree, permanent, expiring atomic.Int64 // sealed bytes
	padding, other            atomic.Int64
	packs, uploaded           atomic.Int64
	fresh                     atomic.Int64 // plain bytes of content blobs that were new
	nodesSaved, nodesLoaded   atomic.Int64
}

type job struct {
	kind  seal.Kind
	class pack.Class
	ref   seal.Ref
	plain []byte
}

const (
	maxWaiting  = 4 << 20 // plain bytes waiting to be sealed
	maxExpiring = 4 << 20 // bytes in open packs of all expiry buckets together
)

func (s *session) newWriter(ctx context.Context) *writer {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &writer{s: s, ctx: ctx, cancel: cancel, jobs: make(chan job, 256), room: semaphore.NewWeighted(maxWaiting),
		pending: map[seal.ID]pack.Class{}, open: map[pack.Class][]*pack.Builder{}, used: map[pack.Name]pack.Class{}}
	w.uploads = int(min(max(s.a.opt.Memory>>27, 1), 8))
	w.puts.SetLimit(w.uploads)
	for range s.a.opt.Workers {
		w.seals.Go(func() error {
			var se sealer
			for j := range w.jobs {
				if w.ctx.Err() == nil {
					w.fail(w.seal(&se, j))
				}
				w.room.Release(int64(len(j.plain)))
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

// save names a plaintext and, unless a pack that outlives class has it, stores it
// behind the caller's back. plain is copied.
func (w *writer) save(kind seal.Kind, class pack.Class, plain []byte) (seal.Ref, error) {
	ref := w.s.a.keys.Ref(nil, kind, plain)
	fresh, err := w.claim(kind, ref.ID(), class, len(plain))
	if err != nil || !fresh {
		return ref, err
	}
	if err := w.room.Acquire(w.ctx, int64(len(plain))); err != nil {
		return ref, context.Cause(w.ctx)
	}
	w.sent.Add(1)
	w.jobs <- job{kind, class, ref, bytes.Clone(plain)}
	return ref, nil
}

// saveNow is save for a worker that brings its own sealer: the blob is in a pack on
// return, and plain is not copied.
func (w *writer) saveNow(se *sealer, kind seal.Kind, class pack.Class, scope, plain []byte) (seal.Ref, error) {
	ref := w.s.a.keys.Ref(scope, kind, plain)
	fresh, err := w.claim(kind, ref.ID(), class, len(plain))
	if err != nil || !fresh {
		return ref, err
	}
	return ref, w.seal(se, job{kind, class, ref, plain})
}

// claim reports whether a blob has to be stored, and from then on takes it as stored.
func (w *writer) claim(kind seal.Kind, id seal.ID, class pack.Class, n int) (bool, error) {
	if w.ctx.Err() != nil {
		return false, context.Cause(w.ctx)
	}
	if w.waits(id, class) {
		return false, nil
	}
	if p, ok := w.s.a.index.Lookup(id, class, w.s.usable); ok {
		w.mu.Lock()
		w.used[p.Pack] = p.Class
		w.mu.Unlock()
		return false, nil
	}
	w.mu.Lock()
	w.pending[id] = class
	w.mu.Unlock()
	if kind == seal.Media || kind == seal.Text {
		w.stats.fresh.Add(int64(n))
	} else {
		w.stats.nodesSaved.Add(1)
	}
	return true, nil
}

// waits reports whether a blob is on its way in a pack that outlives class.
func (w *writer) waits(id seal.ID, class pack.Class) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.pending[id]
	return ok && c.Outlives(class)
}

// A sealer is what one goroutine seals with. Its buffers are used again.
type sealer struct {
	coder        pack.Coder
	body, sealed []byte
}

func (w *writer) seal(se *sealer, j job) error {
	codec, body := se.coder.Encode(se.body[:0], j.kind, j.plain)
	if codec != pack.Stored {
		se.body = body
	}
	n := len(body) + seal.BlobOverhead + binary.MaxVarintLen64
	if cap(se.sealed) < n {
		se.sealed = make([]byte, 0, n)
	}
	sealed, err := seal.AppendBlob(se.sealed[:0], w.s.a.opt.Rand, j.ref, codec, len(j.plain), body)
	if err != nil {
		return err
	}
	w.add(j.ref.ID(), j.class, sealed)
	return nil
}

// add puts a sealed blob into an open pack of its class, and the pack on its way when
// it is full.
func (w *writer) add(id seal.ID, class pack.Class, sealed []byte) {
	switch class.Kind {
	case pack.Tree:
		w.stats.tree.Add(int64(len(sealed)))
	case pack.Permanent:
		w.stats.permanent.Add(int64(len(sealed)))
	default:
		w.stats.expiring.Add(int64(len(sealed)))
	}
	w.mu.Lock()
	b := w.builder(class)
	var full *pack.Builder
	if b.Count() > 0 && b.Len()+len(sealed) > w.target(class) {
		full = w.take(class, b)
		b = w.fresh(class)
	}
	b.Add(id, sealed)
	if full == nil && class.Kind == pack.Expiring {
		full = w.crowded()
	}
	w.mu.Unlock()
	w.put(full)
}

func (w *writer) target(class pack.Class) int {
	if class.Kind == pack.Permanent {
		return w.s.a.config.PackSize
	}
	return w.s.a.config.TreePackSize
}

// builder returns an open pack: permanent classes have two, and a blob goes to one of
// them at random, so that neighbours in the history are not neighbours in a pack.
func (w *writer) builder(class pack.Class) *pack.Builder {
	n := 2
	if class.Kind == pack.Expiring {
		n = 1
	}
	i := 0
	if n > 1 {
		i = w.coin()
	}
	for len(w.open[class]) <= i {
		w.fresh(class)
	}
	return w.open[class][i]
}

// fresh opens a further pack of a class, in memory that an earlier one has left.
func (w *writer) fresh(class pack.Class) *pack.Builder {
	large := 0
	if class.Kind == pack.Permanent {
		large = 1
	}
	var b *pack.Builder
	if n := len(w.idle[large]); n > 0 {
		b = w.idle[large][n-1]
		w.idle[large] = w.idle[large][:n-1]
		b.Reset(class)
	} else {
		b = pack.NewBuilder(class)
		if class.Kind != pack.Expiring { // of those there may be many, and most stay small
			b.Grow(w.target(class))
		}
	}
	w.open[class] = append(w.open[class], b)
	return b
}

// done takes back a Builder and the bytes of its pack.
func (w *writer) done(class pack.Class, b *pack.Builder, data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	large := 0
	if class.Kind == pack.Permanent {
		large = 1
	}
	if len(w.idle[large]) < 2 {
		w.idle[large] = append(w.idle[large], b)
	}
	if data != nil && len(w.spare) < w.uploads {
		w.spare = append(w.spare, data)
	}
}

// buffer is memory for the bytes of a pack, if an earlier one has left some.
func (w *writer) buffer() (data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.spare); n > 0 {
		data, w.spare = w.spare[n-1], w.spare[:n-1]
	}
	return data
}

// coin returns 0 or 1.
func (w *writer) coin() int {
	var b [1]byte
	if _, err := io.ReadFull(w.s.a.opt.Rand, b[:]); err != nil {
		w.cancel(err)
	}
	return int(b[0] & 1)
}

// take removes an open pack.
func (w *writer) take(class pack.Class, b *pack.Builder) *pack.Builder {
	w.open[class] = slices.DeleteFunc(w.open[class], func(o *pack.Builder) bool { return o == b })
	return b
}

// crowded takes the largest open expiring pack when all of them hold too much.
func (w *writer) crowded() *pack.Builder {
	var largest *pack.Builder
	var class pack.Class
	sum := 0
	for c, bs := range w.open {
		if c.Kind != pack.Expiring {
			continue
		}
		for _, b := range bs {
			sum += b.Len()
			if largest == nil || b.Len() > largest.Len() {
				largest, class = b, c
			}
		}
	}
	if sum < maxExpiring {
		return nil
	}
	return w.take(class, largest)
}

// put uploads a pack behind the caller's back; it waits while too many are on their way.
func (w *writer) put(b *pack.Builder) {
	if b == nil || b.Count() == 0 {
		return
	}
	w.puts.Go(func() error {
		w.fail(w.upload(b))
		return nil
	})
}

func (w *writer) upload(b *pack.Builder) error {
	if w.ctx.Err() != nil {
		return nil
	}
	name, data, table, err := b.FinishInto(w.buffer(), w.s.a.keys, w.s.a.opt.Rand)
	if err != nil {
		return err
	}
	defer w.done(table.Class, b, data)
	if err := w.s.a.store.Put(w.ctx, name.Path(), data); err != nil && !errors.Is(err, fs.ErrExist) {
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
	w.used[name] = table.Class
	w.packed = append(w.packed, packed)
	for _, bl := range table.Blobs {
		delete(w.pending, bl.ID)
	}
	return nil
}

// flush uploads everything that was saved, the tails of each class merged, and a
// segment that tells of the new packs.
func (w *writer) flush() error {
	w.sent.Wait()
	w.mu.Lock()
	var tails []*pack.Builder
	for class, bs := range w.open {
		if len(bs) == 2 && bs[0].Len()+bs[1].Len() <= w.target(class)*5/4 {
			bs[0].Absorb(bs[1])
			bs = bs[:1]
		}
		tails = append(tails, bs...)
	}
	clear(w.open)
	w.mu.Unlock()
	for _, b := range tails {
		w.put(b)
	}
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
