package engine_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
)

// Whoever goes through a whole tree fetches packs, not nodes; whoever looks for one item
// fetches nodes.
func TestScansFetchPacks(t *testing.T) {
	c := newChat("a")
	history(c, 20, 200, 60, 0)
	f := create(t, func(o *engine.Options) { o.TreePackSize = 256 << 10 })
	rep := f.backup(c)
	v, err := f.a.View(t.Context(), rep.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	before := f.store.Stats()
	if _, err := v.Item(t.Context(), []byte(anyKey(c))); err != nil {
		t.Fatal(err)
	}
	one := f.store.Stats()
	if gets, down := one.Gets-before.Gets, one.Downloaded-before.Downloaded; gets > 8 || down > 32<<10 {
		t.Errorf("one item: %d requests, %d bytes", gets, down)
	}
	for _, err := range v.Items(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	all := f.store.Stats()
	gets, most := all.Gets-one.Gets, 20*rep.Packs
	if gets > most || rep.NodesSaved < 3*most {
		t.Errorf("all items, %d nodes in %d packs: %d requests, want at most %d", rep.NodesSaved, rep.Packs, gets, most)
	}
}

// In a history of many days, whose packs do not fit into the reader's memory together, no
// pack is fetched whole twice.
func TestScansOfManyDaysFetchPacksOnce(t *testing.T) {
	c := newChat("a")
	history(c, 20, 200, 60, 0)
	f := create(t, func(o *engine.Options) { o.TreePackSize, o.Memory = 256<<10, 8<<20 })
	f.backup(c)
	keys := slices.Sorted(maps.Keys(c.items))
	for day := range 20 {
		for i := 10 * day; i < len(keys); i += 200 {
			c.change(keys[i], func(it *engine.Item) { it.Inline = fmt.Append(nil, "edited on day ", day) })
		}
		f.backup(c)
	}
	before := f.store.Stats()
	holds(t, f.a, "latest", c)
	down, stored := f.store.Stats().Downloaded-before.Downloaded, int64(0)
	for _, size := range packSizes(t, f) {
		stored += size
	}
	if down > stored*3/2 { // each once, and nodes of those that had left one by one
		t.Errorf("a scan read %d bytes of an archive of %d in %d packs", down, stored, len(packSizes(t, f)))
	}
}

func anyKey(c *chat) string {
	for k := range c.items {
		return k
	}
	return ""
}

// Check reads every pack once, and trees and directories besides.
func TestCheckReadsPacksOnce(t *testing.T) {
	c := newChat("a")
	history(c, 5, 50, 10, 100_000)
	f := create(t, func(o *engine.Options) { o.PackSize = 4 << 20 })
	f.backup(c)
	before := f.store.Stats()
	check(t, f.a)
	after := f.store.Stats()
	whole := before.Uploaded
	if down := after.Downloaded - before.Downloaded; down > whole*5/4 {
		t.Errorf("check read %d bytes of an archive of %d", down, whole)
	}
}

// A byte that is wrong in a photo is damage of its pack and of the snapshot that shows it.
func TestCheckNamesPackAndSnapshot(t *testing.T) {
	c := newChat("a")
	c.say("g1", 1, day0, "look", c.photo("photo", day0, 100_000))
	f := create(t)
	f.backup(c)
	for name, size := range packSizes(t, f) {
		if size > 100_000 {
			f.store.Corrupt(name, func(b []byte) []byte { b[50_000] ^= 1; return b })
		}
	}
	rep, err := f.a.Check(t.Context(), engine.CheckOptions{ReadData: true})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, p := range rep.Problems {
		wants(t, p, seal.ErrCorrupt)
		keys = append(keys, string(p.Key[:6]))
	}
	slices.Sort(keys)
	if !slices.Equal(keys, []string{"packs/", "snapsh"}) {
		t.Errorf("damage of %q, want of a pack and a snapshot", keys)
	}
}

func packSizes(t *testing.T, f *fixture) map[string]int64 {
	sizes := map[string]int64{}
	for info, err := range f.store.List(t.Context(), "packs/") {
		if err != nil {
			t.Fatal(err)
		}
		sizes[info.Name] = info.Size
	}
	return sizes
}

// slow is a store that takes its time, and knows what is under way.
type slow struct {
	store.Store
	reading atomic.Int64
}

func (s *slow) Get(ctx context.Context, name string, off int64, n int) ([]byte, error) {
	s.reading.Add(1)
	defer s.reading.Add(-1)
	time.Sleep(2 * time.Millisecond)
	return s.Store.Get(ctx, name, off, n)
}

// Nothing is read any more when the loop has ended, early or not.
func TestNoReadOutlivesALoop(t *testing.T) {
	c := newChat("a")
	history(c, 20, 200, 30, 0)
	f := create(t)
	f.backup(c)
	s := &slow{Store: f.store}
	a, err := engine.Open(t.Context(), s, f.key, f.opt)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	v, err := a.View(t.Context(), "latest")
	if err != nil {
		t.Fatal(err)
	}
	n, busy := 0, int64(0)
	for _, err := range v.Items(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		busy = max(busy, s.reading.Load())
		if n++; n == 100 {
			break
		}
	}
	if left := s.reading.Load(); left > 0 || busy == 0 {
		t.Errorf("%d reads are under way after the loop, at most %d were at a time within it", left, busy)
	}
}
