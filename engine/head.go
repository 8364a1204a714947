package engine

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
	"github.com/zeebo/blake3"
)

const snapshotPrefix = "snapshots/"

// A head is what collecting needs to know of one revision of a snapshot: which packs
// it needs and where it stands among the others. It holds no refs.
//
// A snapshot is one object, its head first (FORMAT.md, snapshots):
//
//	header │ sealed length of the sealed head │ sealed head │ body, an object of its own under the root key
type head struct {
	collect.Version
	Device  [16]byte
	Seq     uint64 // this device's commits, from 1
	Seen    []collect.Seen
	Base    uint64      // the newest fence when the run began; 0: none yet
	Time    int64       // ms; of the snapshot, the same in every revision
	Label   [16]byte    // keyed hash of source kind and label: which snapshots follow each other
	Partial bool        // a checkpoint
	Expires uint32      // the first day of the expiring map; 0: it is empty
	Lists   []pack.Name // packs that hold names of needed packs
	Except  []pack.Name // named there, and not needed
	Packs   []pack.Name // needed, beside Lists and what they name
	Buckets []bucket    // needed packs of expiry buckets
	Body    [32]byte    // BLAKE3 of the sealed body

	size  int64
	roots roots // of the body
}

// A bucket is a pack of what is gone at the end of a day.
type bucket struct {
	Day  uint32
	Pack pack.Name
}

func compareBuckets(a, b bucket) int {
	return cmp.Or(cmp.Compare(a.Day, b.Day), compareNames(a.Pack, b.Pack))
}

func snapshotName(v collect.Version) string {
	return fmt.Sprintf("%s%x/%08x", snapshotPrefix, v.ID[:], v.Rev)
}

func parseSnapshotName(name string) (v collect.Version, ok bool) {
	rest, ok := strings.CutPrefix(name, snapshotPrefix)
	if !ok || len(rest) != 32+1+8 || rest[32] != '/' {
		return v, false
	}
	id, err := hex.DecodeString(rest[:32])
	rev, err2 := strconv.ParseUint(rest[33:], 16, 32)
	copy(v.ID[:], id)
	v.Rev = uint32(rev)
	return v, err == nil && err2 == nil && snapshotName(v) == name
}

func (h head) encode() []byte {
	b := append([]byte(nil), h.Device[:]...)
	b = appendUint(b, h.Seq)
	b = appendUint(b, uint64(len(h.Seen)))
	for _, s := range h.Seen {
		b = appendUint(append(b, s.Device[:]...), s.Seq)
	}
	b = appendUint(b, h.Base)
	b = appendInt(b, h.Time)
	b = append(b, h.Label[:]...)
	b = appendUint(appendFlag(b, h.Partial), uint64(h.Expires))
	for _, names := range [][]pack.Name{h.Lists, h.Except, h.Packs} {
		b = appendNames(b, names)
	}
	buckets := slices.SortedFunc(slices.Values(h.Buckets), compareBuckets)
	b = appendUint(b, uint64(len(buckets)))
	for _, k := range buckets {
		b = append(appendUint(b, uint64(k.Day)), k.Pack[:]...)
	}
	return append(b, h.Body[:]...)
}

func (h *head) decode(plain []byte) error {
	w := wire{rest: plain}
	h.Device = w.array16()
	h.Seq = w.uint(1 << 62)
	for i := range w.count(17) {
		h.Seen = append(h.Seen, collect.Seen{Device: w.array16(), Seq: w.uint(1 << 62)})
		if i > 0 && bytes.Compare(h.Seen[i-1].Device[:], h.Seen[i].Device[:]) >= 0 {
			w.fail()
		}
	}
	h.Base = w.uint(1 << 62)
	h.Time = w.int()
	h.Label = w.array16()
	h.Partial = w.flag()
	h.Expires = uint32(w.uint(1<<32 - 1))
	for _, names := range []*[]pack.Name{&h.Lists, &h.Except, &h.Packs} {
		*names = readNames(&w)
	}
	for i := range w.count(33) {
		h.Buckets = append(h.Buckets, bucket{uint32(w.uint(1<<32 - 1)), w.array32()})
		if i > 0 && compareBuckets(h.Buckets[i-1], h.Buckets[i]) >= 0 {
			w.fail()
		}
	}
	h.Body = w.array32()
	if err := w.end(); err != nil {
		return err
	}
	if len(h.Lists)+len(h.Except) > 0 {
		return fmt.Errorf("lists of packs in packs of their own: %w", seal.ErrVersion)
	}
	return nil
}

// appendNames writes names in ascending order.
func appendNames(b []byte, names []pack.Name) []byte {
	names = slices.Clone(names)
	slices.SortFunc(names, compareNames)
	b = appendUint(b, uint64(len(names)))
	for _, n := range names {
		b = append(b, n[:]...)
	}
	return b
}

