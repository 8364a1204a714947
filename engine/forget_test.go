package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
)

const canary = "CANARY-4711-CANARY"

func decryptable(t *testing.T, a *engine.Archive) bool {
	t.Helper()
	found, err := a.Decryptable(t.Context(), []byte(canary))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestForgottenIsNotDecryptable(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 5, 100, 3, 2000)
	secret := c.say("g001", 500, day0, "the "+canary)
	first := f.backup(c)
	delete(c.items, secret)
	f.backup(c)
	if !decryptable(t, f.a) {
		t.Fatal("the older snapshot does not open its own item: the test looks in the wrong place")
	}
	if _, err := f.a.Forget(t.Context(), []string{first.Snapshot}, false); err != nil {
		t.Fatal(err)
	}
	if decryptable(t, f.open(fresh(t))) {
		t.Error("a forgotten item still opens")
	}
	holds(t, f.a, "latest", c)
}

func TestPruneLeavesNoDeadByte(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 5, 200, 10, 5000)
	var ids []string
	r := rand.New(rand.NewPCG(5, 6))
	for d := range 8 {
		f.clock.t = day0.AddDate(0, 0, 10+d)
		for k, it := range c.items {
			if it.Kind == engine.Message && r.IntN(20) == 0 {
				for _, n := range it.Needs {
					delete(c.items, string(n))
				}
				delete(c.items, k)
			}
		}
		for i := range 30 {
			c.say("g002", i, f.clock.t, sentence(r), c.photo(fmt.Sprint("d", d, i), f.clock.t, 4000))
		}
		ids = append(ids, f.backup(c).Snapshot)
	}
	if _, err := f.a.Forget(t.Context(), ids[:6], true); err != nil {
		t.Fatal(err)
	}
	rep := f.pruneAsSaid(0)
	live, dead, orphans, err := f.a.Waste(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if dead != 0 || orphans != 0 || live == 0 {
		t.Errorf("%d bytes live, %d dead, %d orphans after prune; want 0 dead", live, dead, orphans)
	}
	if rep.PacksRewritten == 0 {
		t.Errorf("no pack was rewritten: %+v", rep)
	}
	holds(t, f.a, "latest", c)
	holds(t, f.open(fresh(t)), ids[7], c)
	check(t, f.a)
	if again := f.prune(0); again.PacksDeleted != 0 || again.PacksRewritten != 0 {
		t.Errorf("a second prune still found %+v", again)
	}
}

// pruneAsSaid prunes, after a dry run that must say what then comes of it.
func (f *fixture) pruneAsSaid(maxUnused float64) engine.PruneReport {
	f.t.Helper()
	writes := f.store.Stats()
	dry, err := f.a.Prune(f.t.Context(), engine.PruneOptions{MaxUnused: maxUnused, DryRun: true, Insist: true})
	if err != nil {
		f.t.Fatal(err)
	}
	if now := f.store.Stats(); now.Puts != writes.Puts || now.Deletes != writes.Deletes {
		f.t.Errorf("a dry run put %d objects and deleted %d", now.Puts-writes.Puts, now.Deletes-writes.Deletes)
	}
	rep := f.prune(maxUnused)
	said := func(r engine.PruneReport) string {
		return fmt.Sprintf("deleted %d, rewritten %d of %d bytes, freed %d, waiting %d, expired %d", r.PacksDeleted, r.PacksRewritten, r.BytesRewritten,
			r.BytesFreed, r.BytesWaiting, r.SnapshotsExpired)
	}
	if said(dry) != said(rep) {
		f.t.Errorf("dry run: %s\nreal run: %s", said(dry), said(rep))
	}
	return rep
}

func TestWhollyDeadPacksGoAndOthersStay(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 5, 50, 3, 2000)
	f.backup(c)
	big := c.clone()
	big.say("g001", 1, day0, "with a large one", big.photo("large", day0, 2<<20))
	second := f.backup(big)
	f.backup(c)
	if _, err := f.a.Forget(t.Context(), []string{second.Snapshot}, true); err != nil {
		t.Fatal(err)
	}
	rep := f.pruneAsSaid(50)
	if rep.BytesFreed < 2<<20 || rep.PacksRewritten > 1 {
		t.Errorf("freed %d, rewrote %d packs; want the large pack gone and the others left", rep.BytesFreed, rep.PacksRewritten)
	}
	holds(t, f.a, "latest", c)
}

func expiring(c *chat, key string, at time.Time) {
	c.change(key, func(it *engine.Item) { it.Expires = at })
}

