package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/zeebo/blake3"
)

// Sizes in bytes.
const (
	keySize    = 32
	saltSize   = 32
	commitSize = 32
	nonceSize  = 12
	tagSize    = 16
)

// An ArchiveKey is the 32 random bytes that all other keys of an archive come
// from. It lies in the store only inside key slots. It redacts itself.
type ArchiveKey struct {
	redacting
	key func() *[keySize]byte
}

// NewArchiveKey draws a key from rand.
func NewArchiveKey(rand io.Reader) (ArchiveKey, error) {
	var key [keySize]byte
	if _, err := io.ReadFull(rand, key[:]); err != nil {
		return ArchiveKey{}, fmt.Errorf("new archive key: %w", err)
	}
	return ArchiveKey{key: hide(&key)}, nil
}

// Equal tells, in constant time, whether two keys are the same. A zero key equals none.
func (k ArchiveKey) Equal(other ArchiveKey) bool {
	return k.key != nil && other.key != nil && equal(k.key()[:], other.key()[:])
}

// Keys are the keys derived from an archive key. They are safe for concurrent
// use, and redact themselves.
type Keys struct {
	redacting
	m func() *material
}

type material struct {
	root, meta, poly [keySize]byte
	receipt          [keySize]byte // seed of the Ed25519 key
	refs, tags       *hashers
	blind            atomic.Pointer[blinder]
}

// Derive derives the keys of an archive. token is the salt of the root key:
// empty in an archive that no keeper guards. It panics on a zero ArchiveKey.
func Derive(k ArchiveKey, token []byte) *Keys {
	if k.key == nil {
		panic("seal: derive from an empty archive key")
	}
	m := &material{
		root: k.derive(token, "dayfold 1 root"),
		meta: k.derive(nil, "dayfold 1 meta"),
		poly: k.derive(nil, "dayfold 1 chunker polynomial"),

		receipt: k.derive(nil, "dayfold 1 receipt"),
	}
	m.refs = keyedHashers(k.derive(nil, "dayfold 1 ref"))
	m.tags = keyedHashers(k.derive(nil, "dayfold 1 tag"))
	return &Keys{m: hide(m)}
}

func (k ArchiveKey) derive(salt []byte, label string) (key [keySize]byte) {
	copy(key[:], expand(k.key()[:], salt, label, keySize))
	return key
}

// PolynomialSource returns the endless stream that the chunker's secret
// polynomial is derived from; the same from its start on each call.
func (k *Keys) PolynomialSource() io.Reader {
	return keyed(k.m().poly).Digest()
}

// expand is HKDF-SHA256. It can fail only for more than 8,160 bytes.
func expand(secret, salt []byte, info string, n int) []byte {
	out, err := hkdf.Key(sha256.New, secret, salt, info, n)
	if err != nil {
		panic(fmt.Sprintf("seal: %v", err))
	}
	return out
}

// gcm returns AES-256-GCM under a key of 32 bytes.
func gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(fmt.Sprintf("seal: %v", err))
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(fmt.Sprintf("seal: %v", err))
	}
	return aead
}

// keyed returns a BLAKE3 hasher under key.
func keyed(key [keySize]byte) *blake3.Hasher {
	h, err := blake3.NewKeyed(key[:])
	if err != nil {
		panic(fmt.Sprintf("seal: %v", err))
	}
	return h
}

// equal compares in constant time.
func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
