package tree

import (
	"encoding/binary"

	"github.com/dayfold/dayfold/pack/seal"
)

// AppendEntry appends an entry on its own, for DecodeEntry. That form lies in no
// archive: it is for sorting entries outside of memory.
func AppendEntry(dst []byte, e *Entry) []byte {
	return appendRaw(appendField(dst, e.Group), e)
}

// DecodeEntry returns the entry that AppendEntry appended, which aliases data.
// What is not within the limits of an entry is seal.ErrCorrupt.
func DecodeEntry(data []byte) (Entry, error) {
	p := parser{rest: data}
	var e Entry
	if n := p.length(MaxGroup); n > 0 {
		e.Group = p.take(n)
	}
	e.Key = p.field(MaxKey)
	flags, kind := p.byte(), p.byte()
	if time := p.take(timeLen); !p.bad {
		e.Kind, e.Time = kind, int64(binary.LittleEndian.Uint64(time))
	}
	new(leafDecoder).fields(&p, &e, flags)
	if p.bad || len(p.rest) > 0 {
		return Entry{}, corrupt("entry")
	}
	return e, nil
}

// LastDay returns the day of the last key in a node of a map with Day: the first
// four bytes of it, the highest first. A list has no day.
func LastDay(kind seal.Kind, plain []byte) (uint32, error) {
	p := parser{rest: plain}
	var key []byte
	switch kind {
	case seal.Leaf: // all of one day
		p.take(blindLen)
		p.packed(nil, MaxGroup)
		key, _ = p.key(nil, nil)
	case seal.Inner:
		kids, err := decodeInner(plain, int(p.byte()))
		if err != nil {
			return 0, err
		}
		key = kids[len(kids)-1].key
	}
	if len(key) < dayLen {
		return 0, corrupt("node without a day")
	}
	return binary.BigEndian.Uint32(key), nil
}
