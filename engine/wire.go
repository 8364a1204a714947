package engine

import (
	"encoding/binary"

	"github.com/dayfold/dayfold/pack/seal"
)

// A wire reads the plain bytes of an object from front to back. The first thing
// that does not fit makes it bad, and all that follows reads as zero; end reports it.
type wire struct {
	rest []byte
	bad  bool
}

func (w *wire) fail() { w.bad, w.rest = true, nil }

func (w *wire) bytes(n int) []byte {
	if n < 0 || n > len(w.rest) {
		w.fail()
		return nil
	}
	b := w.rest[:n:n]
	w.rest = w.rest[n:]
	return b
}

// uint reads a uvarint of at most max in its shortest form.
func (w *wire) uint(max uint64) uint64 {
	v, n := binary.Uvarint(w.rest)
	if n <= 0 || v > max || (n > 1 && w.rest[n-1] == 0) {
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

func (w *wire) flag() bool { return w.uint(1) == 1 }

// text reads a length of at most max and that many bytes.
func (w *wire) text(max uint64) []byte { return w.bytes(int(w.uint(max))) }

func (w *wire) array16() (a [16]byte) { copy(a[:], w.bytes(16)); return a }

func (w *wire) array32() (a [32]byte) { copy(a[:], w.bytes(32)); return a }

// count reads how many elements of at least size bytes follow.
func (w *wire) count(size int) int {
	n := w.uint(1 << 32)
	if n > uint64(len(w.rest)/size) {
		w.fail()
		return 0
	}
	return int(n)
}

// end reports damage: something did not fit, or bytes are left over.
func (w *wire) end() error {
	if w.bad || len(w.rest) != 0 {
		return seal.ErrCorrupt
	}
	return nil
}

func appendInt(b []byte, v int64) []byte { return binary.AppendVarint(b, v) }

func appendUint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

func appendFlag(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendText[T ~string | ~[]byte](b []byte, v T) []byte {
	return append(appendUint(b, uint64(len(v))), v...)
}
