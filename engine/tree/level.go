package tree

import (
	"bytes"

	"github.com/dayfold/dayfold/pack/seal"
)

// A level is the edit of one level: a merge of the old records, read from left
// to right, with new ones, cut into nodes as if built afresh. What happens to
// its nodes are edits of the records of the level above, made at once.
//
// Between two nodes the open node may be empty while the next old record is the
// first of an old node: old and new cuts have met. From there every node is as
// it was, up to the one that the next edit concerns, and none is read.
type level struct {
	e   *edit
	out writer
	old *cursor // at the node being read, or to be read next

	node   *node // the old node being read; nil: between two
	at     int   // its next record
	left   *node // the one read before
	ended  *node // one before that, if the open node ends with the same key so far
	used   bool  // a record of node was kept or dropped: the level above drops its record
	landed bool  // keep chose to read node, though cuts have met before it

	kept    bool     // an old node was passed over
	closed  bool     // a node was closed
	changed bool     // anything was kept, dropped or added one by one
	only    seal.Ref // ref of the last child record added
}

func (l *level) up() *level { return l.e.level(l.out.level + 1) }

// begin places the cursor, once. The level above the old root had no node; its
// one record is taken from a node that never was.
func (l *level) begin() error {
	if l.old.path != nil {
		return nil
	}
	if err := l.old.start(); err != nil {
		return err
	}
	if top := l.old.path[0].node; top.level == l.out.level && len(top.kids) > 0 {
		l.node, l.used = top, true
	}
	return nil
}

// keep keeps the old records below to (nil: all), or with past also to itself.
func (l *level) keep(to []byte, past bool) error {
	if err := l.begin(); err != nil {
		return err
	}
	for {
		if l.node == nil {
			more, err := l.open(to)
			if err != nil || !more {
				return err
			}
		}
		there, err := l.copy(to, past)
		if err != nil || there {
			l.landed = false
			return err
		}
	}
}

// open opens the next old node, or when cuts have met the next one that has to
// be read to keep what is below to. more is false when there is none.
func (l *level) open(to []byte) (more bool, err error) {
	if !l.old.valid() {
		return false, nil
	}
	if l.out.empty() {
		if to == nil {
			l.kept = true
			return false, nil
		}
		if err := l.pass(to); err != nil {
			return false, err
		}
	}
	return true, l.read()
}

// pass passes over old nodes, to the one where a record with key to has its
// predecessor: that is where it may change a cut first. Where an inner node or a
// whole content ends does not depend on what follows, so there the node that
// would hold the key will do.
func (l *level) pass(to []byte) error {
	l.landed = true
	here := l.old.low()
	if err := l.old.seek(to, false); err != nil {
		return err
	}
	back := !l.old.valid()
	if !back && l.out.level == 0 && !bytes.Equal(l.old.low(), here) {
		n, err := l.old.open()
		if err != nil {
			return err
		}
		back = bytes.Compare(n.keyAt(0), to) >= 0
	}
	if back {
		if err := l.old.prev(); err != nil {
			return err
		}
	}
	l.kept = l.kept || !bytes.Equal(l.old.low(), here)
	return nil
}

// copy keeps the records of the node that are below to, or past it. there is
// true when that was the last of them.
func (l *level) copy(to []byte, past bool) (there bool, err error) {
	end := l.node.len()
	if to != nil {
		end = l.node.searchFrom(l.at, to, past)
		there = bytes.Compare(to, l.node.key) <= 0
	}
	if l.at == 0 && end > 0 && !l.used && !l.landed {
		if err := l.breakBefore(l.node); err != nil {
			return false, err
		}
		if l.out.empty() && !there {
			l.node = nil // cuts have met: do not read it after all
			return false, nil
		}
	}
	for l.at < end {
		if err := l.use(); err != nil {
			return false, err
		}
		if err := l.copyRecord(); err != nil {
			return false, err
		}
	}
	if l.at == l.node.len() {
		l.leave()
	}
	return there, nil
}

