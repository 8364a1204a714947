package collect_test

import (
	"math/bits"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/pack"
)

// The state of the model: a store, and processes that work on it. It is small, flat and
// comparable, so that millions can be visited. Sets are bit masks.
const (
	maxIDs   = 3 // snapshots
	maxRevs  = 4 // revisions of each
	maxNames = maxIDs * maxRevs
	maxFence = 6
	maxProcs = 4
)

type (
	packs uint8  // a set of packs 0..7; all hold the one blob that everybody wants
	names uint16 // a set of names of revisions: name = ID*maxRevs + rev
)

// A revision is an object of the store, or was one: contents stay until nobody who has
// listed it is left.
type revision struct {
	there, base uint8
	needs       packs
	item        uint8 // holds the item that is to be erased
}

// A fence is a collect.Fence. n is 0 while there is none.
type fence struct {
	n                  uint8
	condemned, pending packs
	buried             packs
	removed            uint8 // IDs
	there              uint8
	accepted           names
}

// A process is somebody who runs one of the programs of moves_test.go, once. It may
// stop anywhere for good, since what holds must hold in every state: so a crash is no
// move of its own, and a late put is that of a process that stops after it.
type process struct {
	role, pc uint8
	round    uint8 // fences raised

	base      uint8 // of the snapshot to be written
	f         fence // as read
	next      fence // to be put
	listed    names
	maxIntent uint8
	records   uint8 // as listed
	packs     packs // listed, or still to be deleted
	needs     packs // of the snapshot to be written
	item      uint8 // held by the snapshot to be written
	name      uint8 // of the snapshot to be written
	old       uint8 // name+1 of the revision it is made from; 0: none
	seen      uint8 // the fence that was the newest when packs were listed
	doubt     uint8 // the store said of a pack that it was there already
}

type state struct {
	revs    [maxNames]revision
	fences  [maxFence]fence // by number
	procs   [maxProcs]process
	intents uint8
	packs   packs // that are there
	made    uint8 // packs that there ever were
	ids     uint8 // snapshots that there ever were

	acked   uint8 // IDs: the user was told that they are safe
	removed uint8 // IDs that had a removal record
	records uint8 // IDs whose removal record is there
	gone    uint8 // IDs: the user was told that they are forgotten
	erased  uint8 // the user was told that the item is
}

func id(name uint8) uint8 { return name / maxRevs }

func (n names) has(name uint8) bool { return n>>name&1 == 1 }

// of returns the names of one ID's revisions.
func (n names) of(id uint8) names { return n & ((1<<maxRevs - 1) << (id * maxRevs)) }

// highest returns the highest of a set that is not empty.
func (n names) highest() uint8 { return uint8(bits.Len16(uint16(n)) - 1) }

func (n names) lowest() uint8 { return uint8(bits.TrailingZeros16(uint16(n))) }

func (p packs) has(n uint8) bool { return p>>n&1 == 1 }

// present are the names that are there, and not removed as far as records and a fence say.
func (s *state) present(records uint8, f fence) (n names) {
	for i := range uint8(maxNames) {
		if s.revs[i].there == 1 && (records|f.removed)>>id(i)&1 == 0 {
			n |= 1 << i
		}
	}
	return n
}

// newest reads the newest fence.
func (s *state) newest() fence {
	for n := maxFence - 1; n > 0; n-- {
		if s.fences[n].there == 1 {
			return s.fences[n]
		}
	}
	return fence{}
}

// highestIntent lists the intents.
func (s *state) highestIntent() uint8 {
	return uint8(bits.Len8(s.intents) - min(1, bits.Len8(s.intents)))
}

// scrub drops the contents of what is not there when nobody has it in hand.
func (s *state) scrub() {
	var held names
	for i := range s.procs {
		held |= s.procs[i].listed
		if s.procs[i].old > 0 {
			held |= 1 << (s.procs[i].old - 1)
		}
	}
	for i := range uint8(maxNames) {
		if s.revs[i].there == 0 && !held.has(i) {
			s.revs[i] = revision{}
		}
	}
}

// What the functions under test take.

func versionOf(name uint8) collect.Version { return version(id(name), uint32(name%maxRevs)) }

func (s *state) head(name uint8) collect.Head {
	r := s.revs[name]
	return collect.Head{Version: versionOf(name), Base: uint64(r.base), Packs: packNames(r.needs)}
}

func packNames(p packs) (out []pack.Name) {
	for ; p != 0; p &= p - 1 {
		out = append(out, name(uint8(bits.TrailingZeros8(uint8(p)))))
	}
	return out
}

func removals(ids uint8) (out []collect.Removal) {
	for ; ids != 0; ids &= ids - 1 {
		out = append(out, collect.Removal{ID: collect.SnapshotID{uint8(bits.TrailingZeros8(ids))}, Meant: true})
	}
	return out
}

func packsOf(in []pack.Name) (p packs) {
	for _, n := range in {
		p |= 1 << n[0]
	}
	return p
}

func (f fence) collect() collect.Fence {
	out := collect.Fence{N: uint64(f.n), Condemned: packNames(f.condemned), Pending: packNames(f.pending), Removed: removals(f.removed)}
	for _, n := range packNames(f.buried) {
		out.Buried = append(out.Buried, collect.Grave(n[:8]))
	}
	for n := f.accepted; n != 0; n &= n - 1 {
		out.Accepted = append(out.Accepted, versionOf(n.lowest()))
	}
	return out
}

func fenceOf(f collect.Fence) fence {
	out := fence{n: uint8(f.N), condemned: packsOf(f.Condemned), pending: packsOf(f.Pending)}
	for _, g := range f.Buried {
		out.buried |= 1 << g[0]
	}
	for _, r := range f.Removed {
		out.removed |= 1 << r.ID[0]
	}
	for _, v := range f.Accepted {
		out.accepted |= 1 << (v.ID[0]*maxRevs + uint8(v.Rev))
	}
	return out
}
