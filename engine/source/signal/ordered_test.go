package signal_test

import (
	"context"
	"encoding/binary"
	"io/fs"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// numbers is a history of items whose places are given, in key order.
type numbers struct {
	places  []signal.Place
	fetched int
}

func (n *numbers) Info() engine.SourceInfo { return engine.SourceInfo{} }

func (n *numbers) at(i int) engine.Item {
	return engine.Item{Key: binary.BigEndian.AppendUint32(nil, uint32(i)), Kind: engine.Message}
}

func (n *numbers) Items(context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		for i := range n.places {
			if !yield(n.at(i), nil) {
				return
			}
		}
	}
}

func (n *numbers) Item(_ context.Context, key []byte) (engine.Item, error) {
	if len(key) != 4 {
		return engine.Item{}, fs.ErrNotExist
	}
	n.fetched++
	return n.at(int(binary.BigEndian.Uint32(key))), nil
}

// ordered returns the numbers of the items as OrderedBy yields them.
func ordered(t *testing.T, n *numbers) (order []int) {
	t.Helper()
	for it, err := range signal.OrderedBy(t.Context(), n, func(it *engine.Item) (signal.Place, bool, error) {
		i := binary.BigEndian.Uint32(it.Key)
		return n.places[i], i%7 != 3, nil
	}) {
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, int(binary.BigEndian.Uint32(it.Key)))
	}
	return order
}

// What stands far from where its key is among the others is fetched one by one, so that
// the rest need not be held until it is its turn.
func TestWhatStraysIsNotHeld(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 70_000
	for _, c := range []struct {
		what    string
		number  func(i int) uint64
		fetched int // at most
	}{
		{"in order", func(i int) uint64 { return uint64(i) }, 0},
		{"mixed by the thousand", func(i int) uint64 { return uint64(i - i%1000 + 999 - i%1000) }, 0},
		{"the last is the first", func(i int) uint64 { return uint64((i + 1) % n) }, 1},
		{"an old tenth came late", func(i int) uint64 { return uint64((i + n*9/10) % n) }, n / 10},
		{"at random", func(i int) uint64 { return r.Uint64N(n) }, n},
	} {
		h := &numbers{places: make([]signal.Place, n)}
		for i := range h.places {
			h.places[i] = signal.Place{Rank: 5, Number: c.number(i)}
			if i%5000 == 0 {
				h.places[i].Rank = uint16(i % 3) // ranks of few items
			}
		}
		got := ordered(t, h)
		var want []int
		for i := range n {
			if i%7 != 3 {
				want = append(want, i)
			}
		}
		slices.SortStableFunc(want, func(a, b int) int {
			p, q := h.places[a], h.places[b]
			return slices.Compare([]uint64{uint64(p.Rank), p.Number}, []uint64{uint64(q.Rank), q.Number})
		})
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d items in another order than the %d that there are", c.what, len(got), len(want))
		}
		if h.fetched > c.fetched+n/5000 {
			t.Errorf("%s: %d items were fetched one by one, want at most %d", c.what, h.fetched, c.fetched)
		}
	}
}

func TestOrderedByEndsWithTheLoop(t *testing.T) {
	h := &numbers{places: make([]signal.Place, 5000)}
	for i := range h.places {
		h.places[i].Number = uint64(i)
	}
	n := 0
	for range signal.OrderedBy(t.Context(), h, func(it *engine.Item) (signal.Place, bool, error) {
		return h.places[binary.BigEndian.Uint32(it.Key)], true, nil
	}) {
		if n++; n == 1500 {
			break
		}
	}
	if n != 1500 {
		t.Errorf("%d items after the loop was left", n)
	}
}
