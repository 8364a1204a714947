package pack

import (
	"encoding/binary"

	"github.com/dayfold/dayfold/pack/seal"
)

// A Table is what a pack's directory says. It holds no refs: with it one finds
// blobs, and opens none.
type Table struct {
	Class Class
	Blobs []Blob // by offset, one behind the other, the first at seal.HeaderSize
}

// A Blob is a sealed blob's place in its pack, in bytes from the pack's start.
type Blob struct {
	ID       seal.ID
	Off, Len uint32
}

// A table in its coded form, from which the offsets follow:
//
//	class 1 │ day 4, LE │ uvarint number of blobs │ for each: ID 16 │ uvarint length
//
// There is at least one blob, none is empty, no ID stands twice, and the whole
// pack is at most MaxSize.
func appendTable(dst []byte, t Table) []byte {
	dst = append(dst, byte(t.Class.Kind))
	dst = binary.LittleEndian.AppendUint32(dst, t.Class.Day)
	dst = binary.AppendUvarint(dst, uint64(len(t.Blobs)))
	for _, b := range t.Blobs {
		dst = append(dst, b.ID[:]...)
		dst = binary.AppendUvarint(dst, uint64(b.Len))
	}
	return dst
}

const (
	classSize    = 1 + 4
	minEntrySize = 16 + 1 // of a blob in a table
	minTableSize = classSize + 1 + minEntrySize
)

// table reads a table.
func (p *parser) table() Table {
	t := Table{Class: p.class()}
	n := p.count(minEntrySize)
	if n == 0 {
		p.fail()
		return Table{}
	}
	t.Blobs = make([]Blob, n)
	seen := make(map[seal.ID]struct{}, n)
	at := seal.HeaderSize
	for i := range t.Blobs {
		id, length := p.id(), p.uvarint(MaxSize-at)
		if length == 0 {
			p.fail()
		}
		if p.bad {
			return Table{}
		}
		t.Blobs[i] = Blob{ID: id, Off: uint32(at), Len: uint32(length)}
		seen[id] = struct{}{}
		at += length
	}
	if len(seen) < n || t.size() > MaxSize {
		p.fail()
	}
	return t
}

// end returns where the last blob ends and the sealed directory begins.
func (t Table) end() int {
	if len(t.Blobs) == 0 {
		return seal.HeaderSize
	}
	last := t.Blobs[len(t.Blobs)-1]
	return int(last.Off) + int(last.Len)
}

// size returns the size of the pack that has this table.
func (t Table) size() int {
	n := classSize + uvarintLen(len(t.Blobs)) + len(t.Blobs)*len(seal.ID{})
	for _, b := range t.Blobs {
		n += uvarintLen(int(b.Len))
	}
	return packSize(t.end(), n)
}

// packSize returns the size of a pack whose directory begins at end and has n
// bytes without its padding.
func packSize(end, n int) int { return PackSize(end + n + seal.PartOverhead + trailerSize) }
