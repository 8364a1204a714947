package engine_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
)

// TestCrashWhileRecovering crashes a flow, and then the one that goes on after it, and now
// and then a third: at any of their writes, before or after it. DAYFOLD_CRASHES=10000 makes
// that many attempts instead of a few:
//
//	DAYFOLD_CRASHES=10000 go test -run TestCrashWhileRecovering -timeout 10h ./engine
func TestCrashWhileRecovering(t *testing.T) {
	f := create(t, indexed(t))
	w := &world{before: newChat("a")}
	history(w.before, 4, 30, 3, 8000)
	w.first = f.backup(w.before).Snapshot
	w.after = w.before.clone()
	for i := range 20 {
		w.after.say("g001", 8000+i, day0.AddDate(0, 0, 20), fmt.Sprint("later ", i), w.after.photo(fmt.Sprint("later", i), day0.AddDate(0, 0, 20), 20_000))
	}
	f.clock.t = day0.AddDate(0, 0, 21)
	attempts := 16
	if n, err := strconv.Atoi(os.Getenv("DAYFOLD_CRASHES")); err == nil {
		attempts = n
	}
	state, err := os.ReadFile(f.opt.State)
	if err != nil {
		t.Fatal(err)
	}
	crashes := 0
	for seed := range attempts {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		fl := flows[seed%len(flows)]
		g := *f
		g.t, g.store = t, f.store.Clone()
		g.opt.State = filepath.Join(t.TempDir(), "device")
		if err := os.WriteFile(g.opt.State, state, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 + r.IntN(2) {
			crashAt(g.store, 1+r.Int64N(12), r.IntN(2) == 0)
			if err := fl.run(t.Context(), g.open(), w); errors.Is(err, errCrash) {
				crashes++
			} else if err != nil {
				t.Fatalf("%s, seed %d: %v", fl.name, seed, err)
			}
			g.store = g.store.Clone()
		}
		b := g.open()
		if err := fl.run(t.Context(), b, w); err != nil {
			t.Fatalf("%s, seed %d: after the crashes: %v", fl.name, seed, err)
		}
		recovered(t, b, w, fl, fmt.Sprintf("%s, seed %d", fl.name, seed))
	}
	if crashes < attempts {
		t.Errorf("%d crashes in %d attempts", crashes, attempts)
	}
}

// TestCreateLeavesAnArchiveWithoutConfigAlone: new keys beside what old ones sealed would
// make a wrong key of a missing file.
func TestCreateLeavesAnArchiveWithoutConfigAlone(t *testing.T) {
	f := create(t)
	c := newChat("a")
	c.say("g001", 1, day0, "hello")
	f.backup(c)
	for _, gone := range []string{"packs/", "snapshots/"} {
		st := f.store.Clone()
		for name := range objects(t, st, "") {
			if name == "config" || strings.HasPrefix(name, gone) {
				st.Delete(t.Context(), name)
			}
		}
		left := len(objects(t, st, ""))
		_, err := engine.Create(t.Context(), st, f.key, f.opt)
		wants(t, err, seal.ErrCorrupt)
		if n := len(objects(t, st, "")); n != left {
			t.Errorf("%d objects of %d", n, left)
		}
	}
}

// TestCreateCrashesAtEveryWrite: what a crash leaves of the making of an archive is an
// archive that works, or none, and then it can be made.
func TestCreateCrashesAtEveryWrite(t *testing.T) {
	f := create(t, indexed(t))
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n++ {
			g := *f
			g.t, g.store = t, new(store.Mem)
			fresh(t)(&g.opt)
			writes := crashAt(g.store, n, after)
			a, err := engine.Create(t.Context(), g.store, g.key, g.opt)
			if writes.Load() < n {
				if n < 3 {
					t.Errorf("only %d writes", n-1)
				}
				a.Close()
				break
			}
			wants(t, err, errCrash)
			g.store = g.store.Clone()
			g.a, err = engine.Open(t.Context(), g.store, g.key, g.opt)
			if errors.Is(err, engine.ErrNoArchive) {
				g.a, err = engine.Create(t.Context(), g.store, g.key, g.opt)
			}
			if err != nil {
				t.Fatalf("write %d: %v", n, err)
			}
			c := newChat("a")
			history(c, 2, 5, 1, 0)
			holds(t, g.a, g.backup(c).Snapshot, c)
			g.a.Close()
		}
	}
}

// TestRotationCrashesAtEveryWrite: while a key takes the place of another, one of them opens
// the archive, and in the end only the new one.
func TestRotationCrashesAtEveryWrite(t *testing.T) {
	f := create(t, indexed(t))
	next, err := seal.NewRecoveryKey(seeded("next"))
	if err != nil {
		t.Fatal(err)
	}
	opens := func(g *fixture, key seal.RecoveryKey) *engine.Archive {
		a, err := engine.Open(t.Context(), g.store, key, g.opt)
		if err != nil {
			wants(t, err, seal.ErrWrongKey)
			return nil
		}
		t.Cleanup(func() { a.Close() })
		return a
	}
	rotate := func(a *engine.Archive, with seal.RecoveryKey) error {
		old, err := a.Slots(t.Context())
		if err == nil {
			_, err = a.AddSlot(t.Context(), with, next)
		}
		for _, s := range old {
			if err == nil {
				err = a.RemoveSlot(t.Context(), s.ID)
			}
		}
		return err
	}
	for _, after := range []bool{false, true} {
		for n := int64(1); n <= 2; n++ {
			g := *f
			g.t, g.store = t, f.store.Clone()
			a := opens(&g, f.key)
			crashAt(g.store, n, after)
			wants(t, rotate(a, f.key), errCrash)
			g.store = g.store.Clone()
			with := f.key
			if a = opens(&g, with); a == nil {
				with = next
				a = opens(&g, with)
			}
			if a == nil {
				t.Fatalf("write %d: no key opens it", n)
			}
			if err := rotate(a, with); err != nil {
				t.Fatalf("write %d: again: %v", n, err)
			}
			if opens(&g, next) == nil || opens(&g, f.key) != nil {
				t.Errorf("write %d: the wrong key opens", n)
			}
		}
	}
}
