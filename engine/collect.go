package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// spareFor is how fresh a checkpoint has to be for a prune to leave alone packs that
// nothing names yet: they may be a long run's. It is politeness; safety needs no clock.
const spareFor = time.Hour

// collect runs two fences back to back and deletes what they condemn. segments are those
// that the caller has read: when packs go, one new segment takes their place first.
func (a *Archive) collect(ctx context.Context, segments []string) (deleted []pack.Name, fence collect.Fence, err error) {
	fences, err := a.mayCollect(ctx)
	if err != nil {
		return nil, fence, err
	}
	if fences == 0 { // too early: what waits goes on waiting
		fence, err = a.newestFence(ctx, collect.Fence{})
		return nil, fence, err
	}
	for round := 0; round < fences; round++ {
		condemned, s, err := a.raise(ctx, false)
		if err != nil {
			return deleted, fence, err
		}
		fence = s.fence
		if err := s.mergeSegments(ctx, condemned, segments); err != nil {
			return deleted, fence, err
		}
		for i, n := range condemned {
			a.progress(Progress{Stage: "prune: delete", Items: int64(i), TotalItems: int64(len(condemned))})
			if err := a.store.Delete(ctx, n.Path()); err != nil {
				return deleted, fence, err
			}
		}
		if err := a.index.Forget(condemned...); err != nil {
			return deleted, fence, err
		}
		deleted = append(deleted, condemned...)
		found, err := s.tidy(ctx)
		if err != nil {
			return deleted, fence, err
		}
		if found && round == 0 && fences > 1 {
			fences++ // what an interrupted rewriting had left named packs until now
		}
	}
	return deleted, fence, nil
}

// margin is how old a fence must be before the next, where the store is weak. What a writer
// puts must have been seen by all when the fence after the next begins: so it has half of
// the margin from its reading of a fence to its look, and a listing must not be late by more
// than a quarter.
const margin = 24 * time.Hour

// late reports whether a commit took longer than a weak store gives time for.
func (s *session) late() bool {
	return s.a.config.weak() && s.a.now().Round(0).Sub(s.began.Round(0)) > margin/2
}

// prunerName is who may prune an archive in such a store: the first device that did.
const prunerName = "gc/pruner"

// mayCollect is fences for who is about to raise them: where one device may, it is that
// device from now on.
func (a *Archive) mayCollect(ctx context.Context) (int, error) {
	if a.config.weak() {
		data, err := a.keys.SealObject(a.opt.Rand, seal.RoleIntent, prunerName, a.device.id[:], pack.ObjectSize)
		if err == nil {
			err = ignore(a.store.Put(ctx, prunerName, data), fs.ErrExist)
		}
		if err != nil {
			return 0, err
		}
	}
	return a.fences(ctx)
}

// fences says how many fences a prune may raise. On a store that refuses a second
// create and lists what was put, that is two, for any device. Elsewhere it is one, for
// one device, a day after the last.
func (a *Archive) fences(ctx context.Context) (int, error) {
	if !a.config.weak() {
		return 2, nil
	}
	data, err := a.store.Get(ctx, prunerName, 0, -1)
	if errors.Is(err, fs.ErrNotExist) {
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	owner, err := a.keys.OpenObject(seal.RoleIntent, prunerName, data)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", prunerName, err)
	}
	if string(owner) != string(a.device.id[:]) {
		return 0, fmt.Errorf("this store needs one pruner, and another device is it: %w", ErrRefused)
	}
	newest, err := a.newestFence(ctx, collect.Fence{})
	if err != nil || newest.N > 0 && a.now().Sub(time.UnixMilli(newest.Time)) < margin {
		return 0, err
	}
	return 1, nil
}

// unblock is called between the attempts of a call that was overtaken. A pruner that
// died between its intent and its fence leaves open whether snapshots count; after two
// attempts the fence is raised in its place, sparing every pack. Where there is one pruner
// nobody else raises fences, and an intent of his stops no new attempt.
func (a *Archive) unblock(ctx context.Context, attempt int64) error {
	if attempt != 1 || a.config.weak() {
		return nil
	}
	_, _, err := a.raise(ctx, true)
	return ignore(err, errFenced)
}

// raise publishes the next fence: its intent, then what it lists, then itself. When
// another pruner took the number, it is errFenced. With spare no pack is put to pending.
// Condemned packs may be deleted on return.
func (a *Archive) raise(ctx context.Context, spare bool) ([]pack.Name, *session, error) {
	prev, err := a.newestFence(ctx, collect.Fence{})
	if err != nil {
		return nil, nil, err
	}
	n := prev.N + 1
	name := numbered(intentPrefix, n)
	intent, err := a.keys.SealObject(a.opt.Rand, seal.RoleIntent, name, appendUint(a.device.id[:], n), pack.ObjectSize)
	if err != nil {
		return nil, nil, err
	}
	if err := a.store.Put(ctx, name, intent); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, nil, err
	}
	listed, err := a.listedPacks(ctx)
	if err != nil {
		return nil, nil, err
	}
	s, err := a.begin(ctx)
	if err != nil {
		return nil, nil, err
	}
	if len(s.unreadable) > 0 {
		return nil, nil, s.unreadable[0]
	}
	if s.fence.N != prev.N {
		return nil, nil, errFenced
	}
	var heads []collect.Head
	for _, h := range s.all {
		heads = append(heads, h.collect())
	}
	removed, err := s.removals(ctx)
	if err != nil {
		return nil, nil, err
	}
	next, condemned := collect.Plan(prev, slices.Collect(maps.Keys(listed)), heads, removed, spare || s.spares())
	next.Time = a.now().UnixMilli()
	name = numbered(fencePrefix, n)
	data, err := a.keys.SealObject(a.opt.Rand, seal.RoleFence, name, next.Encode(), pack.ObjectSize)
	if err != nil {
		return nil, nil, err
	}
	if err := a.store.Put(ctx, name, data); errors.Is(err, fs.ErrExist) {
		return nil, nil, errFenced
	} else if err != nil {
		return nil, nil, err
	}
	// A pruner that slept between its listing and its put may have put a fence that had
	// been there and was tidied away. Then others have raised newer ones since.
	if newest, err := a.newestFence(ctx, collect.Fence{}); err != nil {
		return nil, nil, err
	} else if newest.N != n {
		return nil, nil, errFenced
	}
	s.fence = next
	return condemned, s, nil
}

