package collect_test

import "github.com/dayfold/dayfold/engine/collect"

// What the processes decide is decided by the package; a rule that is off bends the
// question or the answer.

type validKey struct {
	f    fence
	name uint8
	base uint8
}

func (m *model) isValid(s *state, name uint8, f fence) bool {
	f.there = 0
	k := validKey{f, name, s.revs[name].base}
	v, ok := m.valid[k]
	if !ok {
		v = collect.Valid(s.head(name), m.fence(f, name))
		m.valid[k] = v
	}
	return v
}

// fence is f as seen by who asks about a name.
func (m *model) fence(f fence, name uint8) collect.Fence {
	if m.off == ignoreRevision && f.accepted.of(id(name)) != 0 {
		f.accepted |= 1 << name
	}
	return f.collect()
}

// base is that of a snapshot made from another.
func (m *model) base(s *state, from uint8, f fence) uint8 {
	if m.off == freshBase {
		return f.n
	}
	return uint8(collect.Base(f.collect(), s.head(from)))
}

func (m *model) committed(s *state, name uint8, f fence, maxIntent uint8) bool {
	return m.off == noCheck || collect.Committed(s.head(name), m.fence(f, name), uint64(maxIntent))
}

// usable are the packs that a writer may use.
func (m *model) usable(listed packs, f fence, made uint8) (p packs) {
	switch m.off {
	case staleIndex:
		return 1<<made - 1
	case usePending:
		f.pending = 0
	case useCondemned:
		f.condemned = 0
	}
	newest := f.collect()
	for n := range made {
		if listed.has(n) && collect.Usable(name(n), newest) {
			p |= 1 << n
		}
	}
	return p
}

func (m *model) plan(s *state, prev fence, listed packs, heads names, records uint8) fence {
	if m.off == forgetCondemned {
		prev.condemned = 0
	}
	var hs []collect.Head
	for ; heads != 0; heads &= heads - 1 {
		hs = append(hs, s.head(heads.lowest()))
	}
	if m.off == ignoreRevision {
		for _, h := range hs {
			n := h.ID[0]*maxRevs + uint8(h.Rev)
			if prev.accepted.of(h.ID[0]) != 0 {
				prev.accepted |= 1 << n
			}
		}
	}
	next, condemned := collect.Plan(prev.collect(), packNames(listed), hs, removals(records), false)
	f := fenceOf(next)
	f.condemned = packsOf(condemned)
	switch m.off {
	case noGraves:
		f.buried = 0
	case noRemoved:
		f.removed = records
	case onePhase:
		f.condemned, f.pending = f.condemned|f.pending, 0
	case dropAccepted:
		for n := f.accepted; n != 0; n &= n - 1 {
			if s.revs[n.lowest()].base+2 < f.n {
				f.accepted &^= 1 << n.lowest()
			}
		}
	}
	return f
}
