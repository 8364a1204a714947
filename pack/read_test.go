package pack_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// reader returns a read function of data, which counts.
func reader(data []byte, reads *int) func(int64, int) ([]byte, error) {
	return func(off int64, n int) ([]byte, error) {
		*reads++
		if off < 0 || n < 0 || off+int64(n) > int64(len(data)) {
			return nil, fmt.Errorf("%d bytes at %d of %d", n, off, len(data))
		}
		return data[off : off+int64(n)], nil
	}
}

func readTable(k *seal.Keys, data []byte) (pack.Table, error) {
	var reads int
	return pack.ReadTable(k, int64(len(data)), reader(data, &reads))
}

func TestReadTable(t *testing.T) {
	k := keys(t, 0)
	for _, c := range []struct {
		class   pack.Class
		lengths []int
		reads   int
	}{
		{pack.Class{Kind: pack.Tree}, []int{1}, 1},
		{permanent, []int{100, 2000, 127, 128, 16384}, 1},
		{pack.Class{Kind: pack.Expiring, Day: 20_000}, []int{70_000, 1}, 2},
		{pack.Class{Kind: pack.Expiring}, []int{1_000_000}, 2},
		{permanent, []int{8 << 20}, 2},
		{permanent, []int{8<<20 - 1200}, 2},
		{pack.Class{Kind: pack.Tree}, slices.Repeat([]int{2500}, 830), 2},
		{pack.Class{Kind: pack.Tree}, slices.Repeat([]int{300}, 30_000), 3},
		{permanent, []int{16 << 20, 16 << 20, 20 << 20}, 2},
	} {
		_, data, want := finish(t, k, c.class, c.lengths...)
		var reads int
		got, err := pack.ReadTable(k, int64(len(data)), reader(data, &reads))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v, %d blobs: got %d blobs of %v, %v", c.class, len(c.lengths), len(got.Blobs), got.Class, err)
		}
		if reads != c.reads {
			t.Errorf("%v, %d blobs, %d bytes: %d reads, want %d", c.class, len(c.lengths), len(data), reads, c.reads)
		}
	}
}

func TestReadTablePassesOn(t *testing.T) {
	k, gone := keys(t, 0), errors.New("gone")
	_, data, _ := finish(t, k, permanent, slices.Repeat([]int{300}, 30_000)...)
	for fail := 1; fail <= 3; fail++ {
		var reads int
		_, err := pack.ReadTable(k, int64(len(data)), func(off int64, n int) ([]byte, error) {
			b, _ := reader(data, &reads)(off, n)
			if reads == fail {
				return b[:n-1], gone
			}
			return b, nil
		})
		if !errors.Is(err, gone) || reads != fail {
			t.Errorf("read %d fails: got %v after %d", fail, err, reads)
		}
		for _, short := range []int{0, 1, 31} {
			reads = 0
			_, err = pack.ReadTable(k, int64(len(data)), func(off int64, n int) ([]byte, error) {
				b, _ := reader(data, &reads)(off, n)
				if reads == fail {
					return b[:short], nil
				}
				return b, nil
			})
			if !errors.Is(err, seal.ErrCorrupt) {
				t.Errorf("read %d gives %d bytes: got %v, want %v", fail, short, err, seal.ErrCorrupt)
			}
		}
	}
}

func TestReadTableEveryByte(t *testing.T) {
	k := keys(t, 0)
	_, good, table := finish(t, k, permanent, 40_000, 20_000)
	end := 96 + 60_000
	for i := 0; i < len(good); i++ {
		switch i { // these bytes stand for their neighbours
		case 97:
			i = end - 1
		case end + 100:
			i = len(good) - 64
		}
		bad := bytes.Clone(good)
		bad[i] ^= 1
		got, err := readTable(k, bad)
		want := []error{seal.ErrCorrupt}
		switch {
		case i == 8:
			want = []error{seal.ErrCorrupt} // version 0
		case 32 <= i && i < 96:
			want = []error{seal.ErrWrongKey}
		case i < end && i >= 96:
			if err != nil || !reflect.DeepEqual(got, table) {
				t.Errorf("byte %d of a blob: got %v", i, err)
			}
			continue
		}
		if !errors.Is(err, want[0]) {
			t.Errorf("byte %d: got %v, want %v", i, err, want[0])
		}
	}
}

