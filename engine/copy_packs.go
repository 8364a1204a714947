package engine

import (
	"errors"
	"io/fs"
	"maps"
	"sync"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"
)

// packs makes sure that the target has what is wanted of these packs, and returns where.
// Blobs are moved as they are, into new packs: under its old name a pack could meet its
// end in the target at the hands of somebody who was told long ago that it may die. nil:
// one of them cannot be read, which the report says.
func (c *copier) packs(names []pack.Name) (places, error) {
	var fresh []lacking
	for _, n := range names {
		if _, ok := c.moved[n]; ok || c.bad[n] {
			continue
		}
		l, err := c.look(n)
		if err != nil {
			return nil, err
		}
		if len(l.blobs) > 0 {
			fresh = append(fresh, l)
		} else {
			c.moved[n] = l.there
		}
	}
	c.w.forget()
	if err := c.move(fresh); err != nil {
		return nil, err
	}
	if err := c.w.flush(); err != nil {
		return nil, err
	}
	made := c.w.made()
	for _, l := range fresh {
		maps.Copy(l.there, made) // in some of those
		c.moved[l.pack] = l.there
	}
	all := places{}
	for _, n := range names {
		if c.bad[n] {
			return nil, nil
		}
		maps.Copy(all, c.moved[n])
	}
	return all, nil
}

// A lacking is a pack of which the target lacks something that is wanted.
type lacking struct {
	pack  pack.Name
	class pack.Class
	there places // where the target has the rest
	blobs []pack.Blob
}

// look finds out what of a pack lies in the target.
func (c *copier) look(n pack.Name) (lacking, error) {
	t, err := c.table(n)
	if err != nil {
		return lacking{}, c.badPack(n, err)
	}
	l := lacking{n, t.Class, places{}, nil}
	for _, b := range t.Blobs {
		if c.wanted != nil && !c.wanted[b.ID] {
			continue
		}
		if p, ok := c.to.a.index.Lookup(b.ID, t.Class, c.to.usable); ok {
			l.there[p.Pack] = p.Class
		} else {
			l.blobs = append(l.blobs, b)
		}
	}
	return l, nil
}

// table is the table of a pack here. Segments are read at the first call.
func (c *copier) table(n pack.Name) (pack.Table, error) {
	if c.tables == nil {
		var err error
		if c.tables, _, err = c.from.told(c.ctx); err != nil {
			return pack.Table{}, err
		}
	}
	if t, ok := c.tables[n]; ok {
		return t, nil
	}
	size, ok := c.from.listed[n]
	if !ok {
		return pack.Table{}, &fs.PathError{Op: "list", Path: n.Path(), Err: fs.ErrNotExist}
	}
	t, err := c.from.a.readTable(c.ctx, n, size)
	c.tables[n] = t
	return t, err
}

// badPack notes a pack that is damaged. One that is gone may lie elsewhere by now.
func (c *copier) badPack(n pack.Name, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.bad[n] = true
	return c.unreadable(n.Path(), err)
}

// unreadable notes an object here that is damaged or gone; any other error it returns.
func (c *copier) unreadable(name string, err error) error {
	if !isDamage(err) {
		return err
	}
	c.rep.Problems = append(c.rep.Problems, &Problem{Key: []byte(name), Err: err})
	return nil
}

// moveMemory bounds the packs that are being moved at a time, in bytes.
const moveMemory = 32 << 20

// move reads packs, each whole, and gives the writer the blobs that the target lacks.
func (c *copier) move(packs []lacking) error {
	g, ctx := errgroup.WithContext(c.ctx)
	g.SetLimit(max(1, min(8, moveMemory/c.from.a.config.PackSize)))
	var mu sync.Mutex
	for _, l := range packs {
		g.Go(func() error {
			data, err := c.from.a.store.Get(ctx, l.pack.Path(), 0, -1)
			if err == nil && (blake3.Sum256(data) != l.pack || int64(len(data)) != c.from.listed[l.pack]) {
				err = corrupt("its bytes are not what its name says")
			}
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				return c.badPack(l.pack, err)
			}
			for _, b := range l.blobs {
				if err := c.w.move(b.ID, l.class, data[b.Off:b.Off+b.Len]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// forget makes the writer forget which packs it has made so far.
func (w *writer) forget() {
	w.mu.Lock()
	clear(w.used)
	w.mu.Unlock()
}

// made are the packs that the writer has made since.
func (w *writer) made() places {
	w.mu.Lock()
	defer w.mu.Unlock()
	made := places{}
	for n, k := range w.used {
		made[n] = k.class
	}
	return made
}

// uses is what a snapshot needs of packs here, of those in the target that it was moved
// to. ok is false when the index there does not know all of it.
func (c *copier) uses(here uses) (there uses, ok bool) {
	there, ok = uses{}, true
	for n, k := range here {
		t, err := c.table(n)
		if err != nil {
			return nil, false
		}
		for i, s := range k.spans {
			s.each(t, func(blob int) {
				if id := t.Blobs[blob].ID; c.wanted == nil || c.wanted[id] {
					p, known := c.to.a.index.Lookup(id, t.Class, c.to.usable)
					if ok = ok && known; known {
						there.of(p.Pack, p.Class).add(i, p.Off, p.Len)
					}
				}
			})
		}
	}
	return there, ok
}

// move is copy unless the blob is on its way already.
func (w *writer) move(id seal.ID, class pack.Class, sealed []byte) error {
	w.mu.Lock()
	ok := false
	for p := w.pending[id]; p != nil && !ok; p = p.also {
		ok = p.class.Outlives(class)
	}
	if !ok {
		w.wait(id, class, true)
	}
	w.mu.Unlock()
	if ok {
		return nil
	}
	return w.append(id, class, sealed)
}
