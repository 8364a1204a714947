package engine_test

import (
	"testing"

	"github.com/dayfold/dayfold/engine"
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

func anyKey(c *chat) string {
	for k := range c.items {
		return k
	}
	return ""
}
