package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"
)

// Repair reads every pack, and puts new ones in the place of those
// that are damaged or gone: with the blobs that still open in them, and the rest from a
// copy of this archive (OpenCopy), if there is one. The snapshots are told of the new
// packs, as by a prune. Then what was damaged is put aside below quarantine/; nothing
// is deleted. A snapshot of which something is lost for good stays as it is, and
// is a Problem.
//
// With dryRun it only says what it would do.
func (a *Archive) Repair(ctx context.Context, from *Archive, dryRun bool) (Report, error) {
	start := a.now()
	var rep Report
	err := a.repair(ctx, from, dryRun, &rep)
	for n := int64(1); errors.Is(err, errFenced) && n <= maxRestarts; n++ {
		rep.Restarts = n
		if err = a.unblock(ctx, n); err == nil {
			err = a.repair(ctx, from, dryRun, &rep)
		}
	}
	rep.Duration = a.now().Sub(start)
	if err != nil {
		return rep, fmt.Errorf("repair: %w", err)
	}
	return rep, nil
}

func (a *Archive) repair(ctx context.Context, from *Archive, dryRun bool, rep *Report) (err error) {
	m := &mender{a: a, ctx: ctx, good: map[seal.ID]bool{}, torn: map[seal.ID]index.Place{}}
	if m.s, err = a.begin(ctx); err != nil {
		return err
	}
	rep.Problems = slices.Clone(m.s.unreadable)
	if err := m.look(); err != nil || len(m.s.bad) == 0 {
		rep.Missing = int64(len(rep.Problems))
		return err
	}
	if from != nil {
		if err := m.open(from); err != nil {
			return err
		}
	}
	if _, err := m.s.catalog(ctx); err != nil {
		return err
	}
	m.w = m.s.newWriter(ctx)
	m.w.copies = &copies{}
	defer m.w.close()
	rws, lost, err := m.walk(rep)
	rep.Missing = int64(len(rep.Problems))
	if err != nil || dryRun {
		return err
	}
	if err := m.w.flush(); err != nil {
		return err
	}
	n, err := m.s.rewriteAll(ctx, m.w, rws)
	rep.Rewritten += n
	rep.Packs, rep.BytesUploaded = rep.Packs+m.w.stats.packs.Load(), rep.BytesUploaded+m.w.stats.uploaded.Load()
	if err != nil {
		return err
	}
	for n := range m.s.bad {
		if _, there := m.s.listed[n]; !there || lost[n] {
			continue
		}
		if err := a.quarantine(ctx, n.Path()); err != nil {
			return err
		}
		rep.Quarantined = append(rep.Quarantined, n.Path())
		if err := a.index.Forget(n); err != nil {
			return err
		}
	}
	return nil
}

// A mender finds substitutes for blobs that are lost.
type mender struct {
	a     *Archive
	ctx   context.Context
	s     *session
	w     *writer
	other *reader // of a copy; nil: there is none

	mu   sync.Mutex
	good map[seal.ID]bool        // blobs in packs that are whole
	torn map[seal.ID]index.Place // blobs in damaged packs whose directories open
}

// look reads all packs that are there or that snapshots need: the next backup may use any.
// What is damaged or gone becomes bad.
func (m *mender) look() error {
	bad, all := map[pack.Name]bool{}, maps.Clone(m.s.live)
	for n := range m.s.listed {
		all[n] = true
	}
	g, ctx := errgroup.WithContext(m.ctx)
	g.SetLimit(max(2, m.a.opt.Workers))
	for n := range all {
		g.Go(func() error {
			t, whole, err := m.read(ctx, n)
			if err != nil && !isDamage(err) {
				return err
			}
			m.mu.Lock()
			defer m.mu.Unlock()
			if !whole {
				bad[n] = true
			}
			for _, b := range t.Blobs {
				if whole {
					m.good[b.ID] = true
				} else {
					m.torn[b.ID] = index.Place{Pack: n, Class: t.Class, Off: b.Off, Len: b.Len}
				}
			}
			return nil
		})
	}
	err := g.Wait()
	m.s.bad = bad
	return err
}

// read reads a pack and its table. whole: its bytes are what its name says.
func (m *mender) read(ctx context.Context, n pack.Name) (t pack.Table, whole bool, err error) {
	data, err := m.a.store.Get(ctx, n.Path(), 0, -1)
	if err != nil {
		return t, false, err
	}
	t, err = pack.ReadTable(m.a.keys, int64(len(data)), func(off int64, length int) ([]byte, error) {
		if off < 0 || length < 0 || off+int64(length) > int64(len(data)) {
			return nil, seal.ErrCorrupt
		}
		return data[off : off+int64(length)], nil
	})
	return t, err == nil && blake3.Sum256(data) == n, err
}

