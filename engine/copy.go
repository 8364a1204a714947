package engine

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// OpenCopy opens the copy of this archive that lies in another store, or makes an empty
// one there. A copy has the archive's keys, opens with all that opens the archive, and
// has an ID of its own: it is an archive like any other. Of opt a new copy takes what
// may differ; another archive's store is seal.ErrWrongKey.
func (a *Archive) OpenCopy(ctx context.Context, st store.Store, opt Options) (*Archive, error) {
	if opt.PackSize == 0 {
		opt.PackSize = a.config.PackSize
	}
	if opt.TreePackSize == 0 {
		opt.TreePackSize = a.config.TreePackSize
	}
	opt = opt.withDefaults()
	slots := func() error { return a.copySlots(ctx, st) }
	c, err := readConfig(ctx, st, a.keys)
	var b *Archive
	switch {
	case errors.Is(err, ErrNoArchive):
		c = config{PackSize: opt.PackSize, TreePackSize: opt.TreePackSize, Strict: a.config.Strict, HideExpiry: a.config.HideExpiry}
		b, err = create(ctx, st, a.keys, c, opt, slots)
	case errors.Is(err, seal.ErrWrongKey):
		err = fmt.Errorf("another archive lies there: %w", err)
	case err == nil:
		if err = slots(); err == nil {
			b, err = open(ctx, st, a.keys, c, opt)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open copy: %w", err)
	}
	return b, nil
}

// copySlots puts the key slots into another store that it does not have.
func (a *Archive) copySlots(ctx context.Context, st store.Store) error {
	there := map[string]bool{}
	for info, err := range st.List(ctx, slotPrefix) {
		if err != nil {
			return err
		}
		there[info.Name] = true
	}
	for info, err := range a.store.List(ctx, slotPrefix) {
		if err != nil {
			return err
		}
		if there[info.Name] {
			continue
		}
		slot, err := a.store.Get(ctx, info.Name, 0, -1)
		if err != nil {
			return err
		}
		if err := st.Put(ctx, info.Name, slot); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// Copy brings snapshots into a copy of this archive (OpenCopy): those that ids name, or
// all. What the copy has already is not sent again, and a copy that was interrupted goes
// on where it was. Blobs travel sealed, each pack that is read is held against its name,
// and a snapshot counts in the copy once all that it needs lies there.
//
// With ids the trees are walked, and only what those snapshots need is sent; otherwise
// no node is opened, and what a pack holds beside goes with it. A snapshot that was
// forgotten in the copy stays forgotten there, and one that the copy has already loses
// what was erased from it here. Forgetting does not travel: the report's Behind names
// the snapshots that are forgotten here and still there.
func (a *Archive) Copy(ctx context.Context, to *Archive, ids []string) (Report, error) {
	start := a.now()
	rep := Report{}
	err := a.copyAll(ctx, to, ids, &rep)
	rep.Duration = a.now().Sub(start)
	if err != nil {
		return rep, fmt.Errorf("copy: %w", err)
	}
	return rep, nil
}

func (a *Archive) copyAll(ctx context.Context, to *Archive, ids []string, rep *Report) error {
	if a.keys.Tag([]byte("copy")) != to.keys.Tag([]byte("copy")) || a.config.Strict != to.config.Strict {
		return fmt.Errorf("the target is no copy of this archive: %w", seal.ErrWrongKey)
	}
	for n := int64(0); ; n++ {
		rep.Restarts = n
		err := a.copyOnce(ctx, to, ids, rep)
		if !errors.Is(err, errFenced) || n == maxRestarts {
			return err
		}
		if err := to.unblock(ctx, n); err != nil {
			return err
		}
	}
}

// copyOnce is one attempt. It is errFenced when a collection has overtaken it in the
// target, or has taken packs from under it here.
func (a *Archive) copyOnce(ctx context.Context, to *Archive, ids []string, rep *Report) error {
	c := &copier{ctx: ctx, rep: rep, moved: map[pack.Name]places{}, bad: map[pack.Name]bool{}}
	var err error
	if c.from, err = a.beginExpired(ctx); err != nil {
		return err
	}
	if c.to, err = to.beginExpired(ctx); err != nil {
		return err
	}
	if _, err := c.to.catalog(ctx); err != nil {
		return err
	}
	c.w = c.to.newWriter(ctx)
	defer c.w.close()
	rep.Behind, rep.Problems = c.behind(), slices.Concat(c.from.unreadable, c.to.unreadable)
	err = c.run(ids)
	rep.Missing = int64(len(rep.Problems))
	rep.BytesUploaded += c.w.stats.uploaded.Load()
	rep.Packs += c.w.stats.packs.Load()
	return err
}

// beginExpired is begin after what has expired was dropped, where that is allowed: it
// does not travel.
func (a *Archive) beginExpired(ctx context.Context) (*session, error) {
	s, err := a.begin(ctx)
	if err != nil {
		return nil, err
	}
	if _, due := s.due(false); len(due) == 0 {
		return s, nil
	}
	if _, err := a.expire(ctx, false); err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	return a.begin(ctx)
}

// A copier is one attempt at a Copy.
type copier struct {
	ctx      context.Context
	from, to *session
	w        *writer // into the target
	rep      *Report

	wanted map[seal.ID]bool // what is copied; nil: all that needed packs hold
	tables map[pack.Name]pack.Table
	moved  map[pack.Name]places // of packs here: where the target has what is wanted of them
	bad    map[pack.Name]bool   // packs here that cannot be read
	put    []head               // snapshots in the target that have not been confirmed
}

// places are packs of the target.
type places map[pack.Name]pack.Class

// behind are the snapshots of the target that were forgotten here.
func (c *copier) behind() (ids []string) {
	for _, h := range c.to.heads {
		if id := hex.EncodeToString(h.ID[:]); !h.Partial && c.from.removed[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

// maxUnconfirmed is after how many snapshots the copier looks whether they count.
const maxUnconfirmed = 64

func (c *copier) run(ids []string) error {
	chosen := slices.DeleteFunc(slices.Clone(c.from.heads), func(h head) bool { return h.Partial })
	if ids != nil {
		if _, err := c.from.catalog(c.ctx); err != nil {
			return err
		}
		c.wanted, chosen = map[seal.ID]bool{}, nil
		for _, id := range ids {
			h, err := c.from.find(id)
			if err != nil {
				return err
			}
			chosen = append(chosen, h)
		}
	}
	_, committed, err := c.to.a.committed(c.ctx, collect.Fence{})
	if err != nil {
		return err
	}
	var both [][2]head
	for i, h := range chosen {
		id, there, err := c.place(h, committed)
		if err != nil {
			return err
		}
		if there != nil {
			both = append(both, [2]head{h, *there})
		} else if id != (collect.SnapshotID{}) {
			if err := c.snapshot(h, id); err != nil {
				if err = c.unreadable(snapshotName(h.Version), c.from.explain(c.ctx, nil, err, &h)); err != nil {
					return err
				}
			}
		}
		c.from.a.progress(Progress{Stage: "copy", Items: int64(i + 1), TotalItems: int64(len(chosen)), Uploaded: c.w.stats.uploaded.Load()})
		if len(c.put) == maxUnconfirmed {
			if err := c.confirm(); err != nil {
				return err
			}
		}
	}
	if err := c.confirm(); err != nil {
		return err
	}
	return c.align(both)
}

// place finds a snapshot in the target, or the ID that it may be put under there: its
// own, unless a collection has overtaken an earlier attempt under that. Neither: it was
// forgotten there.
func (c *copier) place(h head, committed func(head) bool) (id collect.SnapshotID, there *head, err error) {
	for id = h.ID; ; id = c.from.a.keys.Tag([]byte("copy"), id[:]) {
		for _, t := range c.to.heads {
			if t.Partial || t.ID != id && (t.Device != h.Device || t.Seq != h.Seq) {
				continue
			}
			if !committed(t) {
				return id, nil, errFenced // undecided; a fence will tell
			}
			return id, &t, nil
		}
		if c.to.removed[hex.EncodeToString(id[:])] {
			r, err := c.to.removal(c.ctx, hex.EncodeToString(id[:]))
			if err != nil || r.Meant {
				return collect.SnapshotID{}, nil, err
			}
			continue
		}
		if !slices.ContainsFunc(c.to.all, func(t head) bool { return t.ID == id }) {
			return id, nil, nil
		}
	}
}

// snapshot copies one snapshot under an ID. It stays in its place in the order of
// snapshots; its revision is not 0, for its base says nothing about when it was made.
func (c *copier) snapshot(h head, id collect.SnapshotID) error {
	h, b, err := c.from.a.current(c.ctx, h)
	if err != nil {
		return err
	}
	if c.wanted != nil {
		m := marker{r: c.from.newReader(c.ctx), seen: func(id seal.ID) bool { known := c.wanted[id]; c.wanted[id] = true; return known }}
		err := m.roots(b.Roots)
		if m.r.settle(); err != nil {
			return err
		}
		clear(c.moved)
	}
	needs, err := c.packs(h.needs())
	if err != nil {
		return err
	}
	if needs == nil {
		return corrupt("a pack that it needs cannot be read")
	}
	u, ok := c.uses(usesOf(h, b))
	if !ok { // the index has lost something
		u, b.Exact = uses{}, [2]bool{}
		for n, class := range needs {
			u.of(n, class).all(mapOf(class), c.to.listed[n])
		}
	}
	h.Version = collect.Version{ID: id, Rev: 1}
	u.list(&h, &b)
	newest, err := c.to.newer(c.ctx)
	if err == nil {
		err = c.to.rebase(newest, u.names())
	}
	if err != nil {
		return err
	}
	h.Base = c.to.base()
	if h, err = c.to.write(c.ctx, c.w, h, b); err != nil {
		return err
	}
	c.put = append(c.put, h)
	return nil
}

// confirm looks whether what was put counts. What a collection has overtaken is withdrawn.
func (c *copier) confirm() error {
	if len(c.put) == 0 {
		return nil
	}
	records, err := c.to.a.records(c.ctx) // another copier may have withdrawn the same
	if err != nil {
		return err
	}
	newest, committed, err := c.to.a.committed(c.ctx, collect.Fence{})
	if err != nil {
		return err
	}
	removed := allRemoved(records, newest)
	if err := c.to.listPacks(c.ctx); err != nil {
		return err
	}
	var fenced error
	for _, h := range c.put {
		id := hex.EncodeToString(h.ID[:])
		if !committed(h) || c.to.late() || removed[id] || c.to.whole(h) != nil {
			fenced = errFenced
			err = c.to.withdraw(c.ctx, h.Version)
		} else if err = c.to.a.device.committed(h); err == nil {
			c.rep.Copied = append(c.rep.Copied, id)
		}
		if err != nil {
			return err
		}
	}
	c.put = nil
	return fenced
}
