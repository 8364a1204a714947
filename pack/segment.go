package pack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/dayfold/dayfold/pack/seal"
)

// A Packed is a pack that lies in a store, as an index segment remembers it.
type Packed struct {
	Name  Name
	Size  uint32 // bytes; it follows from Table
	Table Table
}

// An index segment is the tables of many packs, so that one read tells what
// many directories would. It is an accelerator: everything in it stands in the
// packs as well. In clear:
//
//	uvarint number of packs │ for each: name 32 │ table
//
// The names ascend. Sizes are not coded, as the tables imply them.

// EncodeSegment returns the segment of these packs, in any order, their tables
// as Finish or ReadTable gave them. Of packs of one name it holds the first.
// The caller seals it under seal.RoleSegment.
func EncodeSegment(packs []Packed) []byte {
	sorted := slices.Clone(packs)
	slices.SortStableFunc(sorted, func(a, b Packed) int { return bytes.Compare(a.Name[:], b.Name[:]) })
	sorted = slices.CompactFunc(sorted, func(a, b Packed) bool { return a.Name == b.Name })
	b := binary.AppendUvarint(nil, uint64(len(sorted)))
	for _, p := range sorted {
		b = append(b, p.Name[:]...)
		b = appendTable(b, p.Table)
	}
	return b
}

// DecodeSegment is the reverse of EncodeSegment; the packs come back in the
// order of their names. The error wraps seal.ErrCorrupt.
func DecodeSegment(data []byte) ([]Packed, error) {
	p := parser{rest: data}
	n := p.count(len(Name{}) + minTableSize)
	packs := make([]Packed, n)
	for i := range packs {
		name, t := p.name(), p.table()
		if i > 0 && bytes.Compare(packs[i-1].Name[:], name[:]) >= 0 {
			p.fail()
		}
		if p.bad {
			break
		}
		packs[i] = Packed{Name: name, Size: uint32(t.size()), Table: t}
	}
	if p.bad || len(p.rest) > 0 {
		return nil, fmt.Errorf("decode segment: %w", seal.ErrCorrupt)
	}
	return packs, nil
}
