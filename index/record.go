package index

import (
	"encoding/binary"
	"sync"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
	"github.com/zeebo/blake3"
)

// A record says where a blob lies, or that a pack's table is in the index:
//
//	key     archive 8 │ hash 16 │ class kind 1, 0 for a pack
//	record  pack's name 32 │ class kind 1 │ day 4 │ offset 4 │ length 4 │ tag 16
//
// The archive is a hash of its ID, and the hash that of the blob's ID or the
// pack's name, both under the database's random key, so that the database tells
// no IDs. A pack's record has offset 0, and as length the number of its blobs.
// Numbers are little-endian. The tag is Keys.Tag of key and the rest of the
// record: what another archive, another key or chance wrote is not believed.
type (
	key    [prefixLen + hashLen + 1]byte
	record [valueLen + tagLen]byte
)

const (
	keySize   = 32
	prefixLen = 8
	hashLen   = 16
	valueLen  = 32 + 1 + 4 + 4 + 4
	tagLen    = 16
)

// A Place is where a sealed blob lies: Len bytes at Off in a pack of a class.
type Place struct {
	Pack     pack.Name
	Class    pack.Class
	Off, Len uint32
}

// blobKey is the key of a blob's place in packs of one kind of class.
func (a *Archive) blobKey(id *seal.ID, kind pack.ClassKind) key { return a.key('b', id[:], kind) }

// packKey is the key of the record that a pack's table is in the index.
func (a *Archive) packKey(n *pack.Name) key { return a.key('p', n[:], 0) }

func (a *Archive) key(what byte, name []byte, kind pack.ClassKind) (k key) {
	sum := a.db.hashers.sum(what, name)
	copy(k[:], a.prefix[:])
	copy(k[prefixLen:], sum[:hashLen])
	k[prefixLen+hashLen] = byte(kind)
	return k
}

// seal returns the record of a place under a key.
func (a *Archive) seal(k key, p Place) (r record) {
	copy(r[:], p.Pack[:])
	r[32] = byte(p.Class.Kind)
	binary.LittleEndian.PutUint32(r[33:], p.Class.Day)
	binary.LittleEndian.PutUint32(r[37:], p.Off)
	binary.LittleEndian.PutUint32(r[41:], p.Len)
	tag := a.keys.Tag(k[:], r[:valueLen])
	copy(r[valueLen:], tag[:])
	return r
}

// open returns the place in a record, if its tag is right.
func (a *Archive) open(k key, r record) (Place, bool) {
	if a.keys.Tag(k[:], r[:valueLen]) != [tagLen]byte(r[valueLen:]) {
		return Place{}, false
	}
	return Place{
		Pack:  pack.Name(r[:32]),
		Class: pack.Class{Kind: pack.ClassKind(r[32]), Day: binary.LittleEndian.Uint32(r[33:])},
		Off:   binary.LittleEndian.Uint32(r[37:]),
		Len:   binary.LittleEndian.Uint32(r[41:]),
	}, true
}

// hashers lends BLAKE3 under one key, so that a lookup makes none anew.
type hashers struct{ pool *sync.Pool }

type hasher struct {
	*blake3.Hasher
	in  [1 + 32]byte
	out [32]byte
}

func newHashers(key [keySize]byte) hashers {
	base, err := blake3.NewKeyed(key[:])
	if err != nil {
		panic("index: " + err.Error()) // of a key that is not 32 bytes long
	}
	return hashers{&sync.Pool{New: func() any { return &hasher{Hasher: base.Clone()} }}}
}

// sum hashes at most 32 bytes, and what they are.
func (hs hashers) sum(what byte, name []byte) [32]byte {
	h := hs.pool.Get().(*hasher)
	defer hs.pool.Put(h)
	h.Reset()
	h.in[0] = what
	n := copy(h.in[1:], name)
	_, _ = h.Write(h.in[:1+n]) // never fails
	h.Sum(h.out[:0])
	return h.out
}
