package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
)

var errCrash = errors.New("crashed")

// crashAt makes a store die at its n-th writing call, before or after it took effect:
// from then on every call fails, as for a process that is gone.
func crashAt(m *store.Mem, n int64, after bool) (writes *atomic.Int64) {
	writes = new(atomic.Int64)
	var dead atomic.Bool
	m.Fault = func(op, _ string) error {
		if dead.Load() {
			return errCrash
		}
		op, done := strings.CutSuffix(op, " done")
		if (op != "put" && op != "delete") || done != after {
			return nil
		}
		if writes.Add(1) == n {
			dead.Store(true)
			return errCrash
		}
		return nil
	}
	return writes
}

// A flow is a step of an archive's life that may be cut short anywhere.
type flow struct {
	name string
	run  func(ctx context.Context, a *engine.Archive, w *world) error
}

// A world is what the flows of a crash test work on.
type world struct {
	before *chat // what the first snapshot holds
	after  *chat // what the second will hold
	first  string
}

var flows = []flow{
	{"backup", func(ctx context.Context, a *engine.Archive, w *world) error {
		_, err := a.Backup(ctx, w.after, engine.BackupOptions{Insist: true, CheckpointEvery: 300_000})
		return err
	}},
	{"amend", func(ctx context.Context, a *engine.Archive, w *world) error {
		var changes []engine.Change
		for k, it := range w.after.items {
			if _, ok := w.before.items[k]; !ok {
				changes = append(changes, engine.Change{New: &it})
			}
		}
		_, err := a.Amend(ctx, "latest", list(changes), engine.BackupOptions{})
		return err
	}},
	{"erase", func(ctx context.Context, a *engine.Archive, w *world) error {
		_, err := a.Erase(ctx, engine.Selection{Group: []byte("g002")}, false, true)
		return err
	}},
	{"forget and prune", func(ctx context.Context, a *engine.Archive, w *world) error {
		if _, err := a.Backup(ctx, w.after, engine.BackupOptions{Insist: true}); err != nil {
			return err
		}
		if _, err := a.Forget(ctx, []string{w.first}, true); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		_, err := a.Prune(ctx, engine.PruneOptions{Insist: true})
		return err
	}},
}

func TestCrashAtEveryWrite(t *testing.T) {
	f := create(t)
	w := &world{before: newChat("a")}
	history(w.before, 4, 60, 4, 15_000)
	w.first = f.backup(w.before).Snapshot
	w.after = w.before.clone()
	r := rand.New(rand.NewPCG(8, 9))
	for i := range 60 {
		w.after.say("g001", 8000+i, day0.AddDate(0, 0, 20), sentence(r), w.after.photo(fmt.Sprint("later", i), day0.AddDate(0, 0, 20), 20_000))
	}
	f.clock.t = day0.AddDate(0, 0, 21)
	state, err := os.ReadFile(f.opt.State)
	if err != nil {
		t.Fatal(err)
	}
	for _, fl := range flows {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after %v", fl.name, after), func(t *testing.T) {
				for n := int64(1); ; n += step() {
					if crashOnce(t, f, w, fl, state, n, after) {
						if n < 4 {
							t.Errorf("only %d writes: the crash is in the wrong place", n-1)
						}
						break
					}
				}
			})
		}
	}
}

// step is 1: a crash at every write. Under -short, as with the race detector, at some.
func step() int64 {
	if testing.Short() {
		return 9
	}
	return 1
}

