package seal_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/dayfold/dayfold/pack/seal"
)

// counter is a reader of first, first+1, first+2, … : no randomness at all.
type counter byte

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(*c)
		*c++
	}
	return len(p), nil
}

func from(first byte) io.Reader {
	c := counter(first)
	return &c
}

// broken is a source of randomness that has run dry.
var broken = bytes.NewReader(nil)

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func archiveKey(t testing.TB, first byte) seal.ArchiveKey {
	return must[seal.ArchiveKey](t)(seal.NewArchiveKey(from(first)))
}

func recoveryKey(t testing.TB, first byte) seal.RecoveryKey {
	return must[seal.RecoveryKey](t)(seal.NewRecoveryKey(from(first)))
}

func keys(t testing.TB, first byte) *seal.Keys { return seal.Derive(archiveKey(t, first), nil) }

// A row breaks good bytes in one way and says what must come of it.
type row struct {
	name    string
	corrupt func([]byte) []byte
	want    error
}

func set(i int, v byte) func([]byte) []byte {
	return func(b []byte) []byte { b[i] = v; return b }
}

// broke runs each row on a copy of good.
func broke(t *testing.T, good []byte, open func([]byte) error, rows []row) {
	t.Helper()
	for _, r := range rows {
		if err := open(r.corrupt(bytes.Clone(good))); !errors.Is(err, r.want) {
			t.Errorf("%s: got %v, want %v", r.name, err, r.want)
		}
	}
}

// flips opens good with every byte of it changed in two ways, cut at every
// length and with one byte more. want says which error each byte may give.
func flips(t *testing.T, good []byte, open func([]byte) error, want func(at int) []error) {
	t.Helper()
	for i := range good {
		for _, x := range []byte{0x01, 0xff} {
			bad := bytes.Clone(good)
			bad[i] ^= x
			if err := open(bad); !isAny(err, want(i)) {
				t.Errorf("byte %d xor %#x: got %v, want %v", i, x, err, want(i))
			}
		}
		if err := open(good[:i]); !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("first %d bytes: got %v, want %v", i, err, seal.ErrCorrupt)
		}
	}
	if err := open(append(bytes.Clone(good), 0)); !errors.Is(err, seal.ErrCorrupt) {
		t.Errorf("one byte more: got %v, want %v", err, seal.ErrCorrupt)
	}
}

// isAny tells whether err is one of want and none of the other sentinels.
func isAny(err error, want []error) bool {
	for _, s := range []error{seal.ErrCorrupt, seal.ErrVersion, seal.ErrWrongKey} {
		if errors.Is(err, s) {
			for _, w := range want {
				if s == w {
					return true
				}
			}
			return false
		}
	}
	return false
}

func TestArchiveKeysAreEqual(t *testing.T) {
	one, none := archiveKey(t, 1), seal.ArchiveKey{}
	for _, c := range []struct {
		a, b seal.ArchiveKey
		want bool
	}{{one, archiveKey(t, 1), true}, {one, archiveKey(t, 2), false}, {one, none, false}, {none, one, false}, {none, none, false}} {
		if got := c.a.Equal(c.b); got != c.want {
			t.Errorf("%v and %v: %v", c.a, c.b, got)
		}
	}
}
