package engine

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
	"golang.org/x/sync/errgroup"
)

// A session is the store as one call sees it: read in the order that makes it safe to
// build on (newest fence, snapshots, packs), and never trusted beyond that call.
type session struct {
	a          *Archive
	fence      collect.Fence   // the newest; N is 0 while there is none
	began      time.Time       // when it was read, by the clock
	heads      []head          // valid ones, of each snapshot the newest revision, in order
	all        []head          // every revision that is there, valid or not
	unreadable []*Problem      // snapshots that do not open
	removed    map[string]bool // IDs in hex that have a removal record, or that the fence tells of
	records    []string        // IDs in hex that have a removal record

	doubt atomic.Bool // that all which is taken for listed is there

	mu     sync.Mutex
	listed map[pack.Name]int64 // packs in the store, with sizes
	live   map[pack.Name]bool  // packs that valid snapshots need
	bad    map[pack.Name]bool  // packs that this repair has found damaged: as good as gone

	distrusted map[pack.Name]bool // packs that an earlier one has
}

const (
	packPrefix    = "packs/"
	segmentPrefix = "index/"
	intentPrefix  = "gc/intent/"
	fencePrefix   = "gc/fence/"
	removedPrefix = "removed/"
)

// looks is how often the state of the store is read before it is taken for a rollback:
// a fence or a revision may come, and its predecessor go, while a listing passes both.
const looks = 3

// begin reads the state of the store.
func (a *Archive) begin(ctx context.Context) (s *session, err error) {
	for range looks {
		if s, err = a.look(ctx); !errors.Is(err, ErrRollback) {
			break
		}
	}
	return s, err
}