// crashOnce crashes a flow at its n-th write, restarts, and looks at what is there. It
// reports whether the flow had fewer writes.
func crashOnce(t *testing.T, f *fixture, w *world, fl flow, state []byte, n int64, after bool) (whole bool) {
	t.Helper()
	g := *f
	g.t = t
	g.store = f.store.Clone()
	g.opt.State = filepath.Join(t.TempDir(), "device")
	if err := os.WriteFile(g.opt.State, state, 0o600); err != nil {
		t.Fatal(err)
	}
	writes := crashAt(g.store, n, after)
	a := g.open()
	err := fl.run(t.Context(), a, w)
	whole = writes.Load() < n
	if !whole && !errors.Is(err, errCrash) {
		t.Errorf("crash at write %d was not reported: %v", n, err)
	}
	crashed := g.store.Stats().Uploaded
	g.store = g.store.Clone()
	b := g.open()
	if err := fl.run(t.Context(), b, w); err != nil {
		t.Fatalf("write %d: after the restart: %v", n, err)
	}
	if fl.name == "backup" {
		again := g.store.Stats().Uploaded
		if total := crashed + again; total > uploadedWhole(t, f, w, fl, state)+int64(f.opt.PackSize)*3/2+100_000 {
			t.Errorf("write %d: %d bytes uploaded before the crash and %d after: more than a pack twice", n, crashed, again)
		}
	}
	recovered(t, b, w, fl, fmt.Sprintf("write %d", n))
	return whole
}

// recovered looks at an archive in which a flow was done in the end.
func recovered(t *testing.T, b *engine.Archive, w *world, fl flow, what string) {
	t.Helper()
	check(t, b)
	if fl.name == "backup" || fl.name == "amend" {
		holds(t, b, "latest", w.after)
		holds(t, b, w.first, w.before)
	}
	if fl.name == "forget and prune" {
		if _, dead, orphans, err := b.Waste(t.Context()); err != nil || dead != 0 || orphans != 0 {
			// What a crash left unreferenced is found by the first fence of the next prune and dies at the second.
			t.Errorf("%s: %d dead bytes, %d orphans after the next prune, %v", what, dead, orphans, err)
		}
	}
}

var wholeUpload int64

// uploadedWhole is what the flow uploads when nothing happens.
func uploadedWhole(t *testing.T, f *fixture, w *world, fl flow, state []byte) int64 {
	t.Helper()
	if wholeUpload > 0 {
		return wholeUpload
	}
	g := *f
	g.t = t
	g.store = f.store.Clone()
	g.opt.State = filepath.Join(t.TempDir(), "device")
	if err := os.WriteFile(g.opt.State, state, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := fl.run(t.Context(), g.open(), w); err != nil {
		t.Fatal(err)
	}
	wholeUpload = g.store.Stats().Uploaded
	return wholeUpload
}

// small is an archive with one of everything that can lie in a store.
func small(t *testing.T) (*fixture, *chat) {
	f := create(t, func(o *engine.Options) { o.PackSize, o.TreePackSize = 64<<10, 64<<10 })
	c := newChat("a")
	history(c, 3, 20, 2, 1000)
	key := c.say("g001", 1, day0, "expires", c.photo("expires", day0, 2000))
	expiring(c, key, day0.AddDate(0, 0, 9))
	first := f.backup(c)
	c.say("g001", 2, day0, "more", c.photo("more", day0, 90_000))
	f.backup(c)
	if _, err := f.a.Forget(t.Context(), []string{first.Snapshot}, true); err != nil {
		t.Fatal(err)
	}
	f.prune(0)
	return f, c
}

// TestDamageIsNamedOrHarmless flips bytes of every object of a small archive, cuts
// objects short and takes them away. What comes of it is an error by name or the right
// data, never wrong data and never a panic.
func TestDamageIsNamedOrHarmless(t *testing.T) {
	f, c := small(t)
	var names []string
	sizes := map[string]int64{}
	for info, err := range f.store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, info.Name)
		sizes[info.Name] = info.Size
	}
	r := rand.New(rand.NewPCG(1, 1))
	for _, name := range names {
		for range 12 {
			at := r.Int64N(sizes[name])
			damaged(t, f, c, name, fmt.Sprintf("byte %d flipped", at), func(b []byte) []byte { b[at] ^= 1 << r.IntN(8); return b })
		}
		for _, n := range []int64{0, 1, 95, 96, 97, sizes[name] / 2, sizes[name] - 1} {
			if n < sizes[name] {
				damaged(t, f, c, name, fmt.Sprintf("cut to %d", n), func(b []byte) []byte { return b[:n] })
			}
		}
		damaged(t, f, c, name, "longer", func(b []byte) []byte { return append(b, 0) })
		damaged(t, f, c, name, "gone", func([]byte) []byte { return nil })
		for _, other := range names {
			if data, err := f.store.Get(t.Context(), other, 0, -1); err == nil && other != name && r.IntN(4) == 0 {
				damaged(t, f, c, name, "replaced by "+other, func([]byte) []byte { return data })
			}
		}
	}
	for range 40 {
		one, two := names[r.IntN(len(names))], names[r.IntN(len(names))]
		g := *f
		g.store = f.store.Clone()
		g.store.Corrupt(one, func([]byte) []byte { return nil })
		damaged(t, &g, c, two, "and "+one+" gone", func([]byte) []byte { return nil })
	}
}

