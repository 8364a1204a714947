package pack_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// some returns packs of several classes, in the order of their names.
func some(t testing.TB) []pack.Packed {
	k, packs := keys(t, 0), []pack.Packed(nil)
	for _, c := range []pack.Class{{Kind: pack.Tree}, permanent, {Kind: pack.Expiring, Day: 20_123}, {Kind: pack.Expiring}} {
		for _, lengths := range [][]int{{1}, {100, 127, 128, 70_000}} {
			name, data, table := finish(t, k, c, lengths...)
			packs = append(packs, pack.Packed{Name: name, Size: uint32(len(data)), Table: table})
		}
	}
	slices.SortFunc(packs, func(a, b pack.Packed) int { return bytes.Compare(a.Name[:], b.Name[:]) })
	return packs
}

func TestSegmentRoundTrip(t *testing.T) {
	all := some(t)
	for n := range len(all) + 1 {
		want := all[:n]
		given := slices.Clone(want)
		slices.Reverse(given)
		before := slices.Clone(given)
		got, err := pack.DecodeSegment(pack.EncodeSegment(append(given, given...)))
		if err != nil || len(got) != n || n > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%d packs: got %d, %v", n, len(got), err)
		}
		if !reflect.DeepEqual(given, before) {
			t.Errorf("%d packs: what was given is in another order", n)
		}
	}
}

// A blob costs the ID and its length once more, and a pack 38 bytes.
func TestSegmentIsSmall(t *testing.T) {
	_, _, table := finish(t, keys(t, 0), permanent, slices.Repeat([]int{1500}, 1000)...)
	if n := len(pack.EncodeSegment([]pack.Packed{{Table: table}})); n > 1+32+7+18*1000 {
		t.Errorf("a segment of 1,000 blobs has %d bytes", n)
	}
}

func TestSegmentCorrupt(t *testing.T) {
	good := pack.EncodeSegment(some(t)[:2])
	second := len(pack.EncodeSegment(some(t)[:1]))
	for name, corrupt := range map[string]func([]byte) []byte{
		"nothing":       func(b []byte) []byte { return nil },
		"one byte less": func(b []byte) []byte { return b[:len(b)-1] },
		"one byte more": func(b []byte) []byte { return append(b, 0) },
		"one pack less": set(0, 1),
		"one pack more": set(0, 3),
		"a long varint": func(b []byte) []byte { return append([]byte{0x82, 0}, b[1:]...) },
		"2^63 packs":    func(b []byte) []byte { return append([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), b[1:]...) },
		"2^36 packs":    func(b []byte) []byte { return append([]byte("\x80\x80\x80\x80\x80\x02"), b[1:]...) },
		"2^36 blobs": func(b []byte) []byte {
			return append(append(b[:33+5:33+5], "\x80\x80\x80\x80\x80\x02"...), b[33+6:]...)
		},
		"a pack too large":   func(b []byte) []byte { return append(append([]byte{1}, b[1:33+6+16]...), 0xa0, 0xff, 0xff, 0x3f) },
		"a name twice":       func(b []byte) []byte { copy(b[second:second+32], b[1:33]); return b },
		"names out of order": func(b []byte) []byte { clear(b[second : second+32]); return b },
		"class 0":            set(33, 0),
		"no blobs":           set(33+5, 0),
		"an endless varint":  func(b []byte) []byte { return append(b[:33+5], bytes.Repeat([]byte{0x80}, 20)...) },
		"only a count":       func(b []byte) []byte { return b[:1] },
		"only a name":        func(b []byte) []byte { return b[:33] },
	} {
		bad := corrupt(bytes.Clone(good))
		if got, err := pack.DecodeSegment(bad); !errors.Is(err, seal.ErrCorrupt) || got != nil {
			t.Errorf("%s: got %d packs, %v, want %v", name, len(got), err, seal.ErrCorrupt)
		}
	}
	for i := range good {
		if _, err := pack.DecodeSegment(good[:i]); !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("first %d bytes: got %v, want %v", i, err, seal.ErrCorrupt)
		}
	}
}

func FuzzDecodeSegment(f *testing.F) {
	f.Add(pack.EncodeSegment(nil))
	f.Add(pack.EncodeSegment(some(f)[:1]))
	f.Add(pack.EncodeSegment(some(f)))
	f.Fuzz(func(t *testing.T, data []byte) {
		packs, err := pack.DecodeSegment(data)
		if err != nil {
			sentinel(t, err)
			return
		}
		if again := pack.EncodeSegment(packs); !bytes.Equal(again, data) {
			t.Errorf("%x is read, and coded again %x", data, again)
		}
	})
}
