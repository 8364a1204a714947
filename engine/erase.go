package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dayfold/dayfold/engine/tree"
)

// Erase removes items from every snapshot, and with them the media that nothing else
// names. Snapshots keep their IDs and get a new revision. From then on the recovery key
// and the store do not open what was erased; Prune frees its bytes.
//
// The report counts what went: Removed items of Bytes bytes, Rewritten snapshots. A
// source that still has the items brings them back at its next backup.
func (a *Archive) Erase(ctx context.Context, sel Selection, dryRun, insist bool) (Report, error) {
	start := a.now()
	var total Report
	var gone erasures
	absent := 0 // fences in a row that listed nothing of it
	if a.config.weak() && !dryRun {
		if _, err := a.mayCollect(ctx); err != nil {
			return total, fmt.Errorf("erase: %w", err)
		}
	}
	for n := int64(0); n < 4*maxRestarts; n++ {
		s, err := a.begin(ctx)
		if n > 0 && err == nil && !dryRun && !a.config.weak() {
			// Writers that read the items before they went are overtaken by two fences.
			if _, s, err = a.raise(ctx, true); err == nil {
				_, err = s.tidy(ctx) // revisions that a crash left below a rewritten one
			}
		}
		if err == nil {
			err = s.erase(ctx, sel, dryRun, insist, &total, &gone)
		}
		total.Restarts, total.Duration = n, a.now().Sub(start)
		switch {
		case errors.Is(err, errFenced), errors.Is(err, errFound):
			absent = 0
			continue
		case err != nil:
			return total, fmt.Errorf("erase: %w", err)
		}
		if absent++; dryRun || absent == 2 || a.config.weak() || n == 0 && total.Rewritten == 0 {
			if !dryRun {
				err = a.erased(ctx, &gone, &total)
			}
			if err != nil {
				return total, fmt.Errorf("erase: %w", err)
			}
			return total, nil
		}
	}
	return total, fmt.Errorf("erase: %w", errFenced)
}

// errFound says that an erasure found something to erase, and did.
var errFound = errors.New("found")

// erase rewrites every snapshot that holds selected items. It is errFound when there
// were some.
func (s *session) erase(ctx context.Context, sel Selection, dryRun, insist bool, total *Report, gone *erasures) error {
	if len(s.unreadable) > 0 {
		return s.unreadable[0]
	}
	if _, err := s.catalog(ctx); err != nil {
		return err
	}
	r, w := s.newReader(ctx), s.newWriter(ctx)
	defer r.settle()
	defer w.close()
	e := &eraser{s: s, r: r, w: w, sel: sel, gone: gone, done: map[roots]rewriting{}}
	rws, err := e.rewritings()
	total.Removed, total.Bytes = max(total.Removed, e.removed), max(total.Bytes, e.bytes)
	total.NodesLoaded += r.loaded
	if err != nil {
		return s.explain(ctx, w, err, s.pointers()...)
	}
	if dryRun || len(rws) == 0 {
		total.Rewritten += int64(len(rws))
		return nil
	}
	if !insist && e.share > maxDrop && e.largest > smallArchive {
		return fmt.Errorf("%.0f %% of a snapshot's bytes (insist to go on): %w", 100*e.share, ErrRefused)
	}
	if err := w.flush(); err != nil {
		return err
	}
	fresh := w.needs(false)
	for i := range rws {
		rws[i].change = func(u uses) { u.merge(fresh) }
	}
	n, err := s.rewriteAll(ctx, w, rws)
	total.Rewritten += n
	total.NodesSaved += w.stats.nodesSaved.Load()
	total.BytesUploaded += w.stats.uploaded.Load()
	if err != nil {
		return err
	}
	return errFound
}

// An eraser goes from snapshot to snapshot; what matches in the first is found by a
// search, in each further one by its differences from the one before.
type eraser struct {
	s    *session
	r    *reader
	w    *writer
	sel  Selection
	gone *erasures
	last roots
	keys map[string]bool // item keys that match in last
	done map[roots]rewriting

	removed, bytes int64 // the most in one snapshot
	share          float64
	largest        uint64
}

func (e *eraser) rewritings() (rws []rewriting, err error) {
	for _, h := range e.s.heads {
		rw, ok := e.done[h.roots]
		if !ok {
			if rw, err = e.one(h.roots); err != nil {
				return nil, err
			}
			e.done[h.roots] = rw
		}
		if rw.roots == h.roots {
			continue
		}
		rw.old = h
		rws = append(rws, rw)
	}
	return rws, nil
}

