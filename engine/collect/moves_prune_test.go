package collect_test

import "math/bits"

// prune is the program of pruners, and of erasers that raise fences.
func (m *model) prune(s *state, p *process, do step) {
	k := p.f.n + 1
	switch p.pc {
	case idle, intent:
		f := s.newest()
		if f.n == m.maxN {
			return
		}
		do(func(t *state, p *process) {
			p.f, p.pc = f, listPacks
			if m.off != noIntent {
				t.intents |= 1 << (f.n + 1)
			}
		}, "put intent", f.n+1)
	case listPacks:
		do(func(t *state, p *process) { p.packs, p.pc = t.packs, listHeads }, "list packs")
	case listHeads:
		if !m.halves {
			m.planned(s, *p, s.records, s.present(s.records, p.f), do)
			return
		}
		first, _ := m.half(s.present(s.records, p.f))
		do(func(t *state, p *process) { p.records, p.listed, p.pc = s.records, first, listRest }, "list removal records; snapshots, first half")
	case listRest:
		_, rest := m.half(s.present(p.records, p.f))
		m.planned(s, *p, p.records, p.listed|rest, do)
	case raise:
		if s.fences[k].there == 1 {
			do(to(done), "the fence is there")
			return
		}
		next := reread
		if m.off == noReread {
			next = sweep
		}
		do(func(t *state, p *process) {
			t.fences[k] = p.next
			t.fences[k].there = 1
			p.pc, p.packs = next, p.next.condemned
		}, "put fence, condemned, pending", k, uint8(p.next.condemned), uint8(p.next.pending))
	default:
		m.afterFence(s, p, do)
	}
}

// half parts names between the first revision and the second, where it matters.
func (m *model) half(all names) (first, rest names) {
	if m.off == backwards {
		return all &^ 1, all & 1
	}
	return all & 1, all &^ 1
}

// planned is the end of the listing: the fence is computed.
func (m *model) planned(s *state, p process, records uint8, listed names, do step) {
	if m.off == headsFirst {
		p.packs = s.packs
	}
	next := m.plan(s, p.f, p.packs, listed, records)
	spared := func(pending packs) {
		do(func(t *state, p *process) {
			p.next, p.listed, p.packs, p.records, p.pc = next, listed, 0, 0, raise
			p.next.pending = pending
		}, "list snapshots, the rest; pending", uint8(pending))
	}
	switch {
	case p.role == eraser:
		spared(0)
	case m.spare:
		for sub := next.pending; ; sub = (sub - 1) & next.pending {
			spared(sub)
			if sub == 0 {
				return
			}
		}
	default:
		spared(next.pending)
	}
}

// afterFence makes sure that the fence is the newest, and deletes.
func (m *model) afterFence(s *state, p *process, do step) {
	k := p.f.n + 1
	switch p.pc {
	case reread:
		switch {
		case s.newest().n != k && p.role == eraser:
			do(func(t *state, p *process) { *p = process{role: eraser} }, "others went on")
		case s.newest().n != k:
			do(to(done), "others went on")
		case p.role == eraser:
			m.judge(s, p, do)
		default:
			do(to(sweep), "the fence is the newest")
		}
	case sweep:
		if p.packs == 0 {
			do(to(tidy), "deleted")
			return
		}
		n := uint8(bits.TrailingZeros8(uint8(p.packs)))
		do(func(t *state, p *process) { t.packs &^= 1 << n; p.packs &^= 1 << n }, "delete pack", n)
	case tidy:
		if n := m.obsolete(s, p); n != 0 {
			do(func(t *state, p *process) {
				t.revs[n.lowest()].there = 0
				p.listed &^= 1 << n.lowest()
			}, "tidy snapshot, revision", id(n.lowest()), n.lowest()%maxRevs)
			return
		}
		if n := s.records & p.next.removed; n != 0 {
			do(func(t *state, p *process) { t.records &^= n & -n }, "delete removal record", uint8(bits.TrailingZeros8(n)))
			return
		}
		do(func(t *state, p *process) {
			for n := range k {
				t.fences[n] = fence{}
			}
			t.intents &^= 1<<k - 1
			*p = process{role: p.role, round: p.round + 1}
			if p.round >= m.rounds {
				p.pc = done
			}
		}, "tidy fences before", k)
	}
}

// judge ends an eraser's fence: two in a row that listed no item are the end.
func (m *model) judge(s *state, p *process, do step) {
	for n := p.next.accepted; n != 0; n &= n - 1 {
		if s.revs[n.lowest()].item == 1 {
			do(func(t *state, p *process) { *p = process{role: eraser} }, "the item is there")
			return
		}
	}
	if p.round == 1 || m.off == oneFence {
		do(func(t *state, p *process) { t.erased, p.pc = 1, done }, "ERASED")
		return
	}
	do(func(t *state, p *process) { *p = process{role: eraser, pc: intent, round: 1} }, "the item is not there, once")
}

// obsolete are revisions that a pruner has listed and that do not count for good: below
// one that its fence accepted, or of a snapshot of which it accepted none; and all of
// what was removed.
func (m *model) obsolete(s *state, p *process) (out names) {
	for i := range uint8(maxNames) {
		if p.next.removed>>id(i)&1 == 1 && s.revs[i].there == 1 {
			out |= 1 << i
		}
	}
	for n := p.listed; n != 0; n &= n - 1 {
		i := n.lowest()
		accepted := p.next.accepted.of(id(i))
		switch {
		case s.revs[i].there == 0:
		case accepted == 0 && !m.isValid(s, i, p.next),
			accepted != 0 && i < accepted.highest(),
			accepted != 0 && !accepted.has(i) && m.off == reuseRevision:
			out |= 1 << i
		}
	}
	return out
}
