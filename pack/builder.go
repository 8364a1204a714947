package pack

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/dayfold/dayfold/pack/seal"
	"github.com/zeebo/blake3"
)

// A pack is written once, whole, and never changed (FORMAT.md, section 7):
//
//	header 96 │ blob │ blob │ … │ sealed directory │ sealed trailer 32
//
// The directory is part 1 of the object: the table, and zeros up to the size
// that the grid has for the pack. The trailer is part 0; in clear it is
//
//	offset of the directory 8, LE │ its sealed length 4, LE │ zero 4
const (
	trailerPart, directoryPart = 0, 1

	trailerPlain = 8 + 4 + 4
	trailerSize  = trailerPlain + seal.PartOverhead
)

// A Builder gathers the blobs of one pack. It is not safe for concurrent use, except
// that places it gave may be filled at the same time, by anyone.
type Builder struct {
	class   Class
	blobs   []piece
	slab    []byte // where the next place is cut from
	largest []byte // of the slabs so far
	bytes   int    // of the blobs
	have    map[seal.ID]struct{}
	entries int // bytes of the blobs in the directory
	empty   bool
}

type piece struct {
	id     seal.ID
	sealed []byte
}

// What a Builder takes for blobs at a time, in bytes, unless one is larger.
const (
	minSlab = 4 << 10
	maxSlab = 256 << 10
)

// NewBuilder returns a Builder for a pack of class c.
func NewBuilder(c Class) *Builder {
	return &Builder{class: c, have: map[seal.ID]struct{}{}}
}

// Add takes a copy of a sealed blob, at least one byte. A blob whose ID was added before
// holds the same plaintext, and is left out.
func (b *Builder) Add(id seal.ID, sealed []byte) { copy(b.Place(id, len(sealed)), sealed) }

// Place is Add for a blob of n bytes that the caller writes into the place it returns,
// before Finish: the way to seal without a copy. It is nil when the ID was added before.
func (b *Builder) Place(id seal.ID, n int) []byte {
	if _, ok := b.have[id]; ok {
		return nil
	}
	b.have[id] = struct{}{}
	if cap(b.slab)-len(b.slab) < n {
		b.slab = make([]byte, 0, max(n, min(2*cap(b.slab), maxSlab), minSlab))
		if cap(b.slab) > cap(b.largest) {
			b.largest = b.slab
		}
	}
	at := len(b.slab)
	b.slab = b.slab[:at+n]
	place := b.slab[at : at+n : at+n]
	b.blobs = append(b.blobs, piece{id, place})
	b.bytes += n
	b.entries += len(id) + uvarintLen(n)
	b.empty = b.empty || n == 0
	return place
}

// Absorb adds all blobs of another Builder, which has none afterwards.
func (b *Builder) Absorb(other *Builder) {
	for _, p := range other.blobs {
		b.Add(p.id, p.sealed)
	}
	other.Reset(other.class)
}

// Reset makes a Builder empty and ready for a pack of class c. It keeps its memory.
func (b *Builder) Reset(c Class) {
	clear(b.have)
	clear(b.blobs)
	*b = Builder{class: c, blobs: b.blobs[:0], slab: b.largest[:0], largest: b.largest, have: b.have}
}

// Grow makes room for n bytes of blobs in a Builder that has none.
func (b *Builder) Grow(n int) {
	if cap(b.slab) < n {
		b.slab = make([]byte, 0, n)
		b.largest = b.slab
	}
}

// Count returns how many blobs were added.
func (b *Builder) Count() int { return len(b.blobs) }

// Len returns the bytes that the pack would have if it were not padded.
func (b *Builder) Len() int {
	return seal.HeaderSize + b.bytes + b.directory() + seal.PartOverhead + trailerSize
}

// directory returns the bytes of the directory without its padding.
func (b *Builder) directory() int {
	return classSize + uvarintLen(len(b.blobs)) + b.entries
}

// Finish returns the pack: its name, its bytes, PackSize(b.Len()) of them, and
// its table. The blobs lie in an order drawn from rand, which must be of
// cryptographic strength: neighbours in the pack are none in the history. The
// Builder is empty afterwards. The error is that of rand, or says that no pack
// can hold this: nothing, an empty blob, more than MaxSize, an unknown class.
func (b *Builder) Finish(keys *seal.Keys, rand io.Reader) (Name, []byte, Table, error) {
	return b.FinishInto(nil, keys, rand)
}

// FinishInto is Finish with the pack in dst's array, if that is large enough.
func (b *Builder) FinishInto(dst []byte, keys *seal.Keys, rand io.Reader) (Name, []byte, Table, error) {
	if !b.class.valid() || len(b.blobs) == 0 || b.empty || PackSize(b.Len()) > MaxSize {
		return Name{}, nil, Table{}, fmt.Errorf("finish: no pack can hold %d blobs of class %v in %d bytes", len(b.blobs), b.class, b.Len())
	}
	header, s, err := keys.Object(rand, seal.RolePack, "")
	if err == nil {
		err = b.shuffle(rand)
	}
	if err != nil {
		return Name{}, nil, Table{}, fmt.Errorf("finish: %w", err)
	}
	size := PackSize(b.Len())
	if cap(dst) < size {
		dst = make([]byte, size)
	}
	data := dst[:0:size]
	table := Table{Class: b.class, Blobs: make([]Blob, 0, len(b.blobs))}
	data = append(data, header...)
	for _, p := range b.blobs {
		table.Blobs = append(table.Blobs, Blob{ID: p.id, Off: uint32(len(data)), Len: uint32(len(p.sealed))})
		data = append(data, p.sealed...)
	}
	data = appendEnd(data, s, table)
	b.Reset(b.class)
	return blake3.Sum256(data), data, table, nil
}

// shuffle puts the blobs into an order drawn from rand.
func (b *Builder) shuffle(from io.Reader) error {
	var seed [32]byte
	if _, err := io.ReadFull(from, seed[:]); err != nil {
		return err
	}
	rand.New(rand.NewChaCha8(seed)).Shuffle(len(b.blobs), func(i, j int) {
		b.blobs[i], b.blobs[j] = b.blobs[j], b.blobs[i]
	})
	return nil
}

// appendEnd fills data up to its capacity with the directory and the trailer.
func appendEnd(data []byte, s *seal.Sealer, t Table) []byte {
	at, end := len(data), cap(data)-trailerSize
	plain := appendTable(data[at:at], t)
	clear(plain[len(plain) : end-at-seal.PartOverhead])
	plain = plain[:end-at-seal.PartOverhead]
	data = s.Seal(data, directoryPart, plain)
	var trailer [trailerPlain]byte
	binary.LittleEndian.PutUint64(trailer[:], uint64(at))
	binary.LittleEndian.PutUint32(trailer[8:], uint32(end-at))
	return s.Seal(data, trailerPart, trailer[:])
}
