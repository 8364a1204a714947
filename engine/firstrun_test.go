package engine_test

import (
	"context"
	"errors"
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

// An endless source comes to one photo after the other, hours after it was asked.
type endless struct {
	*chat
	clock *clock
}

func (e endless) Items(context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		e.clock.pass(4 * time.Hour)
		for i := 0; ; i++ {
			at := day0.AddDate(0, 0, -i)
			photo := e.photo(fmt.Sprint("p", i), at, 40_000+i)
			if !yield(e.items[e.say("g001", i, at, "look", photo)], nil) || !yield(e.items[photo], nil) {
				return
			}
		}
	}
}

// A weighing store adds up the packs that it is given, and says when it has a snapshot.
type weighing struct {
	store.Store
	bytes    atomic.Int64
	snapshot func()
}

func (w *weighing) Put(ctx context.Context, name string, data []byte) error {
	if strings.HasPrefix(name, "packs/") {
		w.bytes.Add(int64(len(data)))
	}
	err := w.Store.Put(ctx, name, data)
	if err == nil && w.snapshot != nil && strings.HasPrefix(name, "snapshots/") {
		w.snapshot()
	}
	return err
}

// TestFirstRunLongerThanThreePrunes: whole prunes pass while a first run goes on, for hours
// longer than a checkpoint is taken for fresh. It ends, and a prune makes it upload no
// more again than what lies between two checkpoints and what is on its way.
func TestFirstRunLongerThanThreePrunes(t *testing.T) {
	const every, packSize = 200_000, 64 << 10
	const onTheWay = 8 * packSize // two packs are filled and two are sent when a checkpoint is due, and when it is made
	small := func(o *engine.Options) { o.PackSize, o.TreePackSize = packSize, packSize }
	f := create(t, small)
	c := newChat("a")
	for i := range 300 {
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
	with := run(f, pausing{c, 100, func() {
		if prunes == 4 {
			return // a run whose every commit is overtaken gives up, and goes on another day
		}
		prunes++
		f.clock.pass(45 * time.Minute)
		if _, err := other.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil {
			t.Error(err)
		}
	}})
	without := run(create(t, small), c)
	if most := without + int64(prunes)*(every+onTheWay); prunes != 4 || with > most {
		t.Errorf("%d prunes, %d bytes in packs, and %d without a prune", prunes, with, without)
	}
	holds(t, f.open(fresh(t)), "latest", c)
	check(t, f.open(fresh(t)))
}

// TestPruneLeavesCheckpointsAlone: a prune rewrites nothing of a checkpoint that is less than
// an hour old, however long its run has taken: what the run relies on stays where it is.
func TestPruneLeavesCheckpointsAlone(t *testing.T) {
	f := create(t)
	ctx, cancel := context.WithCancel(t.Context())
	commits := 0
	put := &weighing{Store: f.store, snapshot: func() {
		if commits++; commits == 3 {
			cancel()
		}
	}}
	a, err := engine.Open(t.Context(), put, f.key, f.opt)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	src := endless{newChat("a"), f.clock}
	if _, err := a.Backup(ctx, src, engine.BackupOptions{CheckpointEvery: 100_000}); !errors.Is(err, context.Canceled) {
		t.Fatal("the run was not interrupted, but ended with", err)
	}
	rep := f.prune(0)
	if rep.SnapshotsRewritten != 0 || rep.PacksRewritten != 0 {
		t.Errorf("%d packs of a fresh checkpoint were rewritten", rep.PacksRewritten)
	}
	f.clock.t = f.clock.t.Add(2 * time.Hour)
	if n := f.prune(0).SnapshotsRewritten; n < 1 || n > 2 { // two: the run was cut off before it deleted the one before
		t.Errorf("%d snapshots were rewritten when the run was given up, want the checkpoint", n)
	}
}
