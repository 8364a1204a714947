package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// A reader opens blobs by their refs.
type reader struct {
	s   *session
	ctx context.Context

	// mend, if set, is asked first for each blob: whether it is lost, and for a substitute.
	mend func(seal.Kind, []byte, seal.Ref) (plain []byte, lost bool, err error)

	looking sync.Mutex // held while the store is looked at again

	mu     sync.Mutex
	coders []*pack.Coder           // idle ones
	nodes  map[seal.Ref][]byte     // plain nodes read lately
	size   int                     // bytes in nodes
	places map[seal.ID]index.Place // set when the index has failed once: every table
	placed map[pack.Name]int64     // the packs in places
	loaded int64                   // nodes that were fetched

	cataloged bool        // the index was brought in step with the store
	lost      atomic.Bool // something could not be opened

	packs    wholePacks
	early    map[seal.Ref]*earlyNode // see Ahead
	earliest []seal.Ref              // of early, and such as were taken from it
	loaders  chan struct{}           // a place for each that loads early nodes
}

// maxNodes bounds the plain nodes that a reader keeps, in bytes.
const maxNodes = 4 << 20

func (s *session) newReader(ctx context.Context) *reader {
	return &reader{s: s, ctx: ctx, nodes: map[seal.Ref][]byte{}, early: map[seal.Ref]*earlyNode{},
		loaders: make(chan struct{}, s.a.opt.Workers)}
}

// Load returns a node of a tree; it is one half of tree.Nodes. Nodes that were read
// lately are kept.
func (r *reader) Load(kind seal.Kind, ref seal.Ref) ([]byte, error) {
	r.mu.Lock()
	plain, ok := r.nodes[ref]
	early := r.early[ref]
	delete(r.early, ref)
	r.mu.Unlock()
	if ok {
		return plain, nil
	}
	if early != nil {
		<-early.done
		plain, ok = early.plain, early.err == nil
	}
	if !ok { // or once more, so that what was needed says what is wrong
		var err error
		if plain, err = r.open(kind, nil, ref); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loaded++
	if r.size += len(plain); r.size > maxNodes { // start afresh: what is in use comes back at once
		clear(r.nodes)
		r.size = len(plain)
	}
	r.nodes[ref] = plain
	return plain, nil
}

// Save refuses: a reader writes nothing.
func (r *reader) Save(seal.Kind, []byte) (seal.Ref, error) {
	panic("a reader saves no node")
}

// open fetches a blob and opens it. The ref is recomputed from what comes out, so that
// a wrong byte, a swapped blob or a writer's mistake cannot pass.
func (r *reader) open(kind seal.Kind, scope []byte, ref seal.Ref) ([]byte, error) {
	return r.openIn(nil, kind, scope, ref)
}

// openIn is open in memory that is used again: what it returns may lie in *buf, which it
// replaces by more if that does not suffice. nil: in memory of its own.
func (r *reader) openIn(buf *[]byte, kind seal.Kind, scope []byte, ref seal.Ref) ([]byte, error) {
	if r.mend != nil {
		if plain, lost, err := r.mend(kind, scope, ref); lost {
			return plain, err
		}
	}
	sealed, where, err := r.sealed(buf, ref.ID())
	if err != nil {
		r.lost.Store(true)
		return nil, err
	}
	plain, err := r.unseal(kind, scope, ref, sealed)
	if err != nil {
		r.lost.Store(true)
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	return plain, nil
}

func (r *reader) unseal(kind seal.Kind, scope []byte, ref seal.Ref, sealed []byte) ([]byte, error) {
	codec, n, body, err := seal.OpenBlob(sealed[min(12, len(sealed)):min(12, len(sealed))], ref, sealed)
	if err != nil {
		return nil, err
	}
	coder := r.coder()
	plain, err := coder.Decode(nil, codec, n, body)
	r.release(coder)
	if err != nil {
		return nil, err
	}
	if r.s.a.keys.Ref(scope, kind, plain) != ref {
		return nil, corrupt("a blob is not what its ref names")
	}
	return plain, nil
}

// sealed fetches a blob as it lies in its pack, into *buf like openIn. When a prune has
// moved it since the session began, the store is looked at again.
func (r *reader) sealed(buf *[]byte, id seal.ID) (data []byte, pack string, err error) {
	if data, name, ok := r.packs.find(id); ok {
		return data, name.Path(), nil
	}
	for try := 0; ; try++ {
		p, err := r.place(id)
		if err != nil {
			return nil, "", err
		}
		where := p.Pack.Path()
		if data := r.whole(p); data != nil {
			return data, where, nil
		}
		data = room(buf, int(p.Len))
		err = store.GetInto(r.ctx, r.s.a.store, where, int64(p.Off), data)
		if !errors.Is(err, fs.ErrNotExist) || try == maxLooks {
			return data, where, short(err)
		}
		if err := r.look(p.Pack); err != nil {
			return nil, where, err
		}
	}
}

// room returns n bytes of *buf, which becomes longer if it must; nil: new ones.
func room(buf *[]byte, n int) []byte {
	if buf == nil {
		return make([]byte, n)
	}
	if cap(*buf) < n {
		*buf = make([]byte, (n+bufferStep-1)/bufferStep*bufferStep)
	}
	return (*buf)[:n]
}

// buffers are for contents and packs that are read one after another, in as many places
// as there are goroutines that read.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const bufferStep = 1 << 20

// maxLooks is how often a blob may have moved while it was being read.
const maxLooks = 4

// look brings the session in step with the store, after gone was not where it should be.
func (r *reader) look(gone pack.Name) error {
	r.looking.Lock()
	defer r.looking.Unlock()
	if !r.s.readable(gone) { // another goroutine has looked meanwhile
		return nil
	}
	if err := r.s.listPacks(r.ctx); err != nil {
		return err
	}
	_, err := r.s.catalog(r.ctx)
	return err
}

// short makes an object that ends too early what it is: damage.
func short(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", err, seal.ErrCorrupt)
	}
	return err
}

func (r *reader) coder() *pack.Coder {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.coders); n > 0 {
		c := r.coders[n-1]
		r.coders = r.coders[:n-1]
		return c
	}
	return pack.NewCoder()
}

