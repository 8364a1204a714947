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

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"
)

// A mender finds substitutes for blobs that are lost.
type mender struct {
	a      *Archive
	ctx    context.Context
	s      *session
	w      *writer
	other  *reader // of a copy; nil: there is none
	giveUp bool
	dryRun bool
	given  map[collect.SnapshotID]loss // what was given up
	fresh  uses                        // of what was written

	mu     sync.Mutex
	names  []pack.Name             // of packs that are whole and that new snapshots may need
	whole  map[seal.ID]uint32      // which of names a blob lies in, the one that lives longest
	torn   map[seal.ID]index.Place // blobs in other packs whose directories open
	tables map[pack.Name]pack.Table
	mended map[copied]index.Place // by the class that was wanted; no Len: it goes into a new pack
}

// look reads all packs that are there or that snapshots need: the next backup may use any.
// What is damaged or gone becomes bad.
func (m *mender) look() error {
	bad, all := map[pack.Name]bool{}, maps.Clone(m.s.live)
	m.s.bad, m.s.distrusted = nil, nil // it may have come back
	for n := range m.s.listed {
		all[n] = true
	}
	var of []pack.Class // of names
	g, ctx := errgroup.WithContext(m.ctx)
	g.SetLimit(max(2, m.a.opt.Workers))
	for n := range all {
		g.Go(func() error {
			t, whole, err := m.read(ctx, n)
			if err != nil {
				return err
			}
			usable := whole && m.s.usable(n)
			m.mu.Lock()
			defer m.mu.Unlock()
			if !whole {
				bad[n] = true
			}
			if usable {
				m.names, of = append(m.names, n), append(of, t.Class)
			}
			for _, b := range t.Blobs {
				if !usable {
					m.torn[b.ID] = index.Place{Pack: n, Class: t.Class, Off: b.Off, Len: b.Len}
				} else if old, ok := m.whole[b.ID]; !ok || !of[old].Outlives(t.Class) {
					m.whole[b.ID] = uint32(len(of) - 1)
				}
			}
			return nil
		})
	}
	err := g.Wait()
	m.s.bad = bad
	m.a.mu.Lock()
	m.a.bad = bad
	m.a.mu.Unlock()
	return err
}

// read reads a pack and its table, if it has one. whole: its bytes are what its name says.
func (m *mender) read(ctx context.Context, n pack.Name) (t pack.Table, whole bool, err error) {
	data, err := m.a.store.Get(ctx, n.Path(), 0, -1)
	if err != nil {
		return t, false, ignore(err, fs.ErrNotExist)
	}
	t, err = pack.ReadTable(m.a.keys, int64(len(data)), func(off int64, length int) ([]byte, error) {
		if off < 0 || length < 0 || off+int64(length) > int64(len(data)) {
			return nil, seal.ErrCorrupt
		}
		return data[off : off+int64(length)], nil
	})
	whole = blake3.Sum256(data) == n
	if whole && errors.Is(err, seal.ErrVersion) {
		return t, false, fmt.Errorf("%s: %w", n.Path(), err)
	}
	return t, whole && err == nil, nil
}

// isLost tells what cannot be read any more from what a newer version has written.
func isLost(err error) bool { return isDamage(err) && !errors.Is(err, seal.ErrVersion) }

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

// A patient is one map of a snapshot that needs bad packs.
type patient struct {
	m        *mender
	r        *reader
	named    map[pack.Name]bool // packs that the snapshot needs
	expiring bool
	today    uint32
	list     seal.Ref // the last list that content has mended
	plain    []byte
}

// patient returns a map of a snapshot, whose nodes are mended as they are read.
func (m *mender) patient(h head, b body, which int) (*patient, tree.Map) {
	p := &patient{m: m, r: m.s.newReader(m.ctx), named: map[pack.Name]bool{}, expiring: which == expiringMap,
		today: uint32(m.s.clock().UnixMilli() / dayMillis)}
	for _, n := range h.needs() {
		p.named[n] = true
	}
	p.r.mend = func(kind seal.Kind, scope []byte, ref seal.Ref) ([]byte, bool, error) {
		if kind == seal.List {
			return p.plain, p.plain != nil && p.list == ref, nil
		}
		return p.mend(kind, scope, ref, anyNode)
	}
	permanent, expiring := m.a.maps(p.r, b.Roots)
	return p, [2]tree.Map{permanent, expiring}[which]
}

