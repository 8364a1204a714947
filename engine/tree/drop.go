package tree

import "bytes"

// drop drops the old records below to (nil: all), or with past also to itself.
// Nodes that go as a whole are not read.
func (l *level) drop(to []byte, past bool) error {
	if err := l.old.start(); err != nil {
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
		there := to != nil && bytes.Compare(to, l.node.key) <= 0
		if l.at == l.node.len() {
			l.leave()
		}
		if there {
			return nil
		}
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
		if err := l.up().drop(next, false); err != nil {
			return false, err
		}
	}
	if next == nil {
		return false, nil
	}
	return true, l.read(false)
}
