package tree_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack/seal"
	"pgregory.net/rapid"
)

// sameMap checks that got is the map of want's entries built afresh.
func sameMap(t *rapid.T, got tree.Map, want set) {
	t.Helper()
	afresh := build(t, got, want.sorted())
	if got.Root != afresh.Root {
		t.Fatalf("root of %d entries at level %d, want %d at level %d; or refs differ",
			got.Root.Count, got.Root.Level, afresh.Root.Count, afresh.Root.Level)
	}
	if all := collect(t, got.Range(nil, nil)); !equal(all, want.sorted()) {
		t.Fatalf("range yields %d entries, want %d, or they differ", len(all), len(want))
	}
}

func TestEditIsRebuild(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		from := s.drawSet(t)
		m := build(t, fresh(s.day), from.sorted())
		for range rapid.IntRange(1, 4).Draw(t, "edits") {
			to := s.apply(from, drawScript(t, "script", 5, rapid.SampledFrom([]int{1, 20, universe}).Draw(t, "longest")))
			before := m.Root
			var err error
			if m, _, err = m.Edit(edits(from, to)); err != nil {
				t.Fatalf("edit: %v", err)
			}
			sameMap(t, m, to)
			back, _, err := m.Edit(edits(to, from))
			if err != nil || back.Root != before {
				t.Fatalf("the edit undone gives another root (%v)", err)
			}
			from = to
		}
	})
}

func TestEditOfEqualEntriesSavesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		all := s.drawSet(t)
		m := build(t, fresh(s.day), all.sorted())
		var same []tree.Edit
		for _, r := range drawScript(t, "touched", 4, 20) {
			for i := r.from; i < min(r.from+r.n, universe); i++ {
				d := tree.Edit{Key: s.key(i)}
				if e, ok := all[string(d.Key)]; ok {
					d.Entry = &e
				}
				same = append(same, d)
			}
		}
		slices.SortFunc(same, func(a, b tree.Edit) int { return bytes.Compare(a.Key, b.Key) })
		same = slices.CompactFunc(same, func(a, b tree.Edit) bool { return bytes.Equal(a.Key, b.Key) })
		got, stats, err := m.Edit(withoutError(same))
		if err != nil || got.Root != m.Root || stats.Saved != 0 {
			t.Errorf("root changed: %v, saved %d nodes, %v; want the same root and none", got.Root != m.Root, stats.Saved, err)
		}
	})
}

func withoutError[T any](all []T) func(func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for _, x := range all {
			if !yield(x, nil) {
				return
			}
		}
	}
}

func TestDropsAreDeletes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		all := s.drawSet(t)
		m := build(t, fresh(s.day), all.sorted())
		from, to := s.drawBound(t, "from"), s.drawBound(t, "to")
		before, within := set{}, set{}
		for k, e := range all {
			if k >= string(to) {
				before[k] = e
			}
			if string(k) < string(from) || to != nil && k >= string(to) {
				within[k] = e
			}
		}
		got, _, err := m.DropBefore(to)
		if err != nil {
			t.Fatalf("drop before: %v", err)
		}
		sameMap(t, got, before)
		if got, _, err = m.DropRange(from, to); err != nil {
			t.Fatalf("drop range: %v", err)
		}
		sameMap(t, got, within)
	})
}

// drawBound returns a key, a key cut short, or nil.
func (s shape) drawBound(t *rapid.T, label string) []byte {
	if rapid.IntRange(0, 9).Draw(t, label+" is open") == 0 {
		return nil
	}
	k := s.key(rapid.IntRange(0, universe+2).Draw(t, label))
	return k[:rapid.SampledFrom([]int{len(k), len(k), 4, 1}).Draw(t, label+" length")]
}

