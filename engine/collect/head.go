package collect

import "github.com/dayfold/dayfold/pack"

// A SnapshotID names a snapshot in all its revisions.
type SnapshotID [16]byte

// A Version is one revision of a snapshot.
type Version struct {
	ID  SnapshotID
	Rev uint32
}

// Seen is how far a snapshot's writer had seen a device: its commit Seq and all before.
type Seen struct {
	Device [16]byte
	Seq    uint64
}

// A Head is what collecting and ordering need to know of one revision. Device, Seq and
// Seen are those of the snapshot's first revision, or rewriting would change the order.
type Head struct {
	Version
	Base    uint64      // number of the newest fence when its writer began; 0: there was none
	Packs   []pack.Name // all that it needs, in any order
	Time    int64       // ms since 1970, by the device's clock
	Device  [16]byte
	Seq     uint64 // number of this commit among the device's
	Seen    []Seen // commits that came before it, at most one entry a device
	Partial bool   // a checkpoint
}

// Valid reports whether a revision counts while newest is the newest fence: its base is
// at most one fence back, or newest accepted it.
func Valid(h Head, newest Fence) bool {
	return h.Base+1 >= newest.N || newest.accepts(h.Version)
}

// Committed reports whether a revision is sure to count for good. newest and maxIntent,
// the number of the highest intent (0: none), must have been read after the revision was
// put. False means no, or not known yet.
func Committed(h Head, newest Fence, maxIntent uint64) bool {
	if max(newest.N, maxIntent) < h.Base+2 {
		return true // the fence that decides will list it
	}
	return newest.N >= h.Base+2 && newest.accepts(h.Version)
}

// Base returns the base of a snapshot that is made from others, of which newest is the
// newest fence when its writer began: their contents or their packs are taken over. What
// newest has not accepted yet may still turn out not to count, and then what was made
// from it must not count either: it is decided by the same fence.
func Base(newest Fence, from ...Head) uint64 {
	base := newest.N
	for _, h := range from {
		if !newest.accepts(h.Version) {
			base = min(base, h.Base)
		}
	}
	return base
}

// Usable reports whether a new snapshot with base newest may need a pack that was listed
// after newest was read. Packs that no snapshot names may be used, too. It takes
// O(log n) in the number of packs that newest tells of.
func Usable(n pack.Name, newest Fence) bool {
	return !has(newest.Condemned, n) && !has(newest.Pending, n) && !buried(newest.Buried, n)
}
