package engine

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// Prune frees what no snapshot needs. Packs that are wholly dead go; of the others those
// are rewritten in which most is dead, until MaxUnused is kept: the blobs that live are
// copied, sealed as they are, and the snapshots that need them are told (a new revision
// of the head).
// Then two fences, back to back, let the old packs die without stopping anybody
// (DESIGN.md, collecting).
//
// Snapshots say which bytes of their packs they need, so a prune reads segments, snapshots
// and the packs that it rewrites, and none that stays. Only of those that an Amend, an
// erasure or an expiry has left with more than they need it walks the trees, those
// that several share once.
//
// Backups never wait for a prune, and a prune never waits for a backup. Any snapshot or
// node that it reads and that does not open ends it before anything is deleted.
func (a *Archive) Prune(ctx context.Context, opt PruneOptions) (PruneReport, error) {
	start := a.now()
	var rep PruneReport
	var err error
	if !opt.DryRun {
		if rep.SnapshotsExpired, err = a.expire(ctx, opt.Insist); err != nil {
			return rep, fmt.Errorf("prune: %w", err)
		}
	}
	for range maxRestarts {
		if err = a.prune(ctx, opt, &rep); !errors.Is(err, errFenced) {
			break // a restart raises fences itself
		}
	}
	rep.Duration = a.now().Sub(start)
	if err != nil {
		return rep, fmt.Errorf("prune: %w", err)
	}
	return rep, nil
}

func (a *Archive) prune(ctx context.Context, opt PruneOptions, rep *PruneReport) error {
	p, err := a.survey(ctx, func(s *session) (over uint32) {
		if opt.DryRun { // what the real one has dropped by now
			last, due := s.due(opt.Insist)
			if rep.SnapshotsExpired = int64(len(due)); len(due) > 0 {
				over = last
			}
		}
		return over
	})
	if err != nil {
		return err
	}
	p.choose(opt.MaxUnused)
	if err := p.tell(rep); err != nil {
		return err
	}
	if !opt.Insist {
		if err := p.guard(); err != nil {
			return err
		}
	}
	if opt.DryRun {
		return nil
	}
	if err := p.repack(rep); err != nil {
		return fenced(err) // another pruner has taken a pack, or a snapshot is rewritten or forgotten
	}
	deleted, fence, err := a.collect(ctx, p.segments)
	p.settle(rep, deleted, fence)
	if err != nil {
		return err
	}
	return p.pruned(rep, deleted)
}

// A survey is what a prune has found out before it changes anything.
type survey struct {
	s        *session
	r        *reader
	ctx      context.Context
	tables   map[pack.Name]pack.Table
	segments []string
	marks    map[pack.Name][]mark   // of the blobs of each pack that a snapshot names
	over     uint32                 // snapshots are taken as if the days up to this one were dropped
	reached  map[seal.ID]bool       // blobs that were walked to; true once a pack is known to hold them
	owner    map[copied]index.Place // of blobs that lie in several packs: the copy that stays
	dead     map[pack.Name]int64    // bytes of blobs that nothing needs, or another pack has
	rewrite  []pack.Name            // packs to be rewritten, wholly dead ones that are named included; contents first
	gone     map[pack.Name]bool     // the same
}

// A mark says who needs a blob where it lies.
type mark byte

const (
	needed  mark = 1 << iota // the spans of a snapshot do, and are exact
	claimed                  // spans that may hold more than is needed
)

// survey reads what every snapshot needs, and the tables of all packs. over says up to
// which day it looks as if expired days were dropped already.
func (a *Archive) survey(ctx context.Context, over func(*session) uint32) (*survey, error) {
	s, err := a.begin(ctx)
	if err != nil {
		return nil, err
	}
	if len(s.unreadable) > 0 {
		return nil, s.unreadable[0]
	}
	p := &survey{s: s, over: over(s), r: s.newReader(ctx), ctx: ctx, marks: map[pack.Name][]mark{}, reached: map[seal.ID]bool{}}
	defer p.r.settle()
	if p.tables, p.segments, err = s.tables(ctx); err != nil {
		return nil, err
	}
	spares, known := s.spares(), false
	for i, h := range s.heads {
		a.progress(Progress{Stage: "prune: snapshots", Items: int64(i), TotalItems: int64(len(s.heads))})
		found, b, err := a.readSnapshot(ctx, h.Version)
		if err == nil {
			if h.Partial && spares {
				b.Exact = [2]bool{true, true} // whole packs: a run is under way that needs them
			}
			if p.drops(h) {
				b.Exact = [2]bool{permanentMap: b.Exact[permanentMap] && !a.config.HideExpiry}
			}
			if !known && b.Exact != [2]bool{true, true} {
				known = true
				_, err = s.catalog(ctx)
			}
		}
		if err == nil {
			err = p.take(found, b)
		}
		if err != nil {
			return nil, s.explain(ctx, nil, err, &h)
		}
	}
	return p, p.settled()
}

