package signal

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/dayfold/dayfold/engine"
)

// A spot is where an item stands in h.Items, with its place in the file. Spots sort
// by place; equal ones by key, which is the order in which h.Items yields.
type spot struct {
	rank   byte
	count  uint32 // capped: only the order of millions of misplaced items is lost
	index  uint32
	number uint64
}

// Ordered yields the frames or lines of a history in the order of the file from which
// they came, media left out. It goes over h.Items twice: once to learn the order (24
// bytes for an item), once for the contents. Messages are kept by week, and so nearly
// in order: it holds those of about three weeks. Those received long before or after
// they were sent, and what is no message, are fetched one by one.
func Ordered(ctx context.Context, h engine.History) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		spots, far, err := survey(ctx, h)
		if err != nil {
			yield(engine.Item{}, err)
			return
		}
		o := &orderer{spots: spots, far: far, near: map[uint32]engine.Item{}}
		index := uint32(0)
		for it, err := range h.Items(ctx) {
			if err != nil {
				yield(engine.Item{}, err)
				return
			}
			if isMedia(&it) {
				continue
			}
			if _, ok := far[index]; !ok {
				o.near[index] = it
			}
			if index++; !o.release(ctx, h, yield) {
				return
			}
		}
		if !o.release(ctx, h, yield) {
			return
		}
		if len(o.spots) > 0 {
			yield(engine.Item{}, fmt.Errorf("the history changed while it was read"))
		}
	}
}

// An orderer holds items until it is their turn.
type orderer struct {
	spots []spot // whose turn comes next
	far   map[uint32][]byte
	near  map[uint32]engine.Item
}

// release yields all whose turn it is. False: the loop has ended.
func (o *orderer) release(ctx context.Context, h engine.History, yield func(engine.Item, error) bool) bool {
	for len(o.spots) > 0 {
		next := o.spots[0].index
		it, ok := o.near[next]
		if key, isFar := o.far[next]; isFar {
			var err error
			if it, err = h.Item(ctx, key); err != nil {
				yield(engine.Item{}, err)
				return false
			}
		} else if !ok {
			return true
		}
		delete(o.near, next)
		if o.spots = o.spots[1:]; !yield(it, nil) {
			return false
		}
	}
	return true
}

// survey returns the spots of all items in the order of the file, and the keys of
// those that are fetched one by one.
func survey(ctx context.Context, h engine.History) ([]spot, map[uint32][]byte, error) {
	var spots []spot
	far := map[uint32][]byte{}
	for it, err := range h.Items(ctx) {
		if err != nil {
			return nil, nil, err
		}
		if isMedia(&it) {
			continue
		}
		p, err := placeOf(&it)
		if err != nil {
			return nil, nil, err
		}
		index := uint32(len(spots))
		if p.rank != rankMessage || strayed(it.Key, p.number) {
			far[index] = slices.Clone(it.Key)
		}
		spots = append(spots, spot{p.rank, uint32(min(p.count, 1<<32-1)), index, p.number})
	}
	slices.SortFunc(spots, func(a, b spot) int {
		if c := (place{a.rank, a.number, uint64(a.count)}).compare(place{b.rank, b.number, uint64(b.count)}); c != 0 {
			return c
		}
		return sign(a.index < b.index)
	})
	return spots, far, nil
}

// strayed says whether the week in a message's key is not near that of its place.
func strayed(key []byte, number uint64) bool {
	if len(key) < 6 || key[0] != 'm' {
		return true
	}
	var w uint32
	for _, c := range key[2:6] {
		w = 10*w + uint32(c-'0')
	}
	at := week(number)
	return w > at+1 || at > w+1
}

// isMedia says whether an item is a media file and no frame.
func isMedia(it *engine.Item) bool { return len(it.Key) > 1 && it.Key[0] == 'p' && it.Key[1] == '/' }
