package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"
)

// Check looks for damage. It never trusts the index: directories are read from the
// packs. The structure is every object's seal, every pack's directory, every snapshot's
// trees and that each blob they name lies in a pack. With ReadData every pack's bytes
// are read and compared with its name, and every blob that a snapshot names is opened.
//
// What is found stands in the report; the error is for what kept Check from looking.
func (a *Archive) Check(ctx context.Context, opt CheckOptions) (CheckReport, error) {
	start := a.now()
	c := &checker{a: a, ctx: ctx, opt: opt, places: map[seal.ID]bool{}, named: map[seal.ID]bool{}}
	err := c.run()
	c.rep.Duration = a.now().Sub(start)
	if err != nil {
		return c.rep, fmt.Errorf("check: %w", err)
	}
	return c.rep, nil
}

type checker struct {
	a   *Archive
	ctx context.Context
	opt CheckOptions
	s   *session
	r   *reader

	mu     sync.Mutex
	rep    CheckReport
	places map[seal.ID]bool // blobs that lie in a pack whose directory opens
	named  map[seal.ID]bool // blobs that a snapshot needs
	pieces []piece          // chunks that are to be opened
}

// A piece is a chunk, with what opening it takes.
type piece struct {
	ref   seal.Ref
	kind  seal.Kind
	scope []byte
}

func (c *checker) run() error {
	var err error
	if c.s, err = c.a.begin(c.ctx); err != nil {
		return err
	}
	c.problems(c.s.unreadable...)
	if _, err := c.s.catalog(c.ctx); err != nil {
		return err
	}
	if err := c.packs(); err != nil {
		return err
	}
	if err := c.segments(); err != nil {
		return err
	}
	c.r = c.s.newReader(c.ctx)
	for _, h := range c.s.heads {
		if err := c.snapshot(h); err != nil {
			return err
		}
	}
	return nil
}

// found takes err as damage of key, unless it is what keeps Check from looking.
func (c *checker) found(key string, err error) error {
	if err == nil {
		return nil
	}
	if isDamage(err) {
		c.problems(&Problem{Key: []byte(key), Err: err})
		return nil
	}
	return err
}

// isDamage tells an object that is damaged or gone from a store that cannot be reached.
func isDamage(err error) bool {
	return errors.Is(err, seal.ErrCorrupt) || errors.Is(err, seal.ErrWrongKey) || errors.Is(err, seal.ErrVersion) || errors.Is(err, fs.ErrNotExist)
}

func (c *checker) problems(ps ...*Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rep.Problems = append(c.rep.Problems, ps...)
}

// packs reads the directory of every pack, and with ReadData all bytes of those that
// are in this part.
func (c *checker) packs() error {
	names := slices.SortedFunc(maps.Keys(c.s.listed), compareNames)
	g, ctx := errgroup.WithContext(c.ctx)
	g.SetLimit(max(2, c.a.opt.Workers))
	for i, n := range names {
		if !c.s.live[n] {
			c.rep.Orphans++
		}
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			err := c.found(n.Path(), c.pack(n))
			c.a.progress(Progress{Stage: "check", Items: int64(i + 1), TotalItems: int64(len(names))})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, h := range c.s.heads {
		for _, n := range h.needs() {
			if _, ok := c.s.listed[n]; !ok {
				c.problems(&Problem{Key: []byte(n.Path()), Err: fmt.Errorf("snapshot %x needs it: %w", h.ID[:4], fs.ErrNotExist)})
			}
		}
	}
	return nil
}

func (c *checker) pack(n pack.Name) error {
	size := c.s.listed[n]
	read := func(off int64, length int) ([]byte, error) { return c.a.store.Get(c.ctx, n.Path(), off, length) }
	if c.inPart(n) {
		data, err := c.a.store.Get(c.ctx, n.Path(), 0, -1)
		if err != nil {
			return err
		}
		if blake3.Sum256(data) != n || int64(len(data)) != size {
			return corrupt("its bytes are not what its name says")
		}
		c.mu.Lock()
		c.rep.BytesRead += size
		c.mu.Unlock()
		read = func(off int64, length int) ([]byte, error) {
			if off < 0 || length < 0 || off+int64(length) > int64(len(data)) {
				return nil, seal.ErrCorrupt
			}
			return data[off : off+int64(length) : off+int64(length)], nil
		}
	}
	t, err := pack.ReadTable(c.a.keys, size, read)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rep.Packs++
	c.rep.Blobs += int64(len(t.Blobs))
	for _, b := range t.Blobs {
		c.places[b.ID] = true
	}
	return nil
}

// inPart reports whether a pack's bytes are to be read.
func (c *checker) inPart(n pack.Name) bool {
	if !c.opt.ReadData {
		return false
	}
	return c.opt.Of < 2 || int(binary.LittleEndian.Uint32(n[:4]))%c.opt.Of == c.opt.Part%c.opt.Of
}

// segments are an accelerator: one that does not open is named, and does no harm.
func (c *checker) segments() error {
	for info, err := range c.a.store.List(c.ctx, segmentPrefix) {
		if err != nil {
			return err
		}
		_, err := c.a.readSegment(c.ctx, info.Name)
		if err := c.found(info.Name, err); err != nil {
			return err
		}
	}
	return nil
}

// snapshot walks a snapshot's trees: each node must open and each chunk must be there.
func (c *checker) snapshot(h head) error {
	name := snapshotName(h.Version)
	_, b, err := c.a.current(c.ctx, h)
	if err != nil {
		return c.found(name, err)
	}
	c.rep.Snapshots++
	m := marker{r: c.r, leaves: true,
		seen: func(id seal.ID) bool { seen := c.named[id]; c.named[id] = true; return seen },
		chunk: func(e *tree.Entry, ref seal.Ref) {
			kind := seal.Media
			if Kind(e.Kind) == Message {
				kind = seal.Text
			}
			c.pieces = append(c.pieces, piece{ref, kind, c.a.scope(e.Group)})
		},
		entry: func(e *tree.Entry, expiring bool) {
			if isItem(e.Key, expiring) {
				c.rep.Items++
			}
		}}
	if err := c.found(name, m.roots(b.Roots)); err != nil {
		return err
	}
	pieces := c.pieces
	c.pieces = nil
	return c.open(name, pieces)
}

// open makes sure of chunks: that a pack has them, and with ReadData that they open.
func (c *checker) open(snapshot string, pieces []piece) error {
	g, ctx := errgroup.WithContext(c.ctx)
	g.SetLimit(max(2, c.a.opt.Workers))
	for _, p := range pieces {
		id := p.ref.ID()
		if !c.places[id] {
			c.problems(&Problem{Key: []byte(snapshot), Err: corrupt("blob %s is in no pack", id)})
			continue
		}
		if !c.opt.ReadData {
			continue
		}
		place, err := c.r.place(id)
		if err != nil {
			if err := c.found(snapshot, err); err != nil {
				return err
			}
			continue
		}
		if !c.inPart(place.Pack) {
			continue
		}
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			_, err := c.r.open(p.kind, p.scope, p.ref)
			return c.found(snapshot, err)
		})
	}
	return g.Wait()
}

func (a *Archive) progress(p Progress) {
	if a.opt.Progress == nil {
		return
	}
	a.progressMu.Lock()
	defer a.progressMu.Unlock()
	a.opt.Progress(p)
}
