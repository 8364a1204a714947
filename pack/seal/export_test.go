package seal

import "io"

// DerivedKeys are the keys behind Keys, by label, for the known answers.
func (k ArchiveKey) DerivedKeys(token []byte) map[string][keySize]byte {
	return map[string][keySize]byte{
		"dayfold 1 ref":                k.derive(nil, "dayfold 1 ref"),
		"dayfold 1 chunker polynomial": k.derive(nil, "dayfold 1 chunker polynomial"),
		"dayfold 1 root":               k.derive(token, "dayfold 1 root"),
		"dayfold 1 meta":               k.derive(nil, "dayfold 1 meta"),
		"dayfold 1 tag":                k.derive(nil, "dayfold 1 tag"),
	}
}

// BlobKey is the key of the blob that r names.
func (r Ref) BlobKey() [keySize]byte { return r.key() }

// SealPlain seals a blob whose plaintext is as bad as the test wants.
func SealPlain(ref Ref, nonce, plain []byte) []byte {
	id, key := ref.ID(), ref.key()
	return gcm(key[:]).Seal(append([]byte(nil), nonce...), nonce, plain, id[:])
}

// CheapSlot is NewSlot at a cost that a test can pay hundreds of times.
func CheapSlot(rand io.Reader, s Secret, k ArchiveKey) ([]byte, error) {
	c := cost{}
	if s.kind() == slotPassphrase {
		c = cost{memory: 8, time: 1, lanes: 1}
	}
	return newSlot(rand, s, c, k)
}

// Expand, GCM and BLAKE3 are what everything here is made of.
var (
	Expand = expand
	GCM    = gcm
	BLAKE3 = keyed
)

// VerifyEd25519 is what Signed calls.
func VerifyEd25519(public, text, signature []byte) bool { return verify(public, text, signature) }
