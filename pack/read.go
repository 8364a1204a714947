package pack

import (
	"encoding/binary"
	"fmt"

	"github.com/dayfold/dayfold/pack/seal"
)

const (
	minTail  = 64 << 10
	tailRoom = 32 << 10 // for what a directory holds beside its padding
	maxTail  = 1 << 20
)

// TrailerSpan returns which bytes of a pack of that size to read first: the
// trailer, and the directory unless it is a large one, whose padding is less
// than a step of the grid. n is at most 1 MiB.
func TrailerSpan(size int64) (off int64, n int) {
	n = minTail
	if size > minTail {
		n = max(n, gridStep(int(min(size, MaxSize))-1)+tailRoom)
	}
	n = int(min(size, int64(n), maxTail))
	return size - int64(n), n
}

// ReadTable reads the table of the pack that has size bytes and from which read
// returns n bytes at off. It reads at most three times, twice for most packs,
// and once when the pack is small. The error is read's, or wraps
// seal.ErrCorrupt, seal.ErrWrongKey or, before anything else, seal.ErrVersion.
func ReadTable(keys *seal.Keys, size int64, read func(off int64, n int) ([]byte, error)) (Table, error) {
	f := file{read: read}
	t, err := f.table(keys, size)
	if err != nil {
		return Table{}, fmt.Errorf("read table: %w", err)
	}
	return t, nil
}

// A file is a pack of which the bytes from off on are in memory.
type file struct {
	read func(off int64, n int) ([]byte, error)
	off  int64
	tail []byte
}

func (f *file) table(keys *seal.Keys, size int64) (Table, error) {
	if size <= 0 {
		return Table{}, corrupt("size")
	}
	off, n := TrailerSpan(size)
	tail, err := f.span(off, n)
	if err != nil {
		return Table{}, err
	}
	f.off, f.tail = off, tail
	header, err := f.span(0, int(min(size, seal.HeaderSize)))
	if err != nil {
		return Table{}, err
	}
	s, err := keys.OpenHeader(seal.RolePack, "", header)
	if err != nil {
		return Table{}, err
	}
	if size > MaxSize {
		return Table{}, corrupt("size")
	}
	at, n, err := openTrailer(s, int(size), tail[len(tail)-trailerSize:])
	if err != nil {
		return Table{}, err
	}
	directory, err := f.span(int64(at), n)
	if err != nil {
		return Table{}, err
	}
	return openDirectory(s, int(size), at, directory)
}

// span returns n bytes at off. They may alias what was read before.
func (f *file) span(off int64, n int) ([]byte, error) {
	if i := off - f.off; f.tail != nil && i >= 0 && i+int64(n) <= int64(len(f.tail)) {
		return f.tail[i : i+int64(n)], nil
	}
	data, err := f.read(off, n)
	if err == nil && len(data) != n {
		err = corrupt("length")
	}
	return data, err
}

// openTrailer returns where the sealed directory lies in a pack of that size.
func openTrailer(s *seal.Sealer, size int, sealed []byte) (at, n int, err error) {
	plain, err := s.Open(nil, trailerPart, sealed)
	if err != nil {
		return 0, 0, err
	}
	off, length := binary.LittleEndian.Uint64(plain), binary.LittleEndian.Uint32(plain[8:])
	const shortest = minTableSize + seal.PartOverhead
	if off < seal.HeaderSize+1 || off > uint64(size) || length < shortest ||
		off+uint64(length)+trailerSize != uint64(size) || !zero(plain[12:]) {
		return 0, 0, corrupt("trailer")
	}
	return int(off), int(length), nil
}

// openDirectory returns the table in the sealed directory at an offset of a pack of that size.
func openDirectory(s *seal.Sealer, size, at int, sealed []byte) (Table, error) {
	plain, err := s.Open(nil, directoryPart, sealed)
	if err != nil {
		return Table{}, err
	}
	p := parser{rest: plain}
	t := p.table()
	if p.bad || t.end() != at || t.size() != size || !zero(p.rest) {
		return Table{}, corrupt("directory")
	}
	return t, nil
}

func corrupt(what string) error { return fmt.Errorf("%w: %s of a pack", seal.ErrCorrupt, what) }
