package chunk_test

import (
	"bytes"
	"testing"

	"github.com/dayfold/dayfold/chunk"
)

// Cuts fall into every lane, at its ends, and into several lanes at once.
func TestLanesOverManyStreams(t *testing.T) {
	for bits := 2; bits <= 14; bits++ {
		b := chunk.Bounds{Min: 64 + 100*bits, Bits: bits, Max: 1 << 18}
		c := chunk.NewLanes(pol, b)
		for seed := range byte(8) {
			data := random(seed, 40_000+int(seed)*1013)
			if err := same(split(t, c, bytes.NewReader(data)), reference(t, b, data)); err != nil {
				t.Errorf("%v, seed %d: %v", b, seed, err)
			}
		}
	}
}

// Every position is looked at: the first, the last, and those between lanes.
func TestLanesMissNoPosition(t *testing.T) {
	const bits = 14
	find := chunk.FindCut(pol, bits)
	data := random(40, 400_000)
	cut, cuts := 0, 0
	for _, c := range reference(t, chunk.Bounds{Min: 64, Bits: bits, Max: 1 << 20}, data) {
		last := cut
		if cut += len(c); len(c) < 9000 || cut == len(data) {
			continue
		}
		cuts++
		for before := 0; before < 9000 && cut-before > last+64; before += 1 + before/40 {
			for after := range 6 {
				if got := find(data[:cut+after], cut-before); got != cut {
					t.Fatalf("%d positions before a cut and %d after it: got %d, want %d", before, after, got, cut)
				}
			}
			if got := find(data[:cut-1], cut-before-1); got != -1 {
				t.Fatalf("%d positions up to a cut: got %d", before, got)
			}
		}
	}
	if cuts < 5 {
		t.Errorf("only %d cuts looked for", cuts)
	}
}

// Nor is one missed between two reads, which end at Min + n·16 KiB here.
func TestSplitCutsBetweenReads(t *testing.T) {
	b := chunk.Bounds{Min: 64, Bits: 16, Max: 1 << 20}
	data := random(41, 400_000)
	cut := 0
	for _, c := range reference(t, b, data) {
		cut += len(c)
		for reads := 1; reads <= 2; reads++ {
			for near := -2; near <= 2; near++ {
				from := cut - b.Min - reads*16<<10 - near
				if from < 0 {
					continue
				}
				part := data[from:min(cut+100, len(data))]
				want := reference(t, b, part)
				for way, c := range cutters(b) {
					if err := same(split(t, c, bytes.NewReader(part)), want); err != nil {
						t.Errorf("%s, %d from the end of read %d: %v", way, near, reads, err)
					}
				}
			}
		}
	}
}
