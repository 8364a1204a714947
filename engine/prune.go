package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// Prune frees what no snapshot needs. Packs that are wholly dead go; packs in which more
// than MaxUnused percent is dead are rewritten: the blobs that live are copied, sealed
// as they are, and the snapshots that need them are told (a new revision of the head).
// Then two fences, back to back, let the old packs die without stopping anybody
// (DESIGN.md, collecting).
//
// Backups never wait for a prune, and a prune never waits for a backup. Any snapshot or
// node that does not open ends it before anything is deleted.
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
	p, err := a.survey(ctx)
	if err != nil {
		return err
	}
	p.choose(opt.MaxUnused)
	p.tell(rep)
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
	deleted, err := a.collect(ctx, p.segments)
	rep.PacksDeleted, rep.BytesFreed = int64(len(deleted)), 0
	for _, n := range deleted {
		rep.BytesFreed += p.s.listed[n]
	}
	return err
}

// A survey is what a prune has found out before it changes anything.
type survey struct {
	s        *session
	r        *reader
	ctx      context.Context
	live     map[seal.ID]bool // blobs that a snapshot needs; true once a pack owns it
	tables   map[pack.Name]pack.Table
	segments []string
	dead     map[pack.Name]int64 // dead bytes of each pack that a snapshot names
	rewrite  []pack.Name         // packs to be rewritten, wholly dead ones that are named included
	owner    map[pack.Name]map[seal.ID]bool
}

// survey reads every snapshot's trees and every pack's table.
func (a *Archive) survey(ctx context.Context) (*survey, error) {
	s, err := a.begin(ctx)
	if err != nil {
		return nil, err
	}
	if len(s.unreadable) > 0 {
		return nil, s.unreadable[0]
	}
	if _, err := s.catalog(ctx); err != nil {
		return nil, err
	}
	p := &survey{s: s, r: s.newReader(ctx), ctx: ctx, live: map[seal.ID]bool{}, dead: map[pack.Name]int64{}}
	if p.tables, p.segments, err = s.tables(ctx); err != nil {
		return nil, err
	}
	for _, h := range s.heads {
		_, b, err := a.readSnapshot(ctx, h.Version)
		if err == nil {
			err = p.mark(b.Roots)
		}
		if err != nil {
			return nil, s.explain(ctx, nil, err, &h)
		}
	}
	return p, nil
}

// mark walks the trees of a snapshot, leaving out what another has shown already.
func (p *survey) mark(rs roots) error {
	m := marker{r: p.r, seen: func(id seal.ID) bool {
		_, ok := p.live[id]
		p.live[id] = false
		return ok
	}}
	return m.roots(rs)
}