func TestReadTableNewerAndOther(t *testing.T) {
	k := keys(t, 0)
	_, good, _ := finish(t, k, permanent, 400)
	newer := bytes.Clone(good)
	newer[8]++
	object := must[[]byte](t)(k.SealObject(from(0), seal.RoleSegment, "", nil, pack.PackSize))
	for name, c := range map[string]struct {
		k    *seal.Keys
		data []byte
		want error
	}{
		"nothing":                 {k, nil, seal.ErrCorrupt},
		"one byte":                {k, good[:1], seal.ErrCorrupt},
		"half a header":           {k, good[:50], seal.ErrCorrupt},
		"half a pack":             {k, good[:32<<10], seal.ErrCorrupt},
		"one byte less":           {k, good[:len(good)-1], seal.ErrCorrupt},
		"one byte more":           {k, append(bytes.Clone(good), 0), seal.ErrCorrupt},
		"a step of the grid more": {k, append(bytes.Clone(good), make([]byte, 16<<10)...), seal.ErrCorrupt},
		"newer":                   {k, newer, seal.ErrVersion},
		"newer and short":         {k, newer[:9], seal.ErrVersion},
		"newer and off the grid":  {k, newer[:70], seal.ErrVersion},
		"another archive":         {keys(t, 1), good, seal.ErrWrongKey},
		"a segment":               {k, object, seal.ErrCorrupt},
	} {
		if _, err := readTable(c.k, c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	huge := func(off int64, n int) ([]byte, error) {
		if n > 1<<20 {
			t.Errorf("%d bytes are read of a huge file", n)
		}
		return append(bytes.Clone(good[:min(n, 96)]), make([]byte, max(n-96, 0))...), nil
	}
	if _, err := pack.ReadTable(k, 1<<50, huge); !errors.Is(err, seal.ErrCorrupt) {
		t.Errorf("huge: got %v, want %v", err, seal.ErrCorrupt)
	}
}

// sealed returns a pack of size bytes with this end, validly sealed however bad it is.
func sealed(t testing.TB, k *seal.Keys, size, at int, directory, trailer []byte) []byte {
	header, s, err := k.Object(from(0), seal.RolePack, "")
	if err != nil {
		t.Fatal(err)
	}
	data := append(header, make([]byte, max(at-len(header), 0))...)
	data = s.Seal(data, 1, directory)
	data = append(data, make([]byte, max(size-32-len(data), 0))...)
	return s.Seal(data, 0, trailer)
}

func TestReadTableBehindValidSeals(t *testing.T) {
	k := keys(t, 0)
	const size, at = 64 << 10, 96 + 300
	// two blobs of 100 and 200 bytes
	directory := append([]byte{2, 0, 0, 0, 0, 2}, append(append(make([]byte, 16), 100), append(bytes.Repeat([]byte{1}, 16), 200, 1)...)...)
	entries := len(directory)
	directory = append(directory, make([]byte, size-at-32-16-entries)...)
	trailer := binary.LittleEndian.AppendUint64(nil, at)
	trailer = binary.LittleEndian.AppendUint32(trailer, uint32(size-at-32))
	trailer = append(trailer, 0, 0, 0, 0)
	if got, err := readTable(k, sealed(t, k, size, at, directory, trailer)); err != nil || len(got.Blobs) != 2 {
		t.Fatalf("good: got %v, %v", got, err)
	}
	for _, r := range []struct {
		name      string
		directory func([]byte) []byte
		trailer   func([]byte) []byte
	}{
		{"no class", set(0, 0), nil},
		{"class 4", set(0, 4), nil},
		{"a permanent day", set(1, 1), nil},
		{"no blobs", set(5, 0), nil},
		{"one blob", set(5, 1), nil},
		{"three blobs", set(5, 3), nil},
		{"two blobs in a long varint", func(b []byte) []byte { return slices.Insert(b, 5, 0x82, 0)[:len(b)] }, nil},
		{"2^62 blobs", func(b []byte) []byte {
			return append(append(b[:5:5], "\xff\xff\xff\xff\xff\xff\xff\xff\x3f"...), b[14:]...)
		}, nil},
		{"2^64 blobs", func(b []byte) []byte {
			return append(append(b[:5:5], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"...), b[16:]...)
		}, nil},
		{"an empty blob", set(22, 0), nil},
		{"an empty blob, all lengths right", func(b []byte) []byte { b[22], b[39], b[40] = 0, 0xac, 0x02; return b }, nil},
		{"a shorter blob", set(22, 99), nil},
		{"a longer blob", set(22, 101), nil},
		{"a blob larger than any pack", func(b []byte) []byte { return append(append(b[:22:22], 0xff, 0xff, 0xff, 0x7f), b[26:]...) }, nil},
		{"an ID twice", func(b []byte) []byte { copy(b[23:39], b[6:22]); return b }, nil},
		{"padding", set(entries, 1), nil},
		{"last byte of the padding", set(len(directory)-1, 1), nil},
		{"shorter than its place", func(b []byte) []byte { return b[:len(b)-1] }, nil},
		{"directory cut", func(b []byte) []byte { return b[:entries-1] }, setAll(8, entries-1+16)},
		{"directory without padding", func(b []byte) []byte { return b[:entries] }, setAll(8, entries+16)},
		{"offset 0", nil, setAll(0, 0)},
		{"offset in the header", nil, setAll(0, 95)},
		{"offset at the first blob", nil, setAll(0, 96)},
		{"offset too small", nil, setAll(0, at-1)},
		{"offset too large", nil, setAll(0, at+1)},
		{"offset near 2^64", nil, func(b []byte) []byte { return append(bytes.Repeat([]byte{0xff}, 8), b[8:]...) }},
		{"length 0", nil, setAll(8, 0)},
		{"length too small", nil, setAll(8, size-at-33)},
		{"length too large", nil, setAll(8, size-at-31)},
		{"length near 2^32", nil, func(b []byte) []byte { return append(b[:8:8], 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0) }},
		{"reserved", nil, set(15, 1)},
	} {
		d, tr := bytes.Clone(directory), bytes.Clone(trailer)
		if r.directory != nil {
			d = r.directory(d)
		}
		if r.trailer != nil {
			tr = r.trailer(tr)
		}
		if got, err := readTable(k, sealed(t, k, size, at, d, tr)); !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("%s: got %v, %v, want %v", r.name, got, err, seal.ErrCorrupt)
		}
	}
}

// A pack must have the least size that it fits into, so that its size tells nothing else.
func TestReadTableOtherSize(t *testing.T) {
	k := keys(t, 0)
	const at = 96 + 100
	for size, want := range map[int]error{64 << 10: nil, 80 << 10: seal.ErrCorrupt, 65_000: seal.ErrCorrupt, 66_000: seal.ErrCorrupt} {
		directory := append([]byte{2, 0, 0, 0, 0, 1}, append(make([]byte, 16), 100)...)
		directory = append(directory, make([]byte, size-at-32-16-len(directory))...)
		trailer := binary.LittleEndian.AppendUint64(nil, at)
		trailer = binary.LittleEndian.AppendUint64(trailer, uint64(size-at-32))
		if _, err := readTable(k, sealed(t, k, size, at, directory, trailer)); !errors.Is(err, want) {
			t.Errorf("%d bytes: got %v, want %v", size, err, want)
		}
	}
}

func set(i int, v byte) func([]byte) []byte {
	return func(b []byte) []byte { b[i] = v; return b }
}

// setAll sets a little-endian number of four bytes.
func setAll(i, v int) func([]byte) []byte {
	return func(b []byte) []byte { binary.LittleEndian.PutUint32(b[i:], uint32(v)); return b }
}

// FuzzReadTable tries data as a pack, and as a directory in a pack whose seals are valid.
func FuzzReadTable(f *testing.F) {
	k := keys(f, 0)
	_, good, _ := finish(f, k, permanent, 400, 30)
	f.Add(good, uint32(0))
	f.Add(good[:100], uint32(1))
	f.Add([]byte("\x02\x00\x00\x00\x00\x01abcdefghijklmnop\x32"), uint32(96+50))
	f.Add([]byte("\x03\x01\x02\x03\x00\x02abcdefghijklmnop\x32bcdefghijklmnopq\x80\x01"), uint32(96+50+128))
	f.Fuzz(func(t *testing.T, data []byte, at uint32) {
		if _, err := readTable(k, data); err != nil {
			sentinel(t, err)
		}
		const size = 64 << 10
		if at < 96 || int(at)+len(data)+16+32 > size {
			return
		}
		directory := append(bytes.Clone(data), make([]byte, size-32-16-int(at)-len(data))...)
		trailer := binary.LittleEndian.AppendUint64(nil, uint64(at))
		trailer = binary.LittleEndian.AppendUint64(trailer, uint64(len(directory)+16))
		table, err := readTable(k, sealed(t, k, size, int(at), directory, trailer))
		if err != nil {
			sentinel(t, err)
			return
		}
		segment := pack.EncodeSegment([]pack.Packed{{Table: table}})
		if again := segment[1+32:]; !bytes.Equal(again, directory[:len(again)]) {
			t.Errorf("%x is read as %v, which is coded %x", data, table, again)
		}
	})
}

// sentinel checks that an error is one that damage may cause.
func sentinel(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, seal.ErrCorrupt) && !errors.Is(err, seal.ErrVersion) && !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("got %v, want one of the errors of damage", err)
	}
}
