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
// it was, up to the one that the next edit concerns, and none is read. Of that
// one a record is kept or dropped in any case; so whatever changes a map takes
// its root apart, and the levels above the old root are all new.
type level struct {
	e   *edit
	out writer
	old *cursor // at the node being read, or to be read next

	node   *node // the old node being read; nil: between two
	at     int   // its next record
	used   bool  // a record of node was kept or dropped: the level above drops its record
	landed bool  // keep chose node though cuts had met before it
	left   *node // the one read before
	ended  *node // one before that, if the open node ends with the same key so far

	kept    bool     // an old node was passed over
	closed  bool     // a node was closed
	changed bool     // anything was kept, dropped or added one by one
	only    seal.Ref // ref of the last child record added
}

func (l *level) up() *level { return l.e.level(l.out.level + 1) }

// read opens the node at the cursor.
func (l *level) read(landed bool) (err error) {
	l.node, err = l.old.open()
	l.at, l.used, l.landed = 0, false, landed
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
	if err := l.up().keep(key); err != nil {
		return err
	}
	return l.up().drop(key, true)
}

// leave goes on to the next old node.
func (l *level) leave() {
	if l.ended == nil || !bytes.Equal(l.ended.key, l.out.sum.key) {
		l.ended = l.left
	}
	l.left, l.node, l.used = l.node, nil, false
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

// close ends the open node and adds its record to the level above, which stands
// behind the last old node of which a record was kept or dropped.
func (l *level) close() error {
	c, plain := l.out.close()
	var err error
	if c.ref, err = l.e.save(l.out.level, plain, l.node, l.left, l.ended); err != nil {
		return err
	}
	l.closed = true
	return l.up().kid(&c)
}
