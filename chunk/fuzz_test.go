package chunk_test

import (
	"bytes"
	"testing"
	"testing/iotest"

	"github.com/dayfold/dayfold/chunk"
)

// bounds makes Valid bounds of any three numbers, small enough that a fuzzer's
// input has many chunks.
func bounds(lo, bits, hi uint16) chunk.Bounds {
	b := chunk.Bounds{Min: 64 + int(lo)%1000, Bits: 1 + int(bits)%12}
	b.Max = b.Min + int(hi)%3000
	return b
}

func FuzzSplit(f *testing.F) {
	f.Add(random(20, 5000), uint16(0), uint16(5), uint16(500), uint8(3))
	f.Add(make([]byte, 3000), uint16(100), uint16(8), uint16(0), uint8(1))
	f.Add([]byte("short"), uint16(9), uint16(9), uint16(9), uint8(9))
	f.Fuzz(func(t *testing.T, data []byte, lo, bits, hi uint16, times uint8) {
		data = bytes.Repeat(data, 1+int(times)%8)
		b := bounds(lo, bits, hi)
		want := reference(t, b, data)
		for name, c := range cutters(b) {
			if err := same(split(t, c, bytes.NewReader(data)), want); err != nil {
				t.Errorf("%s, %v: %v", name, b, err)
			}
			if err := same(split(t, c, iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(data)))), want); err != nil {
				t.Errorf("%s, %v, halves: %v", name, b, err)
			}
		}
	})
}

// FuzzRecords takes the lengths of records from the data, and a reset where a length is 0.
func FuzzRecords(f *testing.F) {
	f.Add(random(21, 5000), uint16(0), uint16(5), uint16(500))
	f.Add(make([]byte, 3000), uint16(100), uint16(8), uint16(0))
	f.Fuzz(func(t *testing.T, data []byte, lo, bits, hi uint16) {
		b := bounds(lo, bits, hi)
		one, two := chunk.NewRecords(pol, b), chunk.NewRecords(pol, b)
		two.Add(random(22, 70)) // what was before a reset must not matter
		two.Reset()
		size := 0
		for len(data) > 0 {
			n := int(data[0])
			if n == 0 {
				one.Reset()
				two = chunk.NewRecords(pol, b)
				size, data = 0, data[1:]
				continue
			}
			rec := data[:min(n, len(data))]
			data = data[len(rec):]
			size += len(rec)
			cut := one.Add(rec)
			if again := two.Add(rec); again != cut {
				t.Fatalf("%v: the same records cut and do not", b)
			}
			if cut && size < b.Min || !cut && size >= b.Max {
				t.Fatalf("%v: cut %v at %d bytes", b, cut, size)
			}
			if cut {
				size = 0
			}
		}
	})
}
