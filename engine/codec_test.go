package engine

import (
	"bytes"
	"errors"
	"testing"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

func sampleHead() head {
	return head{Device: [16]byte{1}, Seq: 300, Seen: []collect.Seen{{Device: [16]byte{1}, Seq: 299}, {Device: [16]byte{2}, Seq: 7}}, Base: 4,
		Time: 1_790_000_000_000, Label: [16]byte{9}, Expires: 20_000, Packs: []pack.Name{{1}, {2}, {3}},
		Buckets: []bucket{{20_000, pack.Name{4}}, {20_001, pack.Name{1}}}, Body: [32]byte{7}}
}

func sampleBody() body {
	return body{Roots: roots{Permanent: tree.Root{Ref: seal.Ref{1}, Level: 3, Count: 1_000_000, Bytes: 1 << 40}},
		Source: SourceInfo{Kind: "signal-local", Label: "a label", Data: []byte{1, 2, 3}}, Tags: []string{"daily"},
		Items: 999_999, Bytes: 1 << 40, Excluded: map[string]int64{"expiring": 3, "view-once": 1},
		Exact: [2]bool{true, false}, Spans: sampleSpans()}
}

func sampleSpans() []byte {
	b := body{}
	uses{{1}: {class: pack.Class{Kind: pack.Permanent}, spans: [2]spans{{{1024, 1025}, {96, 1000}}}},
		{2}: {class: pack.Class{Kind: pack.Expiring, Day: 7}, spans: [2]spans{nil, {{100, pack.MaxSize}}}}}.list(new(head), &b)
	return b.Spans
}

func sampleConfig() config {
	return config{ID: [16]byte{5}, Strict: true, ConsistentList: true, Versions: true, Trash: true, PackSize: 8 << 20, TreePackSize: 2 << 20}
}

// codecs are the objects that the engine itself writes. again decodes and encodes.
var codecs = map[string]struct {
	sample []byte
	again  func([]byte) ([]byte, error)
}{
	"head":   {sampleHead().encode(), func(b []byte) ([]byte, error) { var h head; err := h.decode(b); return h.encode(), err }},
	"body":   {sampleBody().encode(), func(b []byte) ([]byte, error) { o, err := decodeBody(b); return o.encode(), err }},
	"config": {sampleConfig().encode(), func(b []byte) ([]byte, error) { c, err := decodeConfig(b); return c.encode(), err }},
}

func TestCodecsRoundTripAndRefuseDamage(t *testing.T) {
	for name, c := range codecs {
		got, err := c.again(c.sample)
		if err != nil || !bytes.Equal(got, c.sample) {
			t.Errorf("%s: %x, %v; want %x", name, got, err, c.sample)
		}
		for n := range c.sample {
			if _, err := c.again(c.sample[:n]); !errors.Is(err, seal.ErrCorrupt) {
				t.Errorf("%s cut to %d bytes: %v", name, n, err)
			}
		}
		if _, err := c.again(append(bytes.Clone(c.sample), 0)); !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("%s with a byte more: %v", name, err)
		}
	}
}

func TestHeadRefusesWhatIsOutOfOrder(t *testing.T) {
	for what, change := range map[string]func(*head){
		"devices": func(h *head) { h.Seen[0], h.Seen[1] = h.Seen[1], h.Seen[0] },
		"twice":   func(h *head) { h.Packs = append(h.Packs, pack.Name{3}) },
	} {
		h := sampleHead()
		change(&h)
		if err := new(head).decode(h.encode()); !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
	h := sampleHead()
	h.Lists = []pack.Name{{8}}
	if err := new(head).decode(h.encode()); !errors.Is(err, seal.ErrVersion) {
		t.Errorf("lists of a newer version: %v", err)
	}
}

// FuzzCodecs decodes anything as each of the objects: it never panics, and what it takes
// has one encoding.
func FuzzCodecs(f *testing.F) {
	for _, c := range codecs {
		f.Add(c.sample)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, c := range codecs {
			if got, err := c.again(b); err == nil && !bytes.Equal(got, b) {
				t.Errorf("%s: %x is %x when encoded again", name, b, got)
			}
		}
	})
}
