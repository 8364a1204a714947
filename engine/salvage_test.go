package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/zeebo/blake3"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// damages are what happens to an object; nil takes it away.
var damages = []struct {
	what   string
	change func([]byte) []byte
}{
	{"gone", func([]byte) []byte { return nil }},
	{"one bit", func(b []byte) []byte { b[200] ^= 1; return b }},
	{"cut short", func(b []byte) []byte { return b[:len(b)/2] }},
}

// TestRepairFromTheLiveSource damages each pack. Once a repair has found that out, a backup
// of the history as it is uploads again what was lost, and one more repair mends what
// older snapshots had of it. Each archive has an index of its own, as one that is shared would
// have forgotten the damaged pack for that of another history. Mended snapshots rely on
// packs that they did not name before, and keep them when the snapshot that brought them is forgotten.
func TestRepairFromTheLiveSource(t *testing.T) {
	f := create(t, func(o *engine.Options) { o.PackSize, o.TreePackSize = 64<<10, 64<<10 })
	chats, snapshots := backups(f, 2)
	mended := 0
	for name := range objects(t, f.store, "packs/") {
		what := name[:8]
		g := *f
		g.t, g.store = t, f.store.Clone()
		g.store.Corrupt(name, func(b []byte) []byte { b[200] ^= 1; return b })
		g.a = g.open(fresh(t))
		first, err := g.a.Repair(t.Context(), nil, false, false)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		g.backup(chats[1])
		rep, err := g.a.Repair(t.Context(), nil, false, false)
		if err != nil || rep.Missing > 1 {
			t.Errorf("%s: %v, %v", what, rep.Problems, err)
		}
		holds(t, g.a, snapshots[1], chats[1]) // all that it had is in the source
		if rep.Missing > 0 {
			continue // a node of the first snapshot, which no later one has
		}
		if first.Missing > 0 {
			mended++
		}
		b := g.open(fresh(t))
		if _, err := b.Forget(t.Context(), []string{"latest"}, true); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := b.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		check(t, b)
		for i, s := range snapshots {
			holds(t, b, s, chats[i])
		}
	}
	if mended < 4 {
		t.Errorf("%d times something was lost and came back", mended)
	}
}

// TestRepairGivesUpWhatIsLost: what is lost for good leaves the snapshots, named, and
// nothing else does. Then the archive is as if it had been made of what is left: a backup of
// that changes nothing.
func TestRepairGivesUpWhatIsLost(t *testing.T) {
	f := create(t, indexed(t), func(o *engine.Options) { o.PackSize, o.TreePackSize = 64<<10, 64<<10 })
	chats, snapshots := backups(f, 2)
	for name := range objects(t, f.store, "packs/") {
		for _, d := range damages {
			what := fmt.Sprint(name[:8], " ", d.what)
			g := *f
			g.t, g.store = t, f.store.Clone()
			g.store.Corrupt(name, d.change)
			g.a = g.open(fresh(t))
			if _, err := g.a.Repair(t.Context(), nil, true, true); err != nil || len(objects(t, g.store, "quarantine/")) > 0 {
				t.Errorf("%s, dry: %v", what, err)
			}
			rep, err := g.a.Repair(t.Context(), nil, true, false)
			if err != nil || rep.Rewritten == 0 {
				t.Fatalf("%s: %d rewritten, %v", what, rep.Rewritten, err)
			}
			b := g.open(fresh(t))
			check(t, b)
			lost := 0
			for i, s := range snapshots {
				left := survivors(t, b, s, chats[i])
				lost = max(lost, len(chats[i].items)-len(left.items))
				if i == 1 {
					g.a = b
					if again := g.backup(left); !again.Unchanged {
						t.Errorf("%s: a backup of what is left: %+v", what, again)
					}
				}
			}
			if int64(lost) != rep.Removed || (lost > 0) != (rep.Missing > 0) {
				t.Errorf("%s: %d items are lost, %d reported, %v", what, lost, rep.Removed, rep.Problems)
			}
			if aside := len(objects(t, g.store, "quarantine/")); d.what != "gone" && aside != 1 {
				t.Errorf("%s: %d put aside", what, aside)
			}
			for range 2 {
				if _, err := b.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
			}
			if again, err := b.Repair(t.Context(), nil, true, false); err != nil || again.Missing+again.Rewritten > 0 {
				t.Errorf("%s: again: %+v, %v", what, again, err)
			}
		}
	}
}

// survivors are the items of c that a snapshot has, as it has them.
func survivors(t *testing.T, a *engine.Archive, snapshot string, c *chat) *chat {
	t.Helper()
	v, err := a.View(t.Context(), snapshot)
	if err != nil {
		t.Fatal(err)
	}
	left := c.clone()
	clear(left.items)
	for it, err := range v.Items(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		was, ok := c.items[string(it.Key)]
		got, err := content(t, it)
		want, _ := content(t, was)
		if !ok || err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of %d, %v", it.Key, len(got), len(want), err)
		}
		was.Expires = it.Expires
		left.items[string(it.Key)] = was
	}
	return left
}

