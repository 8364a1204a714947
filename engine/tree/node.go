package tree

import (
	"bytes"
	"fmt"
	"sort"

	"github.com/dayfold/dayfold/pack/seal"
)

// A node is a decoded leaf (level 0: entries) or inner node (kids).
type node struct {
	level   int
	child   // what its parent says of it
	plain   []byte
	entries []Entry
	kids    []child
}

func (n *node) len() int {
	if n.level == 0 {
		return len(n.entries)
	}
	return len(n.kids)
}

func (n *node) keyAt(i int) []byte {
	if n.level == 0 {
		return n.entries[i].Key
	}
	return n.kids[i].key
}

// search returns the first record whose key is not below key.
func (n *node) search(key []byte) int { return n.searchFrom(0, key, false) }

// searchFrom returns the first record from i on whose key is not below key, or
// with past: above it.
func (n *node) searchFrom(i int, key []byte, past bool) int {
	return i + sort.Search(n.len()-i, func(j int) bool {
		c := bytes.Compare(n.keyAt(i+j), key)
		return c > 0 || c == 0 && !past
	})
}

func kindOf(level int) seal.Kind {
	if level == 0 {
		return seal.Leaf
	}
	return seal.Inner
}

// recent is how many nodes of each level a reader remembers: an edit reads each
// node for the level itself and for the one below.
const recent = 4

// A reader loads the nodes of one map.
type reader struct {
	m      Map
	loaded int
	leaves leafDecoder // for openOnce
	kept   [maxLevel + 1][recent]*node
	turn   [maxLevel + 1]uint8
}

func newReader(m Map) *reader { return &reader{m: m} }

// node returns the node that c, a record of level level+1, names. low is below
// every key in it; nil: nothing is known.
func (r *reader) node(level int, c child, low []byte) (*node, error) {
	for _, n := range r.kept[level] {
		if n != nil && n.is(c) {
			return n, nil
		}
	}
	n, err := r.load(level, c, low, new(leafDecoder))
	if err != nil {
		return nil, err
	}
	r.kept[level][r.turn[level]] = n
	r.turn[level] = (r.turn[level] + 1) % recent
	return n, nil
}

// is says that the node was loaded by the record c: in a level no other has its key.
func (n *node) is(c child) bool {
	return n.ref == c.ref && (c.key == nil || bytes.Equal(n.key, c.key))
}

// A LostError is a node that cannot be read, with all that is below it.
type LostError struct {
	To    []byte // the last key that is lost; nil: the whole map is
	Count uint64 // entries
	Err   error
}

func (e *LostError) Error() string { return e.Err.Error() }

// Unwrap is the reason.
func (e *LostError) Unwrap() error { return e.Err }

// load loads, decodes and compares with the parent's record. Its error is a *LostError.
func (r *reader) load(level int, c child, low []byte, d *leafDecoder) (*node, error) {
	n, err := r.read(level, c, low, d)
	if err != nil {
		return nil, &LostError{c.key, c.count, err}
	}
	return n, nil
}

func (r *reader) read(level int, c child, low []byte, d *leafDecoder) (*node, error) {
	plain, err := r.m.Nodes.Load(kindOf(level), c.ref)
	if err != nil {
		return nil, fmt.Errorf("load node of level %d: %w", level, err)
	}
	r.loaded++
	n := &node{level: level, child: c, plain: plain}
	var total child
	var ok bool
	if level == 0 {
		if n.entries, err = d.decode(plain, r.m.Day); err != nil {
			return nil, err
		}
		total, ok = sumEntries(n.entries)
	} else {
		if n.kids, err = decodeInner(plain, level); err != nil {
			return nil, err
		}
		total, ok = sum(n.kids)
	}
	last := n.keyAt(n.len() - 1)
	if c.key == nil { // the root, whose record says neither
		if n.len() < 2 && level > 0 {
			return nil, corrupt("root of one child")
		}
		n.key, n.external = last, total.external
	}
	if !ok || total.count != c.count || total.bytes != c.bytes || total.external != n.external || !bytes.Equal(last, n.key) {
		return nil, corrupt("node: not what its parent says")
	}
	if low != nil && bytes.Compare(n.keyAt(0), low) <= 0 {
		return nil, corrupt("node: keys below its place")
	}
	return n, nil
}

func sumEntries(entries []Entry) (total child, ok bool) {
	for i := range entries {
		if !total.addEntry(&entries[i]) {
			return total, false
		}
	}
	return total, true
}

func (c *child) addEntry(e *Entry) bool {
	return c.add(&child{count: 1, bytes: e.Size, external: e.external()})
}

// top returns a node above the root that has the root as its only child, or
// none when the map is empty.
func (r *reader) top() (*node, error) {
	root := r.m.Root
	n := &node{level: int(root.Level) + 1}
	if root == (Root{}) {
		return n, nil
	}
	if err := root.check(); err != nil {
		return nil, err
	}
	top, err := r.node(int(root.Level), root.child(), nil)
	if err != nil {
		return nil, err
	}
	n.kids = []child{top.child}
	return n, nil
}

// child returns the record of the root. Its key is nil: neither that nor
// external is known.
func (r Root) child() child { return child{ref: r.Ref, count: r.Count, bytes: r.Bytes} }

func (r Root) check() error {
	if r.Level > maxLevel || r.Ref == (seal.Ref{}) {
		return corrupt("root")
	}
	return nil
}
