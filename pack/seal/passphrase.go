package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// A Secret is what a key slot can be opened with: a RecoveryKey or a Passphrase.
type Secret interface {
	kind() slotKind
	// cost is what a new slot is made with.
	cost() cost
	// stretch derives n bytes for a slot with this salt. It wraps ErrKeyFormat when the secret is empty.
	stretch(c cost, salt []byte, n int) ([]byte, error)
}

// A Passphrase is a secret that a person chose. Its bytes are taken as they
// are, without Unicode normalization. It redacts itself.
type Passphrase struct {
	redacting
	text func() []byte
}

// NewPassphrase copies text. An empty passphrase is refused when it is used.
func NewPassphrase(text []byte) Passphrase {
	return Passphrase{text: hide(bytes.Clone(text))}
}

// cost is what Argon2id is asked to spend; all zero in a recovery slot.
type cost struct {
	memory, time, lanes uint32 // memory in KiB
}

// What a new passphrase slot costs (RFC 9106, second choice), and what a
// reader is willing to spend on a slot that somebody else may have written.
var (
	newCost = cost{memory: 64 << 10, time: 3, lanes: 4}
	maxCost = cost{memory: 1 << 20, time: 16, lanes: 16}
)

const costSize = 12 // three little-endian uint32

func (c cost) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, c.memory)
	b = binary.LittleEndian.AppendUint32(b, c.time)
	return binary.LittleEndian.AppendUint32(b, c.lanes)
}

func parseCost(b []byte) cost {
	return cost{
		memory: binary.LittleEndian.Uint32(b),
		time:   binary.LittleEndian.Uint32(b[4:]),
		lanes:  binary.LittleEndian.Uint32(b[8:]),
	}
}

// ok tells whether Argon2id takes c as it is and c is within what a reader spends.
func (c cost) ok() bool {
	return c.time >= 1 && c.time <= maxCost.time &&
		c.lanes >= 1 && c.lanes <= maxCost.lanes &&
		c.memory >= 8*c.lanes && c.memory <= maxCost.memory
}

func (k RecoveryKey) kind() slotKind { return slotRecovery }
func (k RecoveryKey) cost() cost     { return cost{} }

func (k RecoveryKey) stretch(_ cost, salt []byte, n int) ([]byte, error) {
	if k.text == nil {
		return nil, fmt.Errorf("%w: empty recovery key", ErrKeyFormat)
	}
	return hkdf.Key(sha256.New, k.text()[:], salt, "dayfold 1 slot recovery", n)
}

func (p Passphrase) kind() slotKind { return slotPassphrase }
func (p Passphrase) cost() cost     { return newCost }

func (p Passphrase) stretch(c cost, salt []byte, n int) ([]byte, error) {
	if p.text == nil || len(p.text()) == 0 {
		return nil, fmt.Errorf("%w: empty passphrase", ErrKeyFormat)
	}
	key := argon2.IDKey(p.text(), salt, c.time, c.memory, uint8(c.lanes), 32)
	defer clear(key)
	return hkdf.Key(sha256.New, key, salt, "dayfold 1 slot passphrase", n)
}
