package collect

import (
	"encoding/binary"
	"fmt"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// A wire reads plain bytes from front to back. The first thing that does not fit makes
// it bad, and all that follows reads as zero; end reports it.
type wire struct {
	rest []byte
	bad  bool
}

func (w *wire) fail() { w.bad, w.rest = true, nil }

// uint reads a uvarint of at most max in its shortest form.
func (w *wire) uint(max uint64) uint64 {
	v, n := binary.Uvarint(w.rest)
	if n <= 0 || v > max || n > 1 && w.rest[n-1] == 0 {
		w.fail()
		return 0
	}
	w.rest = w.rest[n:]
	return v
}

// int reads a zigzag varint in its shortest form.
func (w *wire) int() int64 {
	u := w.uint(1<<64 - 1)
	return int64(u>>1) ^ -int64(u&1)
}

func (w *wire) array16() (a [16]byte) {
	if len(w.rest) < len(a) {
		w.fail()
		return a
	}
	w.rest = w.rest[copy(a[:], w.rest):]
	return a
}

func (w *wire) grave() (g Grave) {
	if len(w.rest) < len(g) {
		w.fail()
		return g
	}
	w.rest = w.rest[copy(g[:], w.rest):]
	return g
}

// count reads how many elements of at least size bytes follow.
func (w *wire) count(size int) int {
	n := w.uint(1 << 32)
	if n > uint64(len(w.rest)/size) {
		w.fail()
		return 0
	}
	return int(n)
}

// names reads a list of names in ascending order.
func (w *wire) names() []pack.Name {
	n := w.count(len(pack.Name{}))
	if n == 0 {
		return nil
	}
	names := make([]pack.Name, n)
	for i := range names {
		w.rest = w.rest[copy(names[i][:], w.rest):]
		if i > 0 && compareNames(names[i-1], names[i]) >= 0 {
			w.fail()
			return nil
		}
	}
	return names
}

// end reports damage: something did not fit, or bytes are left over.
func (w *wire) end() error {
	if w.bad || len(w.rest) != 0 {
		return fmt.Errorf("decode fence: %w", seal.ErrCorrupt)
	}
	return nil
}