// open prepares the reading of a copy.
func (m *mender) open(from *Archive) error {
	s, err := from.begin(m.ctx)
	if err != nil {
		return fmt.Errorf("the copy: %w", err)
	}
	if _, err := s.catalog(m.ctx); err != nil {
		return fmt.Errorf("the copy: %w", err)
	}
	m.other = s.newReader(m.ctx)
	return nil
}

// walk opens all that snapshots need of what is lost. It returns the snapshots that can
// be told of new packs, and the packs that others still hope for.
func (m *mender) walk(rep *Report) (rws []rewriting, lost map[pack.Name]bool, err error) {
	lost = map[pack.Name]bool{}
	r := m.s.newReader(m.ctx)
	r.mend = m.mend
	for _, h := range m.s.heads {
		isBad := func(n pack.Name) bool { return m.s.bad[n] }
		if !slices.ContainsFunc(h.needs(), isBad) {
			continue
		}
		_, b, err := m.a.readSnapshot(m.ctx, h.Version)
		if err == nil {
			err = m.snapshot(r, b)
		}
		if err != nil {
			if err = m.s.explain(m.ctx, nil, err, &h); !isDamage(err) {
				return nil, nil, err
			}
			rep.Problems = append(rep.Problems, &Problem{Key: []byte(snapshotName(h.Version)), Err: err})
			for _, n := range h.needs() {
				lost[n] = true
			}
			continue
		}
		rws = append(rws, rewriting{old: h, roots: b.Roots, expires: h.Expires, change: m.change})
	}
	return rws, lost, nil
}

// change lets a snapshot need what was mended, of all snapshots, and no bad pack.
func (m *mender) change(u uses) {
	maps.DeleteFunc(u, func(n pack.Name, _ *use) bool { return m.s.bad[n] })
	for _, p := range m.w.copies.packs {
		k := u.of(p.Name, p.Table.Class)
		for _, b := range p.Table.Blobs {
			k.add(mapOf(p.Table.Class), b.Off, b.Len)
		}
	}
}

// snapshot opens every node of a snapshot, and the chunks that are lost.
func (m *mender) snapshot(r *reader, b body) error {
	var first error
	known := map[seal.ID]bool{}
	walk := marker{r: r, leaves: true,
		seen: func(id seal.ID) bool { seen := known[id]; known[id] = true; return seen },
		chunk: func(e *tree.Entry, ref seal.Ref) {
			kind := seal.Media
			if Kind(e.Kind) == Message {
				kind = seal.Text
			}
			if _, _, err := m.mend(kind, m.a.scope(e.Group), ref); err != nil && first == nil {
				first = err
			}
		}}
	if err := walk.roots(b.Roots); err != nil {
		return err
	}
	return first
}

// mend finds a substitute for a blob, if that is lost, and gives it to the writer.
func (m *mender) mend(kind seal.Kind, scope []byte, ref seal.Ref) (plain []byte, lost bool, err error) {
	id := ref.ID()
	if m.good[id] {
		return nil, false, nil
	}
	take := func(r *reader, p index.Place) bool {
		sealed, e := r.s.a.store.Get(m.ctx, p.Pack.Path(), int64(p.Off), int(p.Len))
		if e == nil {
			plain, e = r.unseal(kind, scope, ref, bytes.Clone(sealed)) // it opens in place
		}
		if e == nil {
			err = m.w.move(id, p.Class, sealed)
		} else if e = short(e); !isDamage(e) {
			err = e
		}
		return e == nil
	}
	if p, ok := m.torn[id]; ok && take(m.s.newReader(m.ctx), p) {
		return plain, true, err
	}
	if m.other != nil && err == nil {
		p, e := m.other.place(id)
		if e == nil && take(m.other, p) {
			return plain, true, err
		} else if e != nil && !isDamage(e) {
			err = e
		}
	}
	if err == nil {
		err = corrupt("blob %s is lost", id)
	}
	return nil, true, err
}

const quarantinePrefix = "quarantine/"

// quarantine puts an object aside: its bytes stay, under a name that nobody looks for.
func (a *Archive) quarantine(ctx context.Context, name string) error {
	data, err := a.store.Get(ctx, name, 0, -1)
	if err != nil {
		return ignore(err, fs.ErrNotExist)
	}
	if err := a.store.Put(ctx, quarantinePrefix+name, data); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return a.store.Delete(ctx, name)
}
