package tree

import (
	"errors"
	"iter"

	"github.com/dayfold/dayfold/pack/seal"
)

// Walk visits the nodes of a map in order of key, parents first, to mark them or
// to read them. visit is called with every node before it is loaded (level 0 is a
// leaf); descend false leaves out all that is below. entries is called with the
// entries of those leaves that hold one with content outside the tree, valid
// during the call; nil: no leaf is loaded. A map that is one leaf has no parent
// to say what that holds, so it is loaded unless entries is nil.
func Walk(m Map, visit func(level int, ref seal.Ref, kind seal.Kind) (descend bool, err error), entries func(Entry) error) error {
	w := walk{r: newReader(m), visit: visit, entries: entries}
	return w.root(m.Root)
}

// WalkAll is Walk, but loads every leaf, even with entries nil.
func WalkAll(m Map, visit func(level int, ref seal.Ref, kind seal.Kind) (descend bool, err error), entries func(Entry) error) error {
	w := walk{r: newReader(m), visit: visit, entries: entries, all: true}
	return w.root(m.Root)
}

// External yields the entries of those leaves that hold one with content outside the
// tree, in order, and loads no node but these leaves and what is above them. An entry is
// valid until the next iteration.
func External(m Map) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		w := walk{r: newReader(m), external: true}
		w.visit = func(int, seal.Ref, seal.Kind) (bool, error) { return true, nil }
		w.entries = func(e Entry) error {
			if !yield(e, nil) {
				return errEnough
			}
			return nil
		}
		if err := w.root(m.Root); err != nil && err != errEnough {
			yield(Entry{}, err)
		}
	}
}

// errEnough ends a walk whose entries nobody wants any more.
var errEnough = errors.New("enough")

type walk struct {
	r        *reader
	visit    func(int, seal.Ref, seal.Kind) (bool, error)
	entries  func(Entry) error
	all      bool // load every leaf
	external bool // load nothing below a node without content outside the tree
}

func (w *walk) root(r Root) error {
	if r == (Root{}) {
		return nil
	}
	if err := r.check(); err != nil {
		return err
	}
	return w.node(int(r.Level), r.child(), nil)
}

func (w *walk) node(level int, c child, low []byte) error {
	descend, err := w.visit(level, c.ref, kindOf(level))
	if err != nil || !descend {
		return err
	}
	if level == 0 {
		return w.leaf(c, low)
	}
	n, err := w.r.load(level, c, low, nil)
	if err != nil {
		return err
	}
	if level == 1 {
		return w.leaves(n, low)
	}
	for i := range n.kids {
		if !w.external || n.kids[i].external {
			if err := w.node(level-1, n.kids[i], low); err != nil {
				return err
			}
		}
		low = n.kids[i].key
	}
	return nil
}

// leaves visits the leaves below n, and tells Nodes of those that are to be read.
func (w *walk) leaves(n *node, low []byte) error {
	ahead, _ := w.r.m.Nodes.(Ahead)
	descend := make([]bool, len(n.kids))
	for i := range n.kids {
		var err error
		if descend[i], err = w.visit(0, n.kids[i].ref, seal.Leaf); err != nil {
			return err
		}
		if descend[i] && ahead != nil && w.reads(&n.kids[i]) {
			ahead.Ahead(seal.Leaf, n.kids[i].ref)
		}
	}
	for i := range n.kids {
		if descend[i] {
			if err := w.leaf(n.kids[i], low); err != nil {
				return err
			}
		}
		low = n.kids[i].key
	}
	return nil
}

// reads says whether a leaf has to be loaded.
func (w *walk) reads(c *child) bool {
	return w.all || w.entries != nil && (c.key == nil || c.external)
}

func (w *walk) leaf(c child, low []byte) error {
	if !w.reads(&c) {
		return nil
	}
	n, err := w.r.load(0, c, low, &w.r.leaves)
	if err != nil || w.entries == nil {
		return err
	}
	for i := range n.entries {
		if err := w.entries(n.entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// A LeafRef is what the tree says of one leaf.
type LeafRef struct {
	Ref      seal.Ref
	Last     []byte // its last key
	Count    uint64 // its entries
	Bytes    uint64 // the sum of their sizes
	External bool   // one of them has content outside the tree
}

// Leaves yields the leaves in order of key without loading them, but for a leaf
// that is the root. Last must not be changed. The first error ends it.
func (m Map) Leaves() iter.Seq2[LeafRef, error] {
	return func(yield func(LeafRef, error) bool) {
		c := newCursor(newReader(m), 0)
		err := c.start()
		for err == nil && c.valid() {
			var l child
			if l, err = c.child(); err != nil {
				break
			}
			if !yield(LeafRef{Ref: l.ref, Last: l.key, Count: l.count, Bytes: l.bytes, External: l.external}, nil) {
				return
			}
			c.next()
		}
		if err != nil {
			yield(LeafRef{}, err)
		}
	}
}