func (r *reader) release(c *pack.Coder) {
	r.mu.Lock()
	r.coders = append(r.coders, c)
	r.mu.Unlock()
}

// maps returns the two maps of a snapshot, for reading.
func (a *Archive) maps(n tree.Nodes, rs roots) (permanent, expiring tree.Map) {
	m := tree.Map{Nodes: n, Cut: a.poly, Blind: a.blind()}
	permanent, expiring = m, m
	permanent.Root = rs.Permanent
	expiring.Root, expiring.Day = rs.Expiring, true
	return permanent, expiring
}

// anyClass is outlived by every class.
var anyClass = pack.Class{Kind: pack.Expiring}

// place says where a blob lies. The index is asked first, and again after it has been
// brought in step with the store, which for a device that comes new is a few segments;
// where it does not know, or errs, the packs' own directories decide, and once more when
// packs have come or gone since they were read.
func (r *reader) place(id seal.ID) (index.Place, error) {
	if p, ok := r.s.a.index.Lookup(id, anyClass, r.s.readable); ok {
		return p, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.cataloged {
		r.cataloged = true
		if _, err := r.s.catalog(r.ctx); err != nil {
			return index.Place{}, err
		}
	}
	if p, ok := r.s.a.index.Lookup(id, anyClass, r.s.readable); ok {
		return p, nil
	}
	for {
		if p, ok := r.places[id]; ok && r.s.readable(p.Pack) {
			return p, nil
		}
		changed, err := r.readPlaces()
		if err != nil {
			return index.Place{}, err
		}
		if !changed {
			return index.Place{}, corrupt("blob %s is in no pack", id)
		}
	}
}

// readPlaces reads the directory of every pack, unless those in the store are the same as
// the last time. The caller holds the lock.
func (r *reader) readPlaces() (changed bool, err error) {
	if err := r.s.listPacks(r.ctx); err != nil {
		return false, err
	}
	r.s.mu.Lock()
	listed := r.s.listed // replaced as a whole, never changed but by this session's own packs
	same := r.places != nil && maps.Equal(listed, r.placed)
	r.placed = maps.Clone(listed)
	r.s.mu.Unlock()
	if same {
		return false, nil
	}
	r.places, err = r.s.everyPlace(r.ctx, r.placed)
	return true, err
}

// everyPlace reads the directories of packs.
func (s *session) everyPlace(ctx context.Context, packs map[pack.Name]int64) (map[seal.ID]index.Place, error) {
	places := map[seal.ID]index.Place{}
	for n, size := range packs {
		if s.bad[n] {
			continue
		}
		t, err := s.a.readTable(ctx, n, size)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, seal.ErrCorrupt) || errors.Is(err, seal.ErrWrongKey) {
			continue // its blobs are missing; whoever needs one says so
		}
		if err != nil {
			return nil, err
		}
		for _, b := range t.Blobs {
			places[b.ID] = index.Place{Pack: n, Class: t.Class, Off: b.Off, Len: b.Len}
		}
	}
	return places, nil
}
