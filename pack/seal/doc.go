// Package seal is all the cryptography of an archive: it names blobs, seals
// them and everything else, and keeps the keys. It computes only: randomness
// comes in as an io.Reader, nothing is read from a clock, a file or a network.
//
// # Keys
//
//	recovery key, 64 × [0-9a-z]          passphrase
//	│ HKDF(slot salt)                    │ Argon2id(slot salt) → HKDF(slot salt)
//	└──────────────┬─────────────────────┘
//	               ▼
//	     slot key ‖ commitment                 one pair per key slot
//	               │ AES-256-GCM opens
//	               ▼
//	     archive key, 32 random bytes          the same in every slot
//	               │ HKDF-SHA256, one label each
//	   ┌───────────┼───────────┬────────────────────┬──────────┐
//	   ▼           ▼           ▼                    ▼          ▼
//	 K_ref       K_poly      K_root (salt: token)  K_meta     K_tag
//	 names       the         seals snapshot        seals      tags records of
//	 blobs       chunker's   bodies, which hold    all other  the local index
//	   │         polynomial  the root refs         objects
//	   ▼
//	 ref = BLAKE3-keyed(K_ref, uvarint len(scope) ‖ scope ‖ kind ‖ plaintext)
//	   ├─ id  = BLAKE3-derive-key("dayfold 1 blob id", ref)[:16]    public
//	   └─ key = BLAKE3-derive-key("dayfold 1 blob key", ref)        seals this plaintext only
//
// To name is to open: whoever holds a [Ref] can open that blob, and nobody
// else can, not even with the archive key, for the ref depends on the
// plaintext. Refs lie only in parent nodes and snapshot bodies; when those are
// gone, the blob is closed for good. A reader recomputes the ref from the
// plaintext it got, so a wrong byte or a swapped blob cannot pass.
//
// # Objects
//
// What is not a blob is an object: a header with a random salt, from which the
// object's own key and a commitment to it are derived, and parts sealed under
// that key with a counter as nonce. The role is in the derivation and the
// header; header, name and part number are associated data, so that no object
// and no part of one can stand in for another. The commitment is compared
// before anything is decrypted: a wrong key is [ErrWrongKey], damage is
// [ErrCorrupt], and the two are not mixed.
//
// Key types and refs print as "[redacted]" in every printer. Go can promise no
// wiping of memory; intermediate keys are cleared where that is possible.
package seal
