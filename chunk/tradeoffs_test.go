package chunk_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/dayfold/dayfold/chunk"
)

// A cost is what a choice of bounds comes to.
type cost struct {
	leaves, inners int
	leaf, inner    int     // mean bytes
	ratio          float64 // of all leaves, compressed
	stored         int     // bytes of the first tree, sealed
	newLeaf, newIn int     // nodes that a day makes
	dayLeaf, dayIn int     // their bytes, sealed
}

func measure(leaf, inner chunk.Bounds, n, changes int) (c cost) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		panic(err)
	}
	var out []byte
	h := newHistory(n)
	old := map[uint64]bool{}
	var plain, packed, seen int
	before := h.levels(leaf, inner, func(_ node, data []byte) {
		if seen++; seen%16 == 0 {
			out = enc.EncodeAll(data, out[:0])
			plain, packed = plain+len(data), packed+len(out)
		}
	})
	for _, level := range before {
		for _, n := range level {
			old[n.hash] = true
		}
	}
	c.leaves, c.leaf, c.ratio = len(before[0]), total(before[0])/len(before[0]), float64(plain)/float64(packed)
	all := slices.Concat(before[1:]...)
	c.inners, c.inner = len(all), total(all)/len(all)
	c.stored = int(float64(total(before[0]))/c.ratio) + total(all) + overhead*(c.leaves+c.inners)
	h.scatter(changes)
	after := h.levels(leaf, inner, func(n node, data []byte) {
		if !old[n.hash] {
			out = enc.EncodeAll(data, out[:0])
			c.newLeaf++
			c.dayLeaf += len(out) + overhead
		}
	})
	for _, n := range slices.Concat(after[1:]...) {
		if !old[n.hash] {
			c.newIn++
			c.dayIn += n.size + overhead
		}
	}
	return c
}

// BenchmarkTradeoffs measures the tables of the package comment: run it with
// -run xxx -bench Tradeoffs -benchtime 1x. It takes half a minute.
func BenchmarkTradeoffs(b *testing.B) {
	bench := func(name string, leaf, inner chunk.Bounds) {
		b.Run(name, func(b *testing.B) {
			var c cost
			for b.Loop() {
				c = measure(leaf, inner, 1_000_000, 750)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(c.leaves), "leaves")
			b.ReportMetric(float64(c.leaf), "B/leaf")
			b.ReportMetric(c.ratio, "ratio")
			b.ReportMetric(float64(c.inners), "inners")
			b.ReportMetric(float64(c.inner), "B/inner")
			b.ReportMetric(float64(c.stored)/1e6, "MB")
			b.ReportMetric(float64(c.newLeaf), "leaves/day")
			b.ReportMetric(float64(c.newIn), "inners/day")
			b.ReportMetric(float64(c.dayLeaf)/1e6, "leafMB/day")
			b.ReportMetric(float64(c.dayIn)/1e6, "innerMB/day")
		})
	}
	for bits := 9; bits <= 13; bits++ {
		leaf := chunk.Bounds{Min: 1 << bits, Bits: bits, Max: 8 << bits}
		bench(fmt.Sprintf("leaf=%d", leaf.Min), leaf, chunk.Inner)
	}
	bench("leaf=768/2^11", chunk.Bounds{Min: 768, Bits: 11, Max: 8192}, chunk.Inner)
	for _, inner := range []chunk.Bounds{{Min: 256, Bits: 7, Max: 4096}, {Min: 320, Bits: 7, Max: 4096}, {Min: 384, Bits: 8, Max: 4096}, {Min: 512, Bits: 9, Max: 4096}, {Min: 512, Bits: 10, Max: 4096}} {
		bench(fmt.Sprintf("inner=%d/2^%d", inner.Min, inner.Bits), chunk.Leaf, inner)
	}
}

// A tenth of the history and of the day: what the bounds were chosen for.
func TestScatteredChangesCostLittle(t *testing.T) {
	c := measure(chunk.Leaf, chunk.Inner, 100_000, 75)
	if day := c.dayLeaf + c.dayIn; day > 250_000 {
		t.Errorf("75 changes in 100,000 entries rewrite %d bytes in %d leaves and %d inner nodes", day, c.newLeaf, c.newIn)
	}
	if c.newLeaf > 75*3/2 {
		t.Errorf("75 changes make %d leaves", c.newLeaf)
	}
}

// The low bits of the digest must be as good as the average promises, for any
// polynomial: from Min on every byte is a cut with the same chance, so equally
// likely sizes must come equally often.
func TestCutSizes(t *testing.T) {
	h := newHistory(30_000)
	var entries []byte
	for i := range h.n {
		entries = h.entry(entries, i)
	}
	const bins = 8
	for name, data := range map[string][]byte{"entries": entries, "refs": random(30, 6<<20)} {
		for _, b := range []chunk.Bounds{chunk.Leaf, chunk.Inner} {
			var count [bins]int
			cuts := 0
			for seed := range 4 {
				p, err := chunk.DerivePolynomial(rand.NewChaCha8([32]byte{byte(seed)}))
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range split(t, chunk.NewCutter(p, b), bytes.NewReader(data)) {
					beyond := float64(len(c)-b.Min) / float64(int(1)<<b.Bits)
					count[max(0, min(int(bins*(1-math.Exp(-beyond))), bins-1))]++
					cuts++
				}
			}
			for bin, n := range count {
				if share := bins * float64(n) / float64(cuts); share < 0.9 || share > 1.1 {
					t.Errorf("%s by %v: bin %d of %v holds %.2f of its share", name, b, bin, count, share)
				}
			}
		}
	}
}
