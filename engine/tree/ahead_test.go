package tree_test

import (
	"fmt"
	"testing"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack/seal"
)

// foresight is memory that is told of nodes before they are loaded.
type foresight struct {
	*memory
	told           map[seal.Ref]bool
	expected, rest int // leaves that were loaded, by whether it knew
}

func (f *foresight) Ahead(kind seal.Kind, ref seal.Ref) {
	if kind == seal.Leaf {
		f.told[ref] = true
	}
}

func (f *foresight) Load(kind seal.Kind, ref seal.Ref) ([]byte, error) {
	if kind == seal.Leaf && f.told[ref] {
		f.expected++
	} else if kind == seal.Leaf {
		f.rest++
	}
	return f.memory.Load(kind, ref)
}

func foreseen(m tree.Map) (tree.Map, *foresight) {
	f := &foresight{memory: m.Nodes.(*memory), told: map[seal.Ref]bool{}}
	m.Nodes = f
	return m, f
}

// A long range tells of its leaves, all but the first few, and of none beyond its end; a
// short one tells of none.
func TestRangeTellsAhead(t *testing.T) {
	all := numbered(10_000)
	plain := build(t, fresh(false), all)
	m, f := foreseen(plain)
	collect(t, m.Range(nil, nil))
	if f.rest > 5 || f.expected < 100 {
		t.Errorf("knew of %d leaves, and not of %d", f.expected, f.rest)
	}
	m, f = foreseen(plain)
	from, to := all[1000].Key, all[2000].Key
	collect(t, m.Range(from, to))
	if f.rest > 5 || len(f.told) > f.expected {
		t.Errorf("range: told of %d leaves, of which %d were loaded, and %d others", len(f.told), f.expected, f.rest)
	}
	m, f = foreseen(plain)
	for range m.Range(nil, nil) {
		break
	}
	if len(f.told) > 0 {
		t.Errorf("told of %d leaves for one entry", len(f.told))
	}
}

// A walk tells of the leaves that it reads, and of no others.
func TestWalkTellsAhead(t *testing.T) {
	m, f := foreseen(build(t, fresh(false), numbered(10_000)))
	n := 0
	visit := func(level int, _ seal.Ref, _ seal.Kind) (bool, error) { n++; return level > 0 || n%2 == 0, nil }
	if err := tree.WalkAll(m, visit, nil); err != nil {
		t.Fatal(err)
	}
	if f.rest > 0 || f.expected != len(f.told) || f.expected < 50 {
		t.Errorf("told of %d leaves; %d of them loaded, and %d others", len(f.told), f.expected, f.rest)
	}
}

// numbered are n entries of some 60 bytes.
func numbered(n int) []tree.Entry {
	var all []tree.Entry
	for i := range n {
		all = append(all, tree.Entry{Key: fmt.Appendf(nil, "key %08d", i), Kind: 1, Time: int64(i), Size: 20, Inline: fmt.Appendf(nil, "content %012d", i*i)})
	}
	return all
}
