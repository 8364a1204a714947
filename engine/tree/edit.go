package tree

import (
	"bytes"
	"iter"

	"github.com/dayfold/dayfold/pack/seal"
)

// An Edit is one change of a map: Entry takes the place of what has that Key, or
// with Entry nil, what has that Key goes, if anything has.
type Edit struct {
	Key   []byte
	Entry *Entry // its Key is Key
}

// EditStats says what an edit cost, in nodes.
type EditStats struct {
	Loaded int // calls of Nodes.Load
	Saved  int // calls of Nodes.Save: nodes that are not in the old map at the same place
}

// Edit returns the map with the edits made, whose keys must be strictly
// increasing (ErrOrder). An edit and its entry need to be valid only until the
// next is asked for. It reads and writes O(edits · log n) nodes, and the root is
// that of a map built afresh from the same entries.
func (m Map) Edit(edits iter.Seq2[Edit, error]) (Map, EditStats, error) {
	e := newEdit(m)
	err := e.apply(edits)
	return e.result(err)
}

// DropBefore returns the map without the entries whose key is below key. It
// loads and saves O(log n) nodes and no leaf that goes as a whole.
func (m Map) DropBefore(key []byte) (Map, EditStats, error) {
	e := newEdit(m)
	err := e.level(0).drop(append([]byte{}, key...), false) // nil is the end
	return e.result(err)
}

// DropRange returns the map without the entries whose key is not below from but
// below to (nil: to the end). It loads and saves O(log n) nodes and, but for the
// one where the range begins, no leaf that goes as a whole.
func (m Map) DropRange(from, to []byte) (Map, EditStats, error) {
	e := newEdit(m)
	if to != nil && bytes.Compare(from, to) >= 0 {
		return e.result(nil)
	}
	var err error
	if len(from) > 0 {
		err = e.level(0).keep(from)
	}
	if err == nil {
		err = e.level(0).drop(to, false)
	}
	return e.result(err)
}

// An edit turns one map into another, in one pass from the first key to the
// last through all levels at once.
type edit struct {
	m      Map
	old    *reader
	levels []*level
	last   []byte // the last key edited
	some   bool   // last is one
	saved  int
}

func newEdit(m Map) *edit {
	e := &edit{m: m}
	e.old = newReader(m)
	return e
}

// level returns the edit of a level.
func (e *edit) level(n int) *level {
	for n >= len(e.levels) {
		l := &level{e: e, old: newCursor(e.old, len(e.levels))}
		l.out = newWriter(&e.m, len(e.levels))
		e.levels = append(e.levels, l)
	}
	return e.levels[n]
}

func (e *edit) apply(edits iter.Seq2[Edit, error]) error {
	for d, err := range edits {
		if err != nil {
			return err
		}
		if d.Entry == nil {
			err = e.remove(d.Key)
		} else if !bytes.Equal(d.Key, d.Entry.Key) {
			err = outside("key of an edit")
		} else {
			err = e.put(d.Entry)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// goTo keeps all before key and drops what has it.
func (e *edit) goTo(key []byte) error {
	if e.some && bytes.Compare(key, e.last) <= 0 {
		return ErrOrder
	}
	e.last, e.some = append(e.last[:0], key...), true
	l := e.level(0)
	if err := l.keep(key); err != nil {
		return err
	}
	return l.drop(key, true)
}

func (e *edit) remove(key []byte) error { return e.goTo(key) }

func (e *edit) put(entry *Entry) error {
	if err := entry.check(); err != nil {
		return err
	}
	if e.m.Day && len(entry.Key) < dayLen {
		return outside("key without a day")
	}
	if err := e.goTo(entry.Key); err != nil {
		return err
	}
	return e.level(0).entry(entry)
}

func (e *edit) result(err error) (Map, EditStats, error) {
	root := e.m.Root
	if err == nil {
		root, err = e.finish()
	}
	stats := EditStats{Loaded: e.old.loaded, Saved: e.saved}
	if err != nil {
		return Map{}, stats, err
	}
	m := e.m
	m.Root = root
	return m, stats, nil
}

// finish keeps what has not been passed, level by level, up to the lowest level
// that is one node: the root.
func (e *edit) finish() (Root, error) {
	for n := 0; ; n++ {
		l := e.level(n)
		if err := l.keep(nil); err != nil {
			return Root{}, err
		}
		whole := !l.kept && !l.closed // all of the level is in the open node
		switch {
		case n == 0 && !l.changed:
			return e.m.Root, nil
		case whole && l.out.empty():
			return Root{}, nil
		case whole && n > 0 && l.out.n == 1:
			return e.lowest(n-1, l.out.sum, l.only)
		case n > maxLevel:
			return Root{}, corrupt("height")
		case !l.out.empty():
			if err := l.close(); err != nil {
				return Root{}, err
			}
		}
	}
}

// lowest returns the root when one node is left of a level. If that is an old
// node it may have but one child, as the last of its level: then that is the root.
func (e *edit) lowest(level int, c child, ref seal.Ref) (Root, error) {
	c.ref = ref
	for l := e.level(level); level > 0 && l.kept; l = e.level(level) {
		n, err := e.old.node(level, c, nil)
		if err != nil {
			return Root{}, err
		}
		if len(n.kids) > 1 {
			break
		}
		level, c = level-1, n.kids[0]
	}
	return Root{Ref: c.ref, Level: uint8(level), Count: c.count, Bytes: c.bytes}, nil
}

// save names the node that was just closed. A node of the old map that has the
// same bytes is known.
func (e *edit) save(level int, plain []byte, known ...*node) (seal.Ref, error) {
	for _, n := range known {
		if n != nil && bytes.Equal(n.plain, plain) {
			return n.ref, nil
		}
	}
	e.saved++
	return e.m.Nodes.Save(kindOf(level), plain)
}
