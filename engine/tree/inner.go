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
//	shared │ rest, packed │ ref 32 │ 2·count + external │ bytes
//
// The key is coded as in a leaf. The raw form of a record, which only the cut sees,
// is the whole key, so that a cut stays where it is while the nodes below change:
//
//	len(key) │ key
const isExternal = 1

// maxLevel bounds the height: with two children in a node, 2^40 leaves.
const maxLevel = 40

// appendChild appends a record that stands behind the one with key prev.
func appendChild(dst []byte, c *child, prev []byte) []byte {
	dst = appendKey(dst, c.key, prev)
	dst = append(dst, c.ref[:]...)
	count := c.count << 1
	if c.external {
		count |= isExternal
	}
	return binary.AppendUvarint(binary.AppendUvarint(dst, count), c.bytes)
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
		count := p.uvarint()
		c.count, c.external, c.bytes = count>>1, count&isExternal != 0, p.uvarint()
		if c.ref == (seal.Ref{}) || c.count == 0 {
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
const minChild = 3 + len(seal.Ref{}) + 2

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
