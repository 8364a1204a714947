package chunk

import (
	"fmt"
	"io"

	"github.com/restic/chunker"
)

// A Polynomial is the secret of where to cut: whoever does not know it cannot
// tell from sizes which content was cut.
type Polynomial = chunker.Pol

// DerivePolynomial draws an irreducible polynomial of degree 53 from r: the
// same bytes give the same polynomial. It reads about 400 bytes, and errs only
// when r ends or errs first.
func DerivePolynomial(r io.Reader) (Polynomial, error) {
	p, err := chunker.DerivePolynomial(r)
	if err != nil {
		return 0, fmt.Errorf("derive polynomial: %w", err)
	}
	return p, nil
}

// Bounds say how large chunks and runs become, in bytes. No cut is nearer than
// Min to the one before, or farther than Max; in between, every byte is a cut
// with a chance of one in 2^Bits.
type Bounds struct{ Min, Bits, Max int }

const (
	window   = 64       // bytes that decide on a cut
	degree   = 53       // of every polynomial
	maxChunk = 16 << 20 // bytes, the most that a blob holds
)

// Valid tells whether b can be cut by: 64 ≤ Min ≤ Max ≤ 16 MiB, and Bits from 1 to 30.
func (b Bounds) Valid() bool {
	return window <= b.Min && b.Min <= b.Max && b.Max <= maxChunk && 1 <= b.Bits && b.Bits <= 30
}

// newBase returns restic's chunker for p and b, at the start of a chunk. The
// process keeps 4 KiB of tables for each polynomial it has met, and each cut
// copies them under a lock; a copy of a chunker avoids both.
func newBase(p Polynomial, b Bounds) chunker.BaseChunker {
	if !b.Valid() || p.Deg() != degree {
		panic(fmt.Sprintf("chunk: bounds %v or a polynomial of degree %d", b, p.Deg()))
	}
	return *chunker.NewBase(p, chunker.WithBaseBoundaries(uint(b.Min), uint(b.Max)), chunker.WithBaseAverageBits(b.Bits))
}
