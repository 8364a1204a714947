package pack_test

import (
	"testing"

	"github.com/dayfold/dayfold/pack"
)

func TestPackSize(t *testing.T) {
	const k = 1 << 10
	for n, want := range map[int]int{
		0: 64 * k, 1: 64 * k, 64 * k: 64 * k, 64*k + 1: 80 * k, 80 * k: 80 * k, 112*k + 1: 128 * k,
		128 * k: 128 * k, 128*k + 1: 160 * k, 896*k + 1: 1024 * k, 1024 * k: 1024 * k,
		1024*k + 1: 1056 * k, 2048*k + 1: 2112 * k, 8192 * k: 8192 * k, 8192*k + 1: 8448 * k, 12_345_678: 12_582_912,
	} {
		if got := pack.PackSize(n); got != want {
			t.Errorf("PackSize(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestPackSizeIsAGrid(t *testing.T) {
	last, points := 0, map[int]bool{}
	for n := 1; n < 40<<20; n += 509 {
		size := pack.PackSize(n)
		points[size] = true
		switch {
		case size < n || size < last:
			t.Fatalf("PackSize(%d) = %d", n, size)
		case pack.PackSize(size) != size:
			t.Fatalf("PackSize(%d) = %d, and of that %d", n, size, pack.PackSize(size))
		case n > 1<<20 && float64(size) > 1.032*float64(n), n > 64<<10 && float64(size) > 1.25*float64(n):
			t.Fatalf("PackSize(%d) = %d, %.1f%% more", n, size, 100*float64(size-n)/float64(n))
		}
		last = size
	}
	if len(points) > 200 {
		t.Errorf("%d sizes up to 40 MiB tell too much", len(points))
	}
}

func TestObjectSize(t *testing.T) {
	for n, want := range map[int]int{0: 4096, 1: 4096, 4096: 4096, 4097: 8192, 100_000: 102_400} {
		if got := pack.ObjectSize(n); got != want {
			t.Errorf("ObjectSize(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestOutlives(t *testing.T) {
	tree, permanent := pack.Class{Kind: pack.Tree}, pack.Class{Kind: pack.Permanent}
	day := func(d uint32) pack.Class { return pack.Class{Kind: pack.Expiring, Day: d} }
	for _, c := range []struct {
		c, d pack.Class
		want bool
	}{
		{tree, tree, true}, {tree, permanent, true}, {tree, day(9), true},
		{permanent, tree, true}, {permanent, permanent, true}, {permanent, day(9), true},
		{day(9), tree, false}, {day(9), permanent, false}, {day(9), day(8), true}, {day(9), day(9), true}, {day(9), day(10), false},
		{pack.Class{}, day(0), false}, {pack.Class{}, tree, false},
	} {
		if got := c.c.Outlives(c.d); got != c.want {
			t.Errorf("%v outlives %v: got %v", c.c, c.d, got)
		}
	}
}
