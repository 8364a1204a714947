package engine

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// wholePacks are packs of nodes that a reader keeps as they lie in the store. Neighbours
// in the order of keys were saved one after another, so whoever goes through a tree takes
// hundreds of nodes from one pack before the next: one request then, instead of hundreds.
// The packs of later days are another matter: their nodes lie all over the tree, so in a
// history of many days such a pack leaves before the next of its nodes is needed. Hence none
// is fetched whole twice.
type wholePacks struct {
	mu    sync.Mutex
	taken map[pack.Name]int // blobs that were needed of a pack while it was not kept
	kept  []*wholePack      // the one that was used last comes last
	size  int
}

// A wholePack is fetched by whoever needs it first; the others wait.
type wholePack struct {
	name  pack.Name
	size  int
	fetch sync.Once
	data  []byte // nil if it could not be had
	blobs map[seal.ID]pack.Blob
}

const (
	worthWhole = 16      // blobs from one pack, from which on it is fetched whole
	maxWhole   = 4 << 20 // bytes of a pack that is fetched for some of its nodes
)

// find returns a copy of a blob in a pack that is kept.
func (p *wholePacks) find(id seal.ID) (sealed []byte, name pack.Name, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, k := range slices.Backward(p.kept) {
		if b, ok := k.blobs[id]; ok {
			p.kept = append(slices.Delete(p.kept, i, i+1), k)
			return bytes.Clone(k.data[b.Off : b.Off+b.Len]), k.name, true
		}
	}
	return nil, pack.Name{}, false
}

// wants notes that a blob is needed of a pack of some size, and returns the pack if it is
// worth to be had whole. budget bounds the bytes of those that are kept.
func (p *wholePacks) wants(at index.Place, size int64, budget int) *wholePack {
	if at.Class.Kind == pack.Permanent || size <= 0 || size > maxWhole {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.kept {
		if k.name == at.Pack {
			return k
		}
	}
	if p.taken == nil {
		p.taken = map[pack.Name]int{}
	}
	if p.taken[at.Pack]++; p.taken[at.Pack] != worthWhole {
		return nil
	}
	k := &wholePack{name: at.Pack, size: int(size)}
	p.kept = append(p.kept, k)
	p.size += k.size
	for len(p.kept) > 1 && p.size > budget {
		p.size -= p.kept[0].size
		p.kept = slices.Delete(p.kept, 0, 1)
	}
	return k
}

// whole returns a copy of a blob by way of its whole pack, or nil if it is not worth that
// or does not work: the blob alone then says why.
func (r *reader) whole(at index.Place) []byte {
	r.s.mu.Lock()
	size := r.s.listed[at.Pack]
	r.s.mu.Unlock()
	k := r.packs.wants(at, size, int(r.s.a.opt.Memory/16))
	if k == nil {
		return nil
	}
	k.fetch.Do(func() {
		data, err := r.s.a.store.Get(r.ctx, at.Pack.Path(), 0, -1)
		if err != nil || int64(len(data)) != size {
			return
		}
		read := func(off int64, n int) ([]byte, error) { return data[off : off+int64(n) : off+int64(n)], nil }
		t, err := pack.ReadTable(r.s.a.keys, size, read)
		if err != nil {
			return
		}
		blobs := make(map[seal.ID]pack.Blob, len(t.Blobs))
		for _, b := range t.Blobs {
			blobs[b.ID] = b
		}
		r.packs.mu.Lock()
		k.data, k.blobs = data, blobs
		r.packs.mu.Unlock()
	})
	if int(at.Off)+int(at.Len) > len(k.data) {
		return nil
	}
	return bytes.Clone(k.data[at.Off : at.Off+at.Len])
}

// An earlyNode is a node that is loaded before it is asked for.
type earlyNode struct {
	done    chan struct{}
	plain   []byte
	err     error
	dropped bool // it need not be loaded any more
}

// maxEarly is how many nodes are loaded before they are asked for.
const maxEarly = 64

// Ahead is tree.Ahead's: it loads a node behind the caller's back. With one worker
// everything happens in its order.
func (r *reader) Ahead(kind seal.Kind, ref seal.Ref) {
	if r.s.a.opt.Workers < 2 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.nodes[ref]; ok || r.early[ref] != nil || !r.makeRoom() {
		return
	}
	n := &earlyNode{done: make(chan struct{})}
	r.early[ref] = n
	r.earliest = append(r.earliest, ref)
	go func() {
		defer close(n.done)
		r.loaders <- struct{}{}
		defer func() { <-r.loaders }()
		r.mu.Lock()
		dropped := n.dropped
		r.mu.Unlock()
		if n.err = errSettled; !dropped {
			n.plain, n.err = r.open(kind, nil, ref)
		}
	}()
}

// errSettled is why a node was not loaded before it was asked for.
var errSettled = errors.New("the reading has ended")

// settle drops what nobody has asked for, and waits for what is being loaded: no goroutine
// outlives a call.
func (r *reader) settle() {
	r.mu.Lock()
	rest := slices.Collect(maps.Values(r.early))
	for _, n := range rest {
		n.dropped = true
	}
	clear(r.early)
	r.earliest = nil
	r.mu.Unlock()
	for _, n := range rest {
		<-n.done
	}
}

// makeRoom drops early nodes that nobody has asked for. The caller holds the lock.
func (r *reader) makeRoom() bool {
	for len(r.earliest) > 0 {
		ref := r.earliest[0]
		if n := r.early[ref]; n != nil && len(r.early) < maxEarly {
			return true
		} else if n != nil {
			select {
			case <-n.done:
				delete(r.early, ref)
			default:
				return false
			}
		}
		r.earliest = r.earliest[1:]
	}
	return true
}
