package engine

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
)

// checkpoints are how a long run commits what it has done so far, as a partial
// snapshot: a run that is interrupted, or overtaken by a collection, then loses minutes.
type checkpoints struct {
	mu      sync.Mutex
	entries []tree.Entry // with content of their own, since the last checkpoint
	roots   roots        // of the last checkpoint
	since   int64        // bytes uploaded at the last checkpoint
	polled  int64        // bytes uploaded when we last looked for collections
	last    time.Time
	err     error // of a checkpoint that failed: the run is over, though others may still be at work
}

const (
	firstCheckpoint = 64 << 20 // bytes uploaded before the first: from then on a prune spares the run's packs
	nextCheckpoint  = 4 << 30  // bytes uploaded between two
	checkpointTime  = 10 * time.Minute
	pollEvery       = 32 << 20 // bytes uploaded between two looks for collections
)

// checkpointed notes an entry whose content is stored, and commits a checkpoint when
// one is due, or when a collection has begun.
func (r *run) checkpointed(e *tree.Entry) error {
	c := &r.checkpoints
	if e.Content == (tree.Stream{}) || r.opt.DryRun {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	c.entries = append(c.entries, *e)
	uploaded := r.w.stats.uploaded.Load()
	every := int64(nextCheckpoint)
	if r.opt.CheckpointEvery > 0 {
		every = r.opt.CheckpointEvery
	}
	if r.last == nil {
		every = min(every, firstCheckpoint)
	}
	due := uploaded-c.since >= every || uploaded > c.since && r.s.a.now().Sub(c.last) >= checkpointTime
	if !due && uploaded-c.polled >= min(every, pollEvery) {
		c.polled = uploaded
		if due, c.err = r.overtaken(); c.err != nil {
			return c.err
		}
	}
	if due {
		c.err = r.writeCheckpoint()
	}
	return c.err
}

// overtaken reports whether a collection began since the run's base.
func (r *run) overtaken() (bool, error) {
	intents, err := r.s.a.numbers(r.ctx, intentPrefix)
	return len(intents) > 0 && intents[len(intents)-1] > r.s.fence.N, err
}

// writeCheckpoint commits the entries so far. The caller holds the lock.
func (r *run) writeCheckpoint() error {
	c := &r.checkpoints
	if err := r.rebase(); err != nil {
		return err
	}
	slices.SortFunc(c.entries, func(a, b tree.Entry) int { return bytes.Compare(sortKey(&a), sortKey(&b)) })
	trees := r.trees(c.roots)
	for i := range trees {
		trees[i].Nodes = nodes{r: r, expires: i == expiringMap, scratch: true}
		m, _, err := trees[i].Edit(r.checkpointEdits(i == 1))
		if err != nil {
			return err
		}
		trees[i] = m
	}
	if err := r.w.flush(); err != nil {
		return err
	}
	c.roots = roots{trees[0].Root, trees[1].Root}
	if err := r.commit(c.roots, true); err != nil {
		return err
	}
	c.entries, c.since, c.last = nil, r.w.stats.uploaded.Load(), r.s.a.now()
	return nil
}

func sortKey(e *tree.Entry) []byte { return lifeOf(e).mapKey(e.Key) }

// checkpointEdits are the edits of one map; the entries are sorted.
func (r *run) checkpointEdits(expiring bool) iter.Seq2[tree.Edit, error] {
	return func(yield func(tree.Edit, error) bool) {
		var last []byte
		for _, e := range r.checkpoints.entries {
			if (lifeOf(&e).day != 0) != expiring {
				continue
			}
			e.Key = sortKey(&e)
			if bytes.Equal(e.Key, last) {
				continue
			}
			last = e.Key
			if !yield(tree.Edit{Key: e.Key, Entry: &e}, nil) {
				return
			}
		}
	}
}

// rebase puts the run on the newest fence, if everything that it relies on is still
// good there; otherwise the run has to start over. What takes over its parent's packs
// unseen keeps its base.
func (r *run) rebase() error {
	if r.from != nil {
		return nil
	}
	newest, err := r.s.newer(r.ctx)
	if err != nil || newest.N == r.s.fence.N {
		return err
	}
	r.w.mu.Lock() // nothing more is relied on between the look and the new base
	defer r.w.mu.Unlock()
	return r.s.rebase(newest, r.w.used.names())
}

// newer returns the newest fence, having listed the packs if it is not the session's.
func (s *session) newer(ctx context.Context) (collect.Fence, error) {
	began := s.a.now()
	newest, err := s.a.newestFence(ctx, s.fence)
	if err == nil {
		s.began = began
	}
	if err == nil && newest.N != s.fence.N {
		err = s.listPacks(ctx)
	}
	return newest, err
}

// rebase puts the session on a newer fence if packs are good there, else it is errFenced.
func (s *session) rebase(newest collect.Fence, packs []pack.Name) error {
	for _, n := range packs {
		if !collect.Usable(n, newest) || !s.readable(n) {
			return errFenced
		}
	}
	s.mu.Lock()
	s.fence = newest
	s.mu.Unlock()
	return nil
}
