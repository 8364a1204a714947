package tree_test

import (
	"errors"
	"testing"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack/seal"
)

// What a node holds must be what its parent says of it, and its place.
func TestNodesMustFit(t *testing.T) {
	nodes := newMemory()
	leaf := func(e ...tree.Entry) seal.Ref {
		plain, err := tree.EncodeLeaf(tree.Map{Cut: poly}, e)
		if err != nil {
			t.Fatal(err)
		}
		ref, _ := nodes.Save(seal.Leaf, plain)
		return ref
	}
	inner := func(level int, kids ...tree.Child) seal.Ref {
		plain, _ := tree.EncodeInner(tree.Map{Cut: poly}, level, kids)
		ref, _ := nodes.Save(seal.Inner, plain)
		return ref
	}
	a, b := []byte("a"), []byte("b")
	l1, l2 := leaf(tree.Entry{Key: a, Size: 1}), leaf(tree.Entry{Key: b, Size: 2, Content: tree.Stream{Ref: seal.Ref{9}}})
	k1, k2 := tree.NewChild(a, l1, 1, 1, false), tree.NewChild(b, l2, 1, 2, true)
	both := inner(1, k1, k2)
	rows := []struct {
		name string
		root tree.Root
		ok   bool
	}{
		{"a tree", tree.Root{Ref: both, Level: 1, Count: 2, Bytes: 3}, true},
		{"another count", tree.Root{Ref: both, Level: 1, Count: 3, Bytes: 3}, false},
		{"other bytes", tree.Root{Ref: both, Level: 1, Count: 2, Bytes: 4}, false},
		{"a root of another level", tree.Root{Ref: both, Level: 2, Count: 2, Bytes: 3}, false},
		{"a root above all levels", tree.Root{Ref: both, Level: 41, Count: 2, Bytes: 3}, false},
		{"a root without ref", tree.Root{Count: 2, Bytes: 3}, false},
		{"a root of one child", tree.Root{Ref: inner(1, k1), Level: 1, Count: 1, Bytes: 1}, false},
		{"a child of another count", tree.Root{Ref: inner(1, k1, tree.NewChild(b, l2, 2, 2, true)), Level: 1, Count: 3, Bytes: 3}, false},
		{"a child of other bytes", tree.Root{Ref: inner(1, k1, tree.NewChild(b, l2, 1, 1, true)), Level: 1, Count: 2, Bytes: 2}, false},
		{"a child of another last key", tree.Root{Ref: inner(1, k1, tree.NewChild([]byte("c"), l2, 1, 2, true)), Level: 1, Count: 2, Bytes: 3}, false},
		{"a child that hides content", tree.Root{Ref: inner(1, k1, tree.NewChild(b, l2, 1, 2, false)), Level: 1, Count: 2, Bytes: 3}, false},
		{"a child that claims content", tree.Root{Ref: inner(1, tree.NewChild(a, l1, 1, 1, true), k2), Level: 1, Count: 2, Bytes: 3}, false},
		{"a child of the same level", tree.Root{Ref: inner(1, k1, tree.NewChild(b, both, 2, 3, true)), Level: 1, Count: 3, Bytes: 4}, false},
		{"a leaf for an inner node", tree.Root{Ref: inner(2, k1, k2), Level: 2, Count: 2, Bytes: 3}, false},
		{"a level left out", tree.Root{Ref: inner(3, tree.NewChild(a, both, 2, 3, true), k2), Level: 3, Count: 3, Bytes: 5}, false},
		{"a leaf twice", tree.Root{Ref: inner(1, k1, tree.NewChild(b, l1, 1, 1, false)), Level: 1, Count: 2, Bytes: 2}, false},
		{"keys below their place", tree.Root{Ref: inner(1, k1, tree.NewChild(b, leaf(tree.Entry{Key: a}, tree.Entry{Key: b}), 2, 0, false)), Level: 1, Count: 3, Bytes: 1}, false},
	}
	for _, row := range rows {
		m := tree.Map{Nodes: nodes, Cut: poly, Root: row.root}
		for use, err := range uses(m) {
			if row.ok && err != nil || !row.ok && !errors.Is(err, seal.ErrCorrupt) {
				t.Errorf("%s: %s: %v", row.name, use, err)
			}
		}
	}
}

// Sums are refused where they are added up, before anything below is loaded.
func TestSumsAreBounded(t *testing.T) {
	nodes := newMemory()
	visit := func(int, seal.Ref, seal.Kind) (bool, error) { return true, nil }
	for _, row := range []struct {
		name         string
		count, bytes uint64
		ok           bool
	}{
		{"all that may be", 1<<40 - 1, 1<<63 - 2, true},
		{"more than 2^40 entries", 1 << 40, 1, false},
		{"entries beyond 64 bits", 1<<64 - 1, 1, false},
		{"more than an int64", 1, 1<<63 - 1, false},
		{"bytes beyond 64 bits", 1, 1<<64 - 1, false},
	} {
		plain, _ := tree.EncodeInner(tree.Map{Cut: poly}, 1, []tree.Child{
			tree.NewChild([]byte("a"), seal.Ref{1}, 1, 1, false),
			tree.NewChild([]byte("b"), seal.Ref{2}, row.count, row.bytes, false)})
		ref, _ := nodes.Save(seal.Inner, plain)
		m := tree.Map{Nodes: nodes, Root: tree.Root{Ref: ref, Level: 1, Count: row.count + 1, Bytes: row.bytes + 1}}
		if err := tree.Walk(m, visit, nil); row.ok && err != nil || !row.ok && !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// uses calls everything that reads a map to its end and yields the errors.
func uses(m tree.Map) func(func(string, error) bool) {
	return func(yield func(string, error) bool) {
		var err error
		for _, err = range m.Range(nil, nil) {
		}
		yield("range", err)
		for _, err = range tree.Diff(m, tree.Map{Nodes: m.Nodes}) {
		}
		yield("diff", err)
		yield("walk", tree.WalkAll(m, func(int, seal.Ref, seal.Kind) (bool, error) { return true, nil }, nil))
	}
}
