package collect

import (
	"errors"
	"slices"

	"github.com/dayfold/dayfold/pack"
)

// ErrOvertaken ends an attempt to commit that collections have overtaken, or another
// rewriting. A call tries several times before it returns it; again later is right.
var ErrOvertaken = errors.New("overtaken by a collection")

// Plan returns the fence that follows prev, and the packs that may be deleted once it is
// put and is still the newest. listed are the packs and heads the revisions that are
// there, valid or not, both listed after the intent of the new fence was put. removed are
// those that have a removal record, listed before the heads: from then on the fences tell
// of them, and the records may go. Time is left for the caller to set.
//
// spare leaves newly unreferenced packs alone, for a run under way to use them. That is
// safe at any time and for any reason.
func Plan(prev Fence, listed []pack.Name, heads []Head, removed []Removal, spare bool) (next Fence, condemned []pack.Name) {
	next.N = prev.N + 1
	next.Removed = union(prev.Removed, removed)
	live := make(map[pack.Name]bool)
	for _, h := range heads {
		if _, gone := next.Removes(h.ID); gone || !Valid(h, prev) {
			continue
		}
		next.Accepted = append(next.Accepted, h.Version)
		for _, n := range h.Packs {
			live[n] = true
		}
	}
	next.Accepted = sorted(next.Accepted, compareVersions)
	for _, n := range sorted(listed, compareNames) {
		switch {
		case live[n]:
		case !Usable(n, prev): // nobody may have begun to use it since
			next.Condemned = append(next.Condemned, n)
		case !spare:
			next.Pending = append(next.Pending, n)
		}
	}
	next.Buried = slices.Clone(prev.Buried)
	for _, n := range prev.Condemned {
		if !has(next.Condemned, n) {
			next.Buried = append(next.Buried, graveOf(n))
		}
	}
	next.Buried = sorted(next.Buried, compareGraves)
	return next, slices.Clone(next.Condemned)
}
