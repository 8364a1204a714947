package seal

import "crypto/ed25519"

// Sign signs a text with the archive's Ed25519 key, which whoever opens the archive can
// derive: a receipt is this archive's word, not that of one device. public checks it
// without a secret.
func (k *Keys) Sign(text []byte) (signature, public []byte) {
	m := k.m()
	key := ed25519.NewKeyFromSeed(m.receipt[:])
	return ed25519.Sign(key, text), key.Public().(ed25519.PublicKey)
}

// Signed reports whether Sign of this archive made the signature of a text.
func (k *Keys) Signed(text, signature []byte) bool {
	m := k.m()
	key := ed25519.NewKeyFromSeed(m.receipt[:])
	return verify(key.Public().(ed25519.PublicKey), text, signature)
}

func verify(public, text, signature []byte) bool { return ed25519.Verify(public, text, signature) }
