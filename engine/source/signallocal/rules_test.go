package signallocal_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/export"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signallocal"
)

// What rules leave out is counted by its reason, in either reader, and is left out of the
// new snapshot only: the one before still has it, and it comes back without being sent.
func TestRulesOfASource(t *testing.T) {
	root := signaltest.Everything(t).Write(t, t.TempDir())
	h, err := signaltest.Collect(open(t, root))
	if err != nil {
		t.Fatal(err)
	}
	exported := t.TempDir()
	if _, err := export.Write(t.Context(), exported, h, export.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	made := time.UnixMilli(signaltest.Made)
	readers := map[string]func() (source, error){
		signallocal.Kind: func() (source, error) { return signallocal.Open(root, signaltest.Key(t), signallocal.Options{}) },
		export.Kind:      func() (source, error) { return export.Open(exported) },
	}
	for kind, reader := range readers {
		src, err := reader()
		if err != nil {
			t.Fatal(err)
		}
		h, err := signaltest.Collect(src)
		if src.Close(); err != nil {
			t.Fatal(err)
		}
		group := find(t, h, "to the group").Group // its name is another in each
		for _, c := range []struct {
			rules engine.Rules
			out   map[string]int64 // beside what is always left out
		}{
			{engine.Rules{TextOnly: true}, map[string]int64{"text-only": 9}}, // its two long texts stay
			{engine.Rules{MediaDays: 100}, map[string]int64{"media-age": 2}}, // two wallpapers: no message dates them
			{engine.Rules{Since: made.AddDate(0, 0, -5)}, map[string]int64{"since": 28}},
			{engine.Rules{Exclude: [][]byte{group}}, map[string]int64{"group": 6, "unneeded": 5}},
		} {
			a := archive(t, &made, engine.Options{})
			backup := func(rules engine.Rules) engine.Report {
				src, err := reader()
				if err != nil {
					t.Fatal(err)
				}
				defer src.Close()
				r, err := a.Backup(t.Context(), src, engine.BackupOptions{Rules: rules})
				if err != nil || r.Missing > 0 {
					t.Fatalf("%s: %v, %v", kind, err, r.Problems)
				}
				return r
			}
			all := backup(engine.Rules{})
			want := maps.Clone(all.Excluded)
			for why, n := range c.out {
				want[why] += n
			}
			less := backup(c.rules)
			if fmt.Sprint(less.Excluded) != fmt.Sprint(want) {
				t.Errorf("%s, %+v: left out %v, want %v", kind, c.rules, less.Excluded, want)
			}
			if got := count(t, a, less.Snapshot); got != less.Items || less.Items >= all.Items {
				t.Errorf("%s, %+v: %d items of %d, %d in the snapshot", kind, c.rules, less.Items, all.Items, got)
			}
			if got := count(t, a, all.Snapshot); got != all.Items {
				t.Errorf("%s, %+v: %d items are left of the snapshot before, want %d", kind, c.rules, got, all.Items)
			}
			if again := backup(engine.Rules{}); again.BytesNew > 0 || again.Items != all.Items {
				t.Errorf("%s, %+v: then all again: %d items, %d new bytes", kind, c.rules, again.Items, again.BytesNew)
			}
		}
	}
}

// count reads every item of a snapshot, contents included.
func count(t testing.TB, a *engine.Archive, snapshot string) (n int64) {
	t.Helper()
	v, err := a.View(t.Context(), snapshot)
	if err != nil {
		t.Fatal(err)
	}
	for it, err := range v.Items(t.Context()) {
		if err == nil {
			_, err = signal.Content(t.Context(), &it)
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}
