package collect

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/dayfold/dayfold/pack"
)

// A Fence is what a pruner found: what counts, and what may die. The zero Fence is that
// of an archive that was never pruned. All lists are sorted and without duplicates;
// Condemned and Pending share no pack.
type Fence struct {
	N         uint64      // from 1; 0: there is none
	Time      int64       // ms since 1970, for people and for stores without safe creates
	Accepted  []Version   // every revision that counts, as far as it was listed
	Condemned []pack.Name // may be deleted by anyone at any time
	Pending   []pack.Name // condemned by the next fence, unless a snapshot needs them
}

func (f Fence) accepts(v Version) bool {
	_, ok := slices.BinarySearchFunc(f.Accepted, v, compareVersions)
	return ok
}

func compareVersions(a, b Version) int {
	return cmp.Or(slices.Compare(a.ID[:], b.ID[:]), cmp.Compare(a.Rev, b.Rev))
}

func compareNames(a, b pack.Name) int { return slices.Compare(a[:], b[:]) }

func has(sorted []pack.Name, n pack.Name) bool {
	_, ok := slices.BinarySearchFunc(sorted, n, compareNames)
	return ok
}

// Encode returns the plain bytes of a fence (FORMAT.md, fences):
//
//	uvarint N │ varint Time │ uvarint n, n × {ID 16, uvarint Rev} │ uvarint n, n × condemned 32 │ uvarint n, n × pending 32
//
// Lists that are not in order are put in order; the fence itself is not changed.
func (f Fence) Encode() []byte {
	accepted := sorted(f.Accepted, compareVersions)
	condemned := sorted(f.Condemned, compareNames)
	pending := slices.DeleteFunc(sorted(f.Pending, compareNames), func(n pack.Name) bool { return has(condemned, n) })
	b := make([]byte, 0, 40+len(accepted)*21+(len(condemned)+len(pending))*32)
	b = binary.AppendUvarint(b, f.N)
	b = binary.AppendVarint(b, f.Time)
	b = binary.AppendUvarint(b, uint64(len(accepted)))
	for _, v := range accepted {
		b = append(b, v.ID[:]...)
		b = binary.AppendUvarint(b, uint64(v.Rev))
	}
	for _, names := range [][]pack.Name{condemned, pending} {
		b = binary.AppendUvarint(b, uint64(len(names)))
		for _, n := range names {
			b = append(b, n[:]...)
		}
	}
	return b
}

// sorted returns a copy of s in order and without duplicates.
func sorted[T comparable](s []T, compare func(a, b T) int) []T {
	s = slices.Clone(s)
	slices.SortFunc(s, compare)
	return slices.Compact(s)
}

const maxFence = 1 << 62 // the highest number of a fence

// DecodeFence reads what Encode wrote, and nothing else: anything that Encode would have
// written otherwise is seal.ErrCorrupt.
func DecodeFence(plain []byte) (Fence, error) {
	w := wire{rest: plain}
	f := Fence{N: w.uint(maxFence), Time: w.int()}
	if f.N == 0 {
		w.fail()
	}
	for i := range w.count(16 + 1) {
		v := Version{ID: w.array16(), Rev: uint32(w.uint(1<<32 - 1))}
		if i > 0 && compareVersions(f.Accepted[i-1], v) >= 0 {
			w.fail()
		}
		f.Accepted = append(f.Accepted, v)
	}
	f.Condemned, f.Pending = w.names(), w.names()
	for _, n := range f.Pending {
		if has(f.Condemned, n) {
			w.fail()
		}
	}
	if err := w.end(); err != nil {
		return Fence{}, err
	}
	return f, nil
}
