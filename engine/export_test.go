package engine

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// Decryptable reports whether the recovery key and what is in the store still open
// something that contains canary.
func (a *Archive) Decryptable(ctx context.Context, canary []byte) (bool, error) {
	found := false
	err := a.Openable(ctx, func(plain []byte) { found = found || bytes.Contains(plain, canary) })
	return found, err
}

// Openable shows everything that the recovery key and what is in the store open: every
// snapshot object that is there in any revision, valid or not, is opened, and from its
// refs everything that they reach.
func (a *Archive) Openable(ctx context.Context, see func(plain []byte)) error {
	s, err := a.begin(ctx)
	if err != nil {
		return err
	}
	r := s.newReader(ctx)
	seen := map[seal.ID]bool{}
	for info, err := range a.store.List(ctx, snapshotPrefix) {
		if err != nil {
			return err
		}
		v, ok := parseSnapshotName(info.Name)
		if !ok {
			continue
		}
		h, b, err := a.readSnapshot(ctx, v)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		counts := collect.Valid(h.collect(), s.fence)
		var bad error
		m := marker{r: r, leaves: true,
			seen: func(id seal.ID) bool { old := seen[id]; seen[id] = true; return old },
			entry: func(e *tree.Entry, _ bool) {
				see(e.Key)
				see(e.Inline)
			},
			chunk: func(e *tree.Entry, ref seal.Ref) {
				kind := seal.Media
				if Kind(e.Kind) == Message {
					kind = seal.Text
				}
				plain, err := r.open(kind, a.scope(e.Group), ref)
				if err != nil {
					bad = err
				}
				see(plain)
			}}
		err = m.roots(b.Roots)
		if counts && (err != nil || bad != nil) { // of one that does not count, packs may be gone
			return errors.Join(err, bad)
		}
	}
	return nil
}

// Waste is what the store holds in packs: sealed blobs that a snapshot needs, those
// that none needs, and how many objects nothing names.
func (a *Archive) Waste(ctx context.Context) (live, dead int64, orphans int, err error) {
	l, err := a.Ledger(ctx)
	return l.Live, l.Dead, l.Orphans, err
}

// A Ledger is what lies in a store, in bytes and objects.
type Ledger struct {
	Live, Dead      int64 // sealed blobs in packs
	Packs, Orphans  int   // in the store, and of them those that no snapshot names
	Padded          int64 // packs that a snapshot names, whole
	Snapshots       int
	SnapshotObjects int64
	Store           int64 // everything
	Overtaken       int   // revisions that do not count
	Unnamed         int   // objects that are neither packs nor of a kind that stays
}

// Ledger adds up what lies in the store.
func (a *Archive) Ledger(ctx context.Context) (l Ledger, err error) {
	s, err := a.begin(ctx)
	if err != nil {
		return l, err
	}
	tables, _, err := s.tables(ctx)
	if err != nil {
		return l, err
	}
	reached := map[seal.ID]bool{}
	r := s.newReader(ctx)
	for _, h := range s.heads {
		m := marker{r: r, seen: func(id seal.ID) bool { old := reached[id]; reached[id] = true; return old }}
		if err := m.roots(h.roots); err != nil {
			return l, err
		}
	}
	l.Packs, l.Snapshots = len(s.listed), len(s.heads)
	counted := map[copied]bool{}
	for n, size := range s.listed {
		if s.live[n] {
			l.Padded += size
		} else {
			l.Orphans++
		}
		t := tables[n]
		for _, b := range t.Blobs {
			if key := (copied{b.ID, t.Class}); s.live[n] && reached[b.ID] && !counted[key] {
				counted[key] = true
				l.Live += int64(b.Len)
			} else {
				l.Dead += int64(b.Len)
			}
		}
	}
	counts := map[string]int{}
	for info, err := range a.store.List(ctx, "") {
		if err != nil {
			return l, err
		}
		l.Store += info.Size
		top, _, _ := strings.Cut(strings.TrimPrefix(info.Name, "gc/"), "/")
		counts[top]++
		if strings.HasPrefix(info.Name, snapshotPrefix) {
			l.SnapshotObjects += info.Size
		}
	}
	for _, h := range s.all { // a revision that was overtaken stays until a newer one is accepted
		if !collect.Valid(h.collect(), s.fence) {
			l.Overtaken++
		}
	}
	counts["snapshots"] -= len(s.heads) + l.Overtaken
	for kind, keep := range map[string]int{"fence": 1, "intent": 1, "snapshots": 0, "index": maxSegments + 1, "probe": 0, "removed": 0} {
		l.Unnamed += max(counts[kind]-keep, 0)
	}
	for kind := range counts {
		if !slices.Contains([]string{"fence", "intent", "snapshots", "index", "probe", "packs", "keys", "config", "removed"}, kind) {
			l.Unnamed += counts[kind]
		}
	}
	return l, nil
}