// one erases from one pair of trees.
func (e *eraser) one(rs roots) (rw rewriting, err error) {
	if err := e.match(rs); err != nil {
		return rw, err
	}
	rw = rewriting{roots: rs}
	if len(e.keys) == 0 {
		return rw, nil
	}
	ed := &editor{stage: e.s.newStage(e.r, e.w, uint32(e.s.clock().UnixMilli()/dayMillis), rs), touched: map[string]bool{}}
	ed.gone = func(old *tree.Entry) error { return e.gone.note(ed.stage, old) }
	for _, key := range slices.Sorted(maps.Keys(e.keys)) {
		if err := ed.delete(itemKey([]byte(key))); err != nil {
			return rw, err
		}
	}
	if err := ed.settle(); err != nil {
		return rw, err
	}
	if rw.roots, err = ed.store(); err != nil {
		return rw, err
	}
	if rw.expires, err = firstDay(ed.maps[1]); err != nil {
		return rw, err
	}
	rw.items, rw.bytes = uint64(ed.removed), uint64(ed.bytes)
	e.removed, e.bytes = max(e.removed, ed.removed), max(e.bytes, ed.bytes)
	size := rs.Permanent.Bytes + rs.Expiring.Bytes
	if size > 0 {
		e.share = max(e.share, float64(ed.bytes)/float64(size))
	}
	e.largest = max(e.largest, size)
	return rw, nil
}

// match brings keys in step with rs.
func (e *eraser) match(rs roots) error {
	permanent, expiring := e.s.a.maps(e.r, rs)
	if e.keys == nil {
		e.keys = map[string]bool{}
		e.last = rs
		for i, m := range []tree.Map{permanent, expiring} {
			if err := e.search(m, i == 1); err != nil {
				return err
			}
		}
		return nil
	}
	oldP, oldE := e.s.a.maps(e.r, e.last)
	e.last = rs
	gone := map[string]bool{}
	for i, pair := range [][2]tree.Map{{oldP, permanent}, {oldE, expiring}} {
		for ch, err := range tree.Diff(pair[0], pair[1]) {
			if err != nil {
				return err
			}
			if key, ok := e.matches(ch.Old, i == 1); ok && !gone[key] {
				delete(e.keys, key)
			}
			if key, ok := e.matches(ch.New, i == 1); ok {
				e.keys[key], gone[key] = true, true
			}
		}
	}
	return nil
}

// search finds what matches in a map: by key, by leaf for a group, since a leaf holds
// one group and a key contains it, and else by reading all entries.
func (e *eraser) search(m tree.Map, expiring bool) error {
	if e.sel.Keys != nil {
		for _, key := range e.sel.Keys {
			e.keys[string(key)] = true
		}
		return nil
	}
	low := []byte(nil)
	for leaf, err := range m.Leaves() {
		if err != nil {
			return err
		}
		if e.sel.Group == nil || leaf.Last == nil || bytes.Contains(leaf.Last, e.sel.Group) {
			for entry, err := range m.Range(low, append(bytes.Clone(leaf.Last), 0)) {
				if err != nil {
					return err
				}
				if key, ok := e.matches(&entry, expiring); ok {
					e.keys[key] = true
				}
			}
		}
		low = append(bytes.Clone(leaf.Last), 0)
	}
	return nil
}

// matches reports whether an entry is an item that the selection names, and its key.
func (e *eraser) matches(entry *tree.Entry, expiring bool) (string, bool) {
	if entry == nil || !isItem(entry.Key, expiring) {
		return "", false
	}
	key := entry.Key[1:]
	if expiring {
		key = key[dayLen:]
	}
	sel := e.sel
	switch {
	case sel.Keys != nil && !contains(sel.Keys, key),
		sel.Group != nil && !bytes.Equal(entry.Group, sel.Group),
		!sel.Before.IsZero() && !time.UnixMilli(entry.Time).Before(sel.Before),
		sel.Kind != 0 && Kind(entry.Kind) != sel.Kind,
		sel.Keys == nil && sel.Group == nil && sel.Before.IsZero() && sel.Kind == 0:
		return "", false
	}
	return string(key), true
}

func contains(keys [][]byte, key []byte) bool {
	for _, k := range keys {
		if bytes.Equal(k, key) {
			return true
		}
	}
	return false
}

// pointers are the heads that the session has read.
func (s *session) pointers() []*head {
	all := make([]*head, len(s.heads))
	for i := range s.heads {
		all[i] = &s.heads[i]
	}
	return all
}
