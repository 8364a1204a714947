package tree_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack/seal"
)

var update = flag.Bool("update", false, "write the goldens")

// samples are entries of one group and one day that use every field.
func samples() []tree.Entry {
	ref := seal.Ref(bytes.Repeat([]byte{0xc0}, 32))
	return []tree.Entry{
		{Key: []byte("\x00\x00\x4e\x20a"), Time: 1_700_000_000_000, Kind: 2, Inline: []byte("hello"), Size: 5},
		{Key: []byte("\x00\x00\x4e\x20ab"), Time: 1_699_999_999_000, Kind: 2, Inline: []byte("hi"), Size: 2,
			Stamp: []byte("stamp"), Expires: 1_728_000_000_000, Meta: []byte("meta"), Needs: [][]byte{[]byte("n1"), []byte("n2")}},
		{Key: []byte("\x00\x00\x4e\x20b"), Time: -1, Kind: 3, Size: 123_456, Timer: 86_400_000, Content: tree.Stream{Ref: ref, Depth: 1}},
		{Key: []byte("\x00\x00\x4e\x20c")},
	}
}

func grouped(entries []tree.Entry, group string) []tree.Entry {
	for i := range entries {
		entries[i].Group = []byte(group)
	}
	return entries
}

func sampleLeaf(t testing.TB) []byte {
	plain, err := tree.EncodeLeaf(tree.Map{Cut: poly}, grouped(samples(), "group"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(plain)
}

func sampleKids() []tree.Child {
	one, two := seal.Ref(bytes.Repeat([]byte{0xc1}, 32)), seal.Ref(bytes.Repeat([]byte{0xc2}, 32))
	return []tree.Child{
		tree.NewChild([]byte("\x00\x00\x4e\x20c"), one, 4, 123_463, true),
		tree.NewChild([]byte("\x00\x00\x4e\x21"), two, 300, 0, false),
	}
}

func sampleInner(t testing.TB) []byte {
	plain, err := tree.EncodeInner(tree.Map{Cut: poly}, 1, sampleKids())
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(plain)
}

func sampleList() []byte {
	one, two := seal.Ref(bytes.Repeat([]byte{0xc3}, 32)), seal.Ref(bytes.Repeat([]byte{0xc4}, 32))
	return tree.EncodeList(1, []tree.Listed{tree.NewListed(one, 2<<20), tree.NewListed(two, 77)})
}

func TestGoldens(t *testing.T) {
	golden(t, "leaf", hexDump(sampleLeaf(t)))
	golden(t, "inner", hexDump(sampleInner(t)))
	golden(t, "list", hexDump(sampleList()))
	golden(t, "entry", hexDump(tree.AppendEntry(nil, &grouped(samples(), "group")[1])))

	var all []tree.Entry
	for i := range 5000 {
		all = append(all, tree.Entry{Key: fmt.Appendf(nil, "%04d/%d/%d", i/500, i%500/100, i), Group: fmt.Append(nil, i%500/100),
			Kind: 2, Time: int64(i) * 1000, Inline: bytes.Repeat([]byte{byte(i)}, i%97), Size: uint64(i % 97)})
	}
	m := build(t, fresh(false), all)
	s := stream(t, tree.NewStreamWriter(newMemory(), poly), 0, 5000)
	golden(t, "roots", fmt.Sprintf("map %x level %d count %d bytes %d\nstream %x depth %d\n",
		m.Root.Ref[:], m.Root.Level, m.Root.Count, m.Root.Bytes, s.Ref[:], s.Depth))
}

// hexDump returns 32 bytes a line.
func hexDump(data []byte) string {
	var b strings.Builder
	for line := range slices.Chunk(data, 32) {
		b.WriteString(hex.EncodeToString(line) + "\n")
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
	}
}

func TestCodecsComeBack(t *testing.T) {
	want := grouped(samples(), "group")
	got, err := tree.DecodeLeaf(sampleLeaf(t), true)
	if err != nil || !equal(got, want) {
		t.Errorf("leaf: %d entries (%v), want %d, or they differ", len(got), err, len(want))
	}
	kids, err := tree.DecodeInner(sampleInner(t), 1)
	if again, _ := tree.EncodeInner(tree.Map{Cut: poly}, 1, kids); err != nil || !bytes.Equal(again, sampleInner(t)) {
		t.Errorf("inner node: %x (%v), want %x", again, err, sampleInner(t))
	}
	list, sum, err := tree.DecodeList(sampleList(), 1)
	if err != nil || sum != 2<<20+77 || !bytes.Equal(tree.EncodeList(1, list), sampleList()) {
		t.Errorf("list: sum %d (%v), want %d, or records differ", sum, err, 2<<20+77)
	}
	for _, e := range want {
		if one, err := tree.DecodeEntry(tree.AppendEntry(nil, &e)); err != nil || !one.Equal(&e) {
			t.Errorf("entry %q does not come back (%v)", e.Key, err)
		}
	}
}

func TestLastDay(t *testing.T) {
	for _, row := range []struct {
		kind  seal.Kind
		plain []byte
		want  uint32
	}{{seal.Leaf, sampleLeaf(t), 20_000}, {seal.Inner, sampleInner(t), 20_001}} {
		if got, err := tree.LastDay(row.kind, row.plain); err != nil || got != row.want {
			t.Errorf("day %d (%v), want %d", got, err, row.want)
		}
		if _, err := tree.LastDay(row.kind, row.plain[:10]); !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("half a node: %v, want ErrCorrupt", err)
		}
	}
	short := append(make([]byte, 16), 0, 0, 4, 'k', 0, 0, 0)
	for name, bad := range map[string]struct {
		kind  seal.Kind
		plain []byte
	}{
		"a list":                   {seal.List, sampleList()},
		"a key without a day":      {seal.Leaf, short},
		"an inner node of level 0": {seal.Inner, with(0, 1, 0)(sampleInner(t))},
		"a node above all levels":  {seal.Inner, with(0, 1, 41)(sampleInner(t))},
	} {
		if _, err := tree.LastDay(bad.kind, bad.plain); !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}
