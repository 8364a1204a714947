package engine_test

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
)

// TestPackThatComesBackIsNotUsed: a pack was condemned and deleted. Then a request arrives
// that its writer had sent long ago, and it is there again. No backup may take it for its
// own, since a pruner that sleeps may still be about to delete it.
func TestPackThatComesBackIsNotUsed(t *testing.T) {
	f := create(t)
	kept := newChat("kept")
	history(kept, 3, 50, 2, 3000)
	f.backup(kept)
	c := newChat("a")
	c.say("g001", 1, day0, "look", c.photo("late", day0, 200_000))
	rep := f.backup(c)
	written := f.store.Clone()
	if _, err := f.a.Forget(t.Context(), []string{rep.Snapshot}, true); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		f.prune(0)
	}
	var late []string // packs, and the segments that tell of them
	for _, name := range slices.Sorted(maps.Keys(objects(t, written, ""))) {
		if strings.HasPrefix(name, "packs/") || strings.HasPrefix(name, "index/") {
			if again(t, written, f.store, name) {
				late = append(late, name)
			}
		}
	}
	if !strings.HasPrefix(strings.Join(late, " "), "index/") || !strings.Contains(strings.Join(late, " "), "packs/") {
		t.Fatalf("what comes late is %v: the test does not do what it says", late)
	}
	other := f.open(fresh(t)) // its index learns of the pack from the segments
	rep, err := other.Backup(t.Context(), c, engine.BackupOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if rep.BytesUploaded < 200_000 {
		t.Errorf("%d bytes uploaded: the photo was found in a pack that may be deleted at any time", rep.BytesUploaded)
	}
	for _, name := range late { // the pruner that slept
		if err := f.store.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, f.open(fresh(t)), rep.Snapshot, c)
	check(t, f.open(fresh(t)))
}

// TestRemovalRecordsGo: a prune deletes the records of what was forgotten, and its fence
// tells of it from then on. A device that comes late takes nothing for a rollback, and no
// revision counts that comes back.
func TestRemovalRecordsGo(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 3, 50, 2, 3000)
	seen := f.open(fresh(t))
	var ids []string
	for i := range 4 {
		c.say("g001", 900+i, day0, "one more")
		ids = append(ids, f.backup(c).Snapshot)
	}
	if n := len(snapshots(t, seen)); n != 4 {
		t.Fatalf("the other device sees %d snapshots", n)
	}
	old := f.store.Clone()
	if _, err := f.a.Forget(t.Context(), ids[:2], true); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		f.prune(0)
		l, err := f.a.Ledger(t.Context())
		if err != nil || l.Unnamed != 0 || l.Overtaken != 0 || l.Dead != 0 {
			t.Errorf("after a prune: %+v, %v", l, err)
		}
	}
	if n := len(snapshots(t, seen)); n != 2 {
		t.Errorf("a device that comes late sees %d snapshots, want 2", n)
	}
	for _, name := range slices.Sorted(maps.Keys(objects(t, old, "snapshots/"))) { // a request that was long under way
		again(t, old, f.store, name)
	}
	for _, a := range []*engine.Archive{seen, f.open(), f.open(fresh(t))} {
		if n := len(snapshots(t, a)); n != 2 {
			t.Errorf("%d snapshots, want 2", n)
		}
		if _, err := a.View(t.Context(), ids[0]); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a forgotten snapshot that came back: %v", err)
		}
	}
	f.prune(0)
	if left := objects(t, f.store, "snapshots/"); len(left) != 2 {
		t.Errorf("after a prune there are %v", left)
	}
}

// again puts an object of one store into another, and reports whether it was not there.
func again(t *testing.T, from, to store.Store, name string) bool {
	t.Helper()
	data, err := from.Get(t.Context(), name, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	err = to.Put(t.Context(), name, data)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	return err == nil
}

// TestPruneTakesAnOvertakenRevision: a rewriting that a collection has overtaken leaves a
// revision that does not count above the one that does. A prune takes it.
func TestPruneTakesAnOvertakenRevision(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 3, 50, 2, 3000)
	key := c.say("g001", 900, day0, "the "+canary)
	id := f.backup(c).Snapshot
	other, gone := f.open(fresh(t)), errors.New("the device is gone")
	overtaken, within := false, false
	f.store.Fault = func(op, name string) error {
		switch {
		case within:
		case overtaken:
			return gone
		case op == "put" && strings.HasPrefix(name, "snapshots/"):
			within = true
			for range 2 {
				if _, err := other.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil {
					t.Error(err)
				}
			}
			within, overtaken = false, true
		}
		return nil
	}
	_, err := f.a.Erase(t.Context(), engine.Selection{Keys: [][]byte{[]byte(key)}}, false, true)
	wants(t, err, gone)
	f.store.Fault = nil
	a := f.open(fresh(t))
	if l, err := a.Ledger(t.Context()); err != nil || l.Overtaken != 1 {
		t.Fatalf("%+v, %v: the test does not do what it says", l, err)
	}
	if _, err := a.Prune(t.Context(), engine.PruneOptions{MaxUnused: 100, Insist: true}); err != nil {
		t.Fatal(err)
	}
	if l, err := a.Ledger(t.Context()); err != nil || l.Overtaken != 0 || l.Unnamed != 0 || l.Orphans != 0 {
		t.Errorf("after a prune: %+v, %v", l, err)
	}
	holds(t, f.open(fresh(t)), id, c)
}
