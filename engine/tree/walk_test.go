package tree_test

import (
	"errors"
	"testing"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack/seal"
	"pgregory.net/rapid"
)

func TestWalkVisitsEveryNodeAndExternalEntry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		all := s.drawSet(t)
		m := build(t, fresh(s.day), all.sorted())
		nodes := m.Nodes.(*memory)
		visited, external, entries := map[seal.Ref]int{}, 0, 0
		visit := func(level int, ref seal.Ref, kind seal.Kind) (bool, error) {
			if want := kind == seal.Leaf; want != (level == 0) {
				t.Errorf("node of level %d has kind %d", level, kind)
			}
			visited[ref]++
			return true, nil
		}
		count := func(e tree.Entry) error {
			entries++
			if e.Content.Ref != (seal.Ref{}) {
				external++
			}
			return nil
		}
		if err := tree.Walk(m, visit, count); err != nil {
			t.Fatal(err)
		}
		if len(visited) != len(nodes.nodes) {
			t.Errorf("visited %d nodes, want %d", len(visited), len(nodes.nodes))
		}
		want := 0
		for _, e := range all {
			if e.Content.Ref != (seal.Ref{}) {
				want++
			}
		}
		if external != want {
			t.Errorf("%d entries with content outside, want %d", external, want)
		}
		for e, err := range tree.External(m) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Content.Ref != (seal.Ref{}) {
				want--
			}
		}
		if want != 0 {
			t.Errorf("%d entries with content outside are not among those below such nodes", want)
		}
		entries, visited = 0, map[seal.Ref]int{}
		if err := tree.WalkAll(m, visit, count); err != nil || entries != len(all) {
			t.Errorf("walk of all yields %d entries (%v), want %d", entries, err, len(all))
		}
	})
}

func TestWalkLoadsOnlyWhatItMust(t *testing.T) {
	s := shape{perDay: 10, groups: 1, text: 300, huge: 1000}
	all := s.apply(nil, script{{0, universe, 1, 0}})
	for k, e := range all {
		if string(k) != string(s.key(7)) {
			e.Content = tree.Stream{}
		} else {
			e.Content = tree.Stream{Ref: seal.Ref{1}}
		}
		all[k] = e
	}
	m := build(t, fresh(false), all.sorted())
	nodes := m.Nodes.(*memory)
	leaves, inner := 0, 0
	every := func(level int, _ seal.Ref, _ seal.Kind) (bool, error) {
		if level == 0 {
			leaves++
		} else {
			inner++
		}
		return true, nil
	}
	none := func(tree.Entry) error { return nil }
	loads := func(walk func() error) int {
		nodes.loads = 0
		if err := walk(); err != nil {
			t.Fatal(err)
		}
		return nodes.loads
	}
	if got := loads(func() error { return tree.Walk(m, every, nil) }); got != inner {
		t.Errorf("without entries: %d loads, want %d inner nodes", got, inner)
	}
	if got := loads(func() error { return tree.Walk(m, every, none) }); got != inner/2+1 {
		t.Errorf("with entries: %d loads, want %d inner nodes and 1 leaf", got, inner/2)
	}
	leaves, inner = 0, 0
	if got := loads(func() error { return tree.WalkAll(m, every, nil) }); got != inner+leaves {
		t.Errorf("all: %d loads, want %d", got, inner+leaves)
	}
	external := 0
	if got := loads(func() error {
		for e, err := range tree.External(m) {
			if err != nil {
				return err
			}
			if e.Content.Ref != (seal.Ref{}) {
				external++
			}
		}
		return nil
	}); got != int(m.Root.Level)+1 || external != 1 {
		t.Errorf("entries with content outside: %d of them, %d loads, want 1 and a path of %d", external, got, m.Root.Level+1)
	}
	skip := func(level int, _ seal.Ref, _ seal.Kind) (bool, error) { return false, nil }
	if got := loads(func() error { return tree.Walk(m, skip, none) }); got != 0 {
		t.Errorf("told not to descend: %d loads", got)
	}
	if got := loads(func() error {
		for _, err := range m.Leaves() {
			if err != nil {
				return err
			}
		}
		return nil
	}); got != inner {
		t.Errorf("leaves: %d loads, want %d inner nodes", got, inner)
	}
	stop := errors.New("stop")
	if err := tree.WalkAll(m, every, func(tree.Entry) error { return stop }); err != stop {
		t.Errorf("walk: %v, want %v", err, stop)
	}
}
