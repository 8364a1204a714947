package engine

import (
	"fmt"
	"testing"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// Packs are rewritten in the order of their shares of dead bytes, until the rest is little.
func TestWasteful(t *testing.T) {
	packs := func(dead ...int64) (all []waste) {
		for i, d := range dead {
			all = append(all, waste{pack.Name{byte(i)}, d, 100})
		}
		return all
	}
	for _, c := range []struct {
		packs  []waste
		unused float64
		want   string
	}{
		{nil, 0, "[]"},
		{packs(0, 0, 0), 0, "[]"},
		{packs(1, 0, 50), 0, "[2 0]"},
		{packs(1, 0, 50), 100, "[]"},
		{packs(1, 0, 50), 17, "[]"},     // 51 of 300 is 17 %
		{packs(1, 0, 50), 16.9, "[2]"},  // 1 of 250 is left
		{packs(1, 0, 50), 0.4, "[2]"},   // which is 0.4 %
		{packs(1, 0, 50), 0.3, "[2 0]"}, //
		{packs(10, 30, 20, 30), 5, "[1 3 2]"},
		{append(packs(10, 0), waste{pack.Name{9}, 20, 1000}), 2, "[0]"}, // the share counts, not the bytes
	} {
		got := []byte{}
		for _, n := range wasteful(c.packs, c.unused) {
			got = append(got, n[0])
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%v, %v %%: rewrites %v, want %v", c.packs, c.unused, got, c.want)
		}
	}
}

// A copy is found in a pack of its class, and in no other.
func TestCopiesAreFoundByClass(t *testing.T) {
	id := func(n int) seal.ID { return seal.ID{byte(n), byte(n >> 8)} }
	permanent, day := pack.Class{Kind: pack.Permanent}, pack.Class{Kind: pack.Expiring, Day: 3}
	var c copies
	for i := range 20 {
		p := pack.Packed{Name: pack.Name{byte(i)}, Table: pack.Table{Class: permanent}}
		if i >= 10 {
			p.Table.Class = day
		}
		for j := range 30 {
			p.Table.Blobs = append(p.Table.Blobs, pack.Blob{ID: id(i%10*30 + j), Off: uint32(j), Len: 1})
		}
		c.packs = append(c.packs, p)
	}
	c.sort()
	for n := range 300 {
		for i, class := range []pack.Class{permanent, day} {
			at, ok := c.find(id(n), class)
			if !ok || at.Pack != (pack.Name{byte(n/30 + 10*i)}) || at.Class != class || at.Off != uint32(n%30) {
				t.Fatalf("blob %d of %v is found at %v, %v", n, class, at, ok)
			}
		}
	}
	for _, class := range []pack.Class{{Kind: pack.Tree}, permanent} {
		if at, ok := c.find(id(300), class); ok {
			t.Errorf("a blob that is nowhere lies at %v", at)
		}
	}
	if at, ok := c.find(id(3), pack.Class{Kind: pack.Tree}); ok {
		t.Errorf("a blob of another class lies at %v", at)
	}
}