// content mends the content of an entry.
func (p *patient) content(e *tree.Entry) error {
	c := p.m.a.config
	return tree.Visit(p.r, e.Content, func(ref seal.Ref, depth int) error {
		kind, scope := seal.Media, p.m.a.scope(e.Group)
		switch {
		case depth > 0:
			kind, scope = seal.List, nil
		case Kind(e.Kind) == Message:
			kind = seal.Text
		}
		plain, _, err := p.mend(kind, scope, ref, c.class(lifeOf(e), p.today, depth > 0))
		if depth > 0 {
			p.list, p.plain = ref, plain
		}
		return err
	})
}

// anyNode is the class of a node that was not opened yet. Wherever there is one, it lies in
// packs that outlive it: the day is in its keys.
var anyNode = pack.Class{}

// class is where a node belongs.
func (p *patient) class(kind seal.Kind, plain []byte) (pack.Class, error) {
	if !p.expiring {
		return pack.Class{Kind: pack.Tree}, nil
	}
	day, err := tree.LastDay(kind, plain)
	return p.m.a.config.class(life{day}, p.today, true), err
}

// mend finds a substitute for a blob if no pack that the snapshot needs has it, and sees to
// it that a pack has it that outlives class.
func (p *patient) mend(kind seal.Kind, scope []byte, ref seal.Ref, class pack.Class) (plain []byte, lost bool, err error) {
	m, id := p.m, ref.ID()
	at, found, err := m.place(id)
	outlives := class == anyNode || at.Class.Outlives(class)
	if err != nil || found && outlives && p.named[at.Pack] || m.isMended(kind, copied{id, class}) {
		return nil, err != nil, err
	}
	take := func(r *reader, at index.Place, stays bool) (done bool, err error) {
		sealed, err := r.s.a.store.Get(m.ctx, at.Pack.Path(), int64(at.Off), int(at.Len))
		if err == nil {
			plain, err = r.unseal(kind, scope, ref, bytes.Clone(sealed)) // it opens in place
		}
		want := class
		if err == nil && want == anyNode {
			want, err = p.class(kind, plain)
		}
		if err = short(err); err != nil {
			return false, ignoreLoss(err)
		}
		return true, m.keep(copied{id, want}, at, stays, sealed)
	}
	if found {
		if done, err := take(p.r, at, outlives); done || err != nil {
			return plain, true, err
		}
	}
	if at, ok := m.torn[id]; ok {
		if done, err := take(p.r, at, false); done || err != nil {
			return plain, true, err
		}
	}
	if m.other != nil {
		at, err := m.other.place(id)
		if err == nil {
			if done, err := take(m.other, at, false); done || err != nil {
				return plain, true, err
			}
		} else if ignoreLoss(err) != nil {
			return nil, true, err
		}
	}
	return nil, true, corrupt("blob %s is lost", id)
}

func ignoreLoss(err error) error {
	if isLost(err) {
		return nil
	}
	return err
}

// place is where a whole pack has a blob.
func (m *mender) place(id seal.ID) (at index.Place, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, ok := m.whole[id]
	if !ok {
		return at, false, nil
	}
	n := m.names[i]
	t, known := m.tables[n]
	if !known {
		if t, err = m.a.readTable(m.ctx, n, m.s.listed[n]); err != nil {
			return at, true, err
		}
		slices.SortFunc(t.Blobs, func(a, b pack.Blob) int { return bytes.Compare(a.ID[:], b.ID[:]) })
		m.tables[n] = t
	}
	b, _ := slices.BinarySearchFunc(t.Blobs, id, func(b pack.Blob, id seal.ID) int { return bytes.Compare(b.ID[:], id[:]) })
	return index.Place{Pack: n, Class: t.Class, Off: t.Blobs[b].Off, Len: t.Blobs[b].Len}, true, nil
}

// isMended reports whether nothing is left to be done for a chunk.
func (m *mender) isMended(kind seal.Kind, c copied) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.mended[c]
	return ok && (kind == seal.Media || kind == seal.Text)
}

// keep sees to it that what was mended lies where it may be relied on: where it is, or in
// a new pack.
func (m *mender) keep(c copied, at index.Place, stays bool, sealed []byte) error {
	m.mu.Lock()
	_, ok := m.mended[c]
	if !stays {
		at = index.Place{}
	}
	if !ok {
		m.mended[c] = at
	}
	m.mu.Unlock()
	if ok || stays || m.dryRun {
		return nil
	}
	return m.w.move(c.id, c.class, sealed)
}
