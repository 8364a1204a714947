package collect_test

import (
	"fmt"
	"hash/maphash"
	"math/bits"
)

// A model is who is there, what there is at first, and which rules are off.
type model struct {
	roles   []uint8
	rounds  uint8 // fences that each pruner raises
	maxPack uint8 // packs that there may ever be
	maxN    uint8 // fences that there may ever be
	first   []revision
	orphan  bool // a pack that nothing names is there at first
	late    bool // fences 1 and 2 are past at first, and a revision 1 that they overtook is there
	forget  bool // the user may forget any snapshot that he was told is safe, at any time
	halves  bool // a listing of snapshots is two requests
	spare   bool // pruners spare any subset of what is newly unreferenced
	again   bool // a pack that is gone may come back: a put that its writer had sent twice
	taken   bool // the store may say of a pack that it is there already, and it is not
	off     rule

	valid map[validKey]bool
	said  map[string]bool // what happened on the way
}

// A rule is one that a variant switches off.
type rule string

// search visits every state that can be reached. It returns how many there are, and
// how the first that must not be is reached.
func (m *model) search(limit int) (states int, wrong string, trace []string) {
	m.valid, m.said = map[validKey]bool{}, map[string]bool{}
	seed := maphash.MakeSeed()
	type origin struct{ from, move uint32 }
	init := m.initial()
	seen := map[uint64]struct{}{maphash.Comparable(seed, init): {}}
	origins := []origin{{}}
	at := uint32(0)
	swap := func(s *state) { // processes that run the same program are interchangeable, but a trace shall say who did what
		for i := range s.procs[1:] {
			a, b := &s.procs[i], &s.procs[i+1]
			if m.off == "" && a.role == b.role && maphash.Comparable(seed, *a) > maphash.Comparable(seed, *b) {
				*a, *b = *b, *a
			}
		}
	}
	for level := []state{init}; len(level) > 0; {
		var next []state
		for i := range level {
			if wrong := m.wrong(&level[i]); wrong != "" {
				var moves []uint32
				for k := at; k > 0; k = origins[k].from {
					moves = append(moves, origins[k].move)
				}
				return len(seen), wrong, m.replay(init, moves, swap)
			}
			move := uint32(0)
			m.moves(&level[i], func(t state, what string, _ ...uint8) {
				if !m.said[what] {
					m.said[what] = true
				}
				t.scrub()
				swap(&t)
				if h := maphash.Comparable(seed, t); !contains(seen, h) {
					seen[h] = struct{}{}
					origins = append(origins, origin{at, move})
					next = append(next, t)
				}
				move++
			})
			at++
			if len(seen) > limit {
				return len(seen), "limit", nil
			}
		}
		level = next
	}
	return len(seen), "", nil
}

func contains(m map[uint64]struct{}, k uint64) bool { _, ok := m[k]; return ok }

// replay tells a path; moves are its steps, the last first.
func (m *model) replay(s state, moves []uint32, swap func(*state)) (trace []string) {
	for k := len(moves) - 1; k >= 0; k-- {
		move, to := uint32(0), s
		m.moves(&s, func(t state, what string, about ...uint8) {
			t.scrub()
			swap(&t)
			if move == moves[k] {
				to = t
				trace = append(trace, fmt.Sprint(what, " ", about))
			}
			move++
		})
		s = to
	}
	return trace
}

func (m *model) initial() (s state) {
	for i, r := range m.first {
		r.there = 1
		s.revs[i*maxRevs] = r
		s.packs |= r.needs
		s.acked |= 1 << i
	}
	s.ids = uint8(len(m.first))
	s.made = uint8(bits.Len8(uint8(s.packs)))
	if m.orphan {
		s.packs |= 1 << s.made
		s.made++
	}
	if m.late {
		s.fences[2] = fence{n: 2, there: 1, accepted: 1}
		s.intents = 1 << 2
		s.revs[1] = revision{there: 1, needs: s.packs}
	}
	for i, r := range m.roles {
		s.procs[i].role = r
	}
	return s
}

// wrong says what must not be, or nothing.
func (m *model) wrong(s *state) string {
	f := s.newest()
	present := s.present(s.records, f)
	var counts names
	for n := present; n != 0; n &= n - 1 {
		i := n.lowest()
		if !m.isValid(s, i, f) {
			continue
		}
		counts |= 1 << i
		if s.revs[i].needs&^s.packs != 0 && (!m.taken || s.acked>>id(i)&1 == 1) {
			return fmt.Sprintf("snapshot %d revision %d counts and lacks a pack", id(i), i%maxRevs)
		}
		if s.erased == 1 && s.revs[i].item == 1 {
			return fmt.Sprintf("snapshot %d revision %d counts and holds what was erased", id(i), i%maxRevs)
		}
	}
	for i := range s.ids {
		switch {
		case s.acked>>i&1 == 1 && s.removed>>i&1 == 0 && counts.of(i) == 0:
			return fmt.Sprintf("snapshot %d is lost", i)
		case s.removed>>i&1 == 1 && (counts.of(i) != 0 || (s.records|f.removed)>>i&1 == 0):
			return fmt.Sprintf("snapshot %d was removed, and nothing says so any more", i)
		case s.gone>>i&1 == 1 && s.anyRevision(i) && s.atRest():
			return fmt.Sprintf("snapshot %d was forgotten and is there", i)
		}
	}
	return ""
}

func (s *state) anyRevision(i uint8) bool {
	for n := range uint8(maxNames) {
		if id(n) == i && s.revs[n].there == 1 {
			return true
		}
	}
	return false
}

func (s *state) atRest() bool {
	for i := range s.procs {
		if s.procs[i].pc != idle && s.procs[i].pc != done {
			return false
		}
	}
	return true
}
