package tree_test

import (
	"slices"
	"testing"

	"github.com/dayfold/dayfold/engine/tree"
)

// Whatever range is left of a small high tree, it is the tree of that range. The
// last node of a level may have one child, and may be all that is left.
func TestWhatIsLeftIsRebuild(t *testing.T) {
	s := shape{perDay: 1000, pad: 400, groups: 100, text: 10, huge: 1000}
	for n := 1; n <= 20; n++ {
		all := s.apply(nil, script{{0, n, 1, 0}}).sorted()
		m := build(t, fresh(false), all)
		for i := range n {
			head, _, err := m.DropBefore(all[i].Key)
			if err != nil {
				t.Fatal(err)
			}
			for j := i + 1; j <= n; j++ {
				to := s.key(j)
				want := build(t, m, all[i:j])
				if got, _, err := head.DropRange(to, nil); err != nil || got.Root != want.Root {
					t.Errorf("[%d:%d] of %d is left: root of level %d (%v), want of level %d", i, j, n, got.Root.Level, err, want.Root.Level)
				}
				within := build(t, m, slices.Concat(all[:i], all[j:]))
				if got, _, err := m.DropRange(all[i].Key, to); err != nil || got.Root != within.Root {
					t.Errorf("[%d:%d] of %d goes: root of level %d (%v), want of level %d", i, j, n, got.Root.Level, err, within.Root.Level)
				}
			}
		}
	}
}

// Whatever entry is put into a small high tree or taken from it, at its ends as
// well, the tree is that of the entries.
func TestOneMoreOrLessIsRebuild(t *testing.T) {
	for _, s := range []shape{
		{perDay: 1000, pad: 400, groups: 100, text: 10, huge: 1000},
		{perDay: 1000, pad: 0, groups: 2, text: 10, huge: 1000},
		{perDay: 2, pad: 40, groups: 1, text: 300, huge: 1000, day: true},
	} {
		for n := 1; n <= 30; n++ {
			all := s.apply(nil, script{{0, n, 1, 0}}).sorted()
			m := build(t, fresh(s.day), all)
			for i := range n {
				want := build(t, m, slices.Concat(all[:i], all[i+1:]))
				less, _, err := m.Edit(withoutError([]tree.Edit{{Key: all[i].Key}}))
				if err != nil || less.Root != want.Root {
					t.Errorf("less entry %d of %d: root of level %d (%v), want of level %d", i, n, less.Root.Level, err, want.Root.Level)
				}
				more, _, err := want.Edit(withoutError([]tree.Edit{{Key: all[i].Key, Entry: &all[i]}}))
				if err != nil || more.Root != m.Root {
					t.Errorf("more entry %d of %d: root of level %d (%v), want of level %d", i, n, more.Root.Level, err, m.Root.Level)
				}
			}
		}
	}
}

// A tree of one node keeps it behind whatever is put before it.
func TestManyBeforeTheOnlyLeaf(t *testing.T) {
	s := shape{perDay: 1000, groups: 1, text: 10, huge: 1000}
	last := tree.Entry{Key: s.key(universe), Group: []byte("last")}
	m := build(t, fresh(false), []tree.Entry{last})
	var all []tree.Entry
	var puts []tree.Edit
	for i := range universe {
		e := s.entry(i, 0)
		e.Group = []byte{byte(i), 1}
		all, puts = append(all, e), append(puts, tree.Edit{Key: e.Key, Entry: &e})
		got, _, err := m.Edit(withoutError(puts))
		if want := build(t, m, append(all[:i+1:i+1], last)); err != nil || got.Root != want.Root {
			t.Fatalf("%d put before: root of %d entries at level %d (%v), want %d at %d", i+1,
				got.Root.Count, got.Root.Level, err, want.Root.Count, want.Root.Level)
		}
	}
}
