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
	"github.com/dayfold/dayfold/pack"
)

// commit makes a run's trees a snapshot. The writer has uploaded everything by then.
// A checkpoint is a snapshot that the run's next commit replaces.
func (r *run) commit(rs roots, partial bool) error {
	first, err := firstDay(r.trees(rs)[1])
	if err != nil {
		return err
	}
	at := r.now
	if now := r.s.a.now(); partial && now.After(at) {
		at = now // so a prune sees that the run goes on
	}
	h := head{Version: collect.Version{ID: r.id}, Time: at.UnixMilli(), Label: r.label, Partial: partial, Expires: first}
	c := &r.counts
	c.mu.Lock() // under a checkpoint, other goroutines go on counting
	b := body{Roots: rs, Source: r.info, Tags: r.opt.Tags, Items: uint64(c.items), Bytes: uint64(c.bytes), Excluded: maps.Clone(c.excluded)}
	c.mu.Unlock()
	r.w.needs(partial).list(&h, &b)
	exact := r.from == nil && !partial && !r.loose.Load()
	b.Exact = [2]bool{exact, exact}
	if h, err = r.s.commit(r.ctx, r.w, h, b, r.from); err != nil {
		return err
	}
	if err := r.unchanged(); err != nil {
		return errors.Join(r.s.remove(r.ctx, h), err) // with a record: others may have seen it
	}
	return r.replace(h)
}

// firstDay is the day of the first entry of an expiring map, or 0.
func firstDay(expiring tree.Map) (uint32, error) {
	for e, err := range expiring.Range(nil, nil) {
		if err != nil {
			return 0, err
		}
		return dayOf(e.Key), nil
	}
	return 0, nil
}

