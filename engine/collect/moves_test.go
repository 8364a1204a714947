package collect_test

// The programs of the processes. Each case is one request to the store, or one that
// cannot be told apart from two; between any two cases anything may happen.

const (
	nobody    uint8 = iota
	writer          // backs up: any packs, or new ones
	long            // a writer that moves to a newer fence before it commits
	amender         // makes a snapshot from one that is there
	repacker        // rewrites a snapshot to need a new pack only
	expirer         // rewrites a snapshot to hold the item no more
	eraser          // rewrites what holds the item, and makes sure that it is gone
	pruner          // raises fences and deletes
	forgetter       // removes a snapshot
)

const (
	idle uint8 = iota
	done
	list
	choose
	upload
	rebase
	relist
	remove
	put
	records
	look
	confirm
	listAgain
	recheck
	undo
	clean
	intent
	listPacks
	listHeads
	listRest
	raise
	reread
	sweep
	tidy
	forgetOld
)

// Rules that variants switch off.
const (
	onePhase        rule = "one_phase"        // a pack dies when unreferenced at one fence
	noCheck         rule = "no_check"         // a writer does not look after its put
	noIntent        rule = "no_intent"        // a pruner puts no intent
	usePending      rule = "use_pending"      // a writer uses pending packs
	useCondemned    rule = "adopt_condemned"  // a writer uses condemned packs that are still there
	forgetCondemned rule = "forget_condemned" // a fence does not repeat what is condemned and still there
	staleIndex      rule = "stale_index"      // a writer believes that packs are there without a list
	fenceLast       rule = "fence_read_last"  // a writer reads its base after the packs
	rebaseBlind     rule = "rebase_blind"     // a writer moves to a newer fence without listing packs
	dropAccepted    rule = "drop_accepted"    // a fence accepts only what it decides on
	noReread        rule = "no_fence_recheck" // a pruner deletes without looking whether its fence is the newest
	oldFirst        rule = "delete_old_revision_first"
	deleteOwn       rule = "delete_own_revision" // a rewriter that is not sure deletes its revision
	reuseRevision   rule = "reuse_revision"      // a revision's number may be given again
	ignoreRevision  rule = "ignore_revision"     // a fence accepts snapshots, not revisions
	freshBase       rule = "fresh_base"          // what is made from a snapshot that is not accepted yet takes the newest base
	backwards       rule = "list_backwards"      // a listing goes from higher revisions to lower
	headsFirst      rule = "snapshots_first"     // a pruner lists snapshots before packs
	noRemoval       rule = "no_removal_recheck"  // a rewriter does not look for a removal record
	noParent        rule = "no_parent_recheck"   // erasing without fences, and nobody looks at parents
	parentOnly      rule = "parent_recheck_only" // erasing without fences; amenders look at their parents again
	oneFence        rule = "one_fence"           // erasing with one fence
	listOnce        rule = "list_once"           // a writer never lists packs again
	noGraves        rule = "no_graves"           // a fence does not tell of packs that were condemned and are gone
	noRemoved       rule = "no_removed"          // a fence does not tell of what was removed, and records go
	recordsOnly     rule = "records_only"        // a rewriter looks for a removal record, and not into the fence
)

// An emitter is told of each state that follows.
type emitter func(t state, what string, about ...uint8)

// A step is what a program does: change a copy of the state.
type step func(change func(t *state, p *process), what string, about ...uint8)

func (m *model) moves(s *state, emit emitter) {
	for i := range s.procs {
		p := &s.procs[i]
		do := func(change func(t *state, p *process), what string, about ...uint8) {
			t := *s
			change(&t, &t.procs[i])
			if p := &t.procs[i]; p.pc == done {
				*p = process{role: p.role, pc: done}
			}
			emit(t, what, append([]uint8{uint8(i)}, about...)...)
		}
		switch p.role {
		case writer, long, amender, repacker, expirer:
			m.write(s, p, do)
		case eraser:
			if p.pc >= intent {
				m.prune(s, p, do)
			} else {
				m.write(s, p, do)
			}
		case pruner:
			m.prune(s, p, do)
		case forgetter:
			m.remove(s, p, do)
		}
	}
	for n := range s.made {
		if m.again && !s.packs.has(n) {
			t := *s
			t.packs |= 1 << n
			emit(t, "a pack comes back", n)
		}
	}
	for i := range s.ids {
		if m.forget && s.acked>>i&1 == 1 && s.removed>>i&1 == 0 {
			t := *s
			t.removed |= 1 << i
			t.records |= 1 << i
			emit(t, "forget", i)
		}
	}
}

// to is a step that only goes on.
func to(pc uint8) func(*state, *process) { return func(_ *state, p *process) { p.pc = pc } }

// remove is the program of those who forget.
func (m *model) remove(s *state, p *process, do step) {
	switch p.pc {
	case idle:
		for i := range s.ids {
			if s.acked>>i&1 == 1 && s.removed>>i&1 == 0 {
				do(func(t *state, p *process) {
					t.removed |= 1 << i
					t.records |= 1 << i
					p.name, p.pc = i*maxRevs, forgetOld
				}, "put removal record", i)
			}
		}
	case forgetOld:
		i := id(p.name)
		for n := range uint8(maxNames) {
			if id(n) == i && s.revs[n].there == 1 {
				do(func(t *state, p *process) { t.revs[n].there = 0 }, "delete snapshot, revision", i, n%maxRevs)
				return
			}
		}
		do(func(t *state, p *process) { t.gone |= 1 << i; p.pc = done }, "FORGOTTEN", i)
	}
}
