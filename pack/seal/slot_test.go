package seal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"github.com/dayfold/dayfold/pack/seal"
)

func TestSlotRoundTrip(t *testing.T) {
	key := archiveKey(t, 7)
	for name, s := range map[string]seal.Secret{
		"recovery":   recoveryKey(t, 0),
		"passphrase": seal.NewPassphrase([]byte("four words are better")),
	} {
		slot := must[[]byte](t)(seal.NewSlot(from(1), s, key))
		if len(slot) != seal.SlotSize {
			t.Errorf("%s: got %d bytes, want %d", name, len(slot), seal.SlotSize)
		}
		if kind, err := seal.SlotKind(slot); kind != name || err != nil {
			t.Errorf("got %q, %v, want %q", kind, err, name)
		}
		if got, err := seal.OpenSlot(slot, s); err != nil || !got.Equal(key) {
			t.Errorf("%s: does not open: %v", name, err)
		}
		again := must[[]byte](t)(seal.NewSlot(from(99), s, key))
		if bytes.Equal(slot[24:136], again[24:136]) {
			t.Errorf("%s: two salts give one slot", name)
		}
	}
}

func TestPassphraseSlotCost(t *testing.T) {
	slot := must[[]byte](t)(seal.NewSlot(from(1), seal.NewPassphrase([]byte("p")), archiveKey(t, 0)))
	for i, want := range []uint32{64 << 10, 3, 4} {
		if got := binary.LittleEndian.Uint32(slot[12+4*i:]); got != want {
			t.Errorf("parameter %d: got %d, want %d", i, got, want)
		}
	}
}

func TestSlotWrongSecret(t *testing.T) {
	key := archiveKey(t, 7)
	recovery := must[[]byte](t)(seal.CheapSlot(from(1), recoveryKey(t, 0), key))
	phrase := must[[]byte](t)(seal.CheapSlot(from(1), seal.NewPassphrase([]byte("p")), key))
	for _, c := range []struct {
		name string
		slot []byte
		s    seal.Secret
		want error
	}{
		{"another recovery key", recovery, recoveryKey(t, 1), seal.ErrWrongKey},
		{"a passphrase for a recovery slot", recovery, seal.NewPassphrase([]byte("p")), seal.ErrWrongKey},
		{"the recovery key's text as passphrase", recovery, seal.NewPassphrase([]byte(recoveryKey(t, 0).Reveal())), seal.ErrWrongKey},
		{"another passphrase", phrase, seal.NewPassphrase([]byte("P")), seal.ErrWrongKey},
		{"a recovery key for a passphrase slot", phrase, recoveryKey(t, 0), seal.ErrWrongKey},
		{"an empty passphrase", phrase, seal.NewPassphrase(nil), seal.ErrKeyFormat},
		{"the zero passphrase", phrase, seal.Passphrase{}, seal.ErrKeyFormat},
		{"the zero recovery key", recovery, seal.RecoveryKey{}, seal.ErrKeyFormat},
	} {
		if _, err := seal.OpenSlot(c.slot, c.s); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

func TestNewSlotRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		s    seal.Secret
		k    seal.ArchiveKey
	}{
		{"empty passphrase", seal.NewPassphrase(nil), archiveKey(t, 0)},
		{"zero recovery key", seal.RecoveryKey{}, archiveKey(t, 0)},
		{"zero archive key", recoveryKey(t, 0), seal.ArchiveKey{}},
	} {
		if _, err := seal.NewSlot(from(0), c.s, c.k); !errors.Is(err, seal.ErrKeyFormat) {
			t.Errorf("%s: got %v, want %v", c.name, err, seal.ErrKeyFormat)
		}
	}
	if _, err := seal.NewSlot(broken, recoveryKey(t, 0), archiveKey(t, 0)); err == nil {
		t.Error("a slot without randomness")
	}
}

