package collect

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/dayfold/dayfold/pack"
)

// A Fence is what a pruner found: what counts, and what may die. The zero Fence is that
// of an archive that was never pruned. All lists are sorted and without duplicates;
// Condemned and Pending share no pack. Buried and Removed only grow: 8 bytes for each
// pack that ever died, 17 for each snapshot.
type Fence struct {
	N         uint64      // from 1; 0: there is none
	Time      int64       // ms since 1970, for people and for stores without safe creates
	Accepted  []Version   // every revision that counts, as far as it was listed
	Condemned []pack.Name // may be deleted by anyone at any time
	Pending   []pack.Name // condemned by the next fence, unless a snapshot needs them
	Buried    []Grave     // of packs that were condemned: one that comes back is not used
	Removed   []Removal   // snapshots that were removed, whether or not their records are there
}

// A Grave is how the name of a pack begins.
type Grave [8]byte

func graveOf(n pack.Name) Grave { return Grave(n[:8]) }

func buried(graves []Grave, n pack.Name) bool {
	_, ok := slices.BinarySearchFunc(graves, graveOf(n), compareGraves)
	return ok
}

func compareGraves(a, b Grave) int { return slices.Compare(a[:], b[:]) }

// A Removal says that no revision of a snapshot counts any more, whenever it comes.
type Removal struct {
	ID    SnapshotID
	Meant bool // somebody wanted it gone; else a collection had overtaken it
}

func compareRemovals(a, b Removal) int { return slices.Compare(a.ID[:], b.ID[:]) }

// union has each snapshot of two lists once, meant if either says so, in order.
func union(a, b []Removal) (all []Removal) {
	for _, r := range sorted(slices.Concat(a, b), compareRemovals) {
		if n := len(all); n > 0 && all[n-1].ID == r.ID {
			all[n-1].Meant = all[n-1].Meant || r.Meant
		} else {
			all = append(all, r)
		}
	}
	return all
}

// Removes returns what a fence says of the removal of a snapshot, and whether it does.
func (f Fence) Removes(id SnapshotID) (Removal, bool) {
	i, ok := slices.BinarySearchFunc(f.Removed, Removal{ID: id}, compareRemovals)
	if !ok {
		return Removal{}, false
	}
	return f.Removed[i], true
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
//	│ uvarint n, n × buried 8 │ uvarint n, n × {ID 16, meant 1}
//
// Lists that are not in order are put in order; the fence itself is not changed.
func (f Fence) Encode() []byte {
	accepted := sorted(f.Accepted, compareVersions)
	condemned := sorted(f.Condemned, compareNames)
	pending := slices.DeleteFunc(sorted(f.Pending, compareNames), func(n pack.Name) bool { return has(condemned, n) })
	buried, removed := sorted(f.Buried, compareGraves), union(f.Removed, nil)
	b := make([]byte, 0, 50+len(accepted)*21+(len(condemned)+len(pending))*32+len(buried)*8+len(removed)*17)
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
	b = binary.AppendUvarint(b, uint64(len(buried)))
	for _, g := range buried {
		b = append(b, g[:]...)
	}
	b = binary.AppendUvarint(b, uint64(len(removed)))
	for _, r := range removed {
		b = append(b, r.ID[:]...)
		if r.Meant {
			b = append(b, 1)
		} else {
			b = append(b, 0)
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
	for i := range w.count(len(Grave{})) {
		f.Buried = append(f.Buried, w.grave())
		if i > 0 && compareGraves(f.Buried[i-1], f.Buried[i]) >= 0 {
			w.fail()
		}
	}
	for i := range w.count(16 + 1) {
		f.Removed = append(f.Removed, Removal{ID: w.array16(), Meant: w.uint(1) == 1})
		if i > 0 && compareRemovals(f.Removed[i-1], f.Removed[i]) >= 0 {
			w.fail()
		}
	}
	if err := w.end(); err != nil {
		return Fence{}, err
	}
	return f, nil
}
