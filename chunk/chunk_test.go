package chunk_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/restic/chunker"

	"github.com/dayfold/dayfold/chunk"
)

const pol = chunk.Polynomial(0x3DA3358B4DC173) // the one of restic's own tests

// random returns n bytes that are the same in every run.
func random(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// split returns copies of the chunks of r.
func split(t testing.TB, c *chunk.Cutter, r io.Reader) (chunks [][]byte) {
	t.Helper()
	for b, err := range c.Split(r) {
		if err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, bytes.Clone(b))
	}
	return chunks
}

// reference returns the chunks that restic/chunker makes.
func reference(t testing.TB, b chunk.Bounds, data []byte) (chunks [][]byte) {
	t.Helper()
	c := chunker.New(bytes.NewReader(data), pol,
		chunker.WithBoundaries(uint(b.Min), uint(b.Max)), chunker.WithAverageBits(b.Bits))
	for {
		next, err := c.Next(nil)
		if err == io.EOF {
			return chunks
		}
		if err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, next.Data)
	}
}

func same(got, want [][]byte) error {
	for i := range min(len(got), len(want)) {
		if !bytes.Equal(got[i], want[i]) {
			return fmt.Errorf("chunk %d: got %d bytes, want %d", i, len(got[i]), len(want[i]))
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("got %d chunks, want %d", len(got), len(want))
	}
	return nil
}

// cutters are all ways to find a cut.
func cutters(b chunk.Bounds) map[string]*chunk.Cutter {
	return map[string]*chunk.Cutter{
		"published": chunk.NewCutter(pol, b), "lanes": chunk.NewLanes(pol, b), "restic": chunk.NewRestic(pol, b),
	}
}

func TestSplitCutsWhereResticDoes(t *testing.T) {
	text := bytes.Repeat([]byte("See you at nine, at the usual place. "), 100_000)
	for _, b := range []chunk.Bounds{
		chunk.Text, chunk.Leaf, chunk.Inner, {Min: 64, Bits: 6, Max: 200}, {Min: 64, Bits: 1, Max: 64},
		{Min: 4096, Bits: 8, Max: 4096}, {Min: 100_000, Bits: 16, Max: 1 << 20},
	} {
		all := cutters(b)
		for name, data := range map[string][]byte{
			"random": random(1, 500_000), "zeros": make([]byte, 300_000), "text": text[:300_000],
			"nothing": nil, "one byte": {1}, "Min": random(2, b.Min), "Min+1": random(2, b.Min+1),
			"Max": random(3, b.Max), "Max+1": random(3, b.Max+1), "Min-1": random(2, b.Min-1),
		} {
			want := reference(t, b, data)
			for way, c := range all {
				if err := same(split(t, c, bytes.NewReader(data)), want); err != nil {
					t.Errorf("%s, %v, %s: %v", way, b, name, err)
				}
			}
		}
	}
}

func TestSplitMedia(t *testing.T) {
	c := chunk.NewCutter(pol, chunk.Media)
	data := random(4, 20<<20)
	copy(data[3<<20:], make([]byte, 1<<20)) // a cut at once where the digest is zero
	if err := same(split(t, c, bytes.NewReader(data)), reference(t, chunk.Media, data)); err != nil {
		t.Error(err)
	}
}

// How a reader hands out its bytes changes nothing.
func TestSplitReaders(t *testing.T) {
	data := random(5, 200_000)
	c := chunk.NewCutter(pol, chunk.Text)
	want := reference(t, chunk.Text, data)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"one byte a time": iotest.OneByteReader, "half": iotest.HalfReader, "end with data": iotest.DataErrReader,
		"idle between": func(r io.Reader) io.Reader { return &idle{r: r} },
	} {
		if err := same(split(t, c, wrap(bytes.NewReader(data))), want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// idle reads nothing every second time.
type idle struct {
	r    io.Reader
	odd  bool
	dead bool // nothing ever
}

func (i *idle) Read(p []byte) (int, error) {
	i.odd = !i.odd
	if i.odd || i.dead {
		return 0, nil
	}
	return i.r.Read(p)
}

func TestSplitErrors(t *testing.T) {
	c := chunk.NewCutter(pol, chunk.Text)
	data := random(6, 100_000)
	broken := errors.New("disk on fire")
	for name, r := range map[string]io.Reader{
		"at once": iotest.ErrReader(broken),
		"later":   io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken)),
	} {
		var last error
		for b, err := range c.Split(r) {
			if last != nil || (b == nil) == (err == nil) {
				t.Errorf("%s: got %d bytes and %v after %v", name, len(b), err, last)
			}
			last = err
		}
		if !errors.Is(last, broken) {
			t.Errorf("%s: got %v, want %v", name, last, broken)
		}
	}
	for _, err := range c.Split(&idle{dead: true}) {
		if !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("got %v, want %v", err, io.ErrNoProgress)
		}
	}
	if err := same(split(t, c, bytes.NewReader(data)), reference(t, chunk.Text, data)); err != nil {
		t.Errorf("after errors: %v", err)
	}
}