// replace deletes what a commit replaces: the run's own earlier checkpoint, and with a
// whole snapshot those that runs before had left behind.
func (r *run) replace(h head) error {
	if r.last != nil {
		if err := r.s.a.deleteRevisions(r.ctx, r.last.ID); err != nil {
			return err
		}
	}
	if h.Partial {
		r.last = &h
		return r.newID()
	}
	for _, id := range r.abandoned {
		if err := r.s.a.deleteRevisions(r.ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// deleteRevisions deletes a snapshot, the newest revision first.
func (a *Archive) deleteRevisions(ctx context.Context, id collect.SnapshotID) error {
	for {
		rev, found, err := a.newestRevision(ctx, id)
		if err != nil || !found {
			return err
		}
		if err := a.deleteSnapshot(ctx, collect.Version{ID: id, Rev: rev}); err != nil {
			return err
		}
	}
}

// deleteSnapshot deletes one revision, and what is remembered of it.
func (a *Archive) deleteSnapshot(ctx context.Context, v collect.Version) error {
	name := snapshotName(v)
	a.mu.Lock()
	delete(a.heads, name)
	a.mu.Unlock()
	return a.store.Delete(ctx, name)
}

// unchanged is errFenced when the snapshot that this one builds on has been removed, or
// has other trees, since: what was erased from it must not come back.
func (r *run) unchanged() error {
	if r.parent == nil {
		return nil
	}
	newest, found, err := r.s.a.newestRevision(r.ctx, r.parent.ID)
	switch {
	case err != nil:
		return err
	case !found:
		return errFenced
	case newest == r.parent.Rev:
		return nil
	}
	_, b, err := r.s.a.readSnapshot(r.ctx, collect.Version{ID: r.parent.ID, Rev: newest})
	if errors.Is(err, fs.ErrNotExist) || err == nil && b.Roots != r.before {
		return errFenced
	}
	return err
}

func (a *Archive) newestRevision(ctx context.Context, id collect.SnapshotID) (rev uint32, found bool, err error) {
	for info, err := range a.store.List(ctx, fmt.Sprintf("%s%x/", snapshotPrefix, id[:])) {
		if err != nil {
			return 0, false, err
		}
		if v, ok := parseSnapshotName(info.Name); ok {
			rev, found = v.Rev, true
		}
	}
	return rev, found, nil
}

// commit writes a new snapshot and makes sure that it counts: no collection has overtaken
// it, and every pack that it needs is there. Anything else is errFenced, and the snapshot
// is gone again. from is the snapshot that it takes packs or entries over from, if any.
func (s *session) commit(ctx context.Context, w *writer, h head, b body, from ...*head) (head, error) {
	h.Device, h.Seq, h.Seen, h.Base = s.a.device.id, s.a.device.next(), s.seen(), s.base(from...)
	h, err := s.put(ctx, w, h, b)
	if errors.Is(err, errFenced) && h.size > 0 {
		err = errors.Join(s.withdraw(ctx, h.Version), err)
	}
	if err != nil {
		return h, err
	}
	return h, s.a.device.committed(h)
}

// base is the base of a snapshot that is made from others (see collect.Base).
func (s *session) base(from ...*head) uint64 {
	var heads []collect.Head
	for _, h := range from {
		if h != nil {
			heads = append(heads, h.collect())
		}
	}
	return collect.Base(s.fence, heads...)
}

// put writes a revision and looks whether it counts. The head that it returns has a size
// once the revision may be there.
func (s *session) put(ctx context.Context, w *writer, h head, b body) (head, error) {
	h, err := s.write(ctx, w, h, b)
	if err != nil {
		return h, err
	}
	return h, s.confirm(ctx, h)
}

// write is put without the look.
func (s *session) write(ctx context.Context, w *writer, h head, b body) (head, error) {
	data, err := s.a.sealSnapshot(&h, b)
	if err != nil {
		return h, err
	}
	name := snapshotName(h.Version)
	if err := s.a.store.Put(ctx, name, data); errors.Is(err, fs.ErrExist) {
		return h, errFenced // another device took this revision
	} else if err != nil {
		return h, err
	}
	h.size, h.roots = int64(len(data)), b.Roots
	w.stats.other.Add(h.size)
	w.stats.uploaded.Add(h.size)
	s.a.mu.Lock()
	s.a.heads[name] = h
	s.a.mu.Unlock()
	return h, nil
}

// confirm looks, after a commit, whether it counts.
func (s *session) confirm(ctx context.Context, h head) error {
	newest, committed, err := s.a.committed(ctx, s.fence)
	if err != nil {
		return err
	}
	if !committed(h) || s.late() {
		return errFenced
	}
	// While no fence has followed the one before which the packs were listed, only what
	// that one condemns is deleted, and nobody uses that (see Usable).
	if newest.N != s.fence.N || s.doubt.Load() || !s.a.config.ConsistentList {
		if err := s.listPacks(ctx); err != nil {
			return err
		}
	}
	return s.whole(h)
}

// committed looks what collections have done: the newest fence, of which known may be
// one, and what says of revisions that were put before whether they are sure to count for
// good.
func (a *Archive) committed(ctx context.Context, known collect.Fence) (newest collect.Fence, counts func(head) bool, err error) {
	intents, err := a.numbers(ctx, intentPrefix)
	if err != nil {
		return newest, nil, err
	}
	if newest, err = a.newestFence(ctx, known); err != nil {
		return newest, nil, err
	}
	maxIntent := uint64(0)
	if len(intents) > 0 {
		maxIntent = intents[len(intents)-1]
	}
	return newest, func(h head) bool { return collect.Committed(h.collect(), newest, maxIntent) }, nil
}

// whole is errFenced unless every pack that a snapshot needs was there when last listed.
func (s *session) whole(h head) error {
	for _, p := range h.needs() {
		if !s.readable(p) {
			return errFenced
		}
	}
	return nil
}

// seen is, of every device, its newest commit among the valid snapshots.
func (s *session) seen() []collect.Seen {
	newest := map[[16]byte]uint64{}
	for _, h := range s.heads {
		newest[h.Device] = max(newest[h.Device], h.Seq)
	}
	out := make([]collect.Seen, 0, len(newest))
	for d, seq := range newest {
		out = append(out, collect.Seen{Device: d, Seq: seq})
	}
	slices.SortFunc(out, func(a, b collect.Seen) int { return slices.Compare(a.Device[:], b.Device[:]) })
	return out
}

// needs are the uses of what was saved or found: of a checkpoint all that it may need,
// whole packs, else what was claimed and no pack of which nothing was.
func (w *writer) needs(partial bool) uses {
	u := uses{}
	if w == nil {
		return u
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	for n, k := range w.used {
		if partial {
			k = &use{class: k.class}
			k.all(mapOf(k.class), w.s.listed[n])
		}
		if !k.empty() {
			u.merge(uses{n: k})
		}
	}
	return u
}

// packs are those that what was saved or found lies in.
func (w *writer) packs() []pack.Name {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.used.names()
}

// inherit takes over what a snapshot needs.
func (w *writer) inherit(u uses) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used.merge(u)
}
