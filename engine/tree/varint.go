package tree

import "encoding/binary"

// A parser reads the parts of a node from the front. The first part that is not
// there, too long or not in its shortest form makes it bad, and all that follow
// are zero.
type parser struct {
	rest []byte
	bad  bool
}

func (p *parser) fail() { p.bad, p.rest = true, nil }

func (p *parser) byte() byte {
	if len(p.rest) == 0 {
		p.fail()
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}

// uvarint reads a number in its shortest form.
func (p *parser) uvarint() uint64 {
	if len(p.rest) > 0 && p.rest[0] < 0x80 {
		return uint64(p.byte())
	}
	v, n := binary.Uvarint(p.rest)
	if n <= 0 || p.rest[n-1] == 0 {
		p.fail()
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

// length reads a number that is at most limit.
func (p *parser) length(limit int) int {
	v := p.uvarint()
	if v > uint64(limit) {
		p.fail()
		return 0
	}
	return int(v)
}

// take returns the next n bytes, which alias the node.
func (p *parser) take(n int) []byte {
	if n > len(p.rest) {
		p.fail()
		return nil
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

// field reads 1 to limit bytes behind their length.
func (p *parser) field(limit int) []byte {
	n := p.length(limit)
	if n == 0 {
		p.fail()
	}
	return p.take(n)
}

func (p *parser) zigzag() int64 {
	v := p.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func appendZigzag(dst []byte, v int64) []byte {
	return binary.AppendUvarint(dst, uint64(v)<<1^uint64(v>>63))
}

func appendField(dst, field []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(field))), field...)
}

// shared returns how many leading bytes a and b have in common.
func shared(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
