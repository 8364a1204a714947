package engine

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/pack/seal"
)

// A loss is what a snapshot had to give up.
type loss struct {
	items    int64
	problems []*Problem // of items, and of parts of the tree
}

// take adds what was given up to a report; what several snapshots had is told once.
func (rep *Report) take(given map[collect.SnapshotID]loss) {
	told := map[string]bool{}
	for _, id := range slices.SortedFunc(maps.Keys(given), func(a, b collect.SnapshotID) int { return bytes.Compare(a[:], b[:]) }) {
		rep.Removed = max(rep.Removed, given[id].items)
		for _, p := range given[id].problems {
			if what := fmt.Sprint(p); !told[what] {
				told[what] = true
				rep.Problems = append(rep.Problems, p)
			}
		}
	}
	rep.Missing = int64(len(rep.Problems))
}

// salvage makes trees of the items of a snapshot that are whole: of what can be read of the
// old ones, less the items whose contents are lost. Who names what is written anew, because
// the entries that say it may be lost, or be those of messages that are.
func (m *mender) salvage(h head) (rewriting, error) {
	_, b, err := m.a.readSnapshot(m.ctx, h.Version)
	if err != nil {
		return rewriting{}, err
	}
	r := &run{s: m.s, w: m.w, ctx: m.ctx, now: m.s.clock(), sorter: newSorter(m.a.opt.Temp, m.a.opt.Rand, sortBudget(m.a.opt.Memory))}
	defer r.sorter.close()
	var l losses
	rw := rewriting{old: h, change: m.change}
	for which := range 2 {
		first, err := m.gather(r, &l, h, b, which)
		if err != nil {
			return rw, err
		}
		rw.expires = cmp.Or(first, rw.expires)
	}
	for _, p := range l.new {
		if errors.Is(p, seal.ErrVersion) {
			return rw, p
		}
	}
	rw.items, rw.bytes = b.Items-uint64(r.counts.items), b.Bytes-uint64(r.counts.bytes)
	if given := (loss{int64(rw.items), l.new}); given.items > 0 { // else only lost who names what
		m.given[h.ID] = given
	}
	if !m.dryRun {
		rw.roots, err = r.build()
	}
	return rw, err
}

// gather hands what is whole of a map to a run, and returns its first day.
func (m *mender) gather(r *run, l *losses, h head, b body, which int) (first uint32, err error) {
	p, t := m.patient(h, b, which)
	defer p.r.settle()
	cut := 1
	if p.expiring {
		cut += dayLen
	}
	for e, err := range l.rest(t, nil, nil, cut) {
		if err != nil {
			return first, err
		}
		if !isItem(e.Key, p.expiring) {
			continue
		}
		if err := p.content(&e); isLost(err) {
			l.new = append(l.new, &Problem{Key: bytes.Clone(e.Key[cut:]), Err: err})
			continue
		} else if err != nil {
			return first, err
		}
		first = cmp.Or(first, lifeOf(&e).day)
		e.Key = e.Key[cut-1:]
		if err := r.keep(&e); err != nil {
			return first, err
		}
	}
	return first, nil
}

// unreadable puts the snapshots aside that do not open. A record says that they are gone,
// so that nobody takes it for a rollback, unless another revision of them opens.
func (m *mender) unreadable(rep *Report) error {
	for _, p := range m.s.unreadable {
		name := string(p.Key)
		v, ok := parseSnapshotName(name)
		if !ok {
			continue
		}
		err := m.a.saveAside(m.ctx, name)
		if err == nil && slices.ContainsFunc(m.s.all, func(h head) bool { return h.ID == v.ID }) {
			err = m.a.store.Delete(m.ctx, name)
		} else if err == nil {
			err = m.s.remove(m.ctx, head{Version: v})
		}
		if err != nil {
			return err
		}
		rep.Quarantined = append(rep.Quarantined, name)
	}
	return nil
}
