package seal_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/pack/seal"
)

func FuzzParseRecoveryKey(f *testing.F) {
	for _, s := range []string{"", sample, strings.ToUpper(sample), sample[:63] + "\u00a0", sample + "-\r\n", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := seal.ParseRecoveryKey(text)
		if err != nil {
			if !errors.Is(err, seal.ErrKeyFormat) || len(err.Error()) > 120 {
				t.Errorf("got %v", err)
			}
			return
		}
		strip := strings.NewReplacer(" ", "", "-", "", "\n", "", "\r", "")
		if want := strings.ToLower(strip.Replace(text)); k.Reveal() != want {
			t.Errorf("got %q, want %q", k.Reveal(), want)
		}
		if back, err := seal.ParseRecoveryKey(k.Groups()); err != nil || back.Reveal() != k.Reveal() {
			t.Errorf("groups give %q, %v", back.Reveal(), err)
		}
	})
}

// sentinel fails unless err is one of the three.
func sentinel(t *testing.T, err error) {
	t.Helper()
	if !isAny(err, []error{seal.ErrCorrupt, seal.ErrVersion, seal.ErrWrongKey}) {
		t.Errorf("got %v, which wraps no sentinel", err)
	}
}

func FuzzOpenSlot(f *testing.F) {
	s, key := recoveryKey(f, 0), archiveKey(f, 7)
	good := must[[]byte](f)(seal.CheapSlot(from(1), s, key))
	f.Add(good)
	f.Add(must[[]byte](f)(seal.CheapSlot(from(1), seal.NewPassphrase([]byte("p")), key)))
	f.Add([]byte("dayfkey\n\x02"))
	f.Fuzz(func(t *testing.T, slot []byte) {
		got, err := seal.OpenSlot(slot, s) // never Argon2id: that would be slow, not wrong
		if err != nil {
			sentinel(t, err)
			return
		}
		if !got.Equal(key) || !bytes.Equal(slot, good) {
			t.Errorf("a slot opens that was never sealed: %x", slot)
		}
	})
}

// FuzzOpenObject gives OpenObject its bytes as an object, and as the part of a
// sound object that somebody with the keys sealed.
func FuzzOpenObject(f *testing.F) {
	k := keys(f, 0)
	good := must[[]byte](f)(k.SealObject(from(1), seal.RoleHead, "n", []byte("plain"), nil))
	f.Add(good)
	f.Add([]byte("\x05plain\x00\x00"))
	f.Add([]byte("\x85\x00plain"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := k.OpenObject(seal.RoleHead, "n", data); err != nil {
			sentinel(t, err)
		} else if !bytes.Equal(data, good) {
			t.Errorf("an object opens that was never sealed: %x", data)
		}
		header, s, err := k.Object(from(1), seal.RoleHead, "n")
		if err != nil {
			t.Fatal(err)
		}
		object := s.Seal(header, 0, data)
		plain, err := k.OpenObject(seal.RoleHead, "n", object)
		if err != nil {
			sentinel(t, err)
			return
		}
		again := must[[]byte](t)(k.SealObject(from(1), seal.RoleHead, "n", plain, func(int) int { return len(object) }))
		if !bytes.Equal(again, object) {
			t.Errorf("%x opens, but is not how %x is sealed", data, plain)
		}
	})
}

// FuzzOpenBlob does the same for blobs.
func FuzzOpenBlob(f *testing.F) {
	ref := keys(f, 0).Ref(nil, seal.Leaf, nil)
	nonce := make([]byte, 12)
	good := must[[]byte](f)(seal.AppendBlob(nil, from(1), ref, 1, 5, []byte("plain")))
	f.Add(good)
	f.Add([]byte("\x01\x05plain"))
	f.Add([]byte("\x01\x85\x00plain"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, _, _, err := seal.OpenBlob(nil, ref, data); err != nil {
			sentinel(t, err)
		} else if !bytes.Equal(data, good) {
			t.Errorf("a blob opens that was never sealed: %x", data)
		}
		blob := seal.SealPlain(ref, nonce, data)
		codec, n, body, err := seal.OpenBlob(nil, ref, blob)
		if err != nil {
			sentinel(t, err)
			return
		}
		again := must[[]byte](t)(seal.AppendBlob(nil, bytes.NewReader(nonce), ref, codec, n, body))
		if !bytes.Equal(again, blob) {
			t.Errorf("%x opens, but is not how codec %d, length %d, %x is sealed", data, codec, n, body)
		}
	})
}
