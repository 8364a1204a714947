package tree

import (
	"iter"

	"github.com/dayfold/dayfold/chunk"
	"github.com/dayfold/dayfold/pack/seal"
)

// Nodes is where nodes lie. A Nodes of several goroutines' Maps must be safe for
// concurrent use.
type Nodes interface {
	// Load returns the plain bytes of a node, having checked that they have that
	// ref. The caller owns them for reading; nobody may change them later.
	Load(kind seal.Kind, ref seal.Ref) ([]byte, error)
	// Save names a node and stores it if it is new. plain is valid during the call.
	Save(kind seal.Kind, plain []byte) (seal.Ref, error)
}

// Ahead is what Nodes can implement to be told of leaves that will be loaded soon: by
// Range once it is a long one, by Walk and WalkAll of those below one node.
type Ahead interface {
	Ahead(kind seal.Kind, ref seal.Ref)
}

// A Map is an ordered map of entries: how it is cut, and its root. It is a small
// value; an edit gives a new one and leaves the old as it is. Maps that are
// compared or that are to share nodes have equal Cut, Blind and Day.
type Map struct {
	Nodes Nodes
	Cut   chunk.Polynomial
	// Blind returns what a leaf begins with, a secret function of the rest of the
	// leaf; nil: zeros. Reading does not need it.
	Blind func(leaf []byte) [16]byte
	// Day ends leaves where the first four bytes of the key change.
	Day  bool
	Root Root
}

// A Root names a map. The zero Root is the empty map.
type Root struct {
	Ref   seal.Ref
	Level uint8  // of the root node; 0: it is a leaf
	Count uint64 // entries
	Bytes uint64 // the sum of their sizes
}

// Lookup returns the entry with that key. ok is false when there is none.
func (m Map) Lookup(key []byte) (e Entry, ok bool, err error) { return m.Finder().Lookup(key) }

// A Finder looks up keys of one map, one at a time. It remembers the nodes that it met
// last, so neighbours cost next to nothing.
type Finder struct{ r *reader }

// Finder returns a new finder.
func (m Map) Finder() *Finder { return &Finder{newReader(m)} }

// Lookup returns the entry with that key. ok is false when there is none.
func (f *Finder) Lookup(key []byte) (e Entry, ok bool, err error) {
	c := newCursor(f.r, 0)
	if err := c.seek(key, false); err != nil || !c.valid() {
		return Entry{}, false, err
	}
	n, err := c.open()
	if err != nil {
		return Entry{}, false, err
	}
	i := n.search(key)
	if string(n.entries[i].Key) != string(key) {
		return Entry{}, false, nil
	}
	return n.entries[i], true, nil
}

// Range yields the entries from the first key not below from (nil: the first of
// all) up to but without to (nil: to the end), in order. An entry and what it
// points to are valid until the next iteration. The first error ends it.
func (m Map) Range(from, to []byte) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		r := newReader(m)
		c := newCursor(r, 0)
		ahead := &lookahead{to: to}
		err := c.seek(from, false)
		for err == nil && c.valid() {
			ahead.before(c)
			var n *node
			if n, err = c.openOnce(); err != nil {
				break
			}
			for i := n.search(from); i < len(n.entries); i++ {
				if to != nil && string(n.entries[i].Key) >= string(to) || !yield(n.entries[i], nil) {
					return
				}
			}
			c.next()
		}
		if err != nil {
			yield(Entry{}, err)
		}
	}
}

// A lookahead tells Nodes of the leaves behind the one that a range has come to.
type lookahead struct {
	to   []byte
	seen int     // leaves that the range has come to
	told int     // leaves that were told of, or passed
	c    *cursor // before the next to tell of; nil: none yet
	over bool
}

const (
	farEnough = 4  // leaves after which a range is taken for a long one
	aheadBy   = 32 // leaves
)

// before is called before the leaf at c is read.
func (l *lookahead) before(c *cursor) {
	l.seen++
	nodes, ok := c.r.m.Nodes.(Ahead)
	if l.over || !ok || l.seen <= farEnough {
		return
	}
	if l.c == nil {
		l.c = &cursor{r: c.r, level: 0, path: append(make([]step, 0, cap(c.path)), c.path...)}
		l.told = l.seen
	}
	for ; l.told < l.seen+aheadBy; l.told++ {
		l.c.next()
		if l.over = !l.c.valid() || l.to != nil && string(l.c.low()) >= string(l.to); l.over {
			return
		}
		kid, err := l.c.child()
		if l.over = err != nil; l.over { // the range will come to it
			return
		}
		nodes.Ahead(seal.Leaf, kid.ref)
	}
}
