package seal_test

import (
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/dayfold/dayfold/pack/seal"
)

var sizes = []int{300, 2 << 10, 4 << 10, 1 << 20}

func name(n int) string {
	if n < 1<<10 {
		return fmt.Sprintf("%dB", n)
	}
	return fmt.Sprintf("%dKiB", n>>10)
}

func BenchmarkRef(b *testing.B) {
	k := keys(b, 0)
	for _, n := range sizes {
		b.Run(name(n), func(b *testing.B) {
			plain := make([]byte, n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				k.Ref(nil, seal.Media, plain)
			}
		})
	}
}

func BenchmarkID(b *testing.B) {
	ref := keys(b, 0).Ref(nil, seal.Leaf, nil)
	b.ReportAllocs()
	for b.Loop() {
		ref.ID()
	}
}

func BenchmarkAppendBlob(b *testing.B) {
	ref := keys(b, 0).Ref(nil, seal.Leaf, nil)
	for _, n := range sizes {
		b.Run(name(n), func(b *testing.B) {
			body, dst := make([]byte, n), make([]byte, 0, n+100)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := seal.AppendBlob(dst, rand.Reader, ref, 0, n, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpenBlob(b *testing.B) {
	ref := keys(b, 0).Ref(nil, seal.Leaf, nil)
	for _, n := range sizes {
		b.Run(name(n), func(b *testing.B) {
			blob := must[[]byte](b)(seal.AppendBlob(nil, rand.Reader, ref, 0, n, make([]byte, n)))
			dst := make([]byte, 0, len(blob))
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, _, err := seal.OpenBlob(dst, ref, blob); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSealObject(b *testing.B) {
	k := keys(b, 0)
	plain := make([]byte, 3000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.SealObject(rand.Reader, seal.RoleHead, "", plain, grid); err != nil {
			b.Fatal(err)
		}
	}
}
