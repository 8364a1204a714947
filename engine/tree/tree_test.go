package tree_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"iter"
	"slices"

	"github.com/dayfold/dayfold/chunk"
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack/seal"
)

// poly is the polynomial of all tests, fixed so that goldens hold.
const poly chunk.Polynomial = 0x3DA3358B4DC173

// tester is what testing.TB and rapid.T have in common.
type tester interface {
	Helper()
	Fatalf(string, ...any)
}

// memory keeps nodes by ref.
type memory struct {
	nodes        map[seal.Ref][]byte
	loads, saves int
	loaded       map[seal.Ref]int // when not nil: which were loaded
}

func newMemory() *memory { return &memory{nodes: make(map[seal.Ref][]byte)} }

func refOf(kind seal.Kind, plain []byte) seal.Ref {
	h := sha256.New()
	h.Write([]byte{byte(kind)})
	h.Write(plain)
	return seal.Ref(h.Sum(nil))
}

func (m *memory) Load(kind seal.Kind, ref seal.Ref) ([]byte, error) {
	m.loads++
	if m.loaded != nil {
		m.loaded[ref]++
	}
	plain, ok := m.nodes[ref]
	if !ok {
		return nil, fs.ErrNotExist
	}
	if refOf(kind, plain) != ref {
		return nil, seal.ErrCorrupt
	}
	return plain, nil
}

func (m *memory) Save(kind seal.Kind, plain []byte) (seal.Ref, error) {
	m.saves++
	if len(plain) > tree.MaxNode {
		return seal.Ref{}, fmt.Errorf("node of %d bytes", len(plain))
	}
	ref := refOf(kind, plain)
	if _, ok := m.nodes[ref]; !ok {
		m.nodes[ref] = bytes.Clone(plain)
	}
	return ref, nil
}

func blind(leaf []byte) [16]byte {
	sum := sha256.Sum256(leaf)
	return [16]byte(sum[:16])
}

// fresh returns an empty map.
func fresh(day bool) tree.Map {
	return tree.Map{Nodes: newMemory(), Cut: poly, Blind: blind, Day: day}
}

// build returns a map of the entries, which it sorts.
func build(t tester, m tree.Map, entries []tree.Entry) tree.Map {
	t.Helper()
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b tree.Entry) int { return bytes.Compare(a.Key, b.Key) })
	b := tree.NewBuilder(m)
	for _, e := range entries {
		if err := b.Add(e); err != nil {
			t.Fatalf("add: %v", err)
		}
	}
	root, err := b.Finish()
	if err != nil {
		t.Fatalf("finish: %v", err)
	}
	m.Root = root
	return m
}

// collect returns copies of the entries of a range.
func collect(t tester, seq iter.Seq2[tree.Entry, error]) []tree.Entry {
	t.Helper()
	var all []tree.Entry
	for e, err := range seq {
		if err != nil {
			t.Fatalf("range: %v", err)
		}
		all = append(all, clone(e))
	}
	return all
}

func clone(e tree.Entry) tree.Entry {
	e.Key, e.Group, e.Stamp = bytes.Clone(e.Key), bytes.Clone(e.Group), bytes.Clone(e.Stamp)
	e.Meta, e.Inline = bytes.Clone(e.Meta), bytes.Clone(e.Inline)
	needs := e.Needs
	e.Needs = nil
	for _, k := range needs {
		e.Needs = append(e.Needs, bytes.Clone(k))
	}
	return e
}

func equal(a, b []tree.Entry) bool {
	return slices.EqualFunc(a, b, func(a, b tree.Entry) bool { return a.Equal(&b) })
}

// set is the plain model of a map.
type set map[string]tree.Entry

func (s set) sorted() []tree.Entry {
	all := make([]tree.Entry, 0, len(s))
	for _, e := range s {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b tree.Entry) int { return cmp.Compare(string(a.Key), string(b.Key)) })
	return all
}

// edits yields puts of the entries of to and deletes of what only from has.
func edits(from, to set) iter.Seq2[tree.Edit, error] {
	all := set{}
	for k, e := range from {
		all[k] = e
	}
	for k, e := range to {
		all[k] = e
	}
	return func(yield func(tree.Edit, error) bool) {
		for _, e := range all.sorted() {
			d := tree.Edit{Key: e.Key}
			if is, ok := to[string(e.Key)]; ok {
				if was := from[string(e.Key)]; was.Equal(&is) {
					continue
				}
				d.Entry = &is
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}