// breakBefore closes the open node if the node's first record forces it.
func (l *level) breakBefore(n *node) error {
	if n.level == 0 && l.out.breaks(&n.entries[0]) {
		return l.close()
	}
	return nil
}

func (l *level) copyRecord() error {
	i := l.at
	l.at++
	if l.node.level == 0 {
		return l.entry(&l.node.entries[i])
	}
	return l.kid(&l.node.kids[i])
}

// drop drops the old records below to (nil: all), or with past also to itself.
// Nodes that go as a whole are not read.
func (l *level) drop(to []byte, past bool) error {
	if err := l.begin(); err != nil {
		return err
	}
	for {
		if l.node == nil {
			more, err := l.dropNodes(to, past)
			if err != nil || !more {
				return err
			}
		}
		end := l.node.len()
		if to != nil {
			end = l.node.searchFrom(l.at, to, past)
		}
		if end > l.at {
			if err := l.use(); err != nil {
				return err
			}
			l.at = end
		}
		if l.at < l.node.len() {
			return nil
		}
		l.leave()
	}
}

// dropNodes drops whole nodes and opens the one after them.
func (l *level) dropNodes(to []byte, past bool) (more bool, err error) {
	if !l.old.valid() {
		return false, nil
	}
	here := l.old.low()
	var next []byte // nil: they go up to the end
	if to == nil {
		l.old.end()
	} else if err := l.old.seek(to, past); err != nil {
		return false, err
	}
	if l.old.valid() {
		kid, err := l.old.child()
		if err != nil {
			return false, err
		}
		next = kid.key
	}
	if !bytes.Equal(l.old.low(), here) {
		l.changed = true
		if err := l.passed(here); err != nil {
			return false, err
		}
		if err := l.up().drop(next, false); err != nil {
			return false, err
		}
	}
	if next == nil {
		return false, nil
	}
	return true, l.read()
}

// read opens the node at the cursor.
func (l *level) read() (err error) {
	l.node, err = l.old.open()
	l.at, l.used = 0, false
	return err
}

// use takes the old node out of the level above: its records are kept or
// dropped one by one.
func (l *level) use() error {
	if l.used {
		return nil
	}
	l.used, l.changed = true, true
	key := l.node.key
	if err := l.up().keep(key, false); err != nil {
		return err
	}
	return l.up().drop(key, true)
}

// leave goes on to the next old node.
func (l *level) leave() {
	if l.ended == nil || !bytes.Equal(l.ended.key, l.out.sum.key) {
		l.ended = l.left
	}
	l.left, l.node, l.used, l.landed = l.node, nil, false, false
	l.old.next()
}

// entry adds an entry to the leaves.
func (l *level) entry(e *Entry) error {
	if l.out.breaks(e) {
		if err := l.close(); err != nil {
			return err
		}
	}
	l.changed = true
	cut, err := l.out.entry(e)
	if err == nil && cut {
		err = l.close()
	}
	return err
}

// kid adds a child record to the inner nodes.
func (l *level) kid(c *child) error {
	l.changed = true
	l.only = c.ref
	cut, err := l.out.kid(c)
	if err == nil && cut {
		err = l.close()
	}
	return err
}

// close ends the open node and adds its record to the level above, behind those
// of the old nodes that were passed over.
func (l *level) close() error {
	c, plain := l.out.close()
	var err error
	if c.ref, err = l.e.save(l.out.level, plain, l.node, l.left, l.ended); err != nil {
		return err
	}
	l.closed = true
	if !l.used {
		if err := l.passed(l.old.low()); err != nil {
			return err
		}
	}
	return l.up().kid(&c)
}

// passed makes the level above keep the records of the old nodes up to the one
// that ends with key.
func (l *level) passed(key []byte) error {
	if key == nil {
		return nil
	}
	return l.up().keep(key, true)
}
