package tree

import "bytes"

// keep keeps the old records below to; nil: all.
func (l *level) keep(to []byte) error {
	if err := l.old.start(); err != nil {
		return err
	}
	for {
		if l.node == nil {
			more, err := l.open(to)
			if err != nil || !more {
				return err
			}
		}
		there, err := l.copy(to)
		if err != nil || there {
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
	met := l.out.empty()
	if met && to == nil {
		l.kept = true
		return false, nil
	}
	if met {
		if err := l.pass(to); err != nil {
			return false, err
		}
	}
	return true, l.read(met)
}

// pass passes over old nodes, to the one where a record with key to has its
// predecessor: that is where it may change a cut first. An inner node ends by its
// own records, unless it is the last, so there the node that would hold the key
// will do. Either way a record of the node is kept or dropped next, so that the
// level above follows (use).
func (l *level) pass(to []byte) error {
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

// copy keeps the records of the node that are below to. there is true when no
// other node has one.
func (l *level) copy(to []byte) (there bool, err error) {
	end := l.node.len()
	if to != nil {
		end = l.node.searchFrom(l.at, to, false)
		there = bytes.Compare(to, l.node.key) <= 0
	}
	if l.at == 0 && end > 0 && !l.landed {
		if err := l.breakBefore(); err != nil {
			return false, err
		}
		if l.out.empty() {
			l.node = nil // cuts have met: it may be passed over
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
func (l *level) breakBefore() error {
	if l.node.level == 0 && l.out.breaks(&l.node.entries[0]) {
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
