package tree

import (
	"bytes"
	"encoding/binary"

	"github.com/dayfold/dayfold/chunk"
)

// A writer is the open node of one level: it takes records in order and says
// where the node ends.
type writer struct {
	m     *Map
	level int
	cut   *chunk.Records
	used  bool // cut has seen records of this run

	sum         child  // of the records so far; key is the last one's
	n           int    // how many records
	group       []byte // of a leaf
	time        int64  // of the last record of a leaf
	plain       []byte // the node so far: head bytes, then records
	raw, inline []byte // of one record
}

// innerHead is the room for the level and the number of records of an inner node.
const innerHead = 1 + 3

func newWriter(m *Map, level int) writer {
	bounds := chunk.Inner
	if level == 0 {
		bounds = chunk.Leaf
	}
	return writer{m: m, level: level, cut: chunk.NewRecords(m.Cut, bounds)}
}

func (w *writer) empty() bool { return w.n == 0 }

// breaks says that the open leaf ends before e, whatever it holds.
func (w *writer) breaks(e *Entry) bool {
	return w.n > 0 && (!bytes.Equal(w.group, e.Group) || w.m.Day && !sameDay(w.sum.key, e.Key))
}

// entry adds an entry that fits (Entry.check) and does not break the leaf. cut
// says that the leaf ends with it.
func (w *writer) entry(e *Entry) (cut bool, err error) {
	if w.n == 0 {
		w.plain = append(w.plain[:0], make([]byte, blindLen)...)
		w.plain = appendPacked(w.plain, e.Group)
		w.group = append(w.group[:0], e.Group...)
		w.time = 0
	}
	flags, coded := e.flags(), *e
	w.inline = append(w.inline[:0], e.Inline...)
	toDifferences(w.inline, e.Time)
	coded.Inline = w.inline
	w.plain = appendKey(w.plain, e.Key, w.sum.key)
	w.plain = append(w.plain, flags, e.Kind)
	w.plain = appendZigzag(w.plain, e.Time-timeIn(e.Key, w.time))
	w.plain = appendFields(w.plain, &coded, flags)
	w.raw = appendRaw(w.raw[:0], e)
	w.time = e.Time
	if !w.sum.addEntry(e) {
		return false, outside("sum of sizes")
	}
	return w.walk(e.Key), nil
}

// timeLen is the length of a time in a raw record.
const timeLen = 8

// kid adds a child record. cut says that the node ends with it.
func (w *writer) kid(c *child) (cut bool, err error) {
	if w.n == 0 {
		w.plain = append(w.plain[:0], make([]byte, innerHead)...)
	}
	w.plain = appendChild(w.plain, c, w.sum.key)
	w.raw = appendField(w.raw[:0], c.key)
	if !w.sum.add(c) {
		return false, outside("sum of sizes")
	}
	return w.walk(c.key) && w.n > 1, nil
}

// walk shows the raw record to the cut.
func (w *writer) walk(key []byte) bool {
	w.sum.key = append(w.sum.key[:0], key...)
	w.n++
	w.used = !w.cut.Add(w.raw)
	return !w.used
}

// close ends the node and returns its record, whose ref is yet to be set, and
// its bytes. Both are valid until the next record.
func (w *writer) close() (c child, plain []byte) {
	if w.level == 0 {
		if w.m.Blind != nil {
			blind := w.m.Blind(w.plain[blindLen:])
			copy(w.plain, blind[:])
		}
		plain = w.plain
	} else {
		head := binary.AppendUvarint([]byte{byte(w.level)}, uint64(w.n))
		plain = w.plain[innerHead-len(head):]
		copy(plain, head)
	}
	if w.used {
		w.cut.Reset()
		w.used = false
	}
	c = w.sum
	w.sum, w.n = child{key: w.sum.key[:0]}, 0
	return c, plain
}
