package collect_test

// write is the program of writers and rewriters.
func (m *model) write(s *state, p *process, do step) {
	switch p.pc {
	case idle:
		if m.off == fenceLast {
			do(func(t *state, p *process) { p.packs, p.pc = t.packs, choose }, "list packs")
			return
		}
		next := choose
		if p.role != writer && p.role != long {
			next = list
		}
		do(func(t *state, p *process) { p.f, p.base, p.pc = t.newest(), t.newest().n, next }, "begin, base", s.newest().n)
	case list:
		m.build(s, p, do)
	case choose:
		m.choose(s, p, do)
	case upload:
		if s.made == m.maxPack {
			return
		}
		next := put
		if p.role == long {
			next = rebase
		}
		if p.old > 0 && m.off == oldFirst {
			next = remove
		}
		do(func(t *state, p *process) {
			t.packs |= 1 << t.made
			p.needs |= 1 << t.made
			t.made++
			p.pc = next
		}, "put pack", s.made)
		if m.taken {
			do(func(t *state, p *process) {
				p.needs |= 1 << t.made
				t.made++
				p.doubt, p.pc = 1, next
			}, "put pack: it is there, says the store", s.made)
		}
	case rebase, relist:
		m.move(s, p, do)
	case remove:
		do(func(t *state, p *process) { t.revs[p.old-1].there, p.pc = 0, put }, "delete the old revision first")
	case put:
		m.put(s, p, do)
	default:
		m.afterPut(s, p, do)
	}
}

// move moves a long run to the newest fence: it reads the fence, and then lists packs.
func (m *model) move(s *state, p *process, do step) {
	f := s.newest()
	next := relist
	if m.off == rebaseBlind {
		next = put
	}
	switch {
	case p.pc == relist && p.needs&^s.packs != 0:
		do(to(done), "packs are gone")
	case p.pc == relist:
		do(to(put), "list packs")
	case m.usable(p.needs, f, s.made) != p.needs:
		do(to(done), "cannot move to the newest fence")
	default:
		do(func(t *state, p *process) { p.f, p.base, p.pc = f, f.n, next }, "move to fence", f.n)
	}
}

// build lists snapshots and chooses the one to build on.
func (m *model) build(s *state, p *process, do step) {
	found := false
	for i := range s.ids {
		there := s.present(s.records, p.f).of(i)
		newest, ok := m.newestValid(s, there, p.f)
		if !ok || p.role == eraser && s.revs[newest].item == 0 {
			continue
		}
		found = true
		do(func(t *state, p *process) {
			p.old, p.item, p.needs = newest+1, t.revs[newest].item, t.revs[newest].needs
			p.name, p.listed = m.nextRevision(t, there, newest), 1<<newest
			p.base = m.base(t, newest, p.f)
			switch p.role {
			case amender:
				p.pc = choose
			case repacker:
				p.needs, p.pc = 0, upload
			case eraser, expirer:
				p.item, p.pc = 0, put
				if m.off == oldFirst {
					p.pc = remove
				}
			}
		}, "build on snapshot, revision", i, newest%maxRevs)
	}
	switch withoutFences := m.off == noParent || m.off == parentOnly; {
	case p.role == eraser && !found && withoutFences:
		do(func(t *state, p *process) { t.erased, p.pc = 1, done }, "found none: ERASED")
	case p.role == eraser && !found:
		do(to(intent), "found none")
	case p.role != eraser && !found:
		do(to(done), "nothing to do")
	}
}

func (m *model) newestValid(s *state, of names, f fence) (uint8, bool) {
	for ; of != 0; of &^= 1 << of.highest() {
		if m.isValid(s, of.highest(), f) {
			return of.highest(), true
		}
	}
	return 0, false
}

func (m *model) nextRevision(s *state, there names, newest uint8) uint8 {
	if m.off == reuseRevision {
		return newest + 1
	}
	return there.highest() + 1
}

// choose lists packs and chooses which to use.
func (m *model) choose(s *state, p *process, do step) {
	listed, f := s.packs, p.f
	if m.off == fenceLast {
		listed, f = p.packs, s.newest()
	}
	usable := m.usable(listed, f, s.made)
	if p.role == amender {
		if p.needs&^usable != 0 {
			do(to(done), "a pack of the parent is in a pruner's hand")
		} else {
			do(to(put), "list packs")
		}
		return
	}
	for n := range s.made {
		if usable.has(n) {
			do(func(t *state, p *process) { p.f, p.base, p.needs, p.pc, p.packs = f, f.n, 1<<n, put, 0 }, "use pack", n)
		}
	}
	if s.made < m.maxPack {
		do(func(t *state, p *process) { p.f, p.base, p.pc, p.packs = f, f.n, upload, 0 }, "use none")
	}
}

