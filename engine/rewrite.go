package engine

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
)

// A rewriting gives one snapshot new trees: the next revision of the same snapshot.
type rewriting struct {
	old     head
	body    body
	roots   roots
	expires uint32
	packs   []pack.Name
	buckets []bucket
}

// rewrite commits the next revision of a snapshot and then deletes the ones below it.
// The revision stays in its place in the order of snapshots; only its base is new. When
// the snapshot was removed, when another device took the revision, or when a collection
// overtook it, it is errFenced. A revision that was put and overtaken stays where it
// is: a pruner that listed it may count on it (collect, protocol).
func (s *session) rewrite(ctx context.Context, w *writer, rw rewriting) error {
	h, b := rw.old, rw.body
	h.Base = s.base(&rw.old)
	h.Rev = s.highest(h.ID) + 1
	h.Packs, h.Buckets, h.Expires = rw.packs, rw.buckets, rw.expires
	b.Roots = rw.roots
	h, err := s.put(ctx, w, h, b)
	if h.size > 0 && (err == nil || errors.Is(err, errFenced)) {
		_, e := s.a.store.Get(ctx, removedName(h.ID), 0, -1)
		if e == nil { // removed meanwhile, which deletes the revisions that it saw
			return errors.Join(s.a.deleteSnapshot(ctx, h.Version), errFenced)
		}
		if !errors.Is(e, fs.ErrNotExist) {
			return e
		}
	}
	if err != nil {
		return err
	}
	if err := s.a.device.committed(h); err != nil {
		return err
	}
	for _, o := range s.all {
		if o.ID == h.ID && o.Rev < h.Rev {
			if err := s.a.deleteSnapshot(ctx, o.Version); err != nil {
				return err
			}
		}
	}
	return nil
}

// highest is the highest revision of a snapshot that is there, valid or not.
func (s *session) highest(id collect.SnapshotID) (rev uint32) {
	for _, h := range s.all {
		if h.ID == id {
			rev = max(rev, h.Rev)
		}
	}
	return rev
}

// expire drops from every snapshot the days that are over: a prefix of the expiring
// map, O(log n) nodes in each. It returns how many snapshots were rewritten. While the
// clock is more than 30 days past the newest head it does nothing, unless insisted on:
// a wrong clock must not delete.
func (a *Archive) expire(ctx context.Context, insist bool) (rewritten int64, err error) {
	for try := range int64(maxRestarts) {
		n, err := a.expireOnce(ctx, insist)
		rewritten += n
		if !errors.Is(err, errFenced) {
			return rewritten, err
		}
		if err := a.unblock(ctx, try); err != nil {
			return rewritten, err
		}
	}
	return rewritten, errFenced
}

func (a *Archive) expireOnce(ctx context.Context, insist bool) (int64, error) {
	s, err := a.begin(ctx)
	if err != nil {
		return 0, err
	}
	over, due := s.due(insist)
	if len(due) == 0 {
		return 0, nil
	}
	if _, err := s.catalog(ctx); err != nil {
		return 0, err
	}
	r, w := s.newReader(ctx), s.newWriter(ctx)
	defer w.close()
	var rws []rewriting
	for _, h := range due {
		rw, err := s.dropDays(ctx, r, w, h, over)
		if err != nil {
			return 0, s.explain(ctx, w, err, &h)
		}
		rws = append(rws, rw)
	}
	if err := w.flush(); err != nil {
		return 0, err
	}
	return s.rewriteAll(ctx, w, rws)
}

// due is the last day that is over, and the snapshots from which days are to be dropped.
func (s *session) due(insist bool) (over uint32, due []head) {
	over = uint32(s.clock().UnixMilli() / dayMillis)
	if !insist && s.idle() > maxIdle {
		return over, nil
	}
	return over, slices.DeleteFunc(slices.Clone(s.heads), func(h head) bool { return h.Expires == 0 || h.Expires > over })
}

// dropDays drops the days up to over from a snapshot's expiring map.
func (s *session) dropDays(ctx context.Context, r *reader, w *writer, h head, over uint32) (rewriting, error) {
	_, b, err := s.a.readSnapshot(ctx, h.Version)
	if err != nil {
		return rewriting{}, err
	}
	st := s.newStage(r, w, over, b.Roots)
	end := dated(over+1, nil)
	dropped, size, err := countItems(st.maps[1], over)
	if err != nil {
		return rewriting{}, err
	}
	m, _, err := st.maps[1].DropBefore(end)
	if err != nil {
		return rewriting{}, err
	}
	st.maps[1] = m
	rw := rewriting{old: h, body: b, packs: h.Packs}
	rw.body.Items -= min(dropped, b.Items)
	rw.body.Bytes -= min(size, b.Bytes)
	if rw.roots, err = st.store(); err != nil {
		return rw, err
	}
	if rw.expires, err = firstDay(m); err != nil {
		return rw, err
	}
	for _, k := range h.Buckets {
		if k.Day > over {
			rw.buckets = append(rw.buckets, k)
		}
	}
	return rw, nil
}

// rewriteAll commits rewritings; each needs what the writer wrote, beside its own. It
// goes on when one of them was overtaken, and reports that at the end.
func (s *session) rewriteAll(ctx context.Context, w *writer, rws []rewriting) (n int64, err error) {
	packs, buckets := w.needs()
	for _, rw := range rws {
		rw.packs = union(rw.packs, packs, compareNames)
		rw.buckets = union(rw.buckets, buckets, compareBuckets)
		e := s.rewrite(ctx, w, rw)
		if e == nil {
			n++
		} else if err = e; !errors.Is(e, errFenced) {
			return n, e
		}
	}
	return n, err
}

func union[T any](a, b []T, compare func(x, y T) int) []T {
	all := append(slices.Clone(a), b...)
	slices.SortFunc(all, compare)
	return slices.CompactFunc(all, func(x, y T) bool { return compare(x, y) == 0 })
}

// idle is how far the clock is past the newest head.
func (s *session) idle() time.Duration {
	if len(s.heads) == 0 {
		return 0
	}
	newest := s.heads[0].Time
	for _, h := range s.heads {
		newest = max(newest, h.Time)
	}
	return s.a.now().Sub(time.UnixMilli(newest))
}

// countItems counts the items of the days up to over in an expiring map, and their
// bytes, without reading them.
func countItems(expiring tree.Map, over uint32) (items, size uint64, err error) {
	for day, err := range days(expiring) {
		if err != nil || day > over {
			return items, size, err
		}
		low, high := spaceRange(nil, nil)
		n, b, err := expiring.Count(dated(day, low), dated(day, high))
		if err != nil {
			return items, size, err
		}
		items, size = items+n, size+b
	}
	return items, size, nil
}
