package seal

import (
	"fmt"
	"io"
	"slices"
)

// A key slot is the archive key, sealed for one secret. Slots are all of one
// size, and none tells more than its kind (numbers are little-endian):
//
//	 0  magic 8 "dayfkey\n"
//	 8  version 1
//	 9  kind 1: 1 recovery key, 2 passphrase
//	10  zero 2
//	12  Argon2id memory in KiB 4, passes 4, lanes 4; zero in a recovery slot
//	24  salt 32
//	56  commitment 32
//	88  archive key 32, sealed, tag 16
//	136 zero to 512
//
// slot key 32 ‖ commitment 32 are derived from the secret and the salt; the
// key seals only this, with a zero nonce and bytes 0 to 88 as associated data.
const (
	slotMagic   = "dayfkey\n"
	slotVersion = 1

	slotCostAt   = 12
	slotSaltAt   = slotCostAt + costSize
	slotCommitAt = slotSaltAt + saltSize
	slotSealedAt = slotCommitAt + commitSize
	slotEnd      = slotSealedAt + keySize + tagSize

	// SlotSize is the size of every key slot in bytes.
	SlotSize = 512
)

type slotKind byte

const (
	slotRecovery   slotKind = 1
	slotPassphrase slotKind = 2
)

// NewSlot seals k for whoever holds s, in SlotSize bytes. Each call draws a new salt.
func NewSlot(rand io.Reader, s Secret, k ArchiveKey) ([]byte, error) {
	slot, err := newSlot(rand, s, s.cost(), k)
	if err != nil {
		return nil, fmt.Errorf("new slot: %w", err)
	}
	return slot, nil
}

func newSlot(rand io.Reader, s Secret, c cost, k ArchiveKey) ([]byte, error) {
	if k.key == nil {
		return nil, fmt.Errorf("%w: empty archive key", ErrKeyFormat)
	}
	var salt [saltSize]byte
	if _, err := io.ReadFull(rand, salt[:]); err != nil {
		return nil, err
	}
	pair, err := s.stretch(c, salt[:], keySize+commitSize)
	if err != nil {
		return nil, err
	}
	defer clear(pair)
	slot := make([]byte, 0, SlotSize)
	slot = append(slot, slotMagic...)
	slot = append(slot, slotVersion, byte(s.kind()), 0, 0)
	slot = c.append(slot)
	slot = append(slot, salt[:]...)
	slot = append(slot, pair[keySize:]...)
	slot = gcm(pair[:keySize]).Seal(slot, make([]byte, nonceSize), k.key()[:], slot)
	return slot[:SlotSize], nil
}

// OpenSlot opens a slot. It wraps ErrVersion for a slot of a newer format,
// ErrCorrupt for a damaged one or one that asks for more than 1 GiB, 16 passes
// or 16 lanes of Argon2id, and ErrWrongKey when s is of another kind or not
// the secret of this slot, which is known before anything is decrypted.
func OpenSlot(slot []byte, s Secret) (ArchiveKey, error) {
	k, err := openSlot(slot, s)
	if err != nil {
		return ArchiveKey{}, fmt.Errorf("open slot: %w", err)
	}
	return k, nil
}

func openSlot(slot []byte, s Secret) (ArchiveKey, error) {
	kind, c, err := checkSlot(slot)
	if err != nil {
		return ArchiveKey{}, err
	}
	if kind != s.kind() {
		return ArchiveKey{}, ErrWrongKey
	}
	pair, err := s.stretch(c, slot[slotSaltAt:slotCommitAt], keySize+commitSize)
	if err != nil {
		return ArchiveKey{}, err
	}
	defer clear(pair)
	if !equal(pair[keySize:], slot[slotCommitAt:slotSealedAt]) {
		return ArchiveKey{}, ErrWrongKey
	}
	var key [keySize]byte
	sealed, aad := slot[slotSealedAt:slotEnd], slot[:slotSealedAt]
	if _, err := gcm(pair[:keySize]).Open(key[:0], make([]byte, nonceSize), sealed, aad); err != nil {
		return ArchiveKey{}, fmt.Errorf("%w: sealed key", ErrCorrupt)
	}
	return ArchiveKey{key: hide(&key)}, nil
}

// SlotKind tells what opens a slot, "recovery" or "passphrase". It wraps
// ErrCorrupt or ErrVersion, and needs no key.
func SlotKind(slot []byte) (string, error) {
	kind, _, err := checkSlot(slot)
	if err != nil {
		return "", fmt.Errorf("read slot: %w", err)
	}
	if kind == slotPassphrase {
		return "passphrase", nil
	}
	return "recovery", nil
}

// checkSlot holds a slot against everything that can be known without a secret.
func checkSlot(slot []byte) (slotKind, cost, error) {
	if len(slot) < len(slotMagic)+1 || string(slot[:len(slotMagic)]) != slotMagic {
		return 0, cost{}, fmt.Errorf("%w: not a key slot", ErrCorrupt)
	}
	if v := slot[len(slotMagic)]; v > slotVersion {
		return 0, cost{}, fmt.Errorf("%w: key slot %d", ErrVersion, v)
	} else if v < slotVersion {
		return 0, cost{}, fmt.Errorf("%w: key slot version %d", ErrCorrupt, v)
	}
	if len(slot) != SlotSize {
		return 0, cost{}, fmt.Errorf("%w: key slot of %d bytes", ErrCorrupt, len(slot))
	}
	kind, c := slotKind(slot[9]), parseCost(slot[slotCostAt:])
	switch {
	case kind != slotRecovery && kind != slotPassphrase:
		return 0, cost{}, fmt.Errorf("%w: key slot of kind %d", ErrCorrupt, kind)
	case kind == slotRecovery && c != cost{}, kind == slotPassphrase && !c.ok():
		return 0, cost{}, fmt.Errorf("%w: key slot asks for Argon2id(%d KiB, %d, %d)", ErrCorrupt, c.memory, c.time, c.lanes)
	case !zero(slot[10:slotCostAt]), !zero(slot[slotEnd:]):
		return 0, cost{}, fmt.Errorf("%w: key slot padding", ErrCorrupt)
	}
	return kind, c, nil
}

// zero tells whether b holds only zeros.
func zero(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 })
}
