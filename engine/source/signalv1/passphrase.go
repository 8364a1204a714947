package signalv1

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/dayfold/dayfold/engine/source/signal"
)

const (
	passphraseLength = 30      // digits
	rounds           = 250_000 // of SHA-512
)

// A Passphrase is the secret of a backup: 30 digits. It prints as
// "signalv1.Passphrase(redacted)".
type Passphrase struct{ digits string }

// ParsePassphrase accepts a passphrase as the app shows it, in groups of five. The error
// says what is wrong without the text.
func ParsePassphrase(text string) (Passphrase, error) {
	digits := strings.Join(strings.Fields(text), "")
	for i, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return Passphrase{}, fmt.Errorf("passphrase: character %d is no digit: %w", i+1, signal.ErrFormat)
		}
	}
	if len(digits) != passphraseLength {
		return Passphrase{}, fmt.Errorf("passphrase: %d digits, want %d: %w", len(digits), passphraseLength, signal.ErrFormat)
	}
	return Passphrase{digits}, nil
}

// NewPassphrase draws a passphrase as the app does.
func NewPassphrase(random io.Reader) (Passphrase, error) {
	var b strings.Builder
	for range passphraseLength {
		d, err := rand.Int(random, big.NewInt(10))
		if err != nil {
			return Passphrase{}, err
		}
		b.WriteString(d.String())
	}
	return Passphrase{b.String()}, nil
}

// Reveal returns the digits in groups of five, as the app shows them.
func (p Passphrase) Reveal() string {
	var groups []string
	for d := p.digits; len(d) >= 5; d = d[5:] {
		groups = append(groups, d[:5])
	}
	return strings.Join(groups, " ")
}

// String, GoString and Format hide the passphrase.
func (Passphrase) String() string { return "signalv1.Passphrase(redacted)" }

// GoString hides the passphrase.
func (p Passphrase) GoString() string { return p.String() }

// Format hides the passphrase whatever the verb.
func (p Passphrase) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

// MarshalText hides the passphrase from JSON and the like.
func (p Passphrase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// keys are those of one file.
type keys struct{ cipher, mac []byte } // 32 bytes each

func deriveKeys(p Passphrase, salt []byte) *keys { return expand(stretch(p.digits, salt)) }

// stretch is Signal's slow hash: the salt is taken in once, in front.
func stretch(passphrase string, salt []byte) []byte {
	input, h := []byte(passphrase), []byte(passphrase)
	d := sha512.New()
	d.Write(salt)
	for range rounds {
		d.Write(h)
		d.Write(input)
		h = d.Sum(h[:0])
		d.Reset()
	}
	return h[:32]
}

func expand(backupKey []byte) *keys {
	b, err := hkdf.Key(sha256.New, backupKey, nil, "Backup Export", 64)
	if err != nil {
		panic("signalv1: hkdf: " + err.Error()) // 64 bytes are not too many
	}
	return &keys{b[:32], b[32:]}
}

// nameKey is what the names of items are keyed with.
func nameKey(secret []byte) []byte {
	b, err := hkdf.Key(sha256.New, secret, nil, "dayfold 1 signal v1 names", 32)
	if err != nil {
		panic("signalv1: hkdf: " + err.Error()) // 32 bytes are not too many
	}
	return b
}
