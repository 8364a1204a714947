package pack

import (
	"encoding/binary"

	"github.com/dayfold/dayfold/pack/seal"
)

// A parser reads parts from the front of data. The first part that is not
// there, or not in its one form, makes it bad, and all that follow are zero.
type parser struct {
	rest []byte
	bad  bool
}

func (p *parser) fail() { p.bad, p.rest = true, nil }

// take returns the next n bytes, which alias the data; zeros when it is bad.
func (p *parser) take(n int) []byte {
	if n > len(p.rest) {
		p.fail()
		return make([]byte, n)
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

// uvarint reads a number of at most limit, in its shortest form.
func (p *parser) uvarint(limit int) int {
	v, n := binary.Uvarint(p.rest)
	if n <= 0 || n > 1 && p.rest[n-1] == 0 || v > uint64(limit) {
		p.fail()
		return 0
	}
	p.rest = p.rest[n:]
	return int(v)
}

// count reads how many parts follow of at least size bytes each, so that what
// is allocated for them is bounded by the data that is there.
func (p *parser) count(size int) int { return p.uvarint(len(p.rest) / size) }

func (p *parser) id() seal.ID    { return seal.ID(p.take(len(seal.ID{}))) }
func (p *parser) name() Name     { return Name(p.take(len(Name{}))) }
func (p *parser) uint32() uint32 { return binary.LittleEndian.Uint32(p.take(4)) }

func (p *parser) class() Class {
	c := Class{Kind: ClassKind(p.take(1)[0]), Day: p.uint32()}
	if !c.valid() {
		p.fail()
	}
	return c
}

func uvarintLen(n int) int {
	var b [binary.MaxVarintLen64]byte
	return binary.PutUvarint(b[:], uint64(n))
}

// zero tells whether b holds only zeros.
func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
