package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/pack/seal"
)

// A device is what this device remembers of an archive, outside of any cache and of
// the store: who it is, the secret that blinds its leaves, and every snapshot that it
// has seen, so that a store which shows an older state is noticed.
//
// The file is sealed under the archive's keys (FORMAT.md, device).
type device struct {
	path string
	keys *seal.Keys
	rand io.Reader

	mu     sync.Mutex
	id     [16]byte
	secret [32]byte
	seq    uint64 // commits of this device
	fence  uint64 // newest fence seen
	seen   map[collect.SnapshotID]uint32
	fresh  bool // nothing was remembered when it was opened
}

const stateName = "device"

func (a *Archive) openDevice() error {
	d := &device{path: a.opt.State, keys: a.keys, rand: a.opt.Rand, seen: map[collect.SnapshotID]uint32{}}
	a.device = d
	if d.path != "" {
		data, err := os.ReadFile(d.path)
		if err == nil {
			return d.decode(data)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	d.fresh = true
	if _, err := io.ReadFull(d.rand, d.id[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(d.rand, d.secret[:])
	return err
}

func (d *device) decode(data []byte) error {
	plain, err := d.keys.OpenObject(seal.RoleState, stateName, data)
	if err != nil {
		return fmt.Errorf("%s: %w", d.path, err)
	}
	w := wire{rest: plain}
	d.id, d.secret = w.array16(), w.array32()
	d.seq, d.fence = w.uint(1<<62), w.uint(1<<62)
	for range w.count(17) {
		id := collect.SnapshotID(w.array16())
		d.seen[id] = uint32(w.uint(1<<32 - 1))
	}
	if err := w.end(); err != nil {
		return fmt.Errorf("%s: %w", d.path, err)
	}
	return nil
}

// save replaces the file. It is called after the store has acknowledged, so that the
// memory is never ahead of the store.
func (d *device) save() error {
	if d.path == "" {
		return nil
	}
	plain := append(append([]byte(nil), d.id[:]...), d.secret[:]...)
	plain = appendUint(appendUint(plain, d.seq), d.fence)
	plain = appendUint(plain, uint64(len(d.seen)))
	ids := make([]collect.SnapshotID, 0, len(d.seen))
	for id := range d.seen {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, compareIDs)
	for _, id := range ids {
		plain = binary.AppendUvarint(append(plain, id[:]...), uint64(d.seen[id]))
	}
	data, err := d.keys.SealObject(d.rand, seal.RoleState, stateName, plain, nil)
	if err != nil {
		return err
	}
	return replaceFile(d.path, data)
}

func compareIDs(a, b collect.SnapshotID) int { return slices.Compare(a[:], b[:]) }

// replaceFile writes a file whole or not at all.
func replaceFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// next returns the number of this device's next commit.
func (d *device) next() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seq++
	return d.seq
}

// expectsFence reports whether there may be a fence, for all that is remembered.
func (d *device) expectsFence() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fresh || d.path == "" || d.fence > 0
}

// A memory is what a device had seen at some time.
type memory struct {
	fence uint64
	seen  map[collect.SnapshotID]uint32
}

func (d *device) memory() memory {
	d.mu.Lock()
	defer d.mu.Unlock()
	return memory{d.fence, maps.Clone(d.seen)}
}

// remember takes what the store shows as seen: heads count, and all are there, some of
// them overtaken. removed says which snapshots have a removal record. A snapshot that
// had been seen before the store was listed, and is neither there nor removed, or is
// there in an older revision only, or a fence that went back, is ErrRollback, and
// nothing is remembered.
func (d *device) remember(was memory, heads, all []head, fence uint64, removed func(collect.SnapshotID) (bool, error)) error {
	there := map[collect.SnapshotID]uint32{}
	for _, h := range all {
		there[h.ID] = max(there[h.ID], h.Rev)
	}
	if fence < was.fence {
		return fmt.Errorf("fence %d, seen %d: %w", fence, was.fence, ErrRollback)
	}
	for _, id := range slices.SortedFunc(maps.Keys(was.seen), compareIDs) {
		rev := was.seen[id]
		if found, ok := there[id]; ok && found >= rev {
			continue
		} else if ok {
			return fmt.Errorf("snapshot %x is back at revision %d: %w", id[:4], found, ErrRollback)
		}
		gone, err := removed(id)
		if err != nil {
			return err
		}
		if !gone {
			return fmt.Errorf("snapshot %x is missing and was not removed: %w", id[:4], ErrRollback)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := map[collect.SnapshotID]uint32{}
	for id, rev := range d.seen { // what other calls have added meanwhile
		if old, ok := was.seen[id]; !ok || old < rev {
			now[id] = rev
		}
	}
	for _, h := range heads {
		if !h.Partial { // a checkpoint may be dropped by the run that made it
			now[h.ID] = max(now[h.ID], h.Rev)
		}
	}
	fence = max(fence, d.fence)
	if fence == d.fence && maps.Equal(now, d.seen) {
		return nil
	}
	d.seen, d.fence = now, fence
	return d.save()
}

// committed remembers commits of this device's own.
func (d *device) committed(hs ...head) error {
	if len(hs) == 0 {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range hs {
		if !h.Partial {
			d.seen[h.ID] = h.Rev
		}
	}
	return d.save()
}

// forgot takes a snapshot out of memory before it is deleted from the store: its
// removal record is there.
func (d *device) forgot(id collect.SnapshotID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.seen, id)
	return d.save()
}
