package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
)

// weakly is a place that promises nothing: two may create one name, and a listing may be late.
type weakly struct{ *store.Mem }

func (weakly) Capabilities() store.Capabilities { return store.Capabilities{} }

// createWeak is create in a store that is found to be weak.
func createWeak(t *testing.T) *fixture {
	t.Helper()
	f := create(t)
	f.store = new(store.Mem)
	a, err := engine.Create(t.Context(), weakly{f.store}, f.key, f.opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	f.a = a
	return f
}

// TestWeakStoreHasOnePruner: where a store gives no safe create or listing, one device
// prunes and rewrites, and a pack dies a day after it was found dead, at the soonest.
func TestWeakStoreHasOnePruner(t *testing.T) {
	f := createWeak(t)
	kept, c := newChat("kept"), newChat("a")
	history(kept, 3, 50, 2, 3000)
	soon := kept.say("g001", 1, day0, "gone soon")
	expiring(kept, soon, day0.AddDate(0, 0, 2))
	f.backup(kept)
	c.say("g001", 1, day0, "look", c.photo("dead", day0, 200_000))
	dead := f.backup(c)
	if _, err := f.a.Forget(t.Context(), []string{dead.Snapshot}, true); err != nil {
		t.Fatal(err)
	}
	hours := func(n int) engine.PruneReport {
		t.Helper()
		f.clock.t = f.clock.t.Add(time.Duration(n) * time.Hour)
		return f.pruneAsSaid(100)
	}
	if rep := hours(0); rep.PacksDeleted != 0 || rep.BytesWaiting < 200_000 {
		t.Errorf("the first prune: %+v", rep)
	}
	if rep := hours(23); rep.PacksDeleted != 0 {
		t.Errorf("a prune 23 hours later: %+v", rep)
	}
	other := f.open(fresh(t))
	_, err := other.Prune(t.Context(), engine.PruneOptions{Insist: true})
	wants(t, err, engine.ErrRefused)
	_, err = other.Erase(t.Context(), engine.Selection{Group: []byte("g001")}, false, true)
	wants(t, err, engine.ErrRefused)
	if rep := hours(2); rep.PacksDeleted == 0 || rep.BytesFreed < 200_000 {
		t.Errorf("a prune 25 hours later: %+v", rep)
	}
	f.clock.t = day0.AddDate(0, 0, 5)
	takeOut(kept, soon)
	rep, err := other.Backup(t.Context(), kept, engine.BackupOptions{})
	if err != nil || rep.Rewritten != 0 {
		t.Errorf("another device rewrote %d snapshots, %v", rep.Rewritten, err)
	}
	if rep := f.backup(kept); rep.Rewritten != 1 {
		t.Errorf("the pruner rewrote %d snapshots, want 1", rep.Rewritten)
	}
	check(t, f.open(fresh(t)))
}

// TestWeakStoreGivesACommitHalfADay: a device that sleeps between its look at the fences
// and its commit starts over, since fences may have passed that it cannot see yet.
func TestWeakStoreGivesACommitHalfADay(t *testing.T) {
	for _, amend := range []bool{false, true} {
		f := createWeak(t)
		c := newChat("a")
		history(c, 3, 50, 2, 3000)
		f.backup(c)
		slept := false
		f.store.Fault = func(op, name string) error {
			if op == "put" && strings.HasPrefix(name, "snapshots/") && !slept {
				slept = true
				f.clock.t = f.clock.t.Add(13 * time.Hour)
			}
			return nil
		}
		it := c.items[c.say("g001", 900, day0, "one more")]
		var rep engine.Report
		var err error
		if amend {
			rep, err = f.a.Amend(t.Context(), "latest", list([]engine.Change{{New: &it}}), engine.BackupOptions{})
		} else {
			rep, err = f.a.Backup(t.Context(), c, engine.BackupOptions{})
		}
		if err != nil || rep.Restarts != 1 {
			t.Errorf("amend %v: %d restarts, %v; want 1", amend, rep.Restarts, err)
		}
		if n := len(snapshots(t, f.open(fresh(t)))); n != 2 {
			t.Errorf("amend %v: %d snapshots, want 2", amend, n)
		}
		holds(t, f.a, "latest", c)
	}
}
