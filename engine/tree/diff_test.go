package tree_test

import (
	"bytes"
	"testing"

	"github.com/dayfold/dayfold/engine/tree"
	"pgregory.net/rapid"
)

func TestDiffIsSetDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		old := s.drawSet(t)
		now := s.apply(old, drawScript(t, "script", 4, rapid.SampledFrom([]int{1, 20, universe}).Draw(t, "longest")))
		a := build(t, fresh(s.day), old.sorted())
		b := build(t, a, now.sorted())
		var last []byte
		got := 0
		for c, err := range tree.Diff(a, b) {
			if err != nil {
				t.Fatal(err)
			}
			got++
			e := c.New
			if e == nil {
				e = c.Old
			}
			if bytes.Compare(last, e.Key) >= 0 {
				t.Fatalf("change of %x after that of %x", e.Key, last)
			}
			last = bytes.Clone(e.Key)
			same(t, "old", c.Old, old)
			same(t, "new", c.New, now)
			if c.Old != nil && c.New != nil && (c.Old.Equal(c.New) || !bytes.Equal(c.Old.Key, c.New.Key)) {
				t.Fatalf("a change of %x that is none", e.Key)
			}
			if c.Old == nil && contains(old, e.Key) || c.New == nil && contains(now, e.Key) {
				t.Fatalf("the change of %x lacks a side", e.Key)
			}
		}
		want := 0
		for range edits(old, now) {
			want++
		}
		if got != want {
			t.Fatalf("%d changes, want %d", got, want)
		}
	})
}

func contains(s set, key []byte) bool { _, ok := s[string(key)]; return ok }

func same(t *rapid.T, side string, e *tree.Entry, in set) {
	if e == nil {
		return
	}
	if want := in[string(e.Key)]; !e.Equal(&want) {
		t.Fatalf("%s side of the change of %x is not the entry", side, e.Key)
	}
}

func TestDiffStopsWhenTold(t *testing.T) {
	s := shape{perDay: 10, groups: 3, text: 300, huge: 1000}
	m := build(t, fresh(false), s.apply(nil, script{{0, universe, 1, 0}}).sorted())
	n := 0
	for range tree.Diff(tree.Map{Nodes: m.Nodes}, m) {
		if n++; n == 3 {
			break
		}
	}
	for range m.Range(nil, nil) {
		if n++; n == 6 {
			break
		}
	}
	for range m.Leaves() {
		if n++; n == 9 {
			break
		}
	}
	if n != 9 {
		t.Errorf("%d iterations, want 9", n)
	}
}
