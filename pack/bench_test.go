package pack_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"testing"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

var coding = []struct {
	name  string
	kind  seal.Kind
	plain []byte
}{
	{"leaf 1KiB", seal.Leaf, chat(1 << 10)},
	{"leaf 2KiB", seal.Leaf, chat(2 << 10)},
	{"leaf 4KiB", seal.Leaf, chat(4 << 10)},
	{"text 64KiB", seal.Text, chat(64 << 10)},
	{"text 1MiB", seal.Text, chat(1 << 20)},
	{"photo 2MiB", seal.Media, noise(2 << 20)},
	{"document 2MiB", seal.Media, chat(2 << 20)},
}

func BenchmarkEncode(b *testing.B) {
	for _, c := range coding {
		b.Run(c.name, func(b *testing.B) {
			coder, dst := pack.NewCoder(), make([]byte, 0, len(c.plain)+1024)
			b.SetBytes(int64(len(c.plain)))
			b.ReportAllocs()
			for b.Loop() {
				coder.Encode(dst, c.kind, c.plain)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range coding {
		b.Run(c.name, func(b *testing.B) {
			coder, dst := pack.NewCoder(), make([]byte, 0, len(c.plain))
			codec, body := coder.Encode(nil, c.kind, c.plain)
			b.SetBytes(int64(len(c.plain)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := coder.Decode(dst, codec, len(c.plain), body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFinish(b *testing.B) {
	k := keys(b, 0)
	for _, lengths := range [][]int{{8 << 20}, slices.Repeat([]int{2000}, 1000)} {
		sealed := make([]byte, lengths[0])
		b.Run(fmt.Sprintf("%d of %d", len(lengths), lengths[0]), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p := pack.NewBuilder(permanent)
				for i := range lengths {
					p.Add(id(i), sealed)
				}
				_, data, _, err := p.Finish(k, rand.Reader)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(data)))
			}
		})
	}
}

func BenchmarkReadTable(b *testing.B) {
	k := keys(b, 0)
	_, data, _ := finish(b, k, permanent, slices.Repeat([]int{2000}, 1000)...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readTable(k, data); err != nil {
			b.Fatal(err)
		}
	}
}