func readNames(w *wire) []pack.Name {
	n := w.count(32)
	names := make([]pack.Name, 0, n)
	for i := range n {
		names = append(names, w.array32())
		if i > 0 && compareNames(names[i-1], names[i]) >= 0 {
			w.fail()
			return nil
		}
	}
	return names
}

func compareNames(a, b pack.Name) int { return slices.Compare(a[:], b[:]) }

const (
	tagSize    = 16
	lengthSize = 4 + tagSize // the sealed length of the sealed head
)

// sealSnapshot returns the object of a snapshot. It sets h.Body.
func (a *Archive) sealSnapshot(h *head, b body) ([]byte, error) {
	name, plainBody := snapshotName(h.Version), b.encode()
	front := seal.HeaderSize + lengthSize + len(h.encode()) + tagSize
	// The object as a whole lies on the grid; what is missing is padding in the body.
	onGrid := func(n int) int { return pack.ObjectSize(front+n) - front }
	sealedBody, err := a.keys.SealObject(a.opt.Rand, seal.RoleBody, name, plainBody, onGrid)
	if err != nil {
		return nil, err
	}
	h.Body = blake3.Sum256(sealedBody)
	out, s, err := a.keys.Object(a.opt.Rand, seal.RoleHead, name)
	if err != nil {
		return nil, err
	}
	plainHead := h.encode()
	out = s.Seal(out, 0, binary.LittleEndian.AppendUint32(nil, uint32(len(plainHead)+tagSize)))
	out = s.Seal(out, 1, plainHead)
	return append(out, sealedBody...), nil
}

// openHead reads the head at the front of a snapshot's object, and returns the sealed
// body that follows it.
func (a *Archive) openHead(name string, data []byte) (head, []byte, error) {
	v, ok := parseSnapshotName(name)
	if !ok {
		return head{}, nil, corrupt("%s: not the name of a snapshot", name)
	}
	h := head{Version: v, size: int64(len(data))}
	if len(data) < seal.HeaderSize+lengthSize {
		return h, nil, corrupt("%s: short", name)
	}
	s, err := a.keys.OpenHeader(seal.RoleHead, name, data[:seal.HeaderSize])
	if err != nil {
		return h, nil, fmt.Errorf("%s: %w", name, err)
	}
	rest := data[seal.HeaderSize:]
	length, err := s.Open(nil, 0, rest[:lengthSize])
	if err != nil {
		return h, nil, fmt.Errorf("%s: %w", name, err)
	}
	rest = rest[lengthSize:]
	n := uint64(binary.LittleEndian.Uint32(append(length, 0, 0, 0, 0)))
	if len(length) != 4 || n > uint64(len(rest)) {
		return h, nil, corrupt("%s: length of the head", name)
	}
	plain, err := s.Open(nil, 1, rest[:n])
	if err == nil {
		err = h.decode(plain)
	}
	if err != nil {
		return h, nil, fmt.Errorf("%s: %w", name, err)
	}
	sealedBody := rest[n:]
	if blake3.Sum256(sealedBody) != h.Body {
		return h, nil, corrupt("%s: body", name)
	}
	return h, sealedBody, nil
}

// readSnapshot reads one snapshot whole.
func (a *Archive) readSnapshot(ctx context.Context, v collect.Version) (head, body, error) {
	name := snapshotName(v)
	data, err := a.store.Get(ctx, name, 0, -1)
	if err != nil {
		return head{}, body{}, err
	}
	h, sealedBody, err := a.openHead(name, data)
	if err != nil {
		return h, body{}, err
	}
	plain, err := a.keys.OpenObject(seal.RoleBody, name, sealedBody)
	var b body
	if err == nil {
		b, err = decodeBody(plain)
	}
	if err != nil {
		return h, b, fmt.Errorf("%s: %w", name, err)
	}
	if b.packs != len(h.Packs)+len(h.Buckets) {
		return h, b, corrupt("%s: spans of %d packs", name, b.packs)
	}
	h.roots = b.Roots
	return h, b, nil
}

// current reads a snapshot in the revision that the session has seen or, when that was
// rewritten meanwhile, in the one that took its place.
func (a *Archive) current(ctx context.Context, h head) (head, body, error) {
	for {
		found, b, err := a.readSnapshot(ctx, h.Version)
		if !errors.Is(err, fs.ErrNotExist) {
			found.Time = max(found.Time, h.Time)
			return found, b, err
		}
		rev, ok, e := a.newestRevision(ctx, h.ID)
		if e != nil {
			return h, b, e
		}
		if !ok || rev <= h.Rev {
			return h, b, err // forgotten
		}
		h.Rev = rev
	}
}