// removals reads the removal records that the fence does not tell of yet. One that does
// not open is left where it is: it counts by its name.
func (s *session) removals(ctx context.Context) (out []collect.Removal, err error) {
	for _, id := range s.records {
		r, err := s.removal(ctx, id)
		switch {
		case err == nil:
			out = append(out, collect.Removal{ID: r.ID, Meant: r.Meant})
		case !errors.Is(err, seal.ErrCorrupt) && !errors.Is(err, seal.ErrWrongKey) && !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return out, nil
}

func (a *Archive) listedPacks(ctx context.Context) (map[pack.Name]int64, error) {
	s := &session{a: a}
	err := s.listPacks(ctx)
	return s.listed, err
}

// spares reports whether a run that is under way may have packs that nothing names.
func (s *session) spares() bool {
	return slices.ContainsFunc(s.heads, func(h head) bool {
		return h.Partial && s.a.now().Sub(time.UnixMilli(h.Time)) < spareFor
	})
}

// maxSegments is how many segments there may be before they are merged.
const maxSegments = 32

// mergeSegments writes one segment in the place of those given, without the packs that
// are about to go: a segment must not outlive a pack that it names.
func (s *session) mergeSegments(ctx context.Context, condemned []pack.Name, segments []string) error {
	if len(condemned) == 0 && len(segments) <= maxSegments {
		return nil
	}
	gone := map[pack.Name]bool{}
	for _, n := range condemned {
		gone[n] = true
	}
	var packs []pack.Packed
	var read []string
	seen := map[pack.Name]bool{}
	for info, err := range s.a.store.List(ctx, segmentPrefix) {
		if err != nil {
			return err
		}
		in, err := s.a.readSegment(ctx, info.Name)
		if err != nil {
			continue // unreadable: skipped, and left for check to name
		}
		read = append(read, info.Name)
		for _, p := range in {
			if _, ok := s.listed[p.Name]; ok && !gone[p.Name] && !seen[p.Name] {
				seen[p.Name] = true
				packs = append(packs, p)
			}
		}
	}
	if len(packs) > 0 {
		name, _, err := s.a.putSegment(ctx, packs)
		if err != nil {
			return err
		}
		read = slices.DeleteFunc(read, func(n string) bool { return n == name })
	}
	for _, name := range read {
		if err := s.a.store.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// tidy deletes what the newest fence has made obsolete: older fences and intents,
// snapshots that it overtook, revisions that a newer one replaced, and what is left of
// snapshots that were removed, with their records. found says that there was a snapshot
// among them.
func (s *session) tidy(ctx context.Context) (found bool, err error) {
	accepted := map[collect.SnapshotID]uint32{}
	for _, v := range s.fence.Accepted {
		accepted[v.ID] = max(accepted[v.ID], v.Rev)
	}
	valid := map[collect.SnapshotID]bool{}
	for _, h := range s.all {
		valid[h.ID] = valid[h.ID] || collect.Valid(h.collect(), s.fence)
	}
	for _, h := range s.all {
		rev, ok := accepted[h.ID]
		if ok && h.Rev >= rev || !ok && collect.Valid(h.collect(), s.fence) {
			continue
		}
		found = true
		if !valid[h.ID] { // overtaken whole: others may have seen it while it counted
			err = s.withdraw(ctx, h.Version)
		} else {
			err = s.a.deleteSnapshot(ctx, h.Version)
		}
		if err != nil {
			return found, err
		}
	}
	for info, err := range s.a.store.List(ctx, snapshotPrefix) {
		if err != nil {
			return found, err
		}
		if v, ok := parseSnapshotName(info.Name); ok && s.removed[fmt.Sprintf("%x", v.ID[:])] {
			if err := s.a.deleteSnapshot(ctx, v); err != nil {
				return found, err
			}
		}
	}
	for _, id := range s.records {
		if n, err := parseID(id); err == nil {
			if _, told := s.fence.Removes(n); told {
				if err := s.a.store.Delete(ctx, removedName(n)); err != nil {
					return found, err
				}
			}
		}
	}
	for _, prefix := range []string{fencePrefix, intentPrefix} {
		numbers, err := s.a.numbers(ctx, prefix)
		if err != nil {
			return found, err
		}
		for _, n := range numbers {
			if n < s.fence.N {
				if err := s.a.store.Delete(ctx, numbered(prefix, n)); err != nil {
					return found, err
				}
			}
		}
	}
	return found, nil
}