// drops reports whether days of a snapshot are over.
func (p *survey) drops(h head) bool { return h.Expires != 0 && h.Expires <= p.over }

// take notes what a snapshot needs. The maps whose spans are not exact are walked, but
// for what another snapshot has shown already.
func (p *survey) take(h head, b body) error {
	u, fresh := usesOf(h, b), map[seal.Ref]node(nil)
	permanent, expiring := p.s.a.maps(p.r, b.Roots)
	if p.drops(h) {
		u.dropBuckets(p.over)
		st := p.s.newStage(p.r, nil, p.over, b.Roots)
		m, _, err := st.maps[expiringMap].DropBefore(dated(p.over+1, nil))
		if err != nil {
			return err
		}
		expiring, fresh = m, st.fresh
	}
	for n, k := range u {
		t, ok := p.tables[n]
		if !ok {
			return corrupt("%s is needed and not there", n.Path())
		}
		marks := p.marks[n]
		if marks == nil {
			marks = make([]mark, len(t.Blobs))
			p.marks[n] = marks
		}
		for i, s := range k.spans {
			m := claimed
			if b.Exact[i] {
				m = needed
			}
			s.each(t, func(blob int) { marks[blob] |= m })
		}
	}
	m := marker{r: p.r, seen: func(id seal.ID) bool {
		_, ok := p.reached[id]
		p.reached[id] = false
		return ok
	}}
	for i, t := range []tree.Map{permanent, expiring} {
		if !b.Exact[i] {
			if err := m.tree(t, i == expiringMap); err != nil {
				return err
			}
		}
	}
	for ref := range fresh { // not written
		delete(p.reached, ref.ID())
	}
	return nil
}

// each calls f with the number of each blob of a pack that spans hold.
func (s spans) each(t pack.Table, f func(blob int)) {
	for i := 0; i < len(t.Blobs) && len(s) > 0; {
		b := t.Blobs[i]
		switch {
		case b.Off >= s[0].end:
			s = s[1:]
			continue
		case b.Off >= s[0].off && b.Off+b.Len <= s[0].end:
			f(i)
		}
		i++
	}
}

// settled makes of what was claimed and walked to what is needed. That something was
// walked to which no snapshot claims cannot be: then nothing may be deleted.
func (p *survey) settled() error {
	for n, marks := range p.marks {
		for i, b := range p.tables[n].Blobs {
			if _, ok := p.reached[b.ID]; ok && marks[i] != 0 {
				marks[i] |= needed
				p.reached[b.ID] = true
			}
		}
	}
	for id, ok := range p.reached {
		if !ok {
			return corrupt("blob %s is needed and in no snapshot's list", id)
		}
	}
	return nil
}

