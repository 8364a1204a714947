package tree_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack/seal"
	"pgregory.net/rapid"
)

func TestLookupAndRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		all := s.drawSet(t)
		m := build(t, fresh(s.day), all.sorted())
		finder := m.Finder()
		for range 5 {
			key := s.drawBound(t, "key")
			want, is := all[string(key)]
			for _, lookup := range []func([]byte) (tree.Entry, bool, error){m.Lookup, finder.Lookup} {
				got, ok, err := lookup(key)
				if err != nil || ok != is || !got.Equal(&want) {
					t.Fatalf("lookup: found %v (%v), want %v", ok, err, is)
				}
			}
			from, to := s.drawBound(t, "from"), s.drawBound(t, "to")
			var within []tree.Entry
			for _, e := range all.sorted() {
				if bytes.Compare(e.Key, from) >= 0 && (to == nil || bytes.Compare(e.Key, to) < 0) {
					within = append(within, e)
				}
			}
			if got := collect(t, m.Range(from, to)); !equal(got, within) {
				t.Fatalf("range yields %d entries, want %d, or they differ", len(got), len(within))
			}
		}
	})
}

// A finder that is asked for all keys in order loads every node once.
func TestFinderLoadsNodesOnce(t *testing.T) {
	s := shape{perDay: 10, groups: 3, text: 300, huge: 25}
	all := s.apply(nil, script{{0, universe, 1, 0}}).sorted()
	m := build(t, fresh(false), all)
	nodes := m.Nodes.(*memory)
	nodes.loads = 0
	for range collect(t, m.Range(nil, nil)) {
	}
	most := nodes.loads
	nodes.loads = 0
	finder := m.Finder()
	for _, e := range all {
		if got, ok, err := finder.Lookup(e.Key); !ok || err != nil || !got.Equal(&e) {
			t.Fatalf("lookup: %v, %v", ok, err)
		}
	}
	if nodes.loads > most || most < 10 {
		t.Errorf("%d loads to find all entries, and %d to read them", nodes.loads, most)
	}
}

func TestCountIsRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		all := s.drawSet(t)
		m := build(t, fresh(s.day), all.sorted())
		nodes := m.Nodes.(*memory)
		for range 5 {
			from, to := s.drawBound(t, "from"), s.drawBound(t, "to")
			var entries, bytes uint64
			for k, e := range all {
				if k >= string(from) && (to == nil || k < string(to)) {
					entries++
					bytes += e.Size
				}
			}
			nodes.loads = 0
			n, b, err := m.Count(from, to)
			if err != nil || n != entries || b != bytes {
				t.Fatalf("count: %d entries of %d bytes (%v), want %d of %d", n, b, err, entries, bytes)
			}
			if most := 2*int(m.Root.Level) + 1; nodes.loads > most {
				t.Fatalf("count: %d loads, want at most %d", nodes.loads, most)
			}
		}
	})
}

func TestRootSumsUp(t *testing.T) {
	s := shape{perDay: 10, groups: 3, text: 300, huge: 25}
	all := s.apply(nil, script{{0, universe, 1, 0}})
	var want uint64
	for _, e := range all {
		want += e.Size
	}
	m := build(t, fresh(false), all.sorted())
	if m.Root.Count != universe || m.Root.Bytes != want {
		t.Errorf("root says %d entries of %d bytes, want %d of %d", m.Root.Count, m.Root.Bytes, universe, want)
	}
}

// Whatever the entries are, inner nodes have two children, so the height is
// within the logarithm, and nodes are within the cap.
func TestHeightAndFanOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		m := build(t, fresh(s.day), s.drawSet(t).sorted())
		nodes := map[int]int{} // by level
		err := tree.Walk(m, func(level int, ref seal.Ref, kind seal.Kind) (bool, error) {
			nodes[level]++
			if n := len(m.Nodes.(*memory).nodes[ref]); n > tree.MaxNode {
				t.Errorf("a node of %d bytes", n)
			}
			return true, nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for level := 1; level <= int(m.Root.Level); level++ {
			if most := (nodes[level-1] + 1) / 2; nodes[level] > most {
				t.Errorf("level %d has %d nodes above %d, want at most %d", level, nodes[level], nodes[level-1], most)
			}
		}
		if leaves := float64(nodes[0]); leaves > 1 && float64(m.Root.Level) > math.Ceil(math.Log2(leaves)) {
			t.Errorf("height %d above %v leaves", m.Root.Level, leaves)
		}
	})
}

