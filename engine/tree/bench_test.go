package tree_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack/seal"
)

// discard names nodes without hashing, and keeps none.
type discard struct {
	n     uint64
	bytes int
}

func (d *discard) Load(seal.Kind, seal.Ref) ([]byte, error) { return nil, seal.ErrCorrupt }

func (d *discard) Save(_ seal.Kind, plain []byte) (ref seal.Ref, err error) {
	d.n++
	d.bytes += len(plain)
	x := d.n
	for i := 0; i < len(ref); i += 8 {
		x = x*6364136223846793005 + 1442695040888963407
		binary.LittleEndian.PutUint64(ref[i:], x^x>>29)
	}
	return ref, nil
}

// history returns n messages of about size bytes, keyed week / group / time / id.
func history(n, size int) []tree.Entry {
	r := rand.New(rand.NewPCG(7, 7))
	words := make([]byte, 64<<10)
	for i := range words {
		words[i] = "etaoin shrdlu"[r.IntN(13)]
	}
	all := make([]tree.Entry, n)
	for i := range all {
		week := i * 200 / n
		group := i*200%n*20/n + 1
		time := 1.6e12 + int64(week)*604_800_000 + int64(i)*100
		key := binary.BigEndian.AppendUint16(nil, uint16(week))
		key = append(key, 0, byte(group))
		key = binary.BigEndian.AppendUint64(key, uint64(time))
		key = binary.BigEndian.AppendUint64(key, uint64(i))
		at := r.IntN(len(words) - size)
		all[i] = tree.Entry{Key: key, Group: key[2:4], Kind: 2, Time: time, Stamp: key[12:], Inline: words[at : at+size-60], Size: uint64(size - 60)}
	}
	return all
}

func BenchmarkBuild(b *testing.B) {
	for _, size := range []int{100, 250, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			all := history(100_000, size)
			nodes := new(discard)
			m := tree.Map{Nodes: nodes, Cut: poly}
			b.ReportAllocs()
			for b.Loop() {
				*nodes = discard{}
				builder := tree.NewBuilder(m)
				for i := range all {
					if err := builder.Add(all[i]); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := builder.Finish(); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(nodes.bytes))
			b.ReportMetric(float64(nodes.n), "nodes/op")
			b.ReportMetric(float64(nodes.bytes)/float64(nodes.n), "bytes/node")
		})
	}
}

func BenchmarkLeaf(b *testing.B) {
	all := history(20, 250)
	for i := range all {
		all[i].Group = nil
	}
	m := tree.Map{Cut: poly}
	plain, err := tree.EncodeLeaf(m, all)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := tree.DecodeLeaf(plain, false); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := tree.EncodeLeaf(m, all); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// built returns a map of 100,000 messages of 250 bytes.
func built(b *testing.B) (tree.Map, []tree.Entry) {
	all := history(100_000, 250)
	return build(b, tree.Map{Nodes: newMemory(), Cut: poly}, all), all
}

func BenchmarkLookup(b *testing.B) {
	m, all := built(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + 7919) % len(all)
		if _, ok, err := m.Lookup(all[i].Key); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkRange(b *testing.B) {
	m, all := built(b)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range m.Range(nil, nil) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != len(all) {
			b.Fatal(n)
		}
	}
	b.SetBytes(100_000 * 250)
}

func changed(all []tree.Entry, n int) []tree.Edit {
	var out []tree.Edit
	for i := range n {
		e := all[i*len(all)/n]
		e.Inline, e.Size = []byte("edited"), 6
		out = append(out, tree.Edit{Key: e.Key, Entry: &e})
	}
	return out
}

func BenchmarkEdit(b *testing.B) {
	m, all := built(b)
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			var stats tree.EditStats
			for b.Loop() {
				var err error
				if _, stats, err = m.Edit(withoutError(changed(all, n))); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(stats.Loaded), "loads/op")
			b.ReportMetric(float64(stats.Saved), "saves/op")
		})
	}
}

func BenchmarkDiff(b *testing.B) {
	m, all := built(b)
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			now, _, err := m.Edit(withoutError(changed(all, n)))
			if err != nil {
				b.Fatal(err)
			}
			m.Nodes.(*memory).loads = 0
			b.ReportAllocs()
			rounds := 0
			for b.Loop() {
				rounds++
				got := 0
				for _, err := range tree.Diff(m, now) {
					if err != nil {
						b.Fatal(err)
					}
					got++
				}
				if got != n {
					b.Fatalf("%d changes, want %d", got, n)
				}
			}
			b.ReportMetric(float64(m.Nodes.(*memory).loads)/float64(rounds), "loads/op")
		})
	}
}
