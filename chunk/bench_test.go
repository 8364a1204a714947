package chunk_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/restic/chunker"

	"github.com/dayfold/dayfold/chunk"
)

func BenchmarkSplit(b *testing.B) {
	data := random(1, 64<<20)
	for name, bounds := range map[string]chunk.Bounds{"media": chunk.Media, "text": chunk.Text, "small": {Min: 512 << 10, Bits: 20, Max: 8 << 20}} {
		for way, c := range cutters(bounds) {
			b.Run(name+"/"+way, func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					for range c.Split(bytes.NewReader(data)) {
					}
				}
			})
		}
		b.Run(name+"/restic-Next", func(b *testing.B) {
			buf := make([]byte, bounds.Max)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				c := chunker.New(bytes.NewReader(data), pol,
					chunker.WithBoundaries(uint(bounds.Min), uint(bounds.Max)), chunker.WithAverageBits(bounds.Bits))
				for {
					if _, err := c.Next(buf); err == io.EOF {
						break
					}
				}
			}
		})
	}
}

// Most media are smaller than Min.
func BenchmarkSplitPhoto(b *testing.B) {
	data := random(1, 300<<10)
	c := chunk.NewCutter(pol, chunk.Media)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for range c.Split(bytes.NewReader(data)) {
		}
	}
}

func BenchmarkRecords(b *testing.B) {
	recs := records(random(1, 1<<20), 200)
	r := chunk.NewRecords(pol, chunk.Leaf)
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		for _, rec := range recs {
			r.Add(rec)
		}
	}
}

func BenchmarkReset(b *testing.B) {
	r := chunk.NewRecords(pol, chunk.Leaf)
	for b.Loop() {
		r.Reset()
	}
}
