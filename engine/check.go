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

	"github.com/dayfold/dayfold/engine/store"
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
	c := &checker{a: a, ctx: ctx, opt: opt, places: map[seal.ID]uint32{}, pieces: map[uint32][]piece{}, named: map[seal.ID]bool{}}
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
	names  []pack.Name
	places map[seal.ID]uint32 // which of names, whose directory opens, a blob lies in
	named  map[seal.ID]bool   // blobs that a snapshot needs
	pieces map[uint32][]piece // chunks that are to be opened, by where they lie
}

// A piece is a chunk, with what opening it takes.
type piece struct {
	ref   seal.Ref
	kind  seal.Kind
	scope []byte
	of    string // the snapshot that named it first
}

func (c *checker) run() error {
	var err error
	if c.s, err = c.a.begin(c.ctx); err != nil {
		return err
	}
	c.problems(c.s.unreadable...)
	if c.opt.List {
		return c.list()
	}
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
	defer c.r.settle()
	for _, h := range c.s.heads {
		if err := c.snapshot(h); err != nil {
			return err
		}
	}
	return c.data()
}

// list looks at what is listed, and reads nothing.
func (c *checker) list() error {
	for n, size := range c.s.listed {
		c.rep.Packs++
		if !c.s.live[n] {
			c.rep.Orphans++
		} else if size > pack.MaxSize || int64(pack.PackSize(int(size))) != size {
			c.problems(&Problem{Key: []byte(n.Path()), Err: corrupt("no pack has %d bytes", size)})
		}
	}
	c.rep.Snapshots = int64(len(c.s.heads))
	c.missing()
	return nil
}

// missing names the packs that snapshots need and that are not there.
func (c *checker) missing() {
	for n := range c.s.live {
		if _, ok := c.s.listed[n]; !ok {
			c.problems(&Problem{Key: []byte(n.Path()), Err: fmt.Errorf("a snapshot needs it: %w", fs.ErrNotExist)})
		}
	}
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

// packs reads the directory of every pack.
func (c *checker) packs() error {
	c.names = slices.SortedFunc(maps.Keys(c.s.listed), compareNames)
	for _, n := range c.names {
		if !c.s.live[n] {
			c.rep.Orphans++
		}
	}
	if err := c.each("check", c.names, func(i int, n pack.Name) error { return c.found(n.Path(), c.directory(uint32(i), n)) }); err != nil {
		return err
	}
	c.missing()
	return nil
}

// each calls do for each of names, for several at a time.
func (c *checker) each(stage string, names []pack.Name, do func(int, pack.Name) error) error {
	g, ctx := errgroup.WithContext(c.ctx)
	g.SetLimit(max(2, c.a.opt.Workers))
	for i, n := range names {
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			err := do(i, n)
			c.a.progress(Progress{Stage: stage, Items: int64(i + 1), TotalItems: int64(len(names))})
			return err
		})
	}
	return g.Wait()
}

func (c *checker) directory(i uint32, n pack.Name) error {
	t, err := c.a.readTable(c.ctx, n, c.s.listed[n])
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rep.Packs++
	c.rep.Blobs += int64(len(t.Blobs))
	for _, b := range t.Blobs {
		c.places[b.ID] = i
	}
	return nil
}

// data reads the packs that are in this part, each once, and opens the chunks in them
// that snapshots name.
func (c *checker) data() error {
	if !c.opt.ReadData {
		return nil
	}
	return c.each("check data", c.names, func(i int, n pack.Name) error {
		if !c.inPart(n) {
			return nil
		}
		buf := buffers.Get().(*[]byte)
		defer buffers.Put(buf)
		data, err := c.whole(n, buf)
		if err := c.found(n.Path(), err); err != nil {
			return err
		}
		return c.open(n, data, c.pieces[uint32(i)])
	})
}

// whole reads a pack into *buf and compares its bytes with its name; they come back even
// if they differ.
func (c *checker) whole(n pack.Name, buf *[]byte) ([]byte, error) {
	data := room(buf, int(c.s.listed[n]))
	if err := store.GetInto(c.ctx, c.a.store, n.Path(), 0, data); err != nil {
		return nil, short(err)
	}
	c.mu.Lock()
	c.rep.BytesRead += int64(len(data))
	c.mu.Unlock()
	if blake3.Sum256(data) != n {
		return data, corrupt("its bytes are not what its name says")
	}
	return data, nil
}

// open opens the chunks in a pack. What does not open so is fetched as a reader would:
// it may have moved, or lie elsewhere too.
func (c *checker) open(n pack.Name, data []byte, pieces []piece) error {
	at := map[seal.ID]pack.Blob{}
	read := func(off int64, length int) ([]byte, error) {
		if off < 0 || length < 0 || off+int64(length) > int64(len(data)) {
			return nil, seal.ErrCorrupt
		}
		return data[off : off+int64(length) : off+int64(length)], nil
	}
	if t, err := pack.ReadTable(c.a.keys, int64(len(data)), read); err == nil {
		for _, b := range t.Blobs {
			at[b.ID] = b
		}
	}
	for _, p := range pieces {
		if b, ok := at[p.ref.ID()]; ok {
			if _, err := c.r.unseal(p.kind, p.scope, p.ref, data[b.Off:b.Off+b.Len:b.Off+b.Len]); err == nil {
				continue
			}
		}
		_, err := c.r.open(p.kind, p.scope, p.ref)
		if err := c.found(p.of, err); err != nil {
			return err
		}
	}
	return nil
}

// inPart reports whether a pack's bytes are to be read.
func (c *checker) inPart(n pack.Name) bool {
	if !c.opt.ReadData {
		return false
	}
	of := uint32(max(c.opt.Of, 1))
	behind := (binary.LittleEndian.Uint32(n[:4])%of + of - uint32(c.opt.Part)%of) % of
	return c.opt.Of < 2 || behind < uint32(max(c.opt.Parts, 1))
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
			if at, ok := c.places[ref.ID()]; !ok {
				c.problems(&Problem{Key: []byte(name), Err: corrupt("blob %s is in no pack", ref.ID())})
			} else if c.opt.ReadData && c.inPart(c.names[at]) {
				c.pieces[at] = append(c.pieces[at], piece{ref, kind, c.a.scope(e.Group), name})
			}
		},
		entry: func(e *tree.Entry, expiring bool) {
			if isItem(e.Key, expiring) {
				c.rep.Items++
			}
		}}
	return c.found(name, m.roots(b.Roots))
}

func (a *Archive) progress(p Progress) {
	if a.opt.Progress == nil {
		return
	}
	a.progressMu.Lock()
	defer a.progressMu.Unlock()
	a.opt.Progress(p)
}
