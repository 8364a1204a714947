package signal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
)

const keyLength = 64 // characters of a Key

// A Key is the secret of a local backup, 64 characters of [0-9a-z] that the app
// shows as "recovery key". It prints as "signal.Key(redacted)".
type Key struct{ text string }

// ParseKey accepts a key as people copy it: capitals, spaces, dashes and line ends
// between its characters, and the app's # for the letter o and = for the digit 0.
// The error says what is wrong without the text.
func ParseKey(text string) (Key, error) {
	var b strings.Builder
	for i, c := range []byte(text) {
		switch {
		case c >= 'A' && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteByte(c)
		case c == '#':
			b.WriteByte('o')
		case c == '=':
			b.WriteByte('0')
		case strings.IndexByte(" -\t\r\n", c) >= 0:
		default:
			return Key{}, malformed("key: character %d does not belong there", i+1)
		}
	}
	if b.Len() != keyLength {
		return Key{}, malformed("key: %d characters, want %d", b.Len(), keyLength)
	}
	return Key{b.String()}, nil
}

// String, GoString and Format hide the key.
func (Key) String() string { return "signal.Key(redacted)" }

// GoString hides the key.
func (k Key) GoString() string { return k.String() }

// Format hides the key whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// MarshalText hides the key from JSON and the like.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Keys are what a Key and a BackupID open. They print redacted.
type Keys struct {
	id        [16]byte // the BackupID
	hmac, aes []byte   // of main, 32 bytes each
	backup    []byte   // the BackupKey, 32 bytes
}

func backupKey(k Key) []byte { return derive([]byte(k.text), "20240801_SIGNAL_BACKUP_KEY", 32) }

func metadataKey(k Key) []byte {
	return derive(backupKey(k), "20241011_SIGNAL_LOCAL_BACKUP_METADATA_KEY", 32)
}

// Derive returns the keys of the backup that id names (see OpenMetadata).
func Derive(k Key, id [16]byte) *Keys {
	b := backupKey(k)
	m := derive(b, "20241007_SIGNAL_BACKUP_ENCRYPT_MESSAGE_BACKUP:"+string(id[:]), 64)
	return &Keys{id: id, hmac: m[:32], aes: m[32:], backup: b}
}

// BackupID returns the BackupID of the account with the given ACI (16 bytes).
func BackupID(k Key, aci [16]byte) (id [16]byte) {
	copy(id[:], derive(backupKey(k), "20241024_SIGNAL_BACKUP_ID:"+string(aci[:]), 16))
	return id
}

// Label names the account's history without telling who it is: 32 hex digits.
func (k *Keys) Label() string {
	sum := sha256.Sum256(append([]byte("dayfold 1 signal label"), k.id[:]...))
	return fmt.Sprintf("%x", sum[:16])
}

// Namer returns the names of the items of this history (see Namer).
func (k *Keys) Namer() *Namer {
	return NewNamer(derive(k.backup, "dayfold 1 signal names", 32))
}

// String hides the keys.
func (*Keys) String() string { return "signal.Keys(redacted)" }

// GoString hides the keys.
func (k *Keys) GoString() string { return k.String() }

// Format hides the keys whatever the verb.
func (k *Keys) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// derive is HKDF-SHA256 without salt. It fails only for lengths that no caller asks for.
func derive(secret []byte, info string, n int) []byte {
	out, err := hkdf.Key(sha256.New, secret, nil, info, n)
	if err != nil {
		panic("signal: hkdf: " + err.Error()) // n is a small constant
	}
	return out
}
