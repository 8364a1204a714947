package engine_test

import (
	"fmt"
	"testing"

	"github.com/dayfold/dayfold/engine"
)

// TestRepairFromACopy damages or takes away each pack of an archive, and mends it: from
// its copy, or alone as far as blobs still open.
func TestRepairFromACopy(t *testing.T) {
	f := create(t, indexed(t), func(o *engine.Options) { o.PackSize, o.TreePackSize = 64<<10, 64<<10 })
	chats, snapshots := backups(f, 2)
	w := newTwin(t, f)
	w.copy(t)
	for name, size := range objects(t, f.store, "packs/") {
		for _, how := range []struct {
			what   string
			copy   bool
			change func([]byte) []byte
		}{
			{"gone", true, func([]byte) []byte { return nil }},
			{"cut short", true, func(b []byte) []byte { return b[:size/2] }},
			{"one bit", true, func(b []byte) []byte { b[200] ^= 1; return b }},
			{"a bit of the padding, and no copy", false, func(b []byte) []byte { b[size-100] ^= 1; return b }},
		} {
			g := *f
			g.t, g.store = t, f.store.Clone()
			g.store.Corrupt(name, how.change)
			a := g.open(fresh(t))
			from := w.b
			if !how.copy {
				from = nil
			}
			what := fmt.Sprint(name[:8], " ", how.what)
			rep, err := a.Repair(t.Context(), from, false, false)
			if !how.copy && err == nil && rep.Missing > 0 {
				continue // the directory does not open: nothing but a copy helps, and that is said
			}
			if err != nil || rep.Missing > 0 || rep.Rewritten == 0 {
				t.Errorf("%s: %d rewritten, %v, %v", what, rep.Rewritten, rep.Problems, err)
				continue
			}
			aside := len(objects(t, g.store, "quarantine/"))
			if want := 1; how.what != "gone" && aside != want || len(rep.Quarantined) != aside {
				t.Errorf("%s: %d put aside, %v", what, aside, rep.Quarantined)
			}
			b := g.open(fresh(t))
			check(t, b)
			for i, s := range snapshots {
				holds(t, b, s, chats[i])
			}
			if again, err := b.Repair(t.Context(), w.b, false, false); err != nil || again.Rewritten > 0 || again.BytesUploaded > 0 {
				t.Errorf("%s: again: %+v, %v", what, again, err)
			}
		}
	}
}

// TestRepairNamesWhatIsLost: without a copy, a snapshot of which a blob is lost is named
// and stays as it is, with its packs; another is not touched.
func TestRepairNamesWhatIsLost(t *testing.T) {
	f := create(t, indexed(t))
	c := newChat("a")
	history(c, 3, 30, 2, 0)
	whole := f.backup(c).Snapshot
	before := objects(t, f.store, "packs/")
	c2 := c.clone()
	c2.photo("lost", f.clock.t, 90_000)
	f.backup(c2)
	for name := range objects(t, f.store, "packs/") {
		if _, old := before[name]; !old {
			f.store.Corrupt(name, func(b []byte) []byte { b[300] ^= 1; return b })
		}
	}
	stored := f.store.Clone()
	for _, dry := range []bool{true, false} {
		rep, err := f.open(fresh(t)).Repair(t.Context(), nil, false, dry)
		if err != nil || rep.Missing != 1 || len(rep.Quarantined) > 0 || rep.Rewritten > 0 {
			t.Errorf("dry %v: %+v, %v", dry, rep, err)
		}
	}
	if got, want := objects(t, f.store, "packs/"), objects(t, stored, "packs/"); len(got) < len(want) {
		t.Errorf("%d packs of %d: what may still be mended was put aside", len(got), len(want))
	}
	holds(t, f.open(fresh(t)), whole, c)
}

// TestRepairCrashesAtEveryWrite cuts a repair short at each of its writes, and repairs
// once more.
func TestRepairCrashesAtEveryWrite(t *testing.T) {
	f := create(t, indexed(t))
	chats, snapshots := backups(f, 2)
	w := newTwin(t, f)
	w.copy(t)
	damage(f)
	repair := func(a *engine.Archive) error {
		rep, err := a.Repair(t.Context(), w.b, false, false)
		if err == nil && rep.Missing > 0 {
			err = rep.Problems[0]
		}
		return err
	}
	crashRepairs(f, repair, func(_ int64, b *engine.Archive) {
		for i, s := range snapshots {
			holds(t, b, s, chats[i])
		}
	})
}

// damage flips a bit in every pack.
func damage(f *fixture) {
	for name := range objects(f.t, f.store, "packs/") {
		f.store.Corrupt(name, func(b []byte) []byte { b[200] ^= 1; return b })
	}
}

// crashRepairs cuts a repair of a damaged archive short at each of its writes, before and
// after it, repairs once more, checks the archive and lets look have it.
func crashRepairs(f *fixture, repair func(*engine.Archive) error, look func(write int64, b *engine.Archive)) {
	t := f.t
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n += step() {
			g := *f
			g.store = f.store.Clone()
			writes := crashAt(g.store, n, after)
			err := repair(g.open(fresh(t)))
			if writes.Load() < n {
				if n < 8 {
					t.Errorf("only %d writes", n-1)
				}
				break
			}
			wants(t, err, errCrash)
			g.store = g.store.Clone()
			b := g.open(fresh(t))
			if err := repair(b); err != nil {
				t.Fatalf("write %d: %v", n, err)
			}
			check(t, b)
			look(n, b)
		}
	}
}
