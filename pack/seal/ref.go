package seal

import (
	"encoding/hex"

	"github.com/zeebo/blake3"
)

// Kind says what the plaintext of a blob is. It is part of the blob's ref, so
// that the same bytes in two places of an archive are two blobs.
type Kind byte

// The kinds of plaintext. Their numbers are part of the format.
const (
	Leaf  Kind = 1 + iota // a run of entries
	Inner                 // a run of child records of the tree
	Media                 // a chunk of a photo, video, voice message, file
	Text                  // a chunk of a long text
	List                  // a run of refs of a long content
)

// A Ref names a blob and opens it: 32 bytes, secret. Refs are equal exactly
// when scope, kind and plaintext are, so they compare with ==. The zero Ref
// names nothing. It redacts itself, except in an unexported field, where fmt
// calls no methods; its bytes are r[:].
type Ref [32]byte

// An ID is the public name of a blob, known to the index and to pack
// directories. It tells nothing about the ref.
type ID [16]byte

// String returns the ID in 32 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText returns what String does.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

var (
	blobIDs  = newHashers(blake3.NewDeriveKey("dayfold 1 blob id"))
	blobKeys = newHashers(blake3.NewDeriveKey("dayfold 1 blob key"))
)

// ID returns the public name of the blob that r names.
func (r Ref) ID() ID {
	h := blobIDs.get()
	defer blobIDs.put(h)
	h.sum = r
	h.write(h.sum[:])
	sum := h.finish()
	return ID(sum[:len(ID{})])
}

// key returns the key that seals the blob.
func (r Ref) key() [keySize]byte {
	h := blobKeys.get()
	defer blobKeys.put(h)
	h.sum = r
	h.write(h.sum[:])
	return h.finish()
}

// Ref names plain: BLAKE3 under K_ref of uvarint len(scope) ‖ scope ‖ kind ‖ plain.
// scope is empty, or what deduplication must not cross. It does not allocate.
func (k *Keys) Ref(scope []byte, kind Kind, plain []byte) Ref {
	refs := k.m().refs
	h := refs.get()
	defer refs.put(h)
	h.writeBound(scope)
	h.buf[0] = byte(kind)
	h.write(h.buf[:1])
	h.write(plain)
	return h.finish()
}

// Tag returns what a record of the local index is believed by: BLAKE3 under
// K_tag of each part's length and bytes, so that ("a", "bc") is not ("ab", "c").
func (k *Keys) Tag(data ...[]byte) [16]byte {
	tags := k.m().tags
	h := tags.get()
	defer tags.put(h)
	for _, d := range data {
		h.writeBound(d)
	}
	sum := h.finish()
	return [16]byte(sum[:16])
}

// A blinder is the hashers of one device secret. An archive has one device, so
// one is kept.
type blinder struct {
	secret [32]byte
	*hashers
}

// Blind returns the 16 bytes that a leaf begins with: BLAKE3 under a key
// derived from the device's secret, of the rest of the leaf. Without the
// secret, which is never in the store, nobody can try guesses of a leaf's text
// against IDs. A zero secret turns blinding off and gives a zero blind.
func (k *Keys) Blind(secret [32]byte, leaf []byte) [16]byte {
	if secret == ([32]byte{}) {
		return [16]byte{}
	}
	last := &k.m().blind
	b := last.Load()
	if b == nil || b.secret != secret {
		var key [keySize]byte
		blake3.DeriveKey("dayfold 1 blind", secret[:], key[:])
		b = &blinder{secret: secret, hashers: keyedHashers(key)}
		last.Store(b)
	}
	h := b.get()
	defer b.put(h)
	h.write(leaf)
	sum := h.finish()
	return [16]byte(sum[:16])
}