// A leaf holds entries of one group and, with Day, of one day.
func TestLeavesDoNotMix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		m := build(t, fresh(s.day), s.drawSet(t).sorted())
		for l, err := range m.Leaves() {
			if err != nil {
				t.Fatal(err)
			}
			one := tree.Map{Nodes: m.Nodes, Day: s.day, Root: tree.Root{Ref: l.Ref, Count: l.Count, Bytes: l.Bytes}}
			all := collect(t, one.Range(nil, nil))
			for _, e := range all {
				if !bytes.Equal(e.Group, all[0].Group) {
					t.Fatal("a leaf of two groups")
				}
				if s.day && !bytes.Equal(e.Key[:4], all[0].Key[:4]) {
					t.Fatal("a leaf of two days")
				}
			}
			if last := all[len(all)-1].Key; !bytes.Equal(last, l.Last) {
				t.Fatalf("last key %x, want %x", last, l.Last)
			}
		}
	})
}

func TestBlindBeginsEachLeaf(t *testing.T) {
	s := shape{perDay: 10, groups: 3, text: 300, huge: 1000}
	all := s.apply(nil, script{{0, universe, 1, 0}})
	with, without := fresh(false), fresh(false)
	without.Blind = nil
	with, without = build(t, with, all.sorted()), build(t, without, all.sorted())
	for m, want := range map[*tree.Map]func([]byte) [16]byte{&with: blind, &without: func([]byte) (zero [16]byte) { return }} {
		for l, err := range m.Leaves() {
			if err != nil {
				t.Fatal(err)
			}
			plain := m.Nodes.(*memory).nodes[l.Ref]
			if got := [16]byte(plain); got != want(plain[16:]) {
				t.Errorf("blind %x, want %x", got, want(plain[16:]))
			}
		}
	}
	for c, err := range tree.Diff(with, without) {
		t.Fatalf("a blind makes a difference: %v, %v", c, err)
	}
}

func TestLimitsOfEntries(t *testing.T) {
	full := tree.Entry{
		Key: make([]byte, tree.MaxKey), Group: make([]byte, tree.MaxGroup), Stamp: make([]byte, tree.MaxStamp),
		Meta: make([]byte, tree.MaxMeta), Inline: make([]byte, tree.MaxInline), Time: math.MinInt64, Expires: math.MaxInt64,
		Timer: -1, Size: math.MaxInt64, Content: tree.Stream{Ref: seal.Ref{1}, Depth: tree.MaxDepth},
	}
	for range tree.MaxNeeds {
		full.Needs = append(full.Needs, make([]byte, tree.MaxNeedBytes/tree.MaxNeeds))
	}
	m := build(t, fresh(true), []tree.Entry{full})
	if got := collect(t, m.Range(nil, nil)); len(got) != 1 || !got[0].Equal(&full) {
		t.Errorf("an entry at every limit does not come back")
	}
	one := make([]byte, 1)
	rows := []struct {
		name   string
		change func(*tree.Entry)
	}{
		{"no key", func(e *tree.Entry) { e.Key = nil }},
		{"long key", func(e *tree.Entry) { e.Key = make([]byte, tree.MaxKey+1) }},
		{"key without a day", func(e *tree.Entry) { e.Key = make([]byte, 3) }},
		{"long group", func(e *tree.Entry) { e.Group = make([]byte, tree.MaxGroup+1) }},
		{"long stamp", func(e *tree.Entry) { e.Stamp = make([]byte, tree.MaxStamp+1) }},
		{"long meta", func(e *tree.Entry) { e.Meta = make([]byte, tree.MaxMeta+1) }},
		{"long inline", func(e *tree.Entry) { e.Inline = make([]byte, tree.MaxInline+1) }},
		{"size", func(e *tree.Entry) { e.Size = math.MaxInt64 + 1 }},
		{"depth", func(e *tree.Entry) { e.Content.Depth++ }},
		{"depth of nothing", func(e *tree.Entry) { e.Content = tree.Stream{Depth: 1} }},
		{"many needs", func(e *tree.Entry) { e.Needs = append(e.Needs[:0:0], e.Needs...); e.Needs = append(e.Needs, one) }},
		{"no need", func(e *tree.Entry) { e.Needs = [][]byte{nil} }},
		{"long need", func(e *tree.Entry) { e.Needs = [][]byte{make([]byte, tree.MaxKey+1)} }},
		{"long needs", func(e *tree.Entry) { e.Needs = append(e.Needs[:tree.MaxNeeds-1:tree.MaxNeeds-1], make([]byte, 17)) }},
	}
	for _, row := range rows {
		e := full
		row.change(&e)
		if err := tree.NewBuilder(m).Add(e); !errors.Is(err, tree.ErrEntry) {
			t.Errorf("%s: %v, want ErrEntry", row.name, err)
		}
	}
	b := tree.NewBuilder(m)
	if err := b.Add(full); err != nil {
		t.Fatal(err)
	}
	next := tree.Entry{Key: append([]byte{1}, full.Key[1:]...), Size: 1}
	if err := b.Add(next); !errors.Is(err, tree.ErrEntry) {
		t.Errorf("sizes beyond an int64: %v, want ErrEntry", err)
	}
}
