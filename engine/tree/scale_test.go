package tree_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dayfold/dayfold/engine/tree"
)

// A day of a long history costs a day: edits, drops and differences of a map of a
// million entries load and save nodes by the change, not by the map.
func TestAMillionEntries(t *testing.T) {
	const n = 1_000_000
	nodes := newMemory()
	m := tree.Map{Nodes: nodes, Cut: poly, Day: true}
	b := tree.NewBuilder(m)
	key := func(i int) []byte { // 1,000 entries a day
		k := binary.BigEndian.AppendUint32(nil, uint32(i/1000))
		return binary.BigEndian.AppendUint32(k, uint32(i))
	}
	text := []byte("a short message, as most are")
	entry := func(i int, text []byte) tree.Entry {
		return tree.Entry{Key: key(i), Group: []byte{byte(i / 100)}, Kind: 2, Time: int64(i) * 1000, Inline: text, Size: uint64(len(text))}
	}
	for i := range n {
		if err := b.Add(entry(i, text)); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if m.Root, err = b.Finish(); err != nil {
		t.Fatal(err)
	}
	all, height := len(nodes.nodes), int(m.Root.Level)+1
	t.Logf("%d entries, %d nodes, %d levels", m.Root.Count, all, height)
	if height > 8 {
		t.Errorf("%d levels, want at most 8", height)
	}

	r := rand.New(rand.NewPCG(1, 2))
	limit := func(what string, got, most int) {
		t.Helper()
		t.Logf("%s: %d, at most %d", what, got, most)
		if got > most {
			t.Errorf("%s: %d nodes, want at most %d", what, got, most)
		}
	}
	const changes = 1000
	to := set{}
	for i := range changes {
		e := entry(r.IntN(n), fmt.Append(nil, "edited ", i))
		to[string(e.Key)] = e
	}
	edited, stats, err := m.Edit(edits(nil, to))
	if err != nil {
		t.Fatal(err)
	}
	limit("loads of 1,000 edits", stats.Loaded, len(to)*(height-1))
	limit("saves of 1,000 edits", stats.Saved, len(to)*(height-1))
	nodes.loads = 0
	got := 0
	for _, err := range tree.Diff(m, edited) {
		if err != nil {
			t.Fatal(err)
		}
		got++
	}
	if got != len(to) {
		t.Errorf("%d differences, want %d", got, len(to))
	}
	limit("loads of their difference", nodes.loads, 2*len(to)*(height-1))

	dropped, stats, err := m.DropBefore(key(200_000))
	if err != nil {
		t.Fatal(err)
	}
	if dropped.Root.Count != n-200_000 {
		t.Errorf("%d entries left, want %d", dropped.Root.Count, n-200_000)
	}
	limit("loads of a drop of 200 days", stats.Loaded, 4*height)
	limit("saves of a drop of 200 days", stats.Saved, 4*height)
	if dropped, stats, err = m.DropRange(key(300_500), key(700_500)); err != nil || dropped.Root.Count != n-400_000 {
		t.Errorf("%d entries left (%v), want %d", dropped.Root.Count, err, n-400_000)
	}
	limit("loads of a drop of 400 days", stats.Loaded, 8*height)
	limit("saves of a drop of 400 days", stats.Saved, 8*height)
	nodes.loads = 0
	if _, ok, err := m.Lookup(key(123_456)); !ok || err != nil {
		t.Errorf("lookup: %v, %v", ok, err)
	}
	limit("loads of a lookup", nodes.loads, height)
	_, stats, err = m.Edit(edits(nil, set{string(key(n)): entry(n, text)}))
	if err != nil {
		t.Fatal(err)
	}
	limit("loads of an addition", stats.Loaded, height)
	limit("saves of an addition", stats.Saved, height)
}