func TestSlotEveryByte(t *testing.T) {
	for name, s := range map[string]seal.Secret{
		"recovery":   recoveryKey(t, 0),
		"passphrase": seal.NewPassphrase([]byte("p")),
	} {
		good := must[[]byte](t)(seal.CheapSlot(from(1), s, archiveKey(t, 7)))
		open := func(b []byte) error { _, err := seal.OpenSlot(b, s); return err }
		flips(t, good, open, func(i int) []error {
			switch {
			case i == 8:
				return []error{seal.ErrVersion, seal.ErrCorrupt} // a flip may make it 0
			case 12 <= i && i < 24 && name == "passphrase":
				return []error{seal.ErrCorrupt, seal.ErrWrongKey} // another cost, or one too high
			case 24 <= i && i < 88:
				return []error{seal.ErrWrongKey} // salt and commitment
			}
			return []error{seal.ErrCorrupt}
		})
	}
}

func TestSlotCorrupt(t *testing.T) {
	s := recoveryKey(t, 0)
	good := must[[]byte](t)(seal.CheapSlot(from(1), s, archiveKey(t, 7)))
	rows := []row{
		{"empty", func([]byte) []byte { return nil }, seal.ErrCorrupt},
		{"another magic", set(0, 'D'), seal.ErrCorrupt},
		{"the magic of an object", func(b []byte) []byte { copy(b, "dayfold\n"); return b }, seal.ErrCorrupt},
		{"version 0", set(8, 0), seal.ErrCorrupt},
		{"version 2", set(8, 2), seal.ErrVersion},
		{"version 2 of another size", func(b []byte) []byte { b[8] = 2; return b[:100] }, seal.ErrVersion},
		{"nothing but version 2", func(b []byte) []byte { b[8] = 2; return b[:9] }, seal.ErrVersion},
		{"kind 0", set(9, 0), seal.ErrCorrupt},
		{"kind 3", set(9, 3), seal.ErrCorrupt},
		{"a recovery slot called a passphrase slot", set(9, 2), seal.ErrCorrupt},
		{"a cost in a recovery slot", set(12, 1), seal.ErrCorrupt},
		{"first zero", set(10, 1), seal.ErrCorrupt},
		{"last byte of padding", set(511, 1), seal.ErrCorrupt},
		{"doubled", func(b []byte) []byte { return append(b, b...) }, seal.ErrCorrupt},
	}
	broke(t, good, func(b []byte) error { _, err := seal.OpenSlot(b, s); return err }, rows)
	broke(t, good, func(b []byte) error { _, err := seal.SlotKind(b); return err }, rows) // all shows without a key
}

func TestArgon2Caps(t *testing.T) {
	s := seal.NewPassphrase([]byte("p"))
	good := must[[]byte](t)(seal.CheapSlot(from(1), s, archiveKey(t, 7)))
	with := func(m, t, p uint32) []byte {
		b := bytes.Clone(good)
		for i, v := range []uint32{m, t, p} {
			binary.LittleEndian.PutUint32(b[12+4*i:], v)
		}
		return b
	}
	for _, c := range [][3]uint32{
		{1<<20 + 1, 1, 1}, {1<<32 - 1, 1, 1}, {64, 17, 1}, {64, 1<<32 - 1, 1}, {1 << 20, 1, 17}, {1 << 20, 1, 256},
		{1 << 20, 1, 257}, {1 << 20, 1, 1<<32 - 1}, {0, 1, 1}, {64, 0, 1}, {64, 1, 0}, {7, 1, 1}, {63, 1, 8}, {0, 0, 0},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := seal.OpenSlot(with(c[0], c[1], c[2]), s)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("Argon2id(%v): got %v, want %v", c, err, seal.ErrCorrupt)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
			t.Errorf("Argon2id(%v): %d bytes allocated before it was refused", c, n)
		}
	}
	for _, c := range [][3]uint32{{1 << 20, 16, 16}, {8, 1, 1}, {128, 1, 16}} {
		if kind, err := seal.SlotKind(with(c[0], c[1], c[2])); kind != "passphrase" || err != nil {
			t.Errorf("Argon2id(%v): got %q, %v", c, kind, err)
		}
	}
}

func TestPassphraseIsCopied(t *testing.T) {
	text := []byte("four words")
	s := seal.NewPassphrase(text)
	slot := must[[]byte](t)(seal.CheapSlot(from(1), s, archiveKey(t, 7)))
	clear(text)
	if _, err := seal.OpenSlot(slot, s); err != nil {
		t.Errorf("after the caller wiped its text: %v", err)
	}
}
