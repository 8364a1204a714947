package engine

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// Forget removes snapshots: first a record that says so, for other devices, then the
// snapshot. With it go the only refs to what no other snapshot has: from then on the
// recovery key and all that is left in the store do not open it, before any pack is
// rewritten. Prune frees the bytes.
//
// Unless insisted on, forgetting more than half of the snapshots, and the last one of
// a source, is ErrRefused.
func (a *Archive) Forget(ctx context.Context, ids []string, insist bool) ([]Snapshot, error) {
	gone, err := a.forget(ctx, ids, insist)
	if err != nil {
		return gone, fmt.Errorf("forget: %w", err)
	}
	return gone, nil
}

func (a *Archive) forget(ctx context.Context, ids []string, insist bool) (gone []Snapshot, err error) {
	s, err := a.begin(ctx)
	if err != nil {
		return nil, err
	}
	if len(s.unreadable) > 0 {
		return nil, s.unreadable[0]
	}
	chosen := map[collect.SnapshotID]head{}
	for _, id := range ids {
		h, err := s.find(id)
		if err != nil {
			return nil, err
		}
		chosen[h.ID] = h
	}
	if !insist {
		if err := s.guardForget(chosen); err != nil {
			return nil, err
		}
	}
	for _, h := range s.heads {
		if _, ok := chosen[h.ID]; !ok {
			continue
		}
		h, b, err := a.current(ctx, h)
		if err != nil {
			return gone, err
		}
		if err := s.remove(ctx, h); err != nil {
			return gone, err
		}
		gone = append(gone, b.snapshot(h))
	}
	return gone, nil
}

// guardForget refuses what looks like an accident.
func (s *session) guardForget(chosen map[collect.SnapshotID]head) error {
	left, whole := map[[16]byte]int{}, 0
	for _, h := range s.heads {
		if h.Partial {
			continue
		}
		whole++
		left[h.Label] += 0
		if _, ok := chosen[h.ID]; !ok {
			left[h.Label]++
		}
	}
	for _, n := range left {
		if n == 0 {
			return fmt.Errorf("the last snapshot of a source (insist to go on): %w", ErrRefused)
		}
	}
	if whole >= 4 && len(chosen)*2 > whole {
		return fmt.Errorf("%d of %d snapshots (insist to go on): %w", len(chosen), whole, ErrRefused)
	}
	return nil
}

// remove writes the removal record of a snapshot and deletes all its revisions.
func (s *session) remove(ctx context.Context, h head) error {
	name := removedName(h.ID)
	plain := append(append([]byte(nil), s.a.device.id[:]...), h.ID[:]...)
	plain = appendInt(plain, s.a.now().UnixMilli())
	plain = appendUint(append(plain, h.Device[:]...), h.Seq)
	data, err := s.a.keys.SealObject(s.a.opt.Rand, seal.RoleRemoved, name, plain, pack.ObjectSize)
	if err != nil {
		return err
	}
	if err := s.a.store.Put(ctx, name, data); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := s.a.device.forgot(h.ID); err != nil {
		return err
	}
	return s.a.deleteRevisions(ctx, h.ID)
}

// withdraw removes a snapshot that a collection has overtaken; with a record, for others
// may have seen it. Nobody wanted it gone, so the record names no commit.
func (s *session) withdraw(ctx context.Context, v collect.Version) error {
	return s.remove(ctx, head{Version: v})
}

// A removal is what a removal record says.
type removal struct {
	By    [16]byte
	ID    collect.SnapshotID
	Time  time.Time
	Meant bool // somebody wanted it gone
}

func (a *Archive) readRemoval(ctx context.Context, name string) (removal, error) {
	data, err := a.store.Get(ctx, name, 0, -1)
	if err != nil {
		return removal{}, err
	}
	plain, err := a.keys.OpenObject(seal.RoleRemoved, name, data)
	if err != nil {
		return removal{}, fmt.Errorf("%s: %w", name, err)
	}
	w := wire{rest: plain}
	r := removal{By: w.array16(), ID: w.array16(), Time: time.UnixMilli(w.int())}
	device, seq := w.array16(), w.uint(1<<62)
	r.Meant = device != [16]byte{} || seq != 0
	if err := w.end(); err != nil || removedName(r.ID) != name {
		return removal{}, corrupt("%s", name)
	}
	return r, nil
}

// removal is what the fence says of the removal of a snapshot, or else its record.
func (s *session) removal(ctx context.Context, id string) (removal, error) {
	n, err := parseID(id)
	if err != nil {
		return removal{}, err
	}
	if r, ok := s.fence.Removes(n); ok {
		return removal{ID: n, Meant: r.Meant}, nil
	}
	return s.a.readRemoval(ctx, removedName(n))
}

// parseID reads the ID of a snapshot in hex.
func parseID(text string) (id collect.SnapshotID, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || copy(id[:], b) != len(b) || hex.EncodeToString(id[:]) != text {
		return id, corrupt("%q is not the ID of a snapshot", text)
	}
	return id, nil
}

// Keep says which snapshots a retention policy keeps and which it would forget. Nothing
// is changed. Each source has its own count; checkpoints are not counted.
func (a *Archive) Keep(ctx context.Context, p collect.Policy) (keep, forget []Snapshot, err error) {
	s, err := a.begin(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("keep: %w", err)
	}
	list, err := s.snapshots(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("keep: %w", err)
	}
	var snaps []collect.Snap
	byID := map[collect.SnapshotID]Snapshot{}
	for _, sn := range list {
		if sn.Partial {
			continue
		}
		var id collect.SnapshotID
		if _, err := hex.Decode(id[:], []byte(sn.ID)); err != nil {
			return nil, nil, fmt.Errorf("keep: %w", err)
		}
		label := a.label(sn.Source)
		byID[id] = sn
		snaps = append(snaps, collect.Snap{ID: id, Time: sn.Time.UnixMilli(), Label: hex.EncodeToString(label[:]), Tags: sn.Tags})
	}
	kept, gone := collect.Keep(snaps, p)
	for _, k := range kept {
		keep = append(keep, byID[k.ID])
	}
	for _, g := range gone {
		forget = append(forget, byID[g.ID])
	}
	return keep, forget, nil
}