// An entry put again at the end of a leaf loads one path: the leaf ends there, so
// what follows is not concerned.
func TestEditAtTheEndOfANodeLoadsOnePath(t *testing.T) {
	s := shape{perDay: 1000, pad: 40, groups: 1, text: 300, huge: 1000}
	all := s.apply(nil, script{{0, universe, 1, 0}})
	m := build(t, fresh(false), all.sorted())
	for l, err := range m.Leaves() {
		if err != nil {
			t.Fatal(err)
		}
		e := all[string(l.Last)]
		got, stats, err := m.Edit(withoutError([]tree.Edit{{Key: l.Last, Entry: &e}}))
		if err != nil || got.Root != m.Root || stats.Loaded != int(m.Root.Level)+1 {
			t.Errorf("%d loads (%v), want %d", stats.Loaded, err, m.Root.Level+1)
		}
	}
}

// A drop loads no leaf that goes as a whole, and no more than a path at each end.
func TestDropsLoadOnlyTheEnds(t *testing.T) {
	s := shape{day: true, perDay: 3, pad: 100, groups: 1, text: 300, huge: 1000}
	all := s.apply(nil, script{{0, universe, 1, 0}})
	m := build(t, fresh(true), all.sorted())
	nodes := m.Nodes.(*memory)
	var leaves []tree.LeafRef
	for l, err := range m.Leaves() {
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, l)
	}
	height := int(m.Root.Level)
	for i := range universe {
		from, to := s.key(i), s.key((i+universe/2)%universe)
		for _, drop := range []func() (tree.Map, tree.EditStats, error){
			func() (tree.Map, tree.EditStats, error) { from = nil; return m.DropBefore(to) },
			func() (tree.Map, tree.EditStats, error) { from = s.key(i); return m.DropRange(from, to) },
		} {
			nodes.loaded = map[seal.Ref]int{}
			_, stats, err := drop()
			if err != nil {
				t.Fatal(err)
			}
			if most := 6 * (height + 1); stats.Loaded > most || stats.Saved > most {
				t.Errorf("drop of [%d:] loads %d and saves %d nodes of height %d, want at most %d", i, stats.Loaded, stats.Saved, height, most)
			}
			for j := 1; j < len(leaves); j++ {
				first := leaves[j-1].Last // below all of leaf j
				if bytes.Compare(first, from) >= 0 && bytes.Compare(leaves[j].Last, to) < 0 && nodes.loaded[leaves[j].Ref] > 0 {
					t.Errorf("leaf %d goes as a whole and was loaded", j)
				}
			}
		}
	}
	nodes.loaded = nil
}

func TestEditRefuses(t *testing.T) {
	s := shape{perDay: 1, groups: 1, text: 10, huge: 1000}
	m := build(t, fresh(false), s.apply(nil, script{{0, 100, 2, 0}}).sorted())
	one, two := s.entry(1, 1), s.entry(2, 1)
	failed := errors.New("the edits end here")
	rows := []struct {
		name  string
		edits []tree.Edit
		err   error
		want  error
	}{
		{"keys that fall", []tree.Edit{{Key: two.Key}, {Key: one.Key}}, nil, tree.ErrOrder},
		{"a key twice", []tree.Edit{{Key: two.Key, Entry: &two}, {Key: two.Key}}, nil, tree.ErrOrder},
		{"another entry's key", []tree.Edit{{Key: one.Key, Entry: &two}}, nil, tree.ErrEntry},
		{"an entry without a key", []tree.Edit{{Entry: &tree.Entry{}}}, nil, tree.ErrEntry},
		{"an error", []tree.Edit{{Key: one.Key, Entry: &one}}, failed, failed},
	}
	for _, row := range rows {
		got, _, err := m.Edit(func(yield func(tree.Edit, error) bool) {
			for _, d := range row.edits {
				if !yield(d, nil) {
					return
				}
			}
			if row.err != nil {
				yield(tree.Edit{}, row.err)
			}
		})
		if !errors.Is(err, row.want) || got.Root != (tree.Root{}) {
			t.Errorf("%s: %v, want %v", row.name, err, row.want)
		}
	}
	b := tree.NewBuilder(m)
	if err := b.Add(two); err != nil {
		t.Fatal(err)
	}
	if err := b.Add(one); !errors.Is(err, tree.ErrOrder) {
		t.Errorf("add out of order: %v, want ErrOrder", err)
	}
	if _, err := b.Finish(); !errors.Is(err, tree.ErrOrder) {
		t.Errorf("finish after an error: %v, want ErrOrder", err)
	}
}
