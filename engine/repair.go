package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// Repair reads every pack, and puts new ones in the place of those that are damaged or
// gone: with the blobs that still open in them, those that other packs have too, as after a
// Backup of the same history, and the rest from a copy of this archive (OpenCopy), if there
// is one. The snapshots are told of the new packs, as by a prune. Then what was damaged is
// put aside below quarantine/; nothing is deleted. A snapshot of which something is lost for
// good stays as it is, and is a Problem.
//
// With giveUp such a snapshot gets a revision without the items that are lost, and each of
// these, or each part of the tree, is a Problem; Removed counts the items. A snapshot that
// does not open at all is put aside, and removed as by Forget.
//
// What was found damaged, nothing that this Archive does relies on from then on: a Backup
// of the live source uploads it again, and one more Repair mends older snapshots with it.
//
// With dryRun it only says what it would do.
func (a *Archive) Repair(ctx context.Context, from *Archive, giveUp, dryRun bool) (Report, error) {
	start := a.now()
	var rep Report
	given := map[collect.SnapshotID]loss{}
	err := a.repair(ctx, from, giveUp, dryRun, &rep, given)
	for n := int64(1); errors.Is(err, errFenced) && n <= maxRestarts; n++ {
		rep.Restarts = n
		if err = a.unblock(ctx, n); err == nil {
			err = a.repair(ctx, from, giveUp, dryRun, &rep, given)
		}
	}
	rep.take(given)
	rep.Duration = a.now().Sub(start)
	if err != nil {
		return rep, fmt.Errorf("repair: %w", err)
	}
	return rep, nil
}

func (a *Archive) repair(ctx context.Context, from *Archive, giveUp, dryRun bool, rep *Report, given map[collect.SnapshotID]loss) (err error) {
	m := &mender{a: a, ctx: ctx, giveUp: giveUp, dryRun: dryRun, given: given, whole: map[seal.ID]uint32{}, torn: map[seal.ID]index.Place{},
		tables: map[pack.Name]pack.Table{}, mended: map[copied]index.Place{}}
	if m.s, err = a.begin(ctx); err != nil {
		return err
	}
	rep.Problems = slices.Clone(m.s.unreadable)
	err = m.look()
	if err == nil && len(m.s.bad) > 0 {
		err = m.packs(from, rep)
	}
	if err == nil && giveUp && !dryRun {
		err = m.unreadable(rep)
	}
	return err
}

// packs mends the snapshots that need a bad pack, and puts the bad packs aside.
func (m *mender) packs(from *Archive, rep *Report) error {
	if from != nil {
		if err := m.open(from); err != nil {
			return err
		}
	}
	if _, err := m.s.catalog(m.ctx); err != nil {
		return err
	}
	m.w = m.s.newWriter(m.ctx)
	defer m.w.close()
	rws, lost, err := m.snapshots(rep)
	if err != nil || m.dryRun {
		return err
	}
	if err := m.w.flush(); err != nil {
		return err
	}
	m.fresh = m.w.needs(false)
	n, err := m.s.rewriteAll(m.ctx, m.w, rws)
	rep.Rewritten += n
	rep.Packs, rep.BytesUploaded = rep.Packs+m.w.stats.packs.Load(), rep.BytesUploaded+m.w.stats.uploaded.Load()
	if err != nil {
		return err
	}
	for n := range m.s.bad {
		if _, there := m.s.listed[n]; !there || lost[n] {
			continue
		}
		if err := m.a.quarantine(m.ctx, n.Path()); err != nil {
			return err
		}
		rep.Quarantined = append(rep.Quarantined, n.Path())
		if err := m.a.index.Forget(n); err != nil {
			return err
		}
	}
	return nil
}

// snapshots opens all that snapshots need of what is lost. It returns the snapshots that can
// be told of new packs, and the packs that others still hope for.
func (m *mender) snapshots(rep *Report) (rws []rewriting, lost map[pack.Name]bool, err error) {
	lost = map[pack.Name]bool{}
	for _, h := range m.s.heads {
		if !slices.ContainsFunc(h.needs(), func(n pack.Name) bool { return m.s.bad[n] }) {
			continue
		}
		rw, err := m.snapshot(h)
		if m.giveUp && isLost(err) {
			rw, err = m.salvage(h)
		}
		if err != nil {
			if err = m.s.explain(m.ctx, nil, err, &h); !isDamage(err) {
				return nil, nil, err
			}
			rep.Problems = append(rep.Problems, &Problem{Key: []byte(snapshotName(h.Version)), Err: err})
			for _, n := range h.needs() {
				lost[n] = true
			}
			continue
		}
		rws = append(rws, rw)
	}
	return rws, lost, nil
}

// snapshot opens every node of a snapshot, and the contents that are lost.
func (m *mender) snapshot(h head) (rewriting, error) {
	_, b, err := m.a.readSnapshot(m.ctx, h.Version)
	if err != nil {
		return rewriting{}, err
	}
	for which := range 2 {
		p, t := m.patient(h, b, which)
		err := tree.WalkAll(t, func(int, seal.Ref, seal.Kind) (bool, error) { return true, nil }, func(e tree.Entry) error { return p.content(&e) })
		if p.r.settle(); err != nil {
			return rewriting{}, err
		}
	}
	return rewriting{old: h, roots: b.Roots, expires: h.Expires, change: m.change}, nil
}

// change lets a snapshot need what was mended, of all snapshots, and no bad pack.
func (m *mender) change(u uses) {
	maps.DeleteFunc(u, func(n pack.Name, _ *use) bool { return m.s.bad[n] })
	u.merge(m.fresh)
	for c, at := range m.mended {
		if at.Len > 0 {
			u.of(at.Pack, at.Class).add(mapOf(c.class), at.Off, at.Len)
		}
	}
}

const quarantinePrefix = "quarantine/"

// quarantine puts an object aside: its bytes stay, under a name that nobody looks for.
func (a *Archive) quarantine(ctx context.Context, name string) error {
	if err := a.saveAside(ctx, name); err != nil {
		return err
	}
	return a.store.Delete(ctx, name)
}

func (a *Archive) saveAside(ctx context.Context, name string) error {
	data, err := a.store.Get(ctx, name, 0, -1)
	if err != nil {
		return ignore(err, fs.ErrNotExist)
	}
	return ignore(a.store.Put(ctx, quarantinePrefix+name, data), fs.ErrExist)
}
