package chunk

import (
	"fmt"
	"io"
	"iter"

	"github.com/restic/chunker"
)

// A Cutter cuts streams into chunks, exactly where restic/chunker would. It
// keeps one buffer of Max bytes and is meant to be used for many streams, one
// after another; it is not safe for concurrent use.
type Cutter struct {
	bounds      Bounds
	step        int                 // bytes read at a time beyond Min
	lanes       *lanes              // nil: base finds the cuts
	fresh, base chunker.BaseChunker // at the start of a chunk; as of now

	r   io.Reader
	buf []byte // buf[:end] is the last chunk, buf[end:n] what was read beyond it
	end int
	n   int
	eof bool
}

// Beyond Min a Cutter reads an eighth of the average at a time, within these
// limits: what is read beyond a cut has to be moved.
const (
	minStep = 16 << 10
	maxStep = 128 << 10
)

// NewCutter returns a Cutter. It panics when b is not Valid or p does not come
// from DerivePolynomial.
func NewCutter(p Polynomial, b Bounds) *Cutter {
	fresh := newBase(p, b)
	step := min(max(1<<b.Bits/8, minStep), maxStep)
	c := &Cutter{bounds: b, step: step, fresh: fresh, base: fresh}
	if b.Bits >= lanesMinBits {
		c.lanes = newLanes(p, b)
	}
	return c
}

// Split returns the chunks of what r holds, in order; none if it holds nothing.
// A chunk is valid until the next iteration. A stream of at most Min bytes is
// one chunk, and its bytes are not looked at. The error of r ends the sequence;
// what r gave since the last cut is lost. The sequence can be used once.
func (c *Cutter) Split(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		c.start(r)
		defer c.start(nil)
		for {
			chunk, err := c.next()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, fmt.Errorf("split: %w", err))
				return
			}
			if !yield(chunk, nil) {
				return
			}
		}
	}
}

func (c *Cutter) start(r io.Reader) {
	if c.buf == nil {
		c.buf = make([]byte, c.bounds.Max)
	}
	c.r, c.end, c.n, c.eof = r, 0, 0, false
	c.base = c.fresh
}

// next returns the next chunk, or io.EOF.
func (c *Cutter) next() ([]byte, error) {
	c.n = copy(c.buf, c.buf[c.end:c.n])
	c.end = 0
	if err := c.fill(c.bounds.Min + c.step); err != nil {
		return nil, err
	}
	if c.n == 0 {
		return nil, io.EOF
	}
	for seen := 0; !c.last(); {
		if i := c.cut(seen); i >= 0 {
			c.end = i
			return c.buf[:c.end:c.end], nil
		}
		if c.eof {
			break
		}
		seen = c.n
		if err := c.fill(seen + c.step); err != nil {
			return nil, err
		}
	}
	c.end = c.n
	return c.buf[:c.end:c.end], nil
}

// cut returns where the chunk ends, or -1 when it goes on beyond buf[:n];
// buf[:seen] was looked at before.
func (c *Cutter) cut(seen int) int {
	if c.lanes == nil {
		if i := c.base.NextSplitPoint(c.buf[seen:c.n]); i >= 0 {
			return seen + i
		}
		return -1
	}
	if i := c.lanes.find(c.buf[:c.n], max(seen+1, c.bounds.Min)); i >= 0 {
		return i
	}
	if c.n == c.bounds.Max {
		return c.n
	}
	return -1
}

// last tells whether no cut can come before the end of the stream.
func (c *Cutter) last() bool { return c.eof && c.n <= c.bounds.Min }

// fill reads until the buffer holds to bytes or is full, or the stream ends.
func (c *Cutter) fill(to int) error {
	const patience = 100 // reads in a row that bring nothing
	to = min(to, len(c.buf))
	for idle := 0; c.n < to && !c.eof; idle++ {
		n, err := c.r.Read(c.buf[c.n:to])
		c.n += n
		switch {
		case err == io.EOF:
			c.eof = true
		case err != nil:
			return err
		case n > 0:
			idle = 0
		case idle >= patience:
			return io.ErrNoProgress
		}
	}
	return nil
}
