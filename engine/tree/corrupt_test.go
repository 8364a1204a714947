package tree_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack/seal"
)

// A spoiler is one way to damage a node.
type spoiler struct {
	name    string
	corrupt func([]byte) []byte
}

// with replaces n bytes at an offset.
func with(at, n int, by ...byte) func([]byte) []byte {
	return func(b []byte) []byte { return slices.Replace(b, at, at+n, by...) }
}

func add(more ...byte) func([]byte) []byte {
	return func(b []byte) []byte { return append(b, more...) }
}

func spoil(t *testing.T, good []byte, decode func([]byte) error, table []spoiler) {
	t.Helper()
	if err := decode(bytes.Clone(good)); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	for _, row := range table {
		if err := decode(row.corrupt(bytes.Clone(good))); !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", row.name, err)
		}
	}
}

func TestCorruptLeaf(t *testing.T) {
	blind := make([]byte, 16)
	// group "g" and the keys ac, ad; the first record lies at 18, the second at 25. A text
	// of n bytes without digits in a row begins with 4n.
	good := append(blind, 4, 'g', 0, 8, 'a', 'c', 0, 7, 4, 1, 4, 'd', 0, 7, 3)
	decode := func(b []byte) error { _, err := tree.DecodeLeaf(b, false); return err }
	second := func(fields ...byte) func([]byte) []byte { return with(28, 3, fields...) }
	zeros := make([]byte, 40)
	spoil(t, good, decode, []spoiler{
		{"nothing", func([]byte) []byte { return nil }},
		{"no records", func(b []byte) []byte { return b[:18] }},
		{"half a record", func(b []byte) []byte { return b[:27] }},
		{"too long", func(b []byte) []byte { return append(b, make([]byte, tree.MaxNode)...) }},
		{"a long head of the group", with(16, 1, 0x84, 0)},
		{"a group beyond the end", with(16, 1, 200, 1)},
		{"a group beyond its limit", func(b []byte) []byte {
			return slices.Concat(b[:16], []byte{0x84, 32}, bytes.Repeat([]byte{'g'}, 1025), b[18:])
		}},
		{"a first key that shares", with(18, 1, 1)},
		{"a key that shares more than there is", with(25, 1, 3)},
		{"a key that shares less than it could", with(25, 3, 0, 8, 'a', 'd')},
		{"the key before", with(25, 3, 2, 0)},
		{"the same letter", with(27, 1, 'c')},
		{"a key below the one before", with(27, 1, 'b')},
		{"a key of nothing", with(19, 3, 0)},
		{"a key beyond its limit", func(b []byte) []byte {
			return slices.Concat(b[:18], []byte{0, 0x94, 32}, bytes.Repeat([]byte{'k'}, 1029), b[22:25])
		}},
		{"a long time", second(0, 7, 0x83, 0)},
		{"a time beyond 64 bits", second(0, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2)},
		{"an empty stamp", second(1, 7, 3, 0)},
		{"a long stamp", second(append([]byte{1, 7, 3, 0x81, 1}, make([]byte, 129)...)...)},
		{"an expiry of never", second(2, 7, 3, 0)}, // the time is 0
		{"a timer of nothing", second(4, 7, 3, 0)},
		{"no needs", second(8, 7, 3, 0)},
		{"a need of nothing", second(8, 7, 3, 1, 0)},
		{"more needs than bytes", second(8, 7, 3, 200)},
		{"more needs than may be", second(append([]byte{8, 7, 3, 0x81, 0x20}, bytes.Repeat([]byte{1, 'n'}, 4097)...)...)},
		{"longer needs than may be", second(append([]byte{8, 7, 3, 65}, bytes.Repeat(append([]byte{0x80, 8}, make([]byte, 1024)...), 65)...)...)},
		{"an empty meta", second(16, 7, 3, 0)},
		{"a long meta", second(append([]byte{16, 7, 3, 0x81, 8}, make([]byte, 1025)...)...)},
		{"an empty inline", second(32, 7, 3, 0)},
		{"a long inline", second(append([]byte{32, 7, 3, 0x81, 32}, make([]byte, 4097)...)...)},
		{"content without ref", second(append([]byte{64, 7, 3, 1}, zeros[:32]...)...)},
		{"deep content", second(append([]byte{64, 7, 3, 9, 1}, zeros[:31]...)...)},
		{"half a ref", second(append([]byte{64, 7, 3, 1, 1}, zeros[:30]...)...)},
		{"a size that is known", second(32|128, 7, 3, 1, 'x', 1)},
		{"a size of nothing that is known", second(128, 7, 3, 0)},
		{"a size beyond an int64", second(128, 7, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)},
		{"a byte behind", add(0)},
	})
	day := func(b []byte) error { _, err := tree.DecodeLeaf(b, true); return err }
	spoil(t, append(blind, 0, 0, 20, 0, 0, 0, 1, 'c', 0, 7, 4, 4, 4, 'd', 0, 7, 3), day, []spoiler{
		{"two days", with(27, 3, 3, 4, 2)},
		{"a key without a day", func(b []byte) []byte { return append(b[:17], 0, 12, 0, 0, 0, 0, 7, 4) }},
	})
}

