package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/pack/seal"
)

// TestWhatIsWholeIsGivenBack damages each pack of an archive in turn. A view yields every
// item whose leaf can be read, tells of each loss once, and counts what it lost.
func TestWhatIsWholeIsGivenBack(t *testing.T) {
	f := create(t, func(o *engine.Options) { o.PackSize, o.TreePackSize = 64<<10, 64<<10 })
	c := newChat("a")
	history(c, 4, 200, 6, 3000)
	for i := range 40 {
		expiring(c, c.say("g001", 5000+i, day0, fmt.Sprint("gone soon ", i)), day0.AddDate(0, 0, 3+i%5))
	}
	f.backup(c)
	lossy := 0
	for name := range objects(t, f.store, "packs/") {
		g := *f
		g.store = f.store.Clone()
		g.store.Corrupt(name, func([]byte) []byte { return nil })
		v, err := g.open(fresh(t)).View(t.Context(), "latest")
		if err != nil {
			t.Fatal(err)
		}
		seen, damaged, counted, lost := 0, 0, 0, map[string]int{}
		for it, err := range v.Items(t.Context()) {
			var p *engine.Problem
			if errors.As(err, &p) && errors.Is(err, seal.ErrCorrupt) {
				lost[string(p.Key)]++
				n := 0
				fmt.Sscanf(p.Err.Error(), "%d entries", &n)
				counted += n
				continue
			}
			if err != nil {
				t.Fatalf("%s gone: %v", name, err)
			}
			seen++
			got, err := content(t, it)
			if err != nil {
				damaged++
				continue
			}
			if want, _ := content(t, c.items[string(it.Key)]); !bytes.Equal(got, want) {
				t.Errorf("%s gone: wrong content of %s", name, it.Key)
			}
		}
		for at, n := range lost {
			if n > 1 {
				t.Errorf("%s gone: the loss up to %q is told %d times", name, at, n)
			}
		}
		switch all := len(c.items); {
		case seen == all && len(lost) > 0 || seen < all && len(lost) == 0:
			t.Errorf("%s gone: %d of %d items, and %d losses", name, seen, all, len(lost))
		case seen+counted < all: // entries of namers are among those counted
			t.Errorf("%s gone: %d of %d items, and %d are said to be lost", name, seen, all, counted)
		case seen < all:
			lossy++
			t.Logf("%s gone: %d of %d items in %d losses, %d contents", name[:8], all-seen, all, len(lost), damaged)
		}
	}
	if lossy == 0 {
		t.Error("no pack held a node: nothing was tested")
	}
}
