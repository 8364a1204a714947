package signal

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sort"

	"github.com/dayfold/dayfold/engine"
)

// Ordered yields the frames or lines of a history in the order of the file from which
// they came, media left out. See OrderedBy.
func Ordered(ctx context.Context, h engine.History) iter.Seq2[engine.Item, error] {
	return OrderedBy(ctx, h, func(it *engine.Item) (Place, bool, error) {
		if isMedia(it) {
			return Place{}, false, nil
		}
		p, err := placeOf(it)
		return Place{uint16(p.rank), p.number, p.count}, true, err
	})
}

// A Place is where an item stands in a file. Places compare from the left; items of equal
// places stand in the order of their keys.
type Place struct {
	Rank          uint16
	Number, Count uint64
}

// OrderedBy yields those items of a history that have a place, in the order of their
// places. It goes over h.Items once to learn the order (24 bytes for an item), and once
// more for each rank that has many items. Keys are nearly in the order of places within
// such a rank, as far as both follow time: what is on the way is held, some ten thousand
// items, and what strays further is fetched by its key.
func OrderedBy(ctx context.Context, h engine.History, place func(it *engine.Item) (Place, bool, error)) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		o := &orderer{ctx: ctx, h: h, place: place, yield: yield, keys: map[stop][]byte{}}
		if err := o.run(); err != nil && !o.left {
			yield(engine.Item{}, err)
		}
	}
}

const (
	few  = 1000    // items of a rank: fetched by their keys
	hold = 1 << 15 // items: how far one may be from where its key is among the others, to be held
)

// A spot is where an item stands in h.Items, counted among those of its rank, with its
// place in the file.
type spot struct {
	number uint64
	count  uint32 // capped: only the order of millions of misplaced items is lost
	index  uint32
	rank   uint16
}

// A stop names an item: its rank, and which of that it is in h.Items.
type stop struct {
	rank  uint16
	index uint32
}

// An orderer holds items until it is their turn.
type orderer struct {
	ctx   context.Context
	h     engine.History
	place func(it *engine.Item) (Place, bool, error)
	yield func(engine.Item, error) bool
	left  bool            // the loop has ended
	keys  map[stop][]byte // of what is fetched one by one
	spots []spot
}

func (o *orderer) run() error {
	if err := o.survey(); err != nil {
		return err
	}
	for spots := o.spots; len(spots) > 0 && !o.left; {
		n := sort.Search(len(spots), func(i int) bool { return spots[i].rank > spots[0].rank })
		var err error
		if n <= few {
			_, err = o.release(spots[:n], nil)
		} else {
			err = o.many(spots[:n])
		}
		if err != nil {
			return err
		}
		spots = spots[n:]
	}
	return nil
}

// each calls fn with each item that has a place, and its stop.
func (o *orderer) each(fn func(it engine.Item, p Place, s stop) error) error {
	counts := map[uint16]uint32{}
	for it, err := range o.h.Items(o.ctx) {
		if err != nil {
			return err
		}
		p, ok, err := o.place(&it)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		s := stop{p.Rank, counts[p.Rank]}
		counts[p.Rank]++
		if err := fn(it, p, s); err != nil {
			return err
		}
	}
	return nil
}

// survey learns the spots of all items, in the order of the file, and the keys of ranks
// that have few items.
func (o *orderer) survey() error {
	err := o.each(func(it engine.Item, p Place, s stop) error {
		o.spots = append(o.spots, spot{p.Number, uint32(min(p.Count, 1<<32-1)), s.index, s.rank})
		switch {
		case s.index < few:
			o.keys[s] = slices.Clone(it.Key)
		case s.index == few:
			for i := range uint32(few) {
				delete(o.keys, stop{s.rank, i})
			}
		}
		return nil
	})
	slices.SortFunc(o.spots, func(a, b spot) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.number, b.number), cmp.Compare(a.count, b.count), cmp.Compare(a.index, b.index))
	})
	return err
}

// many yields the items of a rank that has many of them, on a way over all items.
func (o *orderer) many(spots []spot) error {
	rank := spots[0].rank
	if far := strays(spots); len(far) > 0 {
		err := o.each(func(it engine.Item, _ Place, s stop) error {
			if _, ok := far[s.index]; ok && s.rank == rank {
				o.keys[s] = slices.Clone(it.Key)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	near := map[uint32]engine.Item{}
	err := o.each(func(it engine.Item, _ Place, s stop) (err error) {
		if s.rank != rank {
			return nil
		}
		if _, ok := o.keys[s]; !ok {
			near[s.index] = it
		}
		if spots, err = o.release(spots, near); err == nil && o.left {
			err = errLeft
		}
		return err
	})
	if err == errLeft {
		return nil
	}
	if err == nil && len(spots) > 0 {
		err = fmt.Errorf("the history changed while it was read")
	}
	return err
}

// errLeft ends a way over the items when the loop has ended.
var errLeft = fmt.Errorf("the loop has ended")

// release yields all whose turn it is, and returns the spots of those who are left.
func (o *orderer) release(spots []spot, near map[uint32]engine.Item) ([]spot, error) {
	for len(spots) > 0 {
		s := stop{spots[0].rank, spots[0].index}
		it, ok := near[s.index]
		if key, isFar := o.keys[s]; isFar {
			var err error
			if it, err = o.h.Item(o.ctx, key); err != nil {
				return spots, err
			}
			delete(o.keys, s)
		} else if !ok {
			return spots, nil
		}
		delete(near, s.index)
		if spots = spots[1:]; !o.yield(it, nil) {
			o.left = true
			return nil, nil
		}
	}
	return nil, nil
}

// strays returns the items that stand far from where their keys would have them: far from
// the longest run of items that are in both orders, which most items are near to.
func strays(spots []spot) map[uint32]struct{} {
	before := make([]int32, len(spots)) // in the run that ends with an item
	var ends []int32                    // of the runs of each length, those that end first
	for i := range spots {
		n := sort.Search(len(ends), func(j int) bool { return spots[ends[j]].index > spots[i].index })
		if before[i] = -1; n > 0 {
			before[i] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, 0)
		}
		ends[n] = int32(i)
	}
	far := map[uint32]struct{}{}
	main := ends[len(ends)-1]
	for i := len(spots) - 1; i >= 0; i-- {
		if int(main) > i && before[main] >= 0 {
			main = before[main]
		}
		at, on := spots[i].index, spots[main].index
		if at > on+hold || on > at+hold {
			far[at] = struct{}{}
		}
	}
	return far
}

// isMedia says whether an item is a media file and no frame.
func isMedia(it *engine.Item) bool { return len(it.Key) > 1 && it.Key[0] == 'p' && it.Key[1] == '/' }
