package signalv1

import (
	"encoding/binary"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dayfold/dayfold/engine/source/signal"
)

const (
	maxHeader  = 1024 // bytes; Signal's has 60
	maxVersion = 1
	ivSize     = 16
	saltSize   = 32
)

// A header is the first message of a file. Nothing authenticates it.
type header struct {
	iv      [ivSize]byte
	salt    []byte
	version uint64
	size    int64 // of the header in the file, its length included
}

// readHeader reads the header of a file. What is none is ErrFormat.
func readHeader(f io.ReaderAt) (h header, err error) {
	r := io.NewSectionReader(f, 0, 4+maxHeader)
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return h, noHeader(err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if n == 0 || n > maxHeader {
		return h, fmt.Errorf("header of %d bytes: %w", n, signal.ErrFormat)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return h, noHeader(err)
	}
	h.size = 4 + int64(n)
	return h, h.parse(b)
}

func noHeader(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("no header: %w", signal.ErrFormat)
	}
	return err
}

func (h *header) parse(b []byte) error {
	var iv []byte
	err := signal.Fields(b, func(f signal.Field) error {
		if f.Number != fieldHeader || f.Type != protowire.BytesType {
			return nil
		}
		return signal.Fields(f.Bytes, func(f signal.Field) error {
			switch {
			case f.Number == 1:
				iv = f.Bytes
			case f.Number == 2:
				h.salt = f.Bytes
			case f.Number == 3:
				h.version = f.Uint
			}
			return nil
		})
	})
	switch {
	case err != nil:
		return err
	case len(iv) != ivSize || len(h.salt) != saltSize:
		return fmt.Errorf("header: IV of %d and salt of %d bytes: %w", len(iv), len(h.salt), signal.ErrFormat)
	case h.version > maxVersion:
		return fmt.Errorf("header: version %d: %w", h.version, signal.ErrFormat)
	}
	copy(h.iv[:], iv)
	return nil
}

// append appends the header as it begins a file.
func (h *header) append(dst []byte) []byte {
	m := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), h.iv[:])
	m = protowire.AppendBytes(protowire.AppendTag(m, 2, protowire.BytesType), h.salt)
	if h.version != 0 {
		m = protowire.AppendVarint(protowire.AppendTag(m, 3, protowire.VarintType), h.version)
	}
	b := protowire.AppendBytes(protowire.AppendTag(nil, fieldHeader, protowire.BytesType), m)
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(b))), b...)
}

// block is the counter block of record number n.
func (h *header) block(n uint32) (b [ivSize]byte) {
	b = h.iv
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(h.iv[:])+n)
	return b
}