// A leaf whose keys share much stands for more than it holds: what it stands for
// is bounded as a node is.
func TestLeafIsNoBomb(t *testing.T) {
	leaf := append(make([]byte, 16), 0, 0, 0x90, 32)
	leaf = append(leaf, make([]byte, 1028)...)
	leaf = append(leaf, 0, 7, 0)
	for i := range 255 {
		leaf = append(leaf, 0x83, 8, 4, byte(i+1), 0, 7, 0)
	}
	if _, err := tree.DecodeLeaf(leaf, false); err == nil {
		t.Error("256 KiB of keys are decoded from 3 KB")
	}
	if _, err := tree.DecodeLeaf(leaf[:len(leaf)-2*7], false); err != nil {
		t.Errorf("less than 256 KiB of keys: %v", err)
	}
}

func TestCorruptInner(t *testing.T) {
	good := sampleInner(t)
	decode := func(b []byte) error { _, err := tree.DecodeInner(b, 1); return err }
	// The first record lies at 2: shared, head, 5 bytes of key, 32 of ref, count, bytes
	// in 3. The second follows.
	const ref, count, second = 9, 41, 45
	spoil(t, good, decode, []spoiler{
		{"nothing", func([]byte) []byte { return nil }},
		{"another level", with(0, 1, 2)},
		{"level 0", with(0, 1, 0)},
		{"no records", func(b []byte) []byte { return []byte{1, 0} }},
		{"a long number of records", with(1, 1, 0x82, 0)},
		{"fewer records than it has", with(1, 1, 1)},
		{"more records than it has", with(1, 1, 3)},
		{"more records than could be", with(1, 1, 0xff, 0xff, 0xff, 0xff, 7)},
		{"half a record", func(b []byte) []byte { return b[:len(b)-2] }},
		{"a byte behind", add(0)},
		{"too long", func(b []byte) []byte { return append(b, make([]byte, tree.MaxNode)...) }},
		{"no ref", func(b []byte) []byte { clear(b[ref:count]); return b }},
		{"no entries", with(count, 1, 0)},
		{"no entries, with content", with(count, 1, 1)},
		{"an empty key", with(2, 7, 0, 0)},
		{"keys out of order", with(second, 3, 3, 4, 0x1f)},
		{"a key that shares less than it could", with(second, 3, 2, 8, 0x4e, 0x21)},
		{"the same key", with(second, 3, 5, 0)},
	})
}

func TestCorruptList(t *testing.T) {
	good := sampleList()
	decode := func(b []byte) error { _, _, err := tree.DecodeList(b, 1); return err }
	const bytesAt = 33 // 2 MiB, in 4 bytes
	spoil(t, good, decode, []spoiler{
		{"nothing", func([]byte) []byte { return nil }},
		{"no records", func(b []byte) []byte { return b[:1] }},
		{"another level", with(0, 1, 2)},
		{"half a record", func(b []byte) []byte { return b[:60] }},
		{"no length", func(b []byte) []byte { return b[:len(b)-1] }},
		{"a byte behind", add(0)},
		{"too long", func(b []byte) []byte { return append(b, make([]byte, tree.MaxNode)...) }},
		{"no ref", func(b []byte) []byte { clear(b[1:33]); return b }},
		{"a chunk of nothing", with(bytesAt, 4, 0)},
		{"a long length", with(bytesAt, 4, 0x81, 0)},
		{"a chunk of more than 16 MiB", with(bytesAt, 4, 0x81, 0x80, 0x80, 8)},
	})
	huge := tree.EncodeList(2, []tree.Listed{tree.NewListed([32]byte{1}, 1<<62), tree.NewListed([32]byte{2}, 1<<62-1)})
	spoil(t, huge, func(b []byte) error { _, _, err := tree.DecodeList(b, 2); return err }, []spoiler{
		{"more than an int64 together", add(append(append([]byte{3}, make([]byte, 31)...), 1)...)},
	})
}

func TestCorruptEntry(t *testing.T) {
	good := tree.AppendEntry(nil, &tree.Entry{Group: []byte("g"), Key: []byte("k"), Inline: []byte("x"), Size: 1})
	decode := func(b []byte) error { _, err := tree.DecodeEntry(b); return err }
	table := []spoiler{{"a byte behind", add(0)}, {"a long length", with(0, 1, 0x81, 0)}, {"an empty key", with(2, 2, 0)}}
	for i := range good {
		table = append(table, spoiler{"half", func(b []byte) []byte { return b[:i] }})
	}
	spoil(t, good, decode, table)
}
