package tree

import (
	"encoding/binary"

	"github.com/dayfold/dayfold/pack/seal"
)

// A list is a run of refs of a long content:
//
//	level 1 │ ref 32 │ bytes │ ref 32 │ bytes │ …
//
// Level 1 lists chunks, level 2 lists of level 1, and so on to MaxDepth. bytes,
// a varint in its shortest form, is the length of the content below. The raw
// form of a record, which only the cut sees, is its coded form.
type listed struct {
	ref   seal.Ref
	bytes uint64 // at least 1
}

// MaxChunk is the largest chunk of a content in bytes.
const MaxChunk = 16 << 20

func appendListed(dst []byte, l listed) []byte {
	dst = append(dst, l.ref[:]...)
	return binary.AppendUvarint(dst, l.bytes)
}

// decodeList returns the records of a list of that level, at least one, and how
// long the content below is.
func decodeList(plain []byte, level int) (records []listed, total uint64, err error) {
	if len(plain) > MaxNode {
		return nil, 0, corrupt("list: length")
	}
	p := parser{rest: plain}
	if int(p.byte()) != level {
		return nil, 0, corrupt("list: level")
	}
	limit := uint64(MaxChunk)
	if level > 1 {
		limit = maxBytes
	}
	records = make([]listed, 0, len(p.rest)/(len(seal.Ref{})+1))
	for len(p.rest) > 0 {
		var l listed
		copy(l.ref[:], p.take(len(l.ref)))
		l.bytes = p.uvarint()
		total += l.bytes
		if l.bytes == 0 || l.bytes > limit || total > maxBytes || l.ref == (seal.Ref{}) {
			p.fail()
		}
		records = append(records, l)
	}
	if p.bad || len(records) == 0 {
		return nil, 0, corrupt("list")
	}
	return records, total, nil
}
