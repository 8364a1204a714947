package pack_test

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/dayfold/dayfold/pack"
	"github.com/zeebo/blake3"
)

func TestFinish(t *testing.T) {
	k := keys(t, 0)
	for _, lengths := range [][]int{{1}, {100, 2000, 127, 128}, {70_000}, {1 << 20, 1 << 20}, slices.Repeat([]int{2500}, 900)} {
		b, want := pack.NewBuilder(permanent), map[string]int{}
		for i, n := range lengths {
			sealed := bytes.Repeat([]byte{byte(i), byte(i >> 8)}, n/2+1)[:n]
			b.Add(id(i), sealed)
			want[string(sealed)]++
		}
		n, count := b.Len(), b.Count()
		name, data, table, err := b.Finish(k, from(0))
		if err != nil {
			t.Fatal(err)
		}
		if len(data) != pack.PackSize(n) || cap(data) != len(data) || count != len(lengths) {
			t.Errorf("%d blobs of %d bytes, %d counted: pack of %d bytes in %d", len(lengths), n, count, len(data), cap(data))
		}
		if name != blake3.Sum256(data) {
			t.Errorf("%d blobs: name %v is not the hash", len(lengths), name)
		}
		at := uint32(96)
		for _, bl := range table.Blobs {
			if want[string(data[bl.Off:][:bl.Len])]--; bl.Off != at {
				t.Errorf("%d blobs: one at %d, want %d", len(lengths), bl.Off, at)
			}
			at += bl.Len
		}
		for blob, n := range want {
			if n != 0 {
				t.Errorf("%d blobs: one of %d bytes is %d times too few", len(lengths), len(blob), n)
			}
		}
		if b.Count() != 0 {
			t.Errorf("%d blobs are left", b.Count())
		}
	}
}

// The order must tell nothing: after 2,000 packs each blob was about as often in each place.
func TestFinishShuffles(t *testing.T) {
	k, seen := keys(t, 0), [4][4]int{}
	random := blake3.New().Digest()
	for range 2000 {
		b := pack.NewBuilder(permanent)
		for i := range 4 {
			b.Add(id(i), []byte{1})
		}
		_, _, table, err := b.Finish(k, random)
		if err != nil {
			t.Fatal(err)
		}
		for place, bl := range table.Blobs {
			seen[bl.ID[0]][place]++
		}
	}
	for i, places := range seen {
		for place, n := range places {
			if n < 420 || n > 580 {
				t.Errorf("blob %d was %d times of 2,000 in place %d, want about 500", i, n, place)
			}
		}
	}
}

func TestAddKeepsTheFirst(t *testing.T) {
	b := pack.NewBuilder(permanent)
	b.Add(id(1), []byte("first"))
	n := b.Len()
	b.Add(id(1), []byte("the second"))
	_, data, table, err := b.Finish(keys(t, 0), from(0))
	if err != nil || n != 96+5+(1+4+1+17+16)+32 || len(table.Blobs) != 1 || string(data[96:101]) != "first" {
		t.Errorf("got %d bytes before, %v, %v", n, table, err)
	}
}

func TestAbsorb(t *testing.T) {
	a, b := pack.NewBuilder(permanent), pack.NewBuilder(permanent)
	a.Add(id(1), []byte("one"))
	b.Add(id(1), []byte("one"))
	b.Add(id(2), []byte("two"))
	a.Absorb(b)
	if a.Count() != 2 || b.Count() != 0 {
		t.Errorf("got %d and %d blobs, want 2 and 0", a.Count(), b.Count())
	}
}

func TestFinishRefuses(t *testing.T) {
	k, blob := keys(t, 0), make([]byte, 1<<20)
	for name, c := range map[string]struct {
		class   pack.Class
		lengths []int
		rand    io.Reader
	}{
		"no blob":         {permanent, nil, from(0)},
		"an empty blob":   {permanent, []int{4, 0}, from(0)},
		"no class":        {pack.Class{}, []int{4}, from(0)},
		"class 4":         {pack.Class{Kind: 4}, []int{4}, from(0)},
		"a permanent day": {pack.Class{Kind: pack.Permanent, Day: 1}, []int{4}, from(0)},
		"too large":       {permanent, slices.Repeat([]int{1 << 20}, 128), from(0)},
		"no randomness":   {permanent, []int{4}, bytes.NewReader(nil)},
		"little of it":    {permanent, []int{4}, io.LimitReader(from(0), 63)},
	} {
		b := pack.NewBuilder(c.class)
		for i, n := range c.lengths {
			b.Add(id(i), blob[:n])
		}
		if _, data, _, err := b.Finish(k, c.rand); err == nil || data != nil {
			t.Errorf("%s: got %d bytes, %v", name, len(data), err)
		}
	}
}

// What is placed may be written later, and places stay where they are while others come.
func TestPlace(t *testing.T) {
	k, b := keys(t, 0), pack.NewBuilder(permanent)
	var places [][]byte
	for i := range 3000 {
		places = append(places, b.Place(id(i), 1+i%700))
	}
	if b.Place(id(7), 1) != nil {
		t.Error("a place for a blob that is there")
	}
	for i, p := range places {
		if len(p) != 1+i%700 || cap(p) != len(p) {
			t.Fatalf("a place of %d bytes in %d, want %d", len(p), cap(p), 1+i%700)
		}
		for j := range p {
			p[j] = byte(i)
		}
	}
	_, data, table, err := b.Finish(k, from(0))
	if err != nil {
		t.Fatal(err)
	}
	for _, bl := range table.Blobs {
		i := slices.IndexFunc(places, func(p []byte) bool { return len(p) == int(bl.Len) && p[0] == data[bl.Off] })
		if i < 0 || !bytes.Equal(data[bl.Off:][:bl.Len], places[i]) {
			t.Fatalf("a blob of %d bytes is not what was written into its place", bl.Len)
		}
	}
}

// A Builder that is used again takes no memory for what fits into its largest piece.
func TestResetKeepsMemory(t *testing.T) {
	b, blob := pack.NewBuilder(permanent), make([]byte, 100_000)
	b.Grow(1 << 20)
	fill := func(n int) {
		b.Reset(permanent)
		for i := range n {
			b.Add(id(i), blob)
		}
	}
	fill(12) // two more than there is room for
	if n := testing.AllocsPerRun(10, func() { fill(10) }); n > 0 {
		t.Errorf("%v allocations for a pack that fits", n)
	}
}
