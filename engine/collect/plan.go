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
// there, valid or not, both listed after the intent of the new fence was put; a snapshot
// that has a removal record must not be among them. Time is left for the caller to set.
//
// spare leaves newly unreferenced packs alone, for a run under way to use them. That is
// safe at any time and for any reason.
func Plan(prev Fence, listed []pack.Name, heads []Head, spare bool) (next Fence, condemned []pack.Name) {
	next.N = prev.N + 1
	live := make(map[pack.Name]bool)
	for _, h := range heads {
		if !Valid(h, prev) {
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
	return next, slices.Clone(next.Condemned)
}
