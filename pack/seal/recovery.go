package seal

import (
	"fmt"
	"io"
	"strings"
)

const (
	alphabet    = "0123456789abcdefghijklmnopqrstuvwxyz"
	recoveryLen = 64 // characters, 331 bits
	groupLen    = 4
)

// A RecoveryKey is 64 random characters of [0-9a-z]. It is made on the
// device, shown once, and never lies in a store. It redacts itself; see Reveal.
type RecoveryKey struct {
	redacting
	text func() *[recoveryLen]byte
}

// NewRecoveryKey draws a key from rand, by rejection so that every character is equally likely.
func NewRecoveryKey(rand io.Reader) (RecoveryKey, error) {
	const fair = 256 / len(alphabet) * len(alphabet)
	var (
		text [recoveryLen]byte
		draw [recoveryLen]byte
	)
	for n := 0; n < recoveryLen; {
		if _, err := io.ReadFull(rand, draw[:]); err != nil {
			return RecoveryKey{}, fmt.Errorf("new recovery key: %w", err)
		}
		for _, b := range draw {
			if int(b) < fair && n < recoveryLen {
				text[n] = alphabet[int(b)%len(alphabet)]
				n++
			}
		}
	}
	return RecoveryKey{text: hide(&text)}, nil
}

// ParseRecoveryKey reads a key as people type it: spaces, dashes, line ends
// and capitals are accepted, everything else is refused. Characters that look
// alike are not guessed at, for the alphabet has both 0 and o, both 1 and l.
// The error wraps ErrKeyFormat and says the position, counted in characters
// from 1, or the number of characters, but never the text.
func ParseRecoveryKey(text string) (RecoveryKey, error) {
	var (
		key [recoveryLen]byte
		n   int
		pos int
	)
	for _, r := range text {
		pos++
		switch {
		case r == ' ' || r == '-' || r == '\n' || r == '\r':
			continue
		case 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
		case '0' <= r && r <= '9' || 'a' <= r && r <= 'z':
		default:
			return RecoveryKey{}, fmt.Errorf("parse recovery key: %w: character %d is not a letter a-z or a digit", ErrKeyFormat, pos)
		}
		if n == recoveryLen {
			return RecoveryKey{}, fmt.Errorf("parse recovery key: %w: more than %d letters and digits", ErrKeyFormat, recoveryLen)
		}
		key[n] = byte(r)
		n++
	}
	if n < recoveryLen {
		return RecoveryKey{}, fmt.Errorf("parse recovery key: %w: %d letters and digits, not %d", ErrKeyFormat, n, recoveryLen)
	}
	return RecoveryKey{text: hide(&key)}, nil
}

// Reveal returns the key's 64 characters; "" for the zero key.
func (k RecoveryKey) Reveal() string {
	if k.text == nil {
		return ""
	}
	return string(k.text()[:])
}

// Groups returns the key as people copy it: 16 groups of 4, with spaces between.
func (k RecoveryKey) Groups() string {
	var b strings.Builder
	for i, c := range []byte(k.Reveal()) {
		if i > 0 && i%groupLen == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(c)
	}
	return b.String()
}