// tables returns the table of every pack in the store, and the segments that were read.
func (s *session) tables(ctx context.Context) (map[pack.Name]pack.Table, []string, error) {
	tables, segments, err := s.told(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range slices.SortedFunc(maps.Keys(s.listed), compareNames) {
		size := s.listed[n]
		if _, ok := tables[n]; ok {
			continue
		}
		t, err := s.a.readTable(ctx, n, size)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil && s.live[n] {
			return nil, nil, err // a pack that is needed and does not open: repair first
		}
		if err == nil {
			tables[n] = t
		}
	}
	return tables, segments, nil
}

// told returns the tables of the packs in the store that segments tell of.
func (s *session) told(ctx context.Context) (map[pack.Name]pack.Table, []string, error) {
	tables := map[pack.Name]pack.Table{}
	var segments []string
	for info, err := range s.a.store.List(ctx, segmentPrefix) {
		if err != nil {
			return nil, nil, err
		}
		packs, err := s.a.readSegment(ctx, info.Name)
		if err == nil {
			segments = append(segments, info.Name)
		} else if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		for _, k := range packs {
			if int64(k.Size) == s.listed[k.Name] {
				tables[k.Name] = k.Table
			}
		}
	}
	return tables, segments, nil
}

// choose decides which packs are rewritten: those with the largest share of dead bytes
// first, until no more than maxUnused percent of all that lies in named packs is dead. A
// blob that lies in several packs of a class is owned by one of them and dead in the others.
func (p *survey) choose(maxUnused float64) {
	p.owners()
	p.dead, p.gone, p.rewrite = map[pack.Name]int64{}, map[pack.Name]bool{}, nil
	var partly []waste
	var small []pack.Name
	perClass := map[pack.Class]int{}
	for _, n := range p.named() {
		t, lives, sum := p.tables[n], 0, int64(0)
		for i, b := range t.Blobs {
			sum += int64(b.Len)
			if p.lives(n, i) {
				lives++
			} else {
				p.dead[n] += int64(b.Len)
			}
		}
		if lives == 0 {
			p.gone[n] = true
			continue
		}
		partly = append(partly, waste{n, p.dead[n], sum})
		if p.s.listed[n] < int64(p.s.a.config.target(t.Class)/4) {
			small = append(small, n)
			perClass[t.Class]++
		}
	}
	for _, n := range wasteful(partly, maxUnused) {
		p.gone[n] = true
	}
	for _, n := range small { // tails of many runs become one pack
		if perClass[p.tables[n].Class] >= minMerge {
			p.gone[n] = true
		}
	}
	p.rewrite = slices.SortedFunc(maps.Keys(p.gone), compareNames)
	slices.SortStableFunc(p.rewrite, func(a, b pack.Name) int {
		switch x, y := p.contents(a), p.contents(b); {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
}

// A waste is how many bytes of the blobs in a pack are dead.
type waste struct {
	pack        pack.Name
	dead, total int64
}

// wasteful returns which of all packs to rewrite so that no more than maxUnused percent of
// what stays is dead: those with the largest share of dead bytes, as few as will do.
func wasteful(packs []waste, maxUnused float64) (rewrite []pack.Name) {
	var dead, total int64
	for _, p := range packs {
		dead, total = dead+p.dead, total+p.total
	}
	slices.SortStableFunc(packs, func(a, b waste) int {
		return cmp.Compare(float64(b.dead)/float64(b.total), float64(a.dead)/float64(a.total))
	})
	for _, p := range packs {
		if p.dead == 0 || float64(dead)*100 <= maxUnused*float64(total) {
			break
		}
		rewrite = append(rewrite, p.pack)
		dead, total = dead-p.dead, total-p.dead
	}
	return rewrite
}

// contents reports whether a pack holds contents that do not expire.
func (p *survey) contents(n pack.Name) bool { return p.tables[n].Class.Kind == pack.Permanent }

// minMerge is how many small packs of a class are merged at once.
const minMerge = 8

func (c config) target(class pack.Class) int {
	if class.Kind == pack.Permanent {
		return c.PackSize
	}
	return c.TreePackSize
}

// named are the packs that a snapshot names, in order.
func (p *survey) named() []pack.Name { return slices.SortedFunc(maps.Keys(p.marks), compareNames) }

// lives reports whether a blob of a pack is needed, and no other pack owns it.
func (p *survey) lives(n pack.Name, blob int) bool {
	if p.marks[n][blob]&needed == 0 {
		return false
	}
	t := p.tables[n]
	at, ok := p.owner[copied{t.Blobs[blob].ID, t.Class}]
	return !ok || at.Pack == n
}

// owners finds the blobs that are needed in several packs of a class, as after two devices
// have uploaded the same, and gives each to one pack that new snapshots may name.
func (p *survey) owners() {
	var beginnings []uint64 // of the IDs of all that is needed: little memory
	for n, marks := range p.marks {
		for i, b := range p.tables[n].Blobs {
			if marks[i]&needed != 0 {
				beginnings = append(beginnings, binary.LittleEndian.Uint64(b.ID[:]))
			}
		}
	}
	slices.Sort(beginnings)
	p.owner = map[copied]index.Place{}
	for _, n := range p.named() {
		if !p.s.usable(n) {
			continue
		}
		t := p.tables[n]
		for i, b := range t.Blobs {
			begins := binary.LittleEndian.Uint64(b.ID[:])
			at, _ := slices.BinarySearch(beginnings, begins)
			if p.marks[n][i]&needed == 0 || at+1 >= len(beginnings) || beginnings[at+1] != begins {
				continue
			}
			if key := (copied{b.ID, t.Class}); p.owner[key] == (index.Place{}) {
				p.owner[key] = index.Place{Pack: n, Class: t.Class, Off: b.Off, Len: b.Len}
			}
		}
	}
}

// tell fills in what the choice means. A pack goes if no snapshot names it, or if it
// is rewritten.
func (p *survey) tell(rep *PruneReport) error {
	*rep = PruneReport{SnapshotsExpired: rep.SnapshotsExpired, NodesLoaded: p.r.loaded}
	fences, err := p.s.a.fences(p.ctx)
	if err != nil {
		return err
	}
	for n, size := range p.s.listed {
		named := p.marks[n] != nil
		switch {
		case named && p.gone[n]:
			rep.PacksRewritten++
			rep.BytesRewritten += size
			rep.BytesLive += size - p.dead[n]
			p.goes(rep, n, fences == 2)
		case !named:
			pending := !collect.Usable(n, p.s.fence)
			p.goes(rep, n, fences > 0 && pending || fences == 2 && !p.s.spares())
		default:
			rep.PacksKept++
			rep.BytesLive += size - p.dead[n]
			rep.BytesDead += p.dead[n]
		}
	}
	return nil
}

// goes counts a pack that is deleted now, or waits for a later prune.
func (p *survey) goes(rep *PruneReport, n pack.Name, now bool) {
	if !now {
		rep.BytesWaiting += p.s.listed[n]
		return
	}
	rep.PacksDeleted++
	if p.gone[n] {
		rep.BytesFreed += p.dead[n]
	} else {
		rep.BytesFreed += p.s.listed[n]
	}
}

// settle counts again what was deleted in truth, and what waits.
func (p *survey) settle(rep *PruneReport, deleted []pack.Name, fence collect.Fence) {
	rep.PacksDeleted, rep.BytesFreed, rep.BytesWaiting = 0, 0, 0
	for _, n := range deleted {
		p.goes(rep, n, true)
	}
	for _, n := range fence.Pending {
		rep.BytesWaiting += p.s.listed[n]
	}
}

func (p *survey) guard() error {
	total, gone := int64(0), int64(0)
	for n, size := range p.s.listed {
		total += size
		if p.marks[n] == nil {
			gone += size
		} else {
			gone += p.dead[n]
		}
	}
	if total > smallArchive && float64(gone) > maxDrop*float64(total) {
		return fmt.Errorf("%d of %d bytes would be freed (insist to go on): %w", gone, total, ErrRefused)
	}
	return nil
}

// repack copies what lives in the packs that are rewritten, and tells the snapshots.
func (p *survey) repack(rep *PruneReport) error {
	// A revision above one that counts goes with a higher one only (collect, protocol).
	overtaken := func(h head) bool { return p.s.highest(h.ID) > h.Rev }
	if len(p.rewrite) == 0 && !slices.ContainsFunc(p.s.heads, overtaken) {
		return nil
	}
	w := p.s.newWriter(p.ctx)
	defer w.close()
	w.copies = &copies{}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for i, n := range p.rewrite {
		if i > 0 && p.contents(p.rewrite[i-1]) && !p.contents(n) {
			w.finished() // their packs are the large ones
		}
		p.s.a.progress(Progress{Stage: "prune: packs", Items: int64(i), TotalItems: int64(len(p.rewrite)), Uploaded: w.stats.uploaded.Load()})
		if err := p.copyLive(w, buf, n, rep); err != nil {
			return err
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	w.copies.sort()
	var rws []rewriting
	for _, h := range p.s.heads {
		if overtaken(h) || slices.ContainsFunc(h.needs(), func(n pack.Name) bool { return p.gone[n] }) {
			rws = append(rws, rewriting{old: h, roots: h.roots, expires: h.Expires, exact: [2]bool{true, true},
				change: func(u uses) { p.move(u, w.copies) }})
		}
	}
	n, err := p.s.rewriteAll(p.ctx, w, rws)
	rep.SnapshotsRewritten += n
	return err
}

// move makes what a snapshot needs of packs that go what it needs of those that its
// blobs are in from now on.
func (p *survey) move(u uses, made *copies) {
	for _, n := range u.names() {
		if !p.gone[n] {
			continue
		}
		k, t := u[n], p.tables[n]
		delete(u, n)
		for i, s := range k.spans {
			s.each(t, func(blob int) {
				b := t.Blobs[blob]
				at, ok := p.owner[copied{b.ID, t.Class}]
				if !ok || p.gone[at.Pack] {
					at, ok = made.find(b.ID, t.Class)
				}
				if ok { // else it was claimed and is not needed
					u.of(at.Pack, at.Class).add(i, at.Off, at.Len)
				}
			})
		}
	}
}

// copyLive copies the blobs that live in a pack. It reads them in runs, over gaps that
// are too short for a request of their own.
func (p *survey) copyLive(w *writer, buf *[]byte, n pack.Name, rep *PruneReport) error {
	t := p.tables[n]
	var run []pack.Blob
	copyRun := func() error {
		if len(run) == 0 {
			return nil
		}
		first, last := run[0], run[len(run)-1]
		data := room(buf, int(last.Off+last.Len-first.Off))
		if err := store.GetInto(p.ctx, p.s.a.store, n.Path(), int64(first.Off), data); err != nil {
			return short(err)
		}
		for _, b := range run {
			at := b.Off - first.Off
			w.copy(b.ID, t.Class, data[at:at+b.Len:at+b.Len])
		}
		run = run[:0]
		return w.failed()
	}
	lives := false
	for i, b := range t.Blobs {
		if !p.lives(n, i) {
			continue
		}
		lives = true
		if k := len(run); k > 0 && b.Off-run[k-1].Off-run[k-1].Len > maxGap {
			if err := copyRun(); err != nil {
				return err
			}
		}
		run = append(run, b)
	}
	if lives {
		rep.PacksRead++
	}
	return copyRun()
}

// maxGap is how many dead bytes are read rather than asking once more.
const maxGap = 256 << 10