// rewrites reports whether a process makes further revisions, not snapshots.
func (p *process) rewrites() bool {
	return p.role == repacker || p.role == expirer || p.role == eraser
}

// put puts the snapshot.
func (m *model) put(s *state, p *process, do step) {
	rewrites := p.rewrites()
	name := p.name
	if !rewrites {
		if name = s.ids * maxRevs; s.ids == maxIDs {
			return
		}
	} else if name%maxRevs == 0 || s.revs[name].there == 1 {
		do(to(done), "the revision is taken")
		return
	}
	do(func(t *state, p *process) {
		t.revs[name] = revision{there: 1, base: p.base, needs: p.needs, item: p.item}
		if !rewrites {
			t.ids++
		}
		p.seen, p.name, p.listed, p.needs, p.f, p.pc = p.f.n, name, 1<<name, 0, fence{}, look
		if rewrites && m.off != noRemoval {
			p.pc = records
		}
	}, "put snapshot, revision, base", id(name), name%maxRevs, p.base)
}

// afterPut looks whether the snapshot counts, and what that means.
func (m *model) afterPut(s *state, p *process, do step) {
	me, mine := names(1)<<p.name, id(p.name)
	switch p.pc {
	case records:
		do(func(t *state, p *process) { p.records, p.pc = t.records, look }, "list removal records")
	case look:
		do(func(t *state, p *process) { p.maxIntent, p.pc = t.highestIntent(), confirm }, "list intents")
	case confirm:
		m.confirmed(s, p, do)
	case listAgain:
		if s.revs[p.name].needs&^s.packs != 0 {
			m.fails(p, do)
		} else {
			m.commits(p, do)
		}
	case recheck:
		if newest, ok := m.newestValid(s, s.present(s.records, s.newest()).of(id(p.old-1)), s.newest()); ok && s.revs[newest].item == p.item {
			do(func(t *state, p *process) { t.acked |= 1 << mine; p.pc = done }, "the parent is as it was: COMMITTED snapshot", mine)
		} else {
			do(to(undo), "the parent has changed")
		}
	case undo:
		do(func(t *state, p *process) { t.revs[p.name].there = 0; finish(p)(t, p) }, "delete its own", mine, p.name%maxRevs)
	case clean:
		if lower := s.present(0, fence{}).of(mine) & (me - 1); lower != 0 {
			do(func(t *state, p *process) { t.revs[lower.lowest()].there = 0 }, "delete snapshot, revision", mine, lower.lowest()%maxRevs)
		} else {
			do(finish(p), "done")
		}
	}
}

// confirmed reads the newest fence, after records and intents, and looks whether the
// snapshot is sure to count. It lists packs again only if there is a newer fence than when
// it listed them, or the store has said something doubtful.
func (m *model) confirmed(s *state, p *process, do step) {
	newest := s.newest()
	switch {
	case p.rewrites() && m.removed(p, newest):
		do(to(undo), "the snapshot was removed")
	case !m.committed(s, p.name, newest, p.maxIntent):
		m.fails(p, do)
	case (newest.n != p.seen || p.doubt == 1) && m.off != listOnce:
		do(to(listAgain), "it counts")
	default:
		m.commits(p, do)
	}
}

// removed reports whether a rewriter finds that its snapshot was removed.
func (m *model) removed(p *process, newest fence) bool {
	switch m.off {
	case noRemoval:
		return false
	case recordsOnly:
		newest.removed = 0
	}
	return (p.records|newest.removed)>>id(p.name)&1 == 1
}

// fails is the end of an attempt that may not count.
func (m *model) fails(p *process, do step) {
	switch {
	case !p.rewrites() || m.off == deleteOwn:
		do(to(undo), "overtaken")
	default:
		do(finish(p), "not sure")
	}
}

// commits is the end of an attempt that counts.
func (m *model) commits(p *process, do step) {
	switch {
	case p.rewrites():
		do(to(clean), "COMMITTED")
	case p.role == amender && m.off == parentOnly:
		do(to(recheck), "committed")
	default:
		do(func(t *state, p *process) { t.acked |= 1 << id(p.name); p.pc = done }, "COMMITTED snapshot", id(p.name))
	}
}

// finish ends an attempt; an eraser goes on with what is left.
func finish(p *process) func(*state, *process) {
	end := done
	if p.role == eraser {
		end = idle
	}
	return func(_ *state, p *process) { *p = process{role: p.role, pc: end} }
}
