package tree

import (
	"encoding/binary"

	"github.com/dayfold/dayfold/pack/seal"
)

// A child is what an inner node says of one node of the level below.
type child struct {
	key      []byte // the last key in it
	ref      seal.Ref
	count    uint64 // entries in it, at least 1
	bytes    uint64 // the sum of their sizes
	external bool   // one of them has content outside the tree
}

// An inner node holds the child records of one run:
//
//	level 1 │ how many │ record │ record │ …
//
// and a record is, with every number a varint in its shortest form:
//
//	shared │ len(rest) │ rest │ ref 32 │ count │ bytes │ flags 1
//
// The key is coded as in a leaf. Bit 0 of flags says external; the others are 0.
//
// The raw form of a record, which only the cut sees, has the whole key:
//
//	len(key) │ key │ ref 32 │ count │ bytes │ flags 1
const isExternal = 1

// maxLevel bounds the height: with two children in a node, 2^40 leaves.
const maxLevel = 40

func appendRawChild(dst []byte, c *child) (raw []byte, fields int) {
	dst = appendField(dst, c.key)
	fields = len(dst)
	dst = append(dst, c.ref[:]...)
	dst = binary.AppendUvarint(dst, c.count)
	dst = binary.AppendUvarint(dst, c.bytes)
	if c.external {
		return append(dst, isExternal), fields
	}
	return append(dst, 0), fields
}

// decodeInner returns the children of an inner node of that level, at least one,
// and their sums. The keys are copies.
func decodeInner(plain []byte, level int) ([]child, error) {
	if len(plain) > MaxNode {
		return nil, corrupt("inner node: length")
	}
	p := parser{rest: plain}
	if level < 1 || level > maxLevel || int(p.byte()) != level {
		return nil, corrupt("inner node: level")
	}
	n := p.length(len(plain) / minChild)
	kids := make([]child, 0, n)
	var prev []byte
	keys := make([]byte, 0, len(plain))
	for len(kids) < n && !p.bad {
		var c child
		c.key, keys = p.key(keys, prev)
		copy(c.ref[:], p.take(len(c.ref)))
		c.count, c.bytes = p.uvarint(), p.uvarint()
		flags := p.byte()
		c.external = flags == isExternal
		if flags > isExternal || c.ref == (seal.Ref{}) || c.count == 0 {
			p.fail()
		}
		kids = append(kids, c)
		prev = c.key
	}
	if p.bad || n == 0 || len(p.rest) > 0 {
		return nil, corrupt("inner node")
	}
	return kids, nil
}

// minChild is the length of the shortest child record.
const minChild = 3 + len(seal.Ref{}) + 3

// sum adds up the children. ok is false when there are more than a map may hold.
func sum(kids []child) (total child, ok bool) {
	for i := range kids {
		if !total.add(&kids[i]) {
			return total, false
		}
	}
	return total, true
}

// add adds a record to the sums and says whether they are within the bounds.
func (c *child) add(d *child) bool {
	c.count += d.count
	c.bytes += d.bytes
	c.external = c.external || d.external
	return d.count <= maxCount && c.count <= maxCount && d.bytes <= maxBytes && c.bytes <= maxBytes
}