// TestGivingUpCrashesAtEveryWrite cuts a repair that gives up short at each of its writes:
// the next one leaves what it would have left.
func TestGivingUpCrashesAtEveryWrite(t *testing.T) {
	f := create(t, indexed(t))
	chats, snapshots := backups(f, 2)
	repair := func(a *engine.Archive) error {
		_, err := a.Repair(t.Context(), nil, true, false)
		return err
	}
	left := func(a *engine.Archive) (keys []string) {
		for i, s := range snapshots {
			for k := range survivors(t, a, s, chats[i]).items {
				keys = append(keys, s+k)
			}
		}
		slices.Sort(keys)
		return keys
	}
	damage(f)
	g := *f
	g.store = f.store.Clone()
	a := g.open(fresh(t))
	if err := repair(a); err != nil {
		t.Fatal(err)
	}
	want := left(a)
	crashRepairs(f, repair, func(n int64, b *engine.Archive) {
		if got := left(b); !slices.Equal(got, want) {
			t.Errorf("write %d: %d items are left, want %d", n, len(got), len(want))
		}
	})
}

// TestRepairGivesUpASnapshotThatDoesNotOpen: it is put aside, other snapshots stay, and no
// device takes it for a rollback.
func TestRepairGivesUpASnapshotThatDoesNotOpen(t *testing.T) {
	f := create(t)
	chats, snapshots := backups(f, 2)
	f.store.Corrupt("snapshots/"+snapshots[0]+"/00000000", func(b []byte) []byte { b[150] ^= 1; return b })
	a := f.open() // the same device, which has seen it whole
	if rep, err := a.Repair(t.Context(), nil, false, false); err != nil || rep.Missing != 1 || len(rep.Quarantined) > 0 {
		t.Errorf("unasked: %+v, %v", rep, err)
	}
	rep, err := a.Repair(t.Context(), nil, true, false)
	if err != nil || rep.Missing != 1 || len(rep.Quarantined) != 1 {
		t.Errorf("given up: %+v, %v", rep, err)
	}
	if n := len(objects(t, f.store, "quarantine/snapshots/")); n != 1 {
		t.Errorf("%d put aside", n)
	}
	a = f.open()
	check(t, a)
	holds(t, a, snapshots[1], chats[1])
	if _, err := a.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil {
		t.Error(err)
	}
}

// TestRepairLeavesANewerVersionAlone: a pack of a later format is not damage.
func TestRepairLeavesANewerVersionAlone(t *testing.T) {
	f := create(t)
	backups(f, 1)
	for name := range objects(t, f.store, "packs/") {
		data, err := f.store.Get(t.Context(), name, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		data[8]++
		if err := f.store.Put(t.Context(), pack.Name(blake3.Sum256(data)).Path(), data); err != nil {
			t.Fatal(err)
		}
		break
	}
	_, err := f.open(fresh(t)).Repair(t.Context(), nil, true, false)
	wants(t, err, seal.ErrVersion)
	if n := len(objects(t, f.store, "quarantine/")); n > 0 {
		t.Errorf("%d put aside", n)
	}
}

// TestBackupOverADamagedParent: what of the newest snapshot cannot be read is read from the
// source again, and the report names the snapshot.
func TestBackupOverADamagedParent(t *testing.T) {
	f := create(t, indexed(t), func(o *engine.Options) { o.PackSize, o.TreePackSize = 64<<10, 64<<10 })
	chats, snapshots := backups(f, 1)
	hit := 0
	for name := range objects(t, f.store, "packs/") {
		g := *f
		g.t, g.store = t, f.store.Clone()
		g.store.Corrupt(name, damages[0].change)
		a := g.open(fresh(t))
		rep, err := a.Backup(t.Context(), chats[0], engine.BackupOptions{})
		if err != nil {
			t.Errorf("%s gone: %v", name, err)
			continue
		}
		holds(t, a, rep.Snapshot, chats[0])
		for _, p := range rep.Problems {
			if hit++; !bytes.Contains(p.Key, []byte(snapshots[0])) || !errors.Is(p, seal.ErrCorrupt) {
				t.Errorf("%s gone: %v", name, p)
			}
		}
	}
	if hit == 0 {
		t.Error("no parent was damaged")
	}
}

// TestRepairHeedsExpiry: a photo that lies in a pack that expires as well is no substitute
// for one that stays.
func TestRepairHeedsExpiry(t *testing.T) {
	f := create(t)
	c := newChat("a")
	expiring(c, c.say("g1", 1, day0, "gone soon", c.photo("twice", day0, 90_000)), day0.AddDate(0, 0, 5))
	f.backup(c)
	before := objects(t, f.store, "packs/")
	f.clock.t = day0.AddDate(0, 0, 1)
	key := c.photo("again", f.clock.t, 90_000) // the same bytes, and they stay
	c.change(key, func(it *engine.Item) { it.Open = c.items["p/002930/twice"].Open })
	f.backup(c)
	for name, size := range objects(t, f.store, "packs/") {
		if _, old := before[name]; !old && size > 64<<10 {
			f.store.Corrupt(name, func([]byte) []byte { return nil })
		}
	}
	f.a = f.open(fresh(t))
	if rep, err := f.a.Repair(t.Context(), nil, false, false); err != nil || rep.Missing > 0 || rep.Packs != 1 {
		t.Fatalf("%d packs, %v, %v", rep.Packs, rep.Problems, err)
	}
	f.clock.t = day0.AddDate(0, 0, 20)
	for range 2 {
		f.prune(0)
	}
	check(t, f.a)
	left := survivors(t, f.a, "latest", c)
	if _, ok := left.items[key]; !ok || len(left.items) != 1 {
		t.Errorf("%d items are left", len(left.items))
	}
}
