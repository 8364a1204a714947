package seal

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

// A Sealer seals or opens the parts of one object. Open is safe for concurrent
// use, Seal is not. It redacts itself.
type Sealer struct {
	redacting
	p func() *parts
}

type parts struct {
	aead   cipher.AEAD
	aad    []byte          // header ‖ name
	sealed map[uint32]bool // the parts sealed so far; nil for reading
}

func newParts(pair, header []byte, name string) *parts {
	defer clear(pair)
	return &parts{
		aead: gcm(pair[:keySize]),
		aad:  append(bytes.Clone(header), name...),
	}
}

// Seal seals a part and appends it to dst: len(plain) + PartOverhead bytes. In
// place, plain is dst[len(dst):]. It panics when the part was sealed before or
// the Sealer came from OpenHeader: two plaintexts under one nonce open both.
func (s *Sealer) Seal(dst []byte, part uint32, plain []byte) []byte {
	p := s.p()
	if p.sealed == nil || p.sealed[part] {
		panic(fmt.Sprintf("seal: part %d of an object sealed twice", part))
	}
	p.sealed[part] = true
	return p.aead.Seal(dst, partNonce(part), plain, p.data(part))
}

// Open opens a part and appends the plaintext to dst. In place, dst is
// sealed[:0]. The error wraps ErrCorrupt.
func (s *Sealer) Open(dst []byte, part uint32, sealed []byte) ([]byte, error) {
	p := s.p()
	plain, err := p.aead.Open(dst, partNonce(part), sealed, p.data(part))
	if err != nil {
		return nil, fmt.Errorf("open part %d: %w", part, ErrCorrupt)
	}
	return plain, nil
}

func partNonce(part uint32) []byte {
	nonce := make([]byte, nonceSize)
	binary.BigEndian.PutUint32(nonce[nonceSize-4:], part)
	return nonce
}

// data returns header ‖ name ‖ part in an array of its own.
func (p *parts) data(part uint32) []byte {
	aad := make([]byte, 0, len(p.aad)+4)
	return binary.LittleEndian.AppendUint32(append(aad, p.aad...), part)
}
