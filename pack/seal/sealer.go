package seal

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

// A Sealer seals or opens the parts of one object. Open is safe for concurrent
// use, Seal is not. It redacts itself.
type Sealer struct {
	redacting
	aead   cipher.AEAD
	aad    []byte // header ‖ name
	writes bool
	sealed map[uint32]bool // nil until the first Seal
}

func newSealer(pair, header []byte, name string, writes bool) *Sealer {
	defer clear(pair)
	aad := make([]byte, 0, len(header)+len(name))
	aad = append(append(aad, header...), name...)
	return &Sealer{aead: gcm(pair[:keySize]), aad: aad, writes: writes}
}

// Seal seals a part and appends it to dst: len(plain) + PartOverhead bytes. In
// place, plain is dst[len(dst):]. It panics when the part was sealed before or
// the Sealer came from OpenHeader: two plaintexts under one nonce open both.
func (s *Sealer) Seal(dst []byte, part uint32, plain []byte) []byte {
	if !s.writes || s.sealed[part] {
		panic(fmt.Sprintf("seal: part %d of an object sealed twice", part))
	}
	if s.sealed == nil {
		s.sealed = make(map[uint32]bool)
	}
	s.sealed[part] = true
	return s.aead.Seal(dst, partNonce(part), plain, s.partData(part))
}

// Open opens a part and appends the plaintext to dst. In place, dst is
// sealed[:0]. The error wraps ErrCorrupt.
func (s *Sealer) Open(dst []byte, part uint32, sealed []byte) ([]byte, error) {
	plain, err := s.aead.Open(dst, partNonce(part), sealed, s.partData(part))
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

// partData returns header ‖ name ‖ part in an array of its own.
func (s *Sealer) partData(part uint32) []byte {
	aad := make([]byte, 0, len(s.aad)+4)
	return binary.LittleEndian.AppendUint32(append(aad, s.aad...), part)
}
