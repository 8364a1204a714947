package tree_test

import (
	"bytes"
	"testing"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack/seal"
)

// Nobody's nodes make a reader or an edit panic or run on.
func FuzzMap(f *testing.F) {
	f.Add(sampleLeaf(f), sampleInner(f), byte(1), uint64(304), uint64(123_463), []byte("k"))
	f.Fuzz(func(t *testing.T, leaf, inner []byte, level byte, count, bytes uint64, key []byte) {
		m := tree.Map{Nodes: twoNodes{leaf, inner}, Cut: poly, Root: tree.Root{Ref: seal.Ref{1}, Level: level % 4, Count: count, Bytes: bytes}}
		for range uses(m) {
		}
		_, _, _ = m.Lookup(key)
		for range m.Leaves() {
		}
		e := tree.Entry{Key: key}
		_, _, _ = m.Edit(withoutError([]tree.Edit{{Key: key, Entry: &e}}))
		_, _, _ = m.DropBefore(key)
		_, _, _ = m.DropRange(key, append(key, 7))
		for range tree.Chunks(m.Nodes, tree.Stream{Ref: seal.Ref{1}, Depth: level % 9}) {
		}
	})
}

// twoNodes is every leaf and every other node.
type twoNodes struct{ leaf, inner []byte }

func (n twoNodes) Load(kind seal.Kind, _ seal.Ref) ([]byte, error) {
	if kind == seal.Leaf {
		return n.leaf, nil
	}
	return n.inner, nil
}

func (n twoNodes) Save(kind seal.Kind, plain []byte) (seal.Ref, error) {
	return refOf(kind, plain), nil
}

func FuzzLeaf(f *testing.F) {
	f.Add(sampleLeaf(f), true)
	f.Fuzz(func(t *testing.T, plain []byte, day bool) {
		_, _ = tree.LastDay(seal.Leaf, plain)
		entries, err := tree.DecodeLeaf(plain, day)
		if err != nil {
			return
		}
		again, err := tree.EncodeLeaf(tree.Map{Cut: poly}, entries)
		if err != nil || !bytes.Equal(again[16:], plain[16:]) {
			t.Errorf("decoded and encoded: %x (%v), want %x", again, err, plain)
		}
	})
}

func FuzzInner(f *testing.F) {
	f.Add(sampleInner(f), 1)
	f.Fuzz(func(t *testing.T, plain []byte, level int) {
		_, _ = tree.LastDay(seal.Inner, plain)
		kids, err := tree.DecodeInner(plain, level)
		if err != nil {
			return
		}
		again, err := tree.EncodeInner(tree.Map{Cut: poly}, level, kids)
		if err == nil && !bytes.Equal(again, plain) {
			t.Errorf("decoded and encoded: %x, want %x", again, plain)
		}
	})
}

func FuzzList(f *testing.F) {
	f.Add(sampleList(), 1)
	f.Fuzz(func(t *testing.T, plain []byte, level int) {
		records, _, err := tree.DecodeList(plain, level)
		if again := tree.EncodeList(level, records); err == nil && !bytes.Equal(again, plain) {
			t.Errorf("decoded and encoded: %x, want %x", again, plain)
		}
	})
}

func FuzzEntry(f *testing.F) {
	f.Add(tree.AppendEntry(nil, &grouped(samples(), "group")[1]))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := tree.DecodeEntry(data)
		if again := tree.AppendEntry(nil, &e); err == nil && !bytes.Equal(again, data) {
			t.Errorf("decoded and encoded: %x, want %x", again, data)
		}
	})
}
