package tree_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dayfold/dayfold/engine/tree"
)

// million is how many entries the map of the tests below has, 1,000 a day.
const million = 1_000_000

func millionKey(i int) []byte {
	k := binary.BigEndian.AppendUint32(nil, uint32(i/1000))
	return binary.BigEndian.AppendUint32(k, uint32(i))
}

func millionEntry(i int, text []byte) tree.Entry {
	return tree.Entry{Key: millionKey(i), Group: []byte{byte(i / 100)}, Kind: 2, Time: int64(i) * 1000, Inline: text, Size: uint64(len(text))}
}

func buildMillion(t *testing.T) tree.Map {
	m := tree.Map{Nodes: newMemory(), Cut: poly, Day: true}
	b := tree.NewBuilder(m)
	for i := range million {
		if err := b.Add(millionEntry(i, []byte("a short message, as most are"))); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if m.Root, err = b.Finish(); err != nil {
		t.Fatal(err)
	}
	return m
}

func atMost(t *testing.T, what string, got, most int) {
	t.Helper()
	t.Logf("%s: %d, at most %d", what, got, most)
	if got > most {
		t.Errorf("%s: %d, want at most %d", what, got, most)
	}
}

// A day of a long history costs a day: edits, drops and differences of a map of a
// million entries load and save nodes by the change, not by the map.
func TestAMillionEntries(t *testing.T) {
	m := buildMillion(t)
	height := int(m.Root.Level) + 1
	atMost(t, "levels", height, 8)
	t.Run("edit", func(t *testing.T) { editMillion(t, m, height) })
	t.Run("drop", func(t *testing.T) { dropMillion(t, m, height) })
	t.Run("one", func(t *testing.T) { oneOfAMillion(t, m, height) })
}

func editMillion(t *testing.T, m tree.Map, height int) {
	r := rand.New(rand.NewPCG(1, 2))
	to := set{}
	for i := range 1000 {
		e := millionEntry(r.IntN(million), fmt.Append(nil, "edited ", i))
		to[string(e.Key)] = e
	}
	edited, stats, err := m.Edit(edits(nil, to))
	if err != nil {
		t.Fatal(err)
	}
	atMost(t, "loads of 1,000 edits", stats.Loaded, len(to)*(height-1))
	atMost(t, "saves of 1,000 edits", stats.Saved, len(to)*(height-1))
	nodes := m.Nodes.(*memory)
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
	atMost(t, "loads of their difference", nodes.loads, 2*len(to)*(height-1))
}

func dropMillion(t *testing.T, m tree.Map, height int) {
	got, stats, err := m.DropBefore(millionKey(200_000))
	if err != nil || got.Root.Count != million-200_000 {
		t.Errorf("%d entries left (%v), want %d", got.Root.Count, err, million-200_000)
	}
	atMost(t, "loads of a drop of 200 days", stats.Loaded, 4*height)
	atMost(t, "saves of a drop of 200 days", stats.Saved, 4*height)
	got, stats, err = m.DropRange(millionKey(300_500), millionKey(700_500))
	if err != nil || got.Root.Count != million-400_000 {
		t.Errorf("%d entries left (%v), want %d", got.Root.Count, err, million-400_000)
	}
	atMost(t, "loads of a drop of 400 days", stats.Loaded, 8*height)
	atMost(t, "saves of a drop of 400 days", stats.Saved, 8*height)
}

func oneOfAMillion(t *testing.T, m tree.Map, height int) {
	nodes := m.Nodes.(*memory)
	nodes.loads = 0
	if _, ok, err := m.Lookup(millionKey(123_456)); !ok || err != nil {
		t.Errorf("lookup: %v, %v", ok, err)
	}
	atMost(t, "loads of a lookup", nodes.loads, height)
	_, stats, err := m.Edit(edits(nil, set{string(millionKey(million)): millionEntry(million, nil)}))
	if err != nil {
		t.Fatal(err)
	}
	atMost(t, "loads of an addition", stats.Loaded, height)
	atMost(t, "saves of an addition", stats.Saved, height)
}