func TestExpiredItemsLeaveEverySnapshot(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 5, 100, 3, 2000)
	secret := c.say("g001", 500, day0, "the "+canary, c.photo("secret", day0, 3000))
	expiring(c, secret, day0.AddDate(0, 0, 5))
	var ids []string
	for d := range 4 {
		f.clock.t = day0.AddDate(0, 0, d)
		c.say("g003", d, f.clock.t, fmt.Sprint("day ", d))
		ids = append(ids, f.backup(c).Snapshot)
	}
	if mixed, err := f.a.ClassesMixed(t.Context()); err != nil || mixed {
		t.Errorf("classes mixed: %v, %v", mixed, err)
	}
	f.clock.t = day0.AddDate(0, 0, 7)
	v, err := f.a.View(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	for it, err := range v.Items(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(it.Inline, []byte(canary)) {
			t.Error("an expired item is in a view")
		}
	}
	delete(c.items, secret)
	for k := range c.items {
		if strings.HasSuffix(k, "/secret") {
			delete(c.items, k)
		}
	}
	twin := *f
	twin.store, twin.opt.State = f.store.Clone(), filepath.Join(t.TempDir(), "twin")
	twin.a = twin.open()
	if rep := twin.pruneAsSaid(0); rep.SnapshotsExpired != 4 || rep.PacksDeleted == 0 {
		t.Errorf("%+v, want what expires in 4 snapshots gone", rep)
	}
	rep := f.backup(c)
	if rep.Rewritten != 4 {
		t.Errorf("%d snapshots rewritten, want 4", rep.Rewritten)
	}
	if decryptable(t, f.open(fresh(t))) {
		t.Error("an expired item still opens")
	}
	for _, id := range ids {
		if _, err := f.a.View(t.Context(), id); err != nil {
			t.Errorf("snapshot %s: %v", id, err)
		}
	}
	f.prune(0)
	check(t, f.a)
}

func TestExpiryIsLogarithmicInEverySnapshot(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 50, 2000, 10, 0)
	i := 0
	for k, it := range c.items {
		if i++; i%5 == 0 {
			it.Expires = day0.AddDate(0, 0, 12+i%60)
			c.items[k] = it
		}
	}
	const snapshots = 10
	for d := range snapshots {
		f.clock.t = day0.AddDate(0, 0, d)
		c.say("g003", d, f.clock.t, fmt.Sprint("day ", d))
		f.backup(c)
	}
	f.clock.t = day0.AddDate(0, 0, 14)
	f.store.ResetStats()
	rep := f.prune(100)
	s := f.store.Stats()
	if rep.SnapshotsExpired != snapshots {
		t.Fatalf("%d snapshots rewritten, want %d", rep.SnapshotsExpired, snapshots)
	}
	t.Logf("%d snapshots: %d nodes read by the survey, %+v", snapshots, rep.NodesLoaded, s)
}

func TestEraseTakesAConversationFromEverySnapshot(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 6, 200, 4, 2000)
	shared := c.photo("shared", day0, 5000)
	c.say("g001", 900, day0, "one chat", shared)
	c.say("g002", 901, day0, "another chat", shared)
	alone := c.photo(canary, day0, 5000)
	c.say("g001", 902, day0, canary, alone)
	var ids []string
	for d := range 3 {
		f.clock.t = day0.AddDate(0, 0, 5+d)
		c.say("g001", 950+d, f.clock.t, "every day")
		ids = append(ids, f.backup(c).Snapshot)
	}
	rep, err := f.a.Erase(t.Context(), engine.Selection{Group: []byte("g001")}, false, true)
	if err != nil {
		t.Fatal(err)
	}
	if rep.Rewritten != 3 {
		t.Errorf("%d snapshots rewritten, want 3", rep.Rewritten)
	}
	names := map[string]bool{}
	for k, it := range c.items {
		if string(it.Group) == "g001" {
			delete(c.items, k)
		} else {
			for _, n := range it.Needs {
				names[string(n)] = true
			}
		}
	}
	for k, it := range c.items {
		if it.Kind == engine.Media && !names[k] {
			delete(c.items, k)
		}
	}
	if _, ok := c.items[shared]; !ok {
		t.Fatal("the photo of two chats is gone from the expectation")
	}
	holds(t, f.a, ids[2], c)
	if decryptable(t, f.open(fresh(t))) {
		t.Error("an erased item still opens")
	}
	if n, err := f.a.Erase(t.Context(), engine.Selection{Group: []byte("g001")}, false, true); err != nil || n.Rewritten != 0 {
		t.Errorf("a second erase: %+v, %v", n, err)
	}
	f.prune(0)
	check(t, f.a)
	if again := f.backup(c); again.Removed != 0 || again.New != 0 {
		t.Errorf("a backup of what is left found %+v", again)
	}
}

