package seal_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"github.com/dayfold/dayfold/pack/seal"
)

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestBlobOpensWithItsRef(t *testing.T) {
	k := seal.Derive(must[seal.ArchiveKey](t)(seal.NewArchiveKey(rand.Reader)), nil)
	plain := []byte("see you at nine")
	ref := k.Ref(nil, seal.Leaf, plain)
	blob := must[[]byte](t)(seal.AppendBlob([]byte("before"), rand.Reader, ref, 1, len(plain), plain))
	codec, n, body, err := seal.OpenBlob(nil, ref, blob[len("before"):])
	if err != nil || codec != 1 || n != len(plain) || !bytes.Equal(body, plain) {
		t.Errorf("got codec %d, length %d, %q, %v", codec, n, body, err)
	}
	object := must[[]byte](t)(k.SealObject(rand.Reader, seal.RoleHead, "n", plain, func(n int) int { return (n + 4095) &^ 4095 }))
	if len(object) != 4096 {
		t.Errorf("object of %d bytes, want 4096", len(object))
	}
	if got, err := k.OpenObject(seal.RoleHead, "n", object); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("got %q, %v", got, err)
	}
	slot := must[[]byte](t)(seal.NewSlot(rand.Reader, seal.NewPassphrase([]byte("p")), must[seal.ArchiveKey](t)(seal.NewArchiveKey(rand.Reader))))
	must[seal.ArchiveKey](t)(seal.OpenSlot(slot, seal.NewPassphrase([]byte("p"))))
}
