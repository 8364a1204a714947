package pack_test

import (
	"io"
	"testing"

	"github.com/dayfold/dayfold/pack"
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

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// keys are those of the archive whose key is first, first+1, …
func keys(t testing.TB, first byte) *seal.Keys {
	return seal.Derive(must[seal.ArchiveKey](t)(seal.NewArchiveKey(from(first))), nil)
}

func id(n int) (id seal.ID) {
	for i := range 4 {
		id[i] = byte(n >> (8 * i))
	}
	return id
}

var permanent = pack.Class{Kind: pack.Permanent}

// finish returns the pack of some blobs of these lengths.
func finish(t testing.TB, k *seal.Keys, c pack.Class, lengths ...int) (pack.Name, []byte, pack.Table) {
	t.Helper()
	b := pack.NewBuilder(c)
	for i, n := range lengths {
		sealed := make([]byte, n)
		for j := range sealed {
			sealed[j] = byte(i)
		}
		b.Add(id(i), sealed)
	}
	name, data, table, err := b.Finish(k, from(0))
	if err != nil {
		t.Fatal(err)
	}
	return name, data, table
}
