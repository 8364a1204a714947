package seal

import (
	"encoding/binary"
	"sync"

	"github.com/zeebo/blake3"
)

// hashers lends keyed hashers. Making one costs as much as hashing 8 KiB, so
// each is used again: naming a blob allocates nothing.
type hashers struct{ pool sync.Pool }

// A hasher is BLAKE3 under a fixed key, with room beside it for what goes in
// and comes out, which would otherwise escape to the heap on each call.
type hasher struct {
	*blake3.Hasher
	buf [binary.MaxVarintLen64]byte
	sum [32]byte
}

func newHashers(base *blake3.Hasher) *hashers {
	hs := new(hashers)
	hs.pool.New = func() any { return &hasher{Hasher: base.Clone()} }
	return hs
}

func keyedHashers(key [keySize]byte) *hashers { return newHashers(keyed(key)) }

func (hs *hashers) get() *hasher { return hs.pool.Get().(*hasher) }

func (hs *hashers) put(h *hasher) {
	h.Reset()
	hs.pool.Put(h)
}

// writeBound writes the length of b and b, so that no two lists of writes hash the same bytes.
func (h *hasher) writeBound(b []byte) {
	n := binary.PutUvarint(h.buf[:], uint64(len(b)))
	h.write(h.buf[:n])
	h.write(b)
}

// write ignores the error that BLAKE3 never returns.
func (h *hasher) write(b []byte) { _, _ = h.Write(b) }

// finish returns the hash of what was written. The hasher must be put back after it.
func (h *hasher) finish() [32]byte {
	h.Sum(h.sum[:0])
	return h.sum
}