func TestSplitStopsAndStartsAgain(t *testing.T) {
	c := chunk.NewCutter(pol, chunk.Text)
	data := random(7, 300_000)
	want := reference(t, chunk.Text, data)
	for stop := range len(want) {
		n := 0
		for b, err := range c.Split(bytes.NewReader(data)) {
			if err != nil || !bytes.Equal(b, want[n]) {
				t.Errorf("chunk %d of %d before a stop: %d bytes, %v", n, stop, len(b), err)
			}
			if n++; n > stop {
				break
			}
		}
	}
}

// A caller may append to a chunk: it has no room into what follows.
func TestChunkHasNoRoom(t *testing.T) {
	c := chunk.NewCutter(pol, chunk.Text)
	data := random(8, 100_000)
	n := 0
	want := reference(t, chunk.Text, data)
	for b, err := range c.Split(bytes.NewReader(data)) {
		if err != nil || !bytes.Equal(b, want[n]) {
			t.Errorf("chunk %d: %d bytes, %v", n, len(b), err)
		}
		_ = append(b, make([]byte, 1000)...)
		n++
	}
}

func TestSplitDoesNotAllocate(t *testing.T) {
	c := chunk.NewCutter(pol, chunk.Text)
	data := random(9, 1<<20)
	r := bytes.NewReader(data)
	if got := testing.AllocsPerRun(10, func() {
		r.Reset(data)
		for range c.Split(r) {
		}
	}); got > 8 {
		t.Errorf("got %v allocations for a stream", got)
	}
}

func TestDerivePolynomial(t *testing.T) {
	p, err := chunk.DerivePolynomial(rand.NewChaCha8([32]byte{}))
	if want := chunk.Polynomial(0); p == want || p.Deg() != 53 || err != nil {
		t.Errorf("got %v, %v", p, err)
	}
	again, err := chunk.DerivePolynomial(rand.NewChaCha8([32]byte{}))
	if again != p || err != nil {
		t.Errorf("got %v, then %v, %v", p, again, err)
	}
	if _, err := chunk.DerivePolynomial(bytes.NewReader(nil)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want %v", err, io.EOF)
	}
}

func TestBoundsValid(t *testing.T) {
	for _, b := range []chunk.Bounds{chunk.Media, chunk.Text, chunk.Leaf, chunk.Inner, {64, 1, 64}, {64, 30, 16 << 20}} {
		if !b.Valid() {
			t.Errorf("%v: not valid", b)
		}
	}
	for _, b := range []chunk.Bounds{
		{}, {63, 10, 1000}, {-1, 10, 1000}, {64, 0, 1000}, {64, -1, 1000}, {64, 31, 1000}, {64, 10, 63}, {64, 10, 16<<20 + 1},
	} {
		if b.Valid() {
			t.Errorf("%v: valid", b)
		}
		panics(t, func() { chunk.NewCutter(pol, b) })
		panics(t, func() { chunk.NewRecords(pol, b) })
	}
	panics(t, func() { chunk.NewCutter(0, chunk.Text) })
	panics(t, func() { chunk.NewRecords(pol>>1, chunk.Text) })
}

func panics(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}