// Spans compares what each snapshot says that it needs with what its trees reach: lacking
// are blobs that it needs and does not list, loose those that it lists as exact and does
// not need.
func (a *Archive) Spans(ctx context.Context) (lacking, loose, exact int, err error) {
	s, err := a.begin(ctx)
	if err != nil {
		return 0, 0, 0, err
	}
	tables, _, err := s.tables(ctx)
	if err != nil {
		return 0, 0, 0, err
	}
	r := s.newReader(ctx)
	for _, h := range s.heads {
		_, b, err := a.readSnapshot(ctx, h.Version)
		if err != nil {
			return 0, 0, 0, err
		}
		permanent, expiring := a.maps(r, b.Roots)
		reached := map[seal.ID]bool{}
		for i, t := range []tree.Map{permanent, expiring} {
			if !a.config.HideExpiry {
				clear(reached)
			}
			m := marker{r: r, seen: func(id seal.ID) bool { _, old := reached[id]; reached[id] = false; return old }}
			if err := m.tree(t, i == 1); err != nil {
				return 0, 0, 0, err
			}
			if a.config.HideExpiry && i == 0 {
				continue
			}
			for n, k := range usesOf(h, b) {
				if a.config.HideExpiry {
					k.spans[i] = append(k.spans[i], k.spans[0]...).order()
				}
				k.spans[i].each(tables[n], func(blob int) {
					id := tables[n].Blobs[blob].ID
					if _, ok := reached[id]; ok {
						reached[id] = true
					} else if b.Exact[i] {
						loose++
					}
				})
			}
			for _, listed := range reached {
				if !listed {
					lacking++
				}
			}
			if b.Exact[i] {
				exact++
			}
		}
	}
	return lacking, loose, exact, nil
}

// Guess tests whether a leaf with that one entry more than nothing, under a zero blind,
// is in a pack: what the holder of the archive key can do between forget and prune.
func (a *Archive) Guess(ctx context.Context, items []Item) (bool, error) {
	s, err := a.begin(ctx)
	if err != nil {
		return false, err
	}
	tables, _, err := s.tables(ctx)
	if err != nil {
		return false, err
	}
	ids := map[seal.ID]bool{}
	for _, t := range tables {
		for _, b := range t.Blobs {
			ids[b.ID] = true
		}
	}
	g := &guess{a: a, ids: ids}
	b := tree.NewBuilder(tree.Map{Nodes: g, Cut: a.poly})
	for i := range items {
		e := entryOf(&items[i])
		e.Inline, e.Size = items[i].Inline, uint64(len(items[i].Inline))
		if err := b.Add(e); err != nil {
			return false, err
		}
	}
	_, err = b.Finish()
	return g.hits > 0 && g.misses == 0, err
}

type guess struct {
	a            *Archive
	ids          map[seal.ID]bool
	hits, misses int
}

func (g *guess) Load(seal.Kind, seal.Ref) ([]byte, error) { return nil, fs.ErrNotExist }

func (g *guess) Save(kind seal.Kind, plain []byte) (seal.Ref, error) {
	ref := g.a.keys.Ref(nil, kind, plain)
	if g.ids[ref.ID()] {
		g.hits++
	} else {
		g.misses++
	}
	return ref, nil
}

// ClassesMixed reports packs of an expiry bucket that a permanent entry needs, or the
// other way round.
func (a *Archive) ClassesMixed(ctx context.Context) (bool, error) {
	p, err := a.survey(ctx, func(*session) uint32 { return 0 })
	if err != nil {
		return false, err
	}
	for _, h := range p.s.heads {
		for _, k := range h.Buckets {
			if p.tables[k.Pack].Class.Kind != pack.Expiring {
				return true, nil
			}
		}
		for _, n := range h.Packs {
			if p.tables[n].Class.Kind == pack.Expiring {
				return true, nil
			}
		}
	}
	return false, nil
}