// damaged looks at an archive with one object changed.
func damaged(t *testing.T, f *fixture, c *chat, name, what string, change func([]byte) []byte) {
	t.Helper()
	g := *f
	g.store = f.store.Clone()
	g.store.Corrupt(name, change)
	opt := g.opt
	opt.State = filepath.Join(t.TempDir(), "other")
	a, err := engine.Open(t.Context(), g.store, f.key, opt)
	if err != nil {
		named(t, name, what, err)
		return
	}
	defer a.Close()
	v, err := a.View(t.Context(), "latest")
	if err != nil {
		named(t, name, what, err)
		return
	}
	for it, err := range v.Items(t.Context()) {
		if err != nil {
			named(t, name, what, err)
			return
		}
		got, err := content(t, it)
		if err != nil {
			named(t, name, what, err)
			continue
		}
		want, _ := content(t, c.items[string(it.Key)])
		if string(got) != string(want) {
			t.Errorf("%s %s: wrong data for %s", name, what, it.Key)
		}
	}
}

// named fails unless err is one that callers can tell.
func named(t *testing.T, name, what string, err error) {
	t.Helper()
	for _, known := range []error{seal.ErrCorrupt, seal.ErrVersion, seal.ErrWrongKey, engine.ErrNoArchive, fs.ErrNotExist} {
		if errors.Is(err, known) {
			return
		}
	}
	t.Errorf("%s %s: %v", name, what, err)
}

func TestWrongKeyAndNoArchive(t *testing.T) {
	f, _ := small(t)
	other, err := seal.NewRecoveryKey(seeded("another"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = engine.Open(t.Context(), f.store, other, f.opt)
	wants(t, err, seal.ErrWrongKey)
	_, err = engine.Open(t.Context(), new(store.Mem), f.key, f.opt)
	wants(t, err, engine.ErrNoArchive)
	_, err = engine.Create(t.Context(), f.store, f.key, f.opt)
	wants(t, err, fs.ErrExist)
}

func TestNewerVersionsAreSaidToBeNewer(t *testing.T) {
	f, _ := small(t)
	for info, err := range f.store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(info.Name, "keys/") {
			continue
		}
		g := *f
		g.store = f.store.Clone()
		g.store.Corrupt(info.Name, func(b []byte) []byte { b[8]++; return b })
		opt := g.opt
		opt.State = filepath.Join(t.TempDir(), "other")
		a, err := engine.Open(t.Context(), g.store, f.key, opt)
		if err == nil {
			var rep engine.CheckReport
			if rep, err = a.Check(t.Context(), engine.CheckOptions{}); err == nil && len(rep.Problems) > 0 {
				err = rep.Problems[0]
			}
		}
		if strings.HasPrefix(info.Name, "removed/") || strings.HasPrefix(info.Name, "gc/intent/") {
			continue // nobody reads these but a device that misses the snapshot
		}
		if !errors.Is(err, seal.ErrVersion) {
			t.Errorf("%s of a newer version: %v", info.Name, err)
		}
	}
}