func TestGuardsRefuse(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 3, 20, 3, 0)
	c.say("g001", 1, day0, "large", c.photo("large", day0, 20<<20))
	var ids []string
	for range 4 {
		ids = append(ids, f.backup(c).Snapshot)
	}
	_, err := f.a.Forget(t.Context(), ids[:3], false)
	wants(t, err, engine.ErrRefused)
	_, err = f.a.Forget(t.Context(), ids, false)
	wants(t, err, engine.ErrRefused)
	small := newChat("a")
	history(small, 3, 20, 3, 0)
	_, err = f.a.Backup(t.Context(), small, engine.BackupOptions{})
	wants(t, err, engine.ErrRefused)
	_, err = f.a.Erase(t.Context(), engine.Selection{Kind: engine.Media}, false, false)
	wants(t, err, engine.ErrRefused)
	if _, err := f.a.Forget(t.Context(), ids[:3], true); err != nil {
		t.Errorf("insisted on: %v", err)
	}
}

func TestRollbackIsNoticed(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 3, 20, 1, 0)
	f.backup(c)
	old := f.store.Clone()
	c.say("g001", 1, day0.AddDate(0, 0, 1), "later")
	second := f.backup(c)
	now := f.store
	f.store = old
	_, err := f.open().Snapshots(t.Context())
	wants(t, err, engine.ErrRollback)
	if _, err := f.open(fresh(t)).Snapshots(t.Context()); err != nil {
		t.Errorf("a fresh device cannot know, and said %v", err)
	}
	f.store = now
	other := f.open(fresh(t))
	if _, err := other.Forget(t.Context(), []string{second.Snapshot}, false); err != nil {
		t.Fatal(err)
	}
	if _, err := f.open().Snapshots(t.Context()); err != nil {
		t.Errorf("another device's forget is no rollback: %v", err)
	}
}

func TestGuessesOfADeletedLeaf(t *testing.T) {
	for _, blind := range []bool{false, true} {
		t.Run(fmt.Sprintf("blind %v", blind), func(t *testing.T) {
			f := create(t, func(o *engine.Options) { o.Blind = blind })
			c := newChat("a")
			c.say("g001", 1, day0, "known before")
			code := c.say("g001", 2, day0, "my code is 739201")
			first := f.backup(c)
			items := []engine.Item{}
			for it := range c.Items(t.Context()) {
				items = append(items, it)
			}
			delete(c.items, code)
			f.backup(c)
			if _, err := f.a.Forget(t.Context(), []string{first.Snapshot}, true); err != nil {
				t.Fatal(err)
			}
			thief := f.open(fresh(t), func(o *engine.Options) { o.Blind = false })
			hit, err := thief.Guess(t.Context(), items)
			if err != nil {
				t.Fatal(err)
			}
			if hit == blind {
				t.Errorf("a right guess is confirmed: %v, want %v", hit, !blind)
			}
		})
	}
}

func TestTwoWritersAndAPrunerAtOnce(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 5, 100, 3, 4000)
	f.backup(c)
	done := make(chan error, 3)
	for w := range 2 {
		a := f.open(fresh(t))
		mine := newChat(fmt.Sprint("w", w))
		history(mine, 5, 50, 2, 3000)
		go func() {
			for i := range 10 {
				mine.say("g001", 5000+i, day0, fmt.Sprint("round ", i), mine.photo(fmt.Sprint(w, i), day0, 5000))
				rep, err := a.Backup(t.Context(), mine, engine.BackupOptions{})
				if err != nil {
					done <- err
					return
				}
				v, err := a.View(t.Context(), rep.Snapshot)
				if err != nil {
					done <- err
					return
				}
				n := 0
				for it, err := range v.Items(t.Context()) {
					if err != nil {
						done <- err
						return
					}
					if _, err := content(t, it); err != nil {
						done <- err
						return
					}
					n++
				}
				if n != len(mine.items) {
					done <- fmt.Errorf("round %d: %d items, want %d", i, n, len(mine.items))
					return
				}
			}
			done <- nil
		}()
	}
	a := f.open(fresh(t))
	go func() {
		for range 10 {
			if _, err := a.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil && !errors.Is(err, engine.ErrRefused) {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	check(t, f.open(fresh(t)))
}
