package engine

import (
	"slices"

	"github.com/dayfold/dayfold/engine/tree"
)

// align takes out of the target's snapshots what was erased from them here. both are the
// same snapshots, here and there. The copy may hold less: what was erased there stays
// erased.
func (c *copier) align(both [][2]head) error {
	both = slices.DeleteFunc(both, func(p [2]head) bool { return p[0].Rev == 0 && p[1].Rev == 1 }) // never rewritten: see snapshot
	if len(both) == 0 {
		return nil
	}
	if _, err := c.from.catalog(c.ctx); err != nil {
		return err
	}
	r, there := c.from.newReader(c.ctx), c.to.newReader(c.ctx)
	defer r.settle()
	defer there.settle()
	c.w.forget()
	var rws []rewriting
	for _, pair := range both {
		rw, changed, err := c.erased(r, there, pair[0], pair[1])
		if err != nil {
			return c.from.explain(c.ctx, nil, c.to.explain(c.ctx, c.w, err, &pair[1]), &pair[0])
		}
		if changed {
			rws = append(rws, rw)
		}
	}
	if len(rws) == 0 {
		return nil
	}
	if err := c.w.flush(); err != nil {
		return err
	}
	fresh := c.w.needs(false)
	for i := range rws {
		rws[i].change = func(u uses) { u.merge(fresh) }
	}
	n, err := c.to.rewriteAll(c.ctx, c.w, rws)
	c.rep.Rewritten += n
	return err
}

// erased compares the trees of a snapshot, and takes out there what is no longer here.
func (c *copier) erased(r, there *reader, h, t head) (rewriting, bool, error) {
	_, b, err := c.from.a.current(c.ctx, h)
	if err != nil {
		return rewriting{}, false, err
	}
	_, old, err := c.to.a.readSnapshot(c.ctx, t.Version)
	if err != nil || b.Roots == old.Roots {
		return rewriting{}, false, err
	}
	gone, err := c.gone(r, there, b.Roots, old.Roots)
	if err != nil {
		return rewriting{}, false, err
	}
	over, _ := c.to.due(true)
	ed := &editor{stage: c.to.newStage(there, c.w, over, old.Roots), touched: map[string]bool{}}
	for _, key := range gone {
		if err := ed.delete(itemKey(key)); err != nil {
			return rewriting{}, false, err
		}
	}
	if err := ed.settle(); err != nil || ed.removed == 0 {
		return rewriting{}, false, err
	}
	rw := rewriting{old: t, items: uint64(ed.removed), bytes: uint64(ed.bytes)}
	if rw.roots, err = ed.store(); err != nil {
		return rw, false, err
	}
	rw.expires, err = firstDay(ed.maps[1])
	return rw, true, err
}

// gone are the keys of the items that the trees there hold and those here do not.
func (c *copier) gone(r, there *reader, here, old roots) (keys [][]byte, err error) {
	hereP, hereE := c.from.a.maps(r, here)
	oldP, oldE := c.to.a.maps(there, old)
	held := map[string]bool{} // items that differ: whether they are here
	for i, pair := range [][2]tree.Map{{oldP, hereP}, {oldE, hereE}} {
		cut := 1 + i*dayLen
		for ch, err := range tree.Diff(pair[0], pair[1]) {
			if err != nil {
				return nil, err
			}
			if ch.Old != nil && isItem(ch.Old.Key, i == 1) {
				held[string(ch.Old.Key[cut:])] = held[string(ch.Old.Key[cut:])]
			}
			if ch.New != nil && isItem(ch.New.Key, i == 1) {
				held[string(ch.New.Key[cut:])] = true
			}
		}
	}
	for key, is := range held {
		if !is {
			keys = append(keys, []byte(key))
		}
	}
	return keys, nil
}
