package engine_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
)

// A pausing source stops now and then, though not at once, and something else happens.
type pausing struct {
	*chat
	every int
	pause func()
}

func (p pausing) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		n := 0
		for it, err := range p.chat.Items(ctx) {
			if n++; n >= 2*p.every && n%p.every == 0 {
				p.pause()
			}
			if !yield(it, err) {
				return
			}
		}
	}
}

// A weighing store adds up the packs that it is given.
type weighing struct {
	store.Store
	bytes atomic.Int64
}

func (w *weighing) Put(ctx context.Context, name string, data []byte) error {
	if strings.HasPrefix(name, "packs/") {
		w.bytes.Add(int64(len(data)))
	}
	return w.Store.Put(ctx, name, data)
}

// TestFirstRunLongerThanThreePrunes: whole prunes pass while a first run goes on, for hours
// longer than a checkpoint is taken for fresh. It ends, and a prune makes it upload no
// more again than what lies between two checkpoints.
func TestFirstRunLongerThanThreePrunes(t *testing.T) {
	const every = 200_000
	f := create(t)
	c := newChat("a")
	for i := range 60 {
		at := day0.AddDate(0, 0, -i)
		c.say("g001", i, at, fmt.Sprint("look ", i), c.photo(fmt.Sprint("p", i), at, 40_000+i))
	}
	run := func(f *fixture, src engine.Source) int64 {
		put := &weighing{Store: f.store}
		a, err := engine.Open(t.Context(), put, f.key, f.opt)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if _, err := a.Backup(t.Context(), src, engine.BackupOptions{CheckpointEvery: every}); err != nil {
			t.Fatal(err)
		}
		return put.bytes.Load()
	}
	other, prunes := f.open(fresh(t)), 0
	with := run(f, pausing{c, 15, func() {
		if prunes == 4 {
			return // a run whose every commit is overtaken gives up, and goes on another day
		}
		prunes++
		f.clock.t = f.clock.t.Add(45 * time.Minute)
		if _, err := other.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil {
			t.Error(err)
		}
	}})
	without := run(create(t), c)
	if most := without + int64(prunes)*every; prunes != 4 || with > most {
		t.Errorf("%d prunes, %d bytes in packs, and %d without a prune", prunes, with, without)
	}
	holds(t, f.open(fresh(t)), "latest", c)
	check(t, f.open(fresh(t)))
}

// TestPruneLeavesCheckpointsAlone: a prune rewrites nothing of a checkpoint that is less than
// an hour old, however long its run has taken, so that the run's next commit is not taken.
func TestPruneLeavesCheckpointsAlone(t *testing.T) {
	f := create(t)
	c := newChat("a")
	for i := range 60 {
		at := day0.AddDate(0, 0, -i)
		c.say("g001", i, at, fmt.Sprint("look ", i), c.photo(fmt.Sprint("p", i), at, 40_000+i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	src := pausing{c, 5, func() {
		if f.clock.t = f.clock.t.Add(10 * time.Minute); f.clock.t.Sub(day0) > 200*time.Minute {
			cancel()
		}
	}}
	if _, err := f.a.Backup(ctx, src, engine.BackupOptions{CheckpointEvery: 100_000}); err == nil {
		t.Fatal("the run was not interrupted")
	}
	rep := f.prune(0)
	if rep.SnapshotsRewritten != 0 || rep.PacksRewritten != 0 {
		t.Errorf("%d packs of a fresh checkpoint were rewritten", rep.PacksRewritten)
	}
	f.clock.t = f.clock.t.Add(2 * time.Hour)
	if rep := f.prune(0); rep.SnapshotsRewritten != 1 {
		t.Errorf("%d snapshots were rewritten when the run was given up, want the checkpoint", rep.SnapshotsRewritten)
	}
}
