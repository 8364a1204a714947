package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
	"golang.org/x/sync/errgroup"
)

// A rewriting gives one snapshot other trees, or other packs: the next revision of the
// same snapshot.
type rewriting struct {
	old          head
	roots        roots
	expires      uint32
	items, bytes uint64     // that go
	exact        [2]bool    // spans that stay exact, if they were
	change       func(uses) // of what it needs
}

// rewriteAll commits the next revisions of snapshots, and then deletes the ones below them.
// A revision stays in its place in the order of snapshots; only its base is new. When
// a snapshot was removed, when another device took the revision, or when a collection
// overtook it, that is errFenced, and the others go on. A revision that was put and
// overtaken stays where it is: a pruner that listed it may count on it (collect, protocol).
//
// All are put, and then one look at the store is behind them all.
func (s *session) rewriteAll(ctx context.Context, w *writer, rws []rewriting) (n int64, err error) {
	for batch := range slices.Chunk(rws, maxBatch) {
		k, e := s.rewrite(ctx, w, batch)
		n += k
		if err = cmp.Or(err, e); err != nil && !errors.Is(err, errFenced) {
			return n, err
		}
	}
	return n, err
}

// maxBatch bounds the revisions that wait for one look.
const maxBatch = 256

func (s *session) rewrite(ctx context.Context, w *writer, rws []rewriting) (n int64, err error) {
	put := make([]head, len(rws))
	fenced := make([]bool, len(rws))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(s.a.opt.Workers)
	for i, rw := range rws {
		g.Go(func() error {
			var err error
			put[i], err = s.revise(gctx, w, rw)
			fenced[i] = errors.Is(err, errFenced)
			return ignore(err, errFenced)
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	done, err := s.stand(ctx, put, fenced)
	if err != nil {
		return 0, err
	}
	for _, h := range done {
		if err := s.supersede(ctx, h); err != nil {
			return n, err
		}
		n++
	}
	if slices.Contains(fenced, true) {
		err = errFenced
	}
	return n, err
}

// stand looks which revisions that were put stand, and remembers them; the others become
// fenced, and those of snapshots that were removed meanwhile go.
func (s *session) stand(ctx context.Context, put []head, fenced []bool) (done []head, err error) {
	records, err := s.a.records(ctx)
	if err != nil {
		return nil, err
	}
	newest, committed, err := s.a.committed(ctx, s.fence)
	if err != nil {
		return nil, err
	}
	removed := allRemoved(records, newest)
	if err := s.listPacks(ctx); err != nil {
		return nil, err
	}
	for i, h := range put {
		switch {
		case fenced[i]:
		case removed[fmt.Sprintf("%x", h.ID[:])]: // whoever removed it deletes the revisions that it saw
			fenced[i] = true
			err = s.a.deleteSnapshot(ctx, h.Version)
		default:
			if fenced[i] = !committed(h) || s.late() || s.whole(h) != nil; !fenced[i] {
				done = append(done, h)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return done, s.a.device.committed(done...)
}

// supersede deletes the revisions below one that stands.
func (s *session) supersede(ctx context.Context, h head) error {
	for _, o := range s.all {
		if o.ID == h.ID && o.Rev < h.Rev {
			if err := s.a.deleteSnapshot(ctx, o.Version); err != nil {
				return err
			}
		}
	}
	return nil
}

// revise puts the next revision of a snapshot.
func (s *session) revise(ctx context.Context, w *writer, rw rewriting) (head, error) {
	_, b, err := s.a.readSnapshot(ctx, rw.old.Version)
	if err != nil {
		return head{}, fenced(err)
	}
	h := rw.old
	h.Base = s.base(&rw.old)
	h.Rev = s.highest(h.ID) + 1
	h.Expires = rw.expires
	u := usesOf(h, b)
	rw.change(u)
	u.list(&h, &b)
	b.Roots = rw.roots
	b.Items -= min(rw.items, b.Items)
	b.Bytes -= min(rw.bytes, b.Bytes)
	for i := range b.Exact {
		b.Exact[i] = b.Exact[i] && rw.exact[i]
	}
	return s.write(ctx, w, h, b)
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
	if _, err := a.fences(ctx); errors.Is(err, ErrRefused) {
		return 0, nil // where there is one pruner, he does it
	} else if err != nil {
		return 0, err
	}
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
	defer r.settle()
	defer w.close()
	var rws []rewriting
	for _, h := range due {
		rw, err := s.dropDays(r, w, h, over)
		if err != nil {
			return 0, s.explain(ctx, w, err, &h)
		}
		rws = append(rws, rw)
	}
	if err := w.flush(); err != nil {
		return 0, err
	}
	fresh := w.needs(false)
	for i := range rws {
		rws[i].change = func(u uses) { u.dropBuckets(over); u.merge(fresh) }
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
func (s *session) dropDays(r *reader, w *writer, h head, over uint32) (rewriting, error) {
	st := s.newStage(r, w, over, h.roots)
	rw := rewriting{old: h, exact: [2]bool{permanentMap: !s.a.config.HideExpiry}}
	var err error
	if rw.items, rw.bytes, err = countItems(st.maps[expiringMap], over); err != nil {
		return rw, err
	}
	m, _, err := st.maps[expiringMap].DropBefore(dated(over+1, nil))
	if err != nil {
		return rw, err
	}
	st.maps[expiringMap] = m
	if rw.roots, err = st.store(); err != nil {
		return rw, err
	}
	rw.expires, err = firstDay(m)
	return rw, err
}

// dropBuckets takes out what is gone at the end of a day.
func (u uses) dropBuckets(over uint32) {
	maps.DeleteFunc(u, func(_ pack.Name, k *use) bool { return k.class.Kind == pack.Expiring && k.class.Day <= over })
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
