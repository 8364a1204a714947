package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine"
)

// TestPruneKeepsWhatTwoDevicesUploaded: two devices upload the same photo at once, so that it
// lies in two packs. A prune leaves one, and tells the snapshot that named the other.
func TestPruneKeepsWhatTwoDevicesUploaded(t *testing.T) {
	for forget := range 2 {
		f := create(t)
		chats := []*chat{newChat("a"), newChat("b")}
		for i, c := range chats {
			c.say("g001", i, day0, "look", c.photo("the same", day0, 100_000))
			c.say("g001", 10, day0, fmt.Sprint("only here ", i), c.photo(fmt.Sprint("own", i), day0, 20_000))
		}
		var ids [2]string
		other := f.open(fresh(t))
		f.store.Fault = func(op, name string) error {
			if op != "put" || !strings.HasPrefix(name, "packs/") || ids[1] != "" {
				return nil
			}
			ids[1] = "under way"
			rep, err := other.Backup(t.Context(), chats[1], engine.BackupOptions{})
			ids[1] = rep.Snapshot
			return err
		}
		ids[0] = f.backup(chats[0]).Snapshot
		if _, dead, _, err := f.a.Waste(t.Context()); err != nil || dead < 100_000 {
			t.Fatalf("%d bytes lie there twice, %v: the test does not do what it says", dead, err)
		}
		f.prune(0)
		if _, dead, _, err := f.a.Waste(t.Context()); err != nil || dead != 0 {
			t.Errorf("%d bytes lie there twice after a prune, %v", dead, err)
		}
		if _, err := f.a.Forget(t.Context(), ids[forget:forget+1], true); err != nil {
			t.Fatal(err)
		}
		f.prune(0)
		holds(t, f.open(fresh(t)), ids[1-forget], chats[1-forget])
		check(t, f.a)
	}
}

// lastOfTenDays is an archive of ten days of which nine are forgotten.
func lastOfTenDays(t *testing.T) (*fixture, *diary) {
	f, d := create(t), newDiary(1500, 30_000)
	var ids []string
	for n := range 10 {
		f.clock.t = day0.AddDate(0, 0, n)
		d.live(f.clock.t)
		ids = append(ids, f.backup(d.chat).Snapshot)
	}
	if _, err := f.a.Forget(t.Context(), ids[:9], true); err != nil {
		t.Fatal(err)
	}
	return f, d
}

// TestPruneReadsWhatItRewrites: a prune reads no tree and no pack that stays, and to
// leave no dead byte it moves no more than what it rewrites, there and back.
func TestPruneReadsWhatItRewrites(t *testing.T) {
	f, d := lastOfTenDays(t)
	for _, unused := range []float64{5, 0} {
		read := map[string]bool{}
		f.store.Fault = func(op, name string) error {
			if op == "get" && strings.HasPrefix(name, "packs/") {
				read[name] = true
			}
			return nil
		}
		f.store.ResetStats()
		rep := f.pruneAsSaid(unused)
		s := f.store.ResetStats()
		f.store.Fault = nil
		rep.Receipt = nil
		t.Logf("unused %v: %+v, %+v", unused, rep, s)
		if moved := s.Downloaded + s.Uploaded; moved > 2*rep.BytesRewritten || s.Gets > 80+int64(rep.PacksRead) {
			t.Errorf("unused %v: %d bytes moved in %d reads to rewrite %d in %d packs", unused, moved, s.Gets, rep.BytesRewritten, rep.PacksRead)
		}
		for info, err := range f.store.List(t.Context(), "packs/") {
			if err != nil {
				t.Fatal(err)
			}
			if read[info.Name] {
				t.Errorf("unused %v: %s stays and was read", unused, info.Name)
			}
		}
		if rep.NodesLoaded != 0 || rep.PacksRewritten == 0 || rep.PacksKept == 0 {
			t.Errorf("unused %v: %d nodes read, %d packs rewritten, %d kept", unused, rep.NodesLoaded, rep.PacksRewritten, rep.PacksKept)
		}
	}
	if _, dead, orphans, err := f.a.Waste(t.Context()); err != nil || dead != 0 || orphans != 0 {
		t.Errorf("%d bytes dead, %d orphans, %v", dead, orphans, err)
	}
	holds(t, f.a, "latest", admitted(d.chat, f.clock.t))
	check(t, f.a)
}

// TestPruneLeavesWhatIsAllowed: a prune stops rewriting once little enough of the archive is dead.
func TestPruneLeavesWhatIsAllowed(t *testing.T) {
	f, _ := lastOfTenDays(t)
	rewritten := int64(0)
	for _, unused := range []float64{100, 10, 5, 2, 0} {
		rep, err := f.a.Prune(t.Context(), engine.PruneOptions{MaxUnused: unused, DryRun: true, Insist: true})
		if err != nil {
			t.Fatal(err)
		}
		if dead := 100 * float64(rep.BytesDead) / float64(rep.BytesLive+rep.BytesDead); dead > unused {
			t.Errorf("unused %v: %.1f %% stays dead", unused, dead)
		}
		if rep.PacksRewritten < rewritten {
			t.Errorf("unused %v: %d packs rewritten, and %d to leave more", unused, rep.PacksRewritten, rewritten)
		}
		if unused == 100 && rep.PacksRewritten > 0 || unused == 0 && rep.PacksRewritten < 2 {
			t.Errorf("unused %v: %d packs rewritten", unused, rep.PacksRewritten)
		}
		rewritten = rep.PacksRewritten
	}
}
