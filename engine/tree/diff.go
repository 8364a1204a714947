package tree

import (
	"bytes"
	"iter"
)

// A Change is one difference between two maps: Old is nil for what was added,
// New for what was removed.
type Change struct {
	Old, New *Entry
}

// Diff yields what makes b of a, in order of key. A change and what it points to
// are valid until the next iteration; the first error ends it. Subtrees with
// equal refs are skipped, so d changes cost O(d · log n) loads.
func Diff(a, b Map) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		d := differ{old: walker{r: newReader(a)}, new: walker{r: newReader(b)}}
		err := d.old.start()
		if err == nil {
			err = d.new.start()
		}
		for err == nil && (d.old.valid() || d.new.valid()) {
			var c Change
			if c, err = d.step(); err == nil && (c.Old != nil || c.New != nil) && !yield(c, nil) {
				return
			}
		}
		if err != nil {
			yield(Change{}, err)
		}
	}
}

type differ struct{ old, new walker }

// step makes one step forward or down, in one map or both.
func (d *differ) step() (Change, error) {
	if d.old.level() == d.new.level() && d.old.valid() && d.new.valid() && d.old.equal(&d.new) {
		d.old.skip()
		d.new.skip()
		return Change{}, nil
	}
	if down := max(d.old.level(), d.new.level()); down >= 0 {
		for _, w := range []*walker{&d.old, &d.new} {
			if w.level() == down {
				if err := w.descend(); err != nil {
					return Change{}, err
				}
			}
		}
		return Change{}, nil
	}
	var c Change
	order := 0
	switch {
	case !d.old.valid():
		order = +1
	case !d.new.valid():
		order = -1
	default:
		order = bytes.Compare(d.old.entry().Key, d.new.entry().Key)
	}
	if order <= 0 {
		c.Old = d.old.entry()
		d.old.skip()
	}
	if order >= 0 {
		c.New = d.new.entry()
		d.new.skip()
	}
	return c, nil
}

// A walker stands before a record at any level of a map, entries included, or
// at the end. It goes forward and down.
type walker struct {
	r    *reader
	path []step // from the root to the node of the record
}

// start places the walker before the root. Nothing is loaded.
func (w *walker) start() error {
	root := w.r.m.Root
	if root == (Root{}) {
		return nil
	}
	if err := root.check(); err != nil {
		return err
	}
	top := &node{level: int(root.Level) + 1, kids: []child{root.child()}}
	w.path = []step{{node: top}}
	return nil
}

func (w *walker) valid() bool { return len(w.path) > 0 }

// level returns how high the subtree before the walker is: 0 for a leaf, -1 for
// an entry and at the end.
func (w *walker) level() int {
	if !w.valid() {
		return -1
	}
	return w.path[len(w.path)-1].node.level - 1
}

func (w *walker) entry() *Entry {
	s := &w.path[len(w.path)-1]
	return &s.node.entries[s.i]
}

func (w *walker) child() *child {
	s := &w.path[len(w.path)-1]
	return &s.node.kids[s.i]
}

// equal says that two subtrees of one level, or two entries, are the same.
func (w *walker) equal(v *walker) bool {
	if w.level() < 0 {
		return w.entry().Equal(v.entry())
	}
	return w.child().ref == v.child().ref
}

// skip goes on behind the record.
func (w *walker) skip() {
	for w.valid() {
		s := &w.path[len(w.path)-1]
		if s.i++; s.i < s.node.len() {
			return
		}
		w.path = w.path[:len(w.path)-1]
	}
}

// descend goes to the first record of the subtree.
func (w *walker) descend() error {
	s := &w.path[len(w.path)-1]
	n, err := w.r.node(s.node.level-1, s.node.kids[s.i], low(w.path))
	if err != nil {
		return err
	}
	w.path = append(w.path, step{node: n})
	return nil
}
