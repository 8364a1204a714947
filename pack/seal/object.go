package seal

import (
	"encoding/binary"
	"fmt"
	"io"
)

// An object is everything in a store but blobs and key slots: a header in
// clear, and parts. The header:
//
//	 0  magic 8 "dayfold\n"
//	 8  version 1
//	 9  role 1
//	10  zero 22
//	32  salt 32
//	64  commitment 32
//
// key 32 ‖ commitment 32 = HKDF(K_root for bodies, else K_meta; salt; "dayfold 1 object" ‖ role)
// part n = AES-256-GCM(key, nonce n, plain, aad = header ‖ name ‖ n), n a uint32:
// big-endian in the last bytes of the nonce, little-endian in the data.
const (
	objectMagic   = "dayfold\n"
	objectVersion = 1

	objectSaltAt   = 32
	objectCommitAt = objectSaltAt + saltSize

	// HeaderSize is the size of an object's header in bytes.
	HeaderSize = objectCommitAt + commitSize
	// PartOverhead is what sealing adds to a part, in bytes.
	PartOverhead = tagSize
)

// Role says what an object is. It is in the object's key, so that none can stand in for another.
type Role byte

// The roles of objects. Their numbers are part of the format.
const (
	RoleConfig  Role = 1 + iota // parameters of the archive
	RolePack                    // directory and trailer of a pack
	RoleSegment                 // index segment
	RoleHead                    // head of a snapshot
	RoleBody                    // body of a snapshot, under K_root
	RoleRemoved                 // removal record
	RoleIntent                  // collection: intent
	RoleFence                   // collection: fence
	RoleReceipt                 // receipt of an erasure
	RoleState                   // state kept on the device
)

func (r Role) known() bool { return r >= RoleConfig && r <= RoleState }

// Object begins an object: it draws a salt and returns the header, which comes
// first in the object, and what seals its parts. name is the object's name in
// the store, or "" where the name follows from the bytes.
func (k *Keys) Object(rand io.Reader, role Role, name string) (header []byte, s *Sealer, err error) {
	if !role.known() {
		return nil, nil, fmt.Errorf("new object: role %d", role)
	}
	header = make([]byte, HeaderSize)
	copy(header, objectMagic)
	header[8], header[9] = objectVersion, byte(role)
	if _, err := io.ReadFull(rand, header[objectSaltAt:objectCommitAt]); err != nil {
		return nil, nil, fmt.Errorf("new object: %w", err)
	}
	pair := k.objectKey(header)
	copy(header[objectCommitAt:], pair[keySize:])
	p := newParts(pair, header, name)
	p.sealed = make(map[uint32]bool)
	return header, &Sealer{p: hide(p)}, nil
}

// OpenHeader reads a header and returns what opens the object's parts. It
// wraps ErrCorrupt when header is none or another role's, ErrVersion when it is
// of a newer format, and ErrWrongKey when it was sealed under other keys.
func (k *Keys) OpenHeader(role Role, name string, header []byte) (*Sealer, error) {
	if err := checkHeader(role, header); err != nil {
		return nil, fmt.Errorf("open header: %w", err)
	}
	pair := k.objectKey(header)
	if !equal(pair[keySize:], header[objectCommitAt:]) {
		return nil, fmt.Errorf("open header: %w", ErrWrongKey)
	}
	return &Sealer{p: hide(newParts(pair, header, name))}, nil
}

func checkHeader(role Role, header []byte) error {
	if len(header) < len(objectMagic)+1 || string(header[:len(objectMagic)]) != objectMagic {
		return fmt.Errorf("%w: not an object", ErrCorrupt)
	}
	if v := header[len(objectMagic)]; v > objectVersion {
		return fmt.Errorf("%w: object %d", ErrVersion, v)
	} else if v < objectVersion {
		return fmt.Errorf("%w: object version %d", ErrCorrupt, v)
	}
	switch {
	case len(header) != HeaderSize:
		return fmt.Errorf("%w: header of %d bytes", ErrCorrupt, len(header))
	case Role(header[9]) != role || !role.known():
		return fmt.Errorf("%w: object of role %d, not %d", ErrCorrupt, header[9], role)
	case !zero(header[10:objectSaltAt]):
		return fmt.Errorf("%w: reserved bytes of a header", ErrCorrupt)
	}
	return nil
}

// objectKey derives the key and the commitment of the object with this header.
func (k *Keys) objectKey(header []byte) []byte {
	m := k.m()
	from := m.meta
	if Role(header[9]) == RoleBody {
		from = m.root
	}
	info := "dayfold 1 object" + string(header[9:10])
	return expand(from[:], header[objectSaltAt:objectCommitAt], info, keySize+commitSize)
}

// SealObject seals plain as an object of one part, number 0. The part holds
// uvarint len(plain) ‖ plain ‖ zeros, as many as make the whole object of n
// bytes size(n) bytes long; a nil size pads nothing.
func (k *Keys) SealObject(rand io.Reader, role Role, name string, plain []byte, size func(int) int) ([]byte, error) {
	header, s, err := k.Object(rand, role, name)
	if err != nil {
		return nil, err
	}
	n := HeaderSize + uvarintLen(len(plain)) + len(plain) + PartOverhead
	total := n
	if size != nil {
		total = size(n)
	}
	if total < n {
		return nil, fmt.Errorf("seal object: %d bytes do not fit into %d", n, total)
	}
	object := make([]byte, 0, total)
	object = append(object, header...)
	object = binary.AppendUvarint(object, uint64(len(plain)))
	object = append(object, plain...)
	object = object[:total-PartOverhead] // the zeros are there: the array is new
	return s.Seal(object[:HeaderSize], 0, object[HeaderSize:]), nil
}

// OpenObject opens what SealObject sealed. Its errors wrap what OpenHeader's do.
func (k *Keys) OpenObject(role Role, name string, data []byte) ([]byte, error) {
	s, err := k.OpenHeader(role, name, data[:min(len(data), HeaderSize)])
	if err != nil {
		return nil, err
	}
	part, err := s.Open(nil, 0, data[HeaderSize:])
	if err != nil {
		return nil, err
	}
	length, n := uvarint(part)
	if n == 0 || length > uint64(len(part)-n) {
		return nil, fmt.Errorf("open object: %w: length", ErrCorrupt)
	}
	end := n + int(length)
	if !zero(part[end:]) {
		return nil, fmt.Errorf("open object: %w: padding", ErrCorrupt)
	}
	return part[n:end:end], nil
}
