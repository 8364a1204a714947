package tree

import (
	"iter"

	"github.com/dayfold/dayfold/pack/seal"
)

// A Visit says what to do when Walk meets a node.
type Visit struct {
	// Node is called with every node before it is loaded, parents first, and in
	// order of key; descend false leaves out all that is below. level 0 is a leaf.
	Node func(level int, ref seal.Ref, kind seal.Kind) (descend bool, err error)
	// Entry, if set, is called with the entries of the leaves that Walk loads,
	// those that may have an entry with content outside the tree. The entry is
	// valid during the call. Without it no leaf is loaded.
	Entry func(Entry) error
	// All makes Walk load every leaf, if Entry is set or not.
	All bool
}

// Walk visits the nodes of a map, to mark them or to read them all. A map that is
// one leaf has no parent to say whether that has content outside the tree: it is
// loaded if Entry is set.
func (m Map) Walk(v Visit) error {
	if m.Root == (Root{}) {
		return nil
	}
	if err := m.Root.check(); err != nil {
		return err
	}
	return v.walk(newReader(m), int(m.Root.Level), m.Root.child(), nil)
}

func (v *Visit) walk(r *reader, level int, c child, low []byte) error {
	descend, err := v.Node(level, c.ref, kindOf(level))
	if err != nil || !descend {
		return err
	}
	if level == 0 {
		if !v.All && (v.Entry == nil || c.key != nil && !c.external) {
			return nil
		}
		return v.leaf(r, c, low)
	}
	n, err := r.load(level, c, low, nil)
	if err != nil {
		return err
	}
	for i := range n.kids {
		if err := v.walk(r, level-1, n.kids[i], low); err != nil {
			return err
		}
		low = n.kids[i].key
	}
	return nil
}

func (v *Visit) leaf(r *reader, c child, low []byte) error {
	n, err := r.load(0, c, low, &r.leaves)
	if err != nil || v.Entry == nil {
		return err
	}
	for i := range n.entries {
		if err := v.Entry(n.entries[i]); err != nil {
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
			l := c.child()
			if !yield(LeafRef{Ref: l.ref, Last: l.key, Count: l.count, Bytes: l.bytes, External: l.external}, nil) {
				return
			}
			err = c.next()
		}
		if err != nil {
			yield(LeafRef{}, err)
		}
	}
}
