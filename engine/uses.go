package engine

import (
	"cmp"
	"maps"
	"slices"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// uses are the packs that a snapshot needs, and which bytes of each: so a prune knows
// what is dead without reading a tree. The head lists the packs, the body the bytes.
type uses map[pack.Name]*use

// A use is what a snapshot needs of one pack: what belongs into a class that stays, and
// what belongs into an expiry bucket. So they are what the permanent map reaches, and what
// the expiring map does; where expiry is hidden, what both do, and nothing. There may
// be more in it than is needed, never less.
type use struct {
	class pack.Class // Expiring with its day, or Permanent: a head does not tell trees apart
	spans [2]spans
}

// spans are runs of bytes of a pack, each of whole sealed blobs. In order they ascend and
// do not touch.
type spans []span

type span struct{ off, end uint32 }

// The two maps of a snapshot.
const (
	permanentMap = iota
	expiringMap
)

// mapOf is the map that reaches what belongs into class.
func mapOf(class pack.Class) int {
	if class.Kind == pack.Expiring {
		return expiringMap
	}
	return permanentMap
}

// of is the use of a pack, made when there is none.
func (u uses) of(n pack.Name, class pack.Class) *use {
	k := u[n]
	if k == nil {
		if class.Kind != pack.Expiring {
			class = pack.Class{Kind: pack.Permanent}
		}
		k = &use{class: class}
		u[n] = k
	}
	return k
}

// add takes in a blob that a map reaches.
func (k *use) add(which int, off, length uint32) {
	s := k.spans[which]
	if n := len(s); n > 0 && s[n-1].end == off {
		s[n-1].end = off + length
		return
	}
	k.spans[which] = append(s, span{off, off + length})
}

// all takes in a whole pack of that size.
func (k *use) all(which int, size int64) {
	k.add(which, seal.HeaderSize, uint32(max(size, seal.HeaderSize+1))-seal.HeaderSize)
}

func (k *use) empty() bool { return len(k.spans[permanentMap])+len(k.spans[expiringMap]) == 0 }

// merge takes in what another snapshot, or another revision, needs.
func (u uses) merge(other uses) {
	for n, o := range other {
		k := u.of(n, o.class)
		for i, s := range o.spans {
			k.spans[i] = append(k.spans[i], s...)
		}
	}
}

// order puts spans in order.
func (s spans) order() spans {
	slices.SortFunc(s, func(a, b span) int { return cmp.Compare(a.off, b.off) })
	out := s[:0]
	for _, x := range s {
		if n := len(out); n > 0 && x.off <= out[n-1].end {
			out[n-1].end = max(out[n-1].end, x.end)
		} else {
			out = append(out, x)
		}
	}
	return out
}

// encode writes spans: uvarint n, n × (uvarint gap, uvarint length), the first gap from
// where blobs begin.
func (s spans) encode(b []byte) []byte {
	b = appendUint(b, uint64(len(s)))
	at := uint32(seal.HeaderSize)
	for _, x := range s {
		b = appendUint(appendUint(b, uint64(x.off-at)), uint64(x.end-x.off))
		at = x.end
	}
	return b
}

// readSpans reads spans, and gives them to take, if that is set.
func readSpans(w *wire, take func(span)) {
	at := uint64(seal.HeaderSize)
	for i := range w.count(2) {
		gap, length := w.uint(pack.MaxSize), w.uint(pack.MaxSize)
		if length == 0 || i > 0 && gap == 0 || at+gap+length > pack.MaxSize {
			w.fail()
			return
		}
		if take != nil {
			take(span{uint32(at + gap), uint32(at + gap + length)})
		}
		at += gap + length
	}
}

// list puts what is needed where it is written: the names of packs into the head, their
// spans into the body, in the order of the names.
func (u uses) list(h *head, b *body) {
	h.Packs, h.Buckets = nil, nil
	for n, k := range u {
		if k.class.Kind == pack.Expiring {
			h.Buckets = append(h.Buckets, bucket{k.class.Day, n})
		} else {
			h.Packs = append(h.Packs, n)
		}
	}
	slices.SortFunc(h.Packs, compareNames)
	slices.SortFunc(h.Buckets, compareBuckets)
	b.packs = len(u)
	b.Spans = appendUint(nil, uint64(b.packs))
	for _, n := range h.needs() {
		for _, s := range u[n].spans {
			b.Spans = s.order().encode(b.Spans)
		}
	}
}

// usesOf is the reverse of list, of what readSnapshot read.
func usesOf(h head, b body) uses {
	u, w := uses{}, wire{rest: b.Spans}
	w.count(2)
	for i, n := range h.needs() {
		k := u.of(n, pack.Class{Kind: pack.Permanent})
		if i >= len(h.Packs) {
			k.class = pack.Class{Kind: pack.Expiring, Day: h.Buckets[i-len(h.Packs)].Day}
		}
		for i := range k.spans {
			readSpans(&w, func(s span) { k.spans[i] = append(k.spans[i], s) })
		}
	}
	return u
}

// names are the packs, in order.
func (u uses) names() []pack.Name { return slices.SortedFunc(maps.Keys(u), compareNames) }