// tables returns the table of every pack in the store, and the segments that were read.
func (s *session) tables(ctx context.Context) (map[pack.Name]pack.Table, []string, error) {
	tables, segments, err := s.told(ctx)
	if err != nil {
		return nil, nil, err
	}
	for n, size := range s.listed {
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

// choose decides which packs are rewritten. A blob that lies in several packs of one
// kind of class is owned by one of them and dead in the others.
func (p *survey) choose(maxUnused float64) {
	p.owner = map[pack.Name]map[seal.ID]bool{}
	owned := map[string]bool{} // ID and kind of class
	var small []pack.Name
	perClass := map[pack.Class]int{}
	for _, n := range slices.SortedFunc(maps.Keys(p.tables), compareNames) {
		t := p.tables[n]
		if !p.s.live[n] {
			continue
		}
		p.owner[n] = map[seal.ID]bool{}
		dead, total := int64(0), int64(0)
		for _, b := range t.Blobs {
			key := string(append(b.ID[:], byte(t.Class.Kind)))
			total += int64(b.Len)
			if _, ok := p.live[b.ID]; ok && !owned[key] {
				owned[key] = true
				p.owner[n][b.ID] = true
			} else {
				dead += int64(b.Len)
			}
		}
		p.dead[n] = dead
		switch target := p.s.a.config.target(t.Class); {
		case float64(dead)*100 > maxUnused*float64(total), len(p.owner[n]) == 0:
			p.rewrite = append(p.rewrite, n)
		case p.s.listed[n] < int64(target/4):
			small = append(small, n)
			perClass[t.Class]++
		}
	}
	for _, n := range small { // tails of many runs become one pack
		if perClass[p.tables[n].Class] >= minMerge {
			p.rewrite = append(p.rewrite, n)
		}
	}
}

// minMerge is how many small packs of a class are merged at once.
const minMerge = 8

func (c config) target(class pack.Class) int {
	if class.Kind == pack.Permanent {
		return c.PackSize
	}
	return c.TreePackSize
}

// tell fills in what the choice means.
func (p *survey) tell(rep *PruneReport) {
	*rep = PruneReport{SnapshotsExpired: rep.SnapshotsExpired, NodesLoaded: p.r.loaded}
	rewritten := map[pack.Name]bool{}
	for _, n := range p.rewrite {
		rewritten[n] = true
		rep.PacksRewritten++
		rep.BytesRewritten += p.s.listed[n]
	}
	for n, size := range p.s.listed {
		switch {
		case !p.s.live[n]:
			rep.PacksDeleted++
			rep.BytesFreed += size
		case rewritten[n]:
			rep.BytesFreed += p.dead[n]
		default:
			rep.PacksKept++
			rep.BytesLive += size
			rep.BytesDead += p.dead[n]
		}
	}
}

func (p *survey) guard() error {
	total, gone := int64(0), int64(0)
	for n, size := range p.s.listed {
		total += size
		if !p.s.live[n] {
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
	if len(p.rewrite) == 0 {
		return nil
	}
	w := p.s.newWriter(p.ctx)
	defer w.close()
	for _, n := range p.rewrite {
		if err := p.copyLive(w, n); err != nil {
			return err
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	gone := map[pack.Name]bool{}
	for _, n := range p.rewrite {
		gone[n] = true
	}
	var rws []rewriting
	for _, h := range p.s.heads {
		if !slices.ContainsFunc(h.needs(), func(n pack.Name) bool { return gone[n] }) {
			continue
		}
		_, b, err := p.s.a.readSnapshot(p.ctx, h.Version)
		if err != nil {
			return err
		}
		rws = append(rws, rewriting{old: h, body: b, roots: b.Roots, expires: h.Expires,
			packs:   slices.DeleteFunc(slices.Clone(h.Packs), func(n pack.Name) bool { return gone[n] }),
			buckets: slices.DeleteFunc(slices.Clone(h.Buckets), func(k bucket) bool { return gone[k.Pack] })})
	}
	n, err := p.s.rewriteAll(p.ctx, w, rws)
	rep.SnapshotsRewritten += n
	return err
}

// copyLive copies the blobs that a pack owns. It reads the pack once, whole, unless
// little of it lives.
func (p *survey) copyLive(w *writer, n pack.Name) error {
	t, owned := p.tables[n], p.owner[n]
	if len(owned) == 0 {
		return nil
	}
	live, span := int64(0), int64(0)
	for _, b := range t.Blobs {
		span += int64(b.Len)
		if owned[b.ID] {
			live += int64(b.Len)
		}
	}
	var whole []byte
	if live*2 > span {
		var err error
		first := t.Blobs[0].Off
		if whole, err = p.s.a.store.Get(p.ctx, n.Path(), int64(first), int(span)); err != nil {
			return short(err)
		}
	}
	for _, b := range t.Blobs {
		if !owned[b.ID] {
			continue
		}
		var sealed []byte
		if whole != nil {
			at := b.Off - t.Blobs[0].Off
			sealed = whole[at : at+b.Len : at+b.Len]
		} else {
			var err error
			if sealed, err = p.s.a.store.Get(p.ctx, n.Path(), int64(b.Off), int(b.Len)); err != nil {
				return short(err)
			}
		}
		w.copy(b.ID, t.Class, sealed)
	}
	return w.failed()
}
