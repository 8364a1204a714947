package tree_test

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/dayfold/dayfold/engine/tree"
	"pgregory.net/rapid"
)

// A shape says what the entries of one property are like. Long keys make inner
// nodes of two children, and many groups leaves of one entry: high trees of few.
type shape struct {
	day    bool
	perDay int
	pad    int // bytes of key beyond the number
	groups int
	text   int // longest inline content
	huge   int // one of so many entries has 60 KiB of needs
}

func drawShape(t *rapid.T) shape {
	return shape{
		day:    rapid.Bool().Draw(t, "day"),
		perDay: rapid.SampledFrom([]int{1, 3, 20, 1000}).Draw(t, "per day"),
		pad:    rapid.SampledFrom([]int{0, 0, 40, 300, 1000}).Draw(t, "pad"),
		groups: rapid.SampledFrom([]int{1, 1, 2, 5, 100}).Draw(t, "groups"),
		text:   rapid.SampledFrom([]int{1, 50, 300, 1500}).Draw(t, "text"),
		huge:   rapid.SampledFrom([]int{25, 1000}).Draw(t, "huge"),
	}
}

// universe is how many entries a shape knows.
const universe = 400

// key returns the key of the i-th entry: its day, its number, and the pad, which
// comes between them for odd days, so that keys differ early and late.
func (s shape) key(i int) []byte {
	day := uint32(i / s.perDay)
	k := binary.BigEndian.AppendUint32(nil, day)
	pad := bytes.Repeat([]byte{'k'}, s.pad)
	if day%2 == 1 {
		k = append(k, pad...)
	}
	k = binary.BigEndian.AppendUint16(k, uint16(i))
	if day%2 == 0 {
		k = append(k, pad...)
	}
	return k
}

// entry returns the i-th entry in its v-th version.
func (s shape) entry(i, v int) tree.Entry {
	h := uint64(i)<<20 + uint64(v)*0x9e3779b97f4a7c15
	pick := func(n int) int {
		h = h*6364136223846793005 + 1442695040888963407
		return int(h>>33^h>>50) % n
	}
	e := tree.Entry{Key: s.key(i), Kind: byte(pick(256)), Time: int64(pick(1e9)) - 1e6}
	if g := pick(s.groups); g > 0 {
		e.Group = []byte{byte(g)}
	}
	e.Inline = bytes.Repeat([]byte{byte(pick(256)), byte(pick(256)), byte(pick(256))}, pick(s.text)/3)
	e.Size = uint64(len(e.Inline) * pick(2))
	if pick(4) == 0 {
		e.Stamp, e.Expires, e.Meta = []byte{byte(v)}, int64(pick(1e9)), []byte{1, 2}
	}
	if pick(4) == 0 {
		e.Timer, e.Needs = int64(pick(1e9)), [][]byte{s.key(pick(universe)), {9}}
	}
	if pick(3) == 0 {
		e.Content = tree.Stream{Depth: uint8(pick(9))}
		binary.LittleEndian.PutUint64(e.Content.Ref[5:], h|1)
	}
	if pick(s.huge) == 0 {
		e.Needs = slices.Repeat([][]byte{bytes.Repeat([]byte{byte(v)}, 1000)}, 60)
	}
	return e
}

// A script is what to do to a set: runs of entries to put and to take away.
type script []run

type run struct{ from, n, step, version int }

func drawScript(t *rapid.T, label string, most, longest int) script {
	one := rapid.Custom(func(t *rapid.T) run {
		return run{
			from:    rapid.IntRange(0, universe-1).Draw(t, "from"),
			n:       rapid.IntRange(1, longest).Draw(t, "n"),
			step:    rapid.IntRange(1, 3).Draw(t, "step"),
			version: rapid.IntRange(-1, 2).Draw(t, "version"), // -1: take away
		}
	})
	return rapid.SliceOfN(one, 0, most).Draw(t, label)
}

func (s shape) apply(set set, do script) set {
	out := make(map[string]tree.Entry, len(set))
	for k, e := range set {
		out[k] = e
	}
	for _, r := range do {
		for i := r.from; i < min(r.from+r.n*r.step, universe); i += r.step {
			if r.version < 0 {
				delete(out, string(s.key(i)))
			} else {
				out[string(s.key(i))] = s.entry(i, r.version)
			}
		}
	}
	return out
}

// drawSet returns the entries of a map.
func (s shape) drawSet(t *rapid.T) set {
	all := rapid.IntRange(0, 1).Draw(t, "all")
	return s.apply(s.apply(nil, script{{0, universe * all, 1, 0}}), drawScript(t, "set", 8, universe))
}