func (a *Archive) look(ctx context.Context) (*session, error) {
	s := &session{a: a, began: a.now(), listed: map[pack.Name]int64{}, live: map[pack.Name]bool{}}
	a.mu.Lock()
	s.distrusted = a.bad
	a.mu.Unlock()
	was := a.device.memory() // other calls may commit while this one lists
	var err error
	if s.fence, err = a.newestFence(ctx, collect.Fence{}); err != nil {
		return nil, err
	}
	if s.records, err = a.records(ctx); err != nil {
		return nil, err
	}
	s.removed = allRemoved(s.records, s.fence)
	if err := s.readHeads(ctx); err != nil {
		return nil, err
	}
	if err := s.listPacks(ctx); err != nil {
		return nil, err
	}
	removed := func(id collect.SnapshotID) (bool, error) {
		if _, ok := s.fence.Removes(id); ok {
			return true, nil
		}
		_, err := a.readRemoval(ctx, removedName(id))
		return err == nil, ignore(err, fs.ErrNotExist)
	}
	if len(s.unreadable) == 0 {
		if err := a.device.remember(was, s.heads, s.all, s.fence.N, removed); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// readHeads lists the snapshots and reads the heads that are not known yet. When one
// goes while it looks, it looks again: a newer revision may have taken its place.
func (s *session) readHeads(ctx context.Context) error {
	for {
		gone, err := s.tryHeads(ctx)
		if err != nil || !gone {
			return err
		}
	}
}

func (s *session) tryHeads(ctx context.Context) (gone bool, err error) {
	s.all, s.heads, s.unreadable = nil, nil, nil
	var infos []store.Info
	for info, err := range s.a.store.List(ctx, snapshotPrefix) {
		if err != nil {
			return false, err
		}
		if v, ok := parseSnapshotName(info.Name); ok && !s.removed[fmt.Sprintf("%x", v.ID[:])] {
			infos = append(infos, info)
		}
	}
	heads, problems := make([]head, len(infos)), make([]error, len(infos))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i, info := range infos {
		g.Go(func() error {
			h, err := s.a.head(gctx, info.Name)
			if err == nil || errors.Is(err, seal.ErrCorrupt) || errors.Is(err, seal.ErrWrongKey) {
				heads[i], problems[i] = h, err
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return errors.Is(err, fs.ErrNotExist), ignore(err, fs.ErrNotExist)
	}
	newest := map[collect.SnapshotID]head{}
	for i, h := range heads {
		if problems[i] != nil {
			s.unreadable = append(s.unreadable, &Problem{Key: []byte(infos[i].Name), Err: problems[i]})
			continue
		}
		s.all = append(s.all, h)
		if old, ok := newest[h.ID]; collect.Valid(h.collect(), s.fence) && (!ok || old.Rev < h.Rev) {
			newest[h.ID] = h
		}
	}
	s.order(newest)
	for _, h := range s.heads {
		for _, p := range h.needs() {
			s.live[p] = true
		}
	}
	return false, nil
}

// ignore returns err unless it is target.
func ignore(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
}

// order sorts the valid snapshots by what they have seen of each other.
func (s *session) order(newest map[collect.SnapshotID]head) {
	var hs []collect.Head
	for _, h := range newest {
		hs = append(hs, h.collect())
	}
	for _, o := range collect.Order(hs) {
		h := newest[o.ID]
		h.Time = o.Time // clamped to its ancestors'
		s.heads = append(s.heads, h)
	}
}

// head returns the head of the snapshot of that name, from memory when it was read before.
func (a *Archive) head(ctx context.Context, name string) (head, error) {
	a.mu.Lock()
	h, ok := a.heads[name]
	a.mu.Unlock()
	if ok {
		return h, nil
	}
	v, ok := parseSnapshotName(name)
	if !ok {
		return head{}, corrupt("%s: not the name of a snapshot", name)
	}
	h, _, err := a.readSnapshot(ctx, v)
	if err != nil {
		return head{}, err
	}
	a.mu.Lock()
	a.heads[name] = h
	a.mu.Unlock()
	return h, nil
}

// collect is the head as the protocol sees it.
func (h head) collect() collect.Head {
	return collect.Head{Version: h.Version, Base: h.Base, Packs: h.needs(), Time: h.Time, Device: h.Device, Seq: h.Seq, Seen: h.Seen, Partial: h.Partial}
}

// needs are all packs that a snapshot needs.
func (h head) needs() []pack.Name {
	names := slices.Clone(h.Packs)
	for _, b := range h.Buckets {
		names = append(names, b.Pack)
	}
	return names
}

func (s *session) listPacks(ctx context.Context) error {
	listed := map[pack.Name]int64{}
	for info, err := range s.a.store.List(ctx, packPrefix) {
		if err != nil {
			return err
		}
		if n, err := pack.ParsePath(info.Name); err == nil {
			listed[n] = info.Size
		}
	}
	s.mu.Lock()
	s.listed = listed
	s.mu.Unlock()
	return nil
}

// usable reports whether new snapshots may refer to a pack: it is in the store, and no
// collection has it in hand. A pack that no snapshot names is usable like an own upload.
func (s *session) usable(n pack.Name) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.listed[n]
	return ok && !s.bad[n] && !s.distrusted[n] && collect.Usable(n, s.fence)
}

// readable reports whether a pack is in the store at all.
func (s *session) readable(n pack.Name) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.listed[n]
	return ok && !s.bad[n]
}

// parent returns the newest snapshot of the same source, a checkpoint after it, and all
// checkpoints: the next whole snapshot replaces them.
func (s *session) parent(label [16]byte) (parent, checkpoint *head, all []collect.SnapshotID) {
	for i := range s.heads {
		h := &s.heads[i]
		if h.Label != label {
			continue
		}
		if h.Partial {
			checkpoint, all = h, append(all, h.ID)
		} else {
			parent, checkpoint = h, nil
		}
	}
	return parent, checkpoint, all
}

// find returns the snapshot that id names: whole, by a unique prefix, or "latest".
func (s *session) find(id string) (head, error) {
	var found []head
	for _, h := range s.heads {
		name := fmt.Sprintf("%x", h.ID[:])
		switch {
		case h.Partial:
		case id == "latest":
			found = []head{h}
		case len(id) >= 4 && len(id) <= len(name) && name[:len(id)] == id:
			found = append(found, h)
		}
	}
	switch len(found) {
	case 0:
		return head{}, fmt.Errorf("snapshot %q: %w", id, fs.ErrNotExist)
	case 1:
		return found[0], nil
	}
	return head{}, fmt.Errorf("snapshot %q is not unique: %d begin with it", id, len(found))
}

// newestFence reads the newest fence, or none: N is 0. It is not read when it is known:
// a number is never given to another fence while there is no higher one.
func (a *Archive) newestFence(ctx context.Context, known collect.Fence) (collect.Fence, error) {
	// A device that has looked before, and saw none, hardly comes upon the first in the making.
	for again := a.device.expectsFence(); ; {
		numbers, err := a.numbers(ctx, fencePrefix)
		if err == nil && len(numbers) == 0 && again { // or it came behind a listing, and its predecessor went before it
			again = false
			continue
		}
		if err != nil || len(numbers) == 0 {
			return collect.Fence{}, err
		}
		if numbers[len(numbers)-1] == known.N {
			return known, nil
		}
		f, err := a.readFence(ctx, numbers[len(numbers)-1])
		if errors.Is(err, fs.ErrNotExist) { // a newer one took its place while we listed
			continue
		}
		return f, err
	}
}

func (a *Archive) readFence(ctx context.Context, n uint64) (collect.Fence, error) {
	name := numbered(fencePrefix, n)
	data, err := a.store.Get(ctx, name, 0, -1)
	if err != nil {
		return collect.Fence{}, err
	}
	plain, err := a.keys.OpenObject(seal.RoleFence, name, data)
	if err != nil {
		return collect.Fence{}, fmt.Errorf("%s: %w", name, err)
	}
	f, err := collect.DecodeFence(plain)
	if err == nil && f.N != n {
		err = seal.ErrCorrupt
	}
	if err != nil {
		return collect.Fence{}, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

func numbered(prefix string, n uint64) string { return fmt.Sprintf("%s%016x", prefix, n) }

// numbers lists the fences or intents that are there, ascending.
func (a *Archive) numbers(ctx context.Context, prefix string) ([]uint64, error) {
	var numbers []uint64
	for info, err := range a.store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		var n uint64
		if _, err := fmt.Sscanf(info.Name[len(prefix):], "%x", &n); err == nil && numbered(prefix, n) == info.Name {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}

// records lists the removal records: of the snapshots with those IDs, a revision that is
// still there, or that comes late, does not count. A record goes once a fence tells of
// it, so whoever asks what was removed lists records, and then looks into the newest fence.
func (a *Archive) records(ctx context.Context) (ids []string, err error) {
	for info, err := range a.store.List(ctx, removedPrefix) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, info.Name[len(removedPrefix):])
	}
	return ids, nil
}

// allRemoved are the IDs in hex of what records or a fence tell of.
func allRemoved(records []string, fence collect.Fence) map[string]bool {
	all := map[string]bool{}
	for _, id := range records {
		all[id] = true
	}
	for _, r := range fence.Removed {
		all[hex.EncodeToString(r.ID[:])] = true
	}
	return all
}

func removedName(id collect.SnapshotID) string { return fmt.Sprintf("%s%x", removedPrefix, id[:]) }
