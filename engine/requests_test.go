package engine_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/index"
)

// mostRequests is how many requests a day may make beyond its packs.
const mostRequests = 12

// TestADayMakesFewRequests counts what the store is asked for by one run of a device that
// knows the archive, in a process of its own: opening included, with 500 packs and 60
// snapshots, after a prune.
func TestADayMakesFewRequests(t *testing.T) {
	f := create(t, func(o *engine.Options) { o.PackSize, o.TreePackSize = 64<<10, 64<<10 })
	dir := t.TempDir()
	// process is one run of the command: the store behind a cache, an index on disk.
	process := func(work func(a *engine.Archive)) store.Stats {
		t.Helper()
		meter := store.NewMeter(f.store)
		cache, err := store.NewCache(meter, filepath.Join(dir, "objects"), 1<<30, func(name string, size int) bool {
			return !strings.HasPrefix(name, "packs/") && name != "config" || size >= 0 && size <= 64<<10
		})
		if err != nil {
			t.Fatal(err)
		}
		defer cache.Close()
		db, err := index.Open(filepath.Join(dir, "index"), index.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		opt := f.opt
		opt.Index = db
		a, err := engine.Open(t.Context(), cache, f.key, opt)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		work(a)
		return meter.Stats()
	}
	backup := func(a *engine.Archive, c *chat) engine.Report {
		t.Helper()
		rep, err := a.Backup(t.Context(), c, engine.BackupOptions{Insist: true})
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	c := newChat("phone")
	history(c, 4, 100, 3, 0)
	for i := range 500 {
		c.say("g001", 10_000+i, day0, "look", c.photo(fmt.Sprint("p", i), day0, 66_000))
	}
	process(func(a *engine.Archive) {
		for i := range 60 {
			f.clock.t = day0.AddDate(0, 0, i)
			c.say("g001", 20_000+i, f.clock.t, "a day")
			backup(a, c)
		}
	})
	f.prune(50)
	if l, err := f.a.Ledger(t.Context()); err != nil || l.Packs < 500 || l.Snapshots < 60 {
		t.Fatalf("%+v, %v; want 500 packs and 60 snapshots", l, err)
	}
	process(func(a *engine.Archive) { backup(a, c) }) // sees the fence
	f.clock.t = f.clock.t.AddDate(0, 0, 1)
	for _, name := range []string{"an unchanged day", "a day"} {
		var rep engine.Report
		s := process(func(a *engine.Archive) { rep = backup(a, c) })
		beyond := s.Requests() - rep.Packs
		if t.Logf("%s: %d requests and %d packs: %+v", name, beyond, rep.Packs, s); beyond > mostRequests || name == "a day" && rep.Packs == 0 {
			t.Errorf("%s: %d requests beyond %d packs, want at most %d", name, beyond, rep.Packs, mostRequests)
		}
		for i := range 30 {
			c.say("g001", 30_000+i, f.clock.t, "more", c.photo(fmt.Sprint("q", i), f.clock.t, 30_000))
		}
	}
}

// TestOneMessageFromAColdCache counts the bytes that a device which comes new, with the
// recovery key and nothing else, reads to show one message: 10,000 messages, 500 packs
// and 20 snapshots.
func TestOneMessageFromAColdCache(t *testing.T) {
	f := create(t, func(o *engine.Options) { o.PackSize, o.TreePackSize = 64<<10, 2<<20 })
	c := newChat("phone")
	for i := range 500 {
		c.say("g001", 100_000+i, day0, "look", c.photo(fmt.Sprint("p", i), day0, 66_000))
	}
	history(c, 10, 1000, 10, 0)
	var key string
	for i := range 20 {
		key = c.say("g001", 200_000+i, day0, "a day")
		f.backup(c)
	}
	f.store.ResetStats()
	v, err := f.open(fresh(t)).View(t.Context(), "latest")
	if err != nil {
		t.Fatal(err)
	}
	it, err := v.Item(t.Context(), []byte(key))
	if text, e := content(t, it); err != nil || e != nil || !strings.Contains(string(text), "a day") {
		t.Errorf("got %q, %v, %v", text, err, e)
	}
	s := f.store.ResetStats()
	if t.Logf("%d items: %+v", len(c.items), s); s.Downloaded > 1<<20 {
		t.Errorf("%d bytes were read for one message, want at most 1 MiB", s.Downloaded)
	}
}
