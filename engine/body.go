package engine

import (
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"github.com/dayfold/dayfold/engine/tree"
)

// A body is what restoring needs: the refs of both trees. It lies under the root key
// (FORMAT.md, snapshots).
type body struct {
	Roots    roots
	Source   SourceInfo
	Tags     []string
	Items    uint64
	Bytes    uint64
	Excluded map[string]int64
	// Exact says of each map that Spans hold what it reaches and nothing else.
	Exact [2]bool
	Spans []byte // of the packs that the head lists, in its order, coded: see uses.list
	packs int    // in Spans
}

// roots are the two maps of a snapshot.
type roots struct {
	Permanent, Expiring tree.Root
}

const (
	maxSourceData = 64 << 10
	maxWord       = 256 // bytes of a tag, a reason, a kind of source
)

func (b body) encode() []byte {
	var out []byte
	for _, r := range []tree.Root{b.Roots.Permanent, b.Roots.Expiring} {
		out = append(append(out, r.Ref[:]...), r.Level)
		out = appendUint(appendUint(out, r.Count), r.Bytes)
	}
	out = appendText(appendText(appendText(out, b.Source.Kind), b.Source.Label), b.Source.Data)
	out = appendUint(out, uint64(len(b.Tags)))
	for _, t := range b.Tags {
		out = appendText(out, t)
	}
	out = appendUint(appendUint(out, b.Items), b.Bytes)
	out = appendUint(out, uint64(len(b.Excluded)))
	for _, r := range slices.Sorted(maps.Keys(b.Excluded)) {
		out = appendUint(appendText(out, r), uint64(b.Excluded[r]))
	}
	out = appendFlag(appendFlag(out, b.Exact[permanentMap]), b.Exact[expiringMap])
	return append(out, b.Spans...)
}

func decodeBody(plain []byte) (b body, err error) {
	w := wire{rest: plain}
	for _, r := range []*tree.Root{&b.Roots.Permanent, &b.Roots.Expiring} {
		r.Ref = w.array32()
		r.Level = uint8(w.uint(63))
		r.Count, r.Bytes = w.uint(1<<62), w.uint(1<<62)
	}
	b.Source = SourceInfo{Kind: string(w.text(maxWord)), Label: string(w.text(maxKey)), Data: w.text(maxSourceData)}
	for range w.count(1) {
		b.Tags = append(b.Tags, string(w.text(maxWord)))
	}
	b.Items, b.Bytes = w.uint(1<<62), w.uint(1<<62)
	b.Excluded = map[string]int64{}
	last := ""
	for i := range w.count(2) {
		reason := string(w.text(maxWord))
		if i > 0 && reason <= last {
			w.fail()
		}
		last = reason
		b.Excluded[reason] = int64(w.uint(1 << 62))
	}
	b.Exact = [2]bool{w.flag(), w.flag()}
	b.Spans = w.rest
	b.packs = w.count(2)
	for range 2 * b.packs {
		readSpans(&w, nil)
	}
	return b, w.end()
}

// snapshot is what callers see of a head and its body.
func (b body) snapshot(h head) Snapshot {
	return Snapshot{ID: hex.EncodeToString(h.ID[:]), Revision: h.Rev, Time: time.UnixMilli(h.Time), Source: b.Source, Tags: b.Tags,
		Items: int64(b.Items), Bytes: int64(b.Bytes), Partial: h.Partial, Excluded: b.Excluded}
}
