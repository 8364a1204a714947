package collect_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

var update = flag.Bool("update", false, "write golden files anew")

func name(b byte) pack.Name { return pack.Name{0: b, 31: 1} }

func version(id byte, rev uint32) collect.Version {
	return collect.Version{ID: collect.SnapshotID{0: id}, Rev: rev}
}

// sample has every field, and a revision that takes two bytes.
var sample = collect.Fence{N: 300, Time: -5,
	Accepted:  []collect.Version{version(1, 0), version(1, 2), version(7, 200)},
	Condemned: []pack.Name{name(3), name(9)},
	Pending:   []pack.Name{name(4)},
	Buried:    []collect.Grave{{1}, {9}},
	Removed:   []collect.Removal{{ID: collect.SnapshotID{5}, Meant: true}, {ID: collect.SnapshotID{6}}},
}

func TestFenceRoundTrip(t *testing.T) {
	for _, f := range []collect.Fence{sample, {N: 1}, {N: 1 << 62, Time: 1 << 62, Pending: []pack.Name{{}}}} {
		got, err := collect.DecodeFence(f.Encode())
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Errorf("got %v, %v, want %v", got, err, f)
		}
	}
}

func TestFenceEncodePutsInOrder(t *testing.T) {
	f := collect.Fence{N: 300, Time: -5,
		Accepted:  []collect.Version{version(7, 200), version(1, 2), version(1, 0), version(1, 2)},
		Condemned: []pack.Name{name(9), name(3)},
		Pending:   []pack.Name{name(9), name(4), name(4)},
		Buried:    []collect.Grave{{9}, {1}, {9}},
		Removed:   []collect.Removal{{ID: collect.SnapshotID{6}}, {ID: collect.SnapshotID{5}}, {ID: collect.SnapshotID{5}, Meant: true}},
	}
	if got := f.Encode(); !bytes.Equal(got, sample.Encode()) {
		t.Errorf("got  %x\nwant %x", got, sample.Encode())
	}
	if f.Accepted[0] != version(7, 200) {
		t.Errorf("the fence was changed: %v", f)
	}
}

func TestFenceGolden(t *testing.T) {
	const file = "testdata/fence.hex"
	got := hex.EncodeToString(sample.Encode()) + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("got %swant %s%v", got, want, err)
	}
}

func TestFenceCorrupt(t *testing.T) {
	// 0: N, 2 bytes; 2: Time; 3: count; 4, 21, 38: versions; 56: count; 57, 89: condemned; 121: count; 122: pending;
	// 154: count; 155, 163: buried; 171: count; 172, 189: removed
	for _, c := range []struct {
		name    string
		corrupt func(b []byte) []byte
	}{
		{"empty", func(b []byte) []byte { return nil }},
		{"no number", func(b []byte) []byte { return append([]byte{0}, b[2:]...) }},
		{"number in long form", func(b []byte) []byte { return append([]byte{0x81, 0}, b[2:]...) }},
		{"number too high", func(b []byte) []byte { return append(bytes.Repeat([]byte{0xff}, 8), append([]byte{0x7f}, b[2:]...)...) }},
		{"time in long form", func(b []byte) []byte { return append(b[:2:2], append([]byte{0x89, 0}, b[3:]...)...) }},
		{"count too high", func(b []byte) []byte { b[3] = 100; return b }},
		{"count far too high", func(b []byte) []byte { return append(b[:3:3], 0xff, 0xff, 0xff, 0xff, 0x0f) }},
		{"versions out of order", func(b []byte) []byte { b[4], b[21] = 9, 9; return b }},
		{"version twice", func(b []byte) []byte { b[37] = 0; return b }},
		{"revision in long form", func(b []byte) []byte { return append(b[:20:20], append([]byte{0x80, 0}, b[21:]...)...) }},
		{"revision too high", func(b []byte) []byte {
			return append(b[:20:20], append([]byte{0xff, 0xff, 0xff, 0xff, 0x1f}, b[21:]...)...)
		}},
		{"condemned out of order", func(b []byte) []byte { b[57] = 10; return b }},
		{"condemned twice", func(b []byte) []byte { b[57] = 9; return b }},
		{"condemned and pending", func(b []byte) []byte { b[122] = 9; return b }},
		{"buried out of order", func(b []byte) []byte { b[155] = 10; return b }},
		{"buried twice", func(b []byte) []byte { b[155] = 9; return b }},
		{"too many buried", func(b []byte) []byte { b[154] = 7; return b }},
		{"removed out of order", func(b []byte) []byte { b[172] = 7; return b }},
		{"removed twice", func(b []byte) []byte { b[172] = 6; return b }},
		{"removed, and meant twice", func(b []byte) []byte { b[188] = 2; return b }},
		{"too many removed", func(b []byte) []byte { b[171] = 3; return b }},
		{"short", func(b []byte) []byte { return b[:len(b)-1] }},
		{"trailing", func(b []byte) []byte { return append(b, 0) }},
	} {
		f, err := collect.DecodeFence(c.corrupt(sample.Encode()))
		if !errors.Is(err, seal.ErrCorrupt) || !reflect.DeepEqual(f, collect.Fence{}) {
			t.Errorf("%s: got %v, %v", c.name, f, err)
		}
	}
}

func FuzzDecodeFence(f *testing.F) {
	f.Add(sample.Encode())
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := collect.DecodeFence(b)
		if err != nil {
			if !errors.Is(err, seal.ErrCorrupt) {
				t.Errorf("error %v", err)
			}
			return
		}
		if again := got.Encode(); !bytes.Equal(again, b) {
			t.Errorf("got %x, want %x", again, b)
		}
	})
}

func BenchmarkUsable(b *testing.B) {
	f := collect.Fence{N: 1}
	for i := range 10_000 {
		f.Pending = append(f.Pending, pack.Name{byte(i >> 8), byte(i)})
	}
	for b.Loop() {
		collect.Usable(pack.Name{20, 7, 1}, f)
	}
}
