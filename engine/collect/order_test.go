package collect_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine/collect"
)

func by(device byte, seq uint64, ms int64, seen ...collect.Seen) collect.Head {
	d := [16]byte{device}
	return collect.Head{Version: collect.Version{ID: collect.SnapshotID{device, byte(seq)}}, Device: d, Seq: seq, Time: ms, Seen: seen}
}

func seen(device byte, seq uint64) collect.Seen {
	return collect.Seen{Device: [16]byte{device}, Seq: seq}
}

func since(base uint64, h collect.Head) collect.Head { h.Base = base; return h }

func revised(rev uint32, h collect.Head) collect.Head { h.Rev = rev; return h }

func show(hs []collect.Head) string {
	var s []string
	for _, h := range hs {
		s = append(s, fmt.Sprintf("%c%d@%d", h.Device[0], h.Seq, h.Time))
	}
	return strings.Join(s, " ")
}

func TestOrder(t *testing.T) {
	const far = math.MaxInt64
	for _, c := range []struct {
		name  string
		heads []collect.Head
		want  string
	}{
		{"nothing", nil, ""},
		{"by clock", []collect.Head{by('a', 1, 5), by('b', 1, 3), by('a', 2, 9)}, "b1@3 a1@5 a2@9"},
		{"one device, clock set back", []collect.Head{by('a', 1, 5), by('a', 2, 6), by('a', 3, 2)}, "a1@5 a2@6 a3@6"},
		{"what was seen comes before", []collect.Head{by('a', 1, 5), by('b', 1, 5, seen('a', 1)), by('a', 2, 5, seen('b', 1)), by('b', 2, 5, seen('a', 1))},
			"a1@5 b1@5 a2@5 b2@5"},
		{"seen and gone", []collect.Head{by('a', 1, 5), by('b', 1, 6, seen('a', 7))}, "a1@5 b1@6"},
		{"one device far ahead, and others that saw it", []collect.Head{
			by('a', 1, 1), by('x', 1, far, seen('a', 1)), by('a', 2, 3, seen('x', 1)), by('b', 1, 4, seen('x', 1), seen('a', 2))},
			"a1@1 x1@3 a2@3 b1@4"},
		{"one device far ahead again and again", []collect.Head{
			by('a', 1, 1), by('x', 1, far, seen('a', 1)), by('a', 2, 3, seen('x', 1)), by('x', 2, far, seen('a', 2)), by('a', 3, 5, seen('x', 2)), by('a', 4, 6, seen('x', 2))},
			"a1@1 x1@3 a2@3 x2@5 a3@5 a4@6"},
		{"one device far ahead, last", []collect.Head{by('a', 1, 1), by('a', 2, 2), by('x', 1, far, seen('a', 2))}, fmt.Sprintf("a1@1 a2@2 x1@%d", far)},
		{"one device far ahead, seen by none", []collect.Head{by('a', 1, 1), by('x', 1, far, seen('a', 1)), by('a', 2, 2), by('a', 3, 3)}, fmt.Sprintf("a1@1 a2@2 a3@3 x1@%d", far)},
		{"one device far behind", []collect.Head{by('a', 1, 11), by('x', 1, -far, seen('a', 1)), by('a', 2, 13, seen('x', 1)), by('a', 3, 14, seen('x', 1))},
			"a1@11 x1@13 a2@13 a3@14"},
		{"two fences between", []collect.Head{since(3, by('b', 1, 1)), since(1, by('a', 1, 9)), since(1, by('c', 1, 8))}, "c1@8 a1@9 b1@9"},
		{"one fence between decides nothing", []collect.Head{since(2, by('b', 1, 1)), since(1, by('a', 1, 9))}, "b1@1 a1@9"},
		{"rewritten: the base is that of the rewriting", []collect.Head{revised(1, since(9, by('b', 1, 1))), since(1, by('a', 1, 2))}, "b1@1 a1@2"},
		{"rewritten, and then others begin", []collect.Head{revised(1, since(3, by('b', 1, 7))), since(5, by('a', 1, 2))}, "b1@2 a1@2"},
		{"a circle", []collect.Head{by('a', 1, 5, seen('b', 1)), by('b', 1, 3, seen('a', 1)), by('c', 1, 6, seen('a', 1))}, "b1@3 a1@5 c1@6"},
	} {
		for range 5 {
			rand.Shuffle(len(c.heads), func(i, j int) { c.heads[i], c.heads[j] = c.heads[j], c.heads[i] })
			before := show(c.heads)
			if got := show(collect.Order(c.heads)); got != c.want {
				t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
			}
			if after := show(c.heads); after != before {
				t.Errorf("%s: argument changed from %s to %s", c.name, before, after)
			}
		}
	}
}

// A history of three devices with honest clocks, and one device that says any time it
// likes, now and then: order and times of the others are as if it were not there, and
// no time goes back.
func TestOrderOfOthersStays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var heads []collect.Head
		last := map[byte]uint64{}
		for n := range 40 {
			d := "abcaabbccx"[r.IntN(10)]
			if d == 'x' && last['x'] == 5 {
				d = 'a'
			}
			var saw []collect.Seen
			for _, o := range []byte("abcx") {
				if last[o] > 0 {
					saw = append(saw, seen(o, last[o]))
				}
			}
			last[d]++
			ms := int64(1000 + n)
			if d == 'x' {
				ms = int64(r.Uint64())
			}
			heads = append(heads, by(d, last[d], ms, saw...))
		}
		got := collect.Order(heads)
		if !slices.IsSortedFunc(got, func(a, b collect.Head) int { return cmp.Compare(a.Time, b.Time) }) {
			t.Fatalf("goes back: %s", show(got))
		}
		lies := func(h collect.Head) bool { return h.Device[0] == 'x' }
		if g, w := show(slices.DeleteFunc(got, lies)), show(slices.DeleteFunc(heads, lies)); g != w {
			t.Fatalf("got  %s\nwant %s", g, w)
		}
	}
}

func TestOrderIsQuick(t *testing.T) {
	var heads []collect.Head
	for i := range 20_000 {
		heads = append(heads, since(uint64(i/10), by('a', uint64(i+1), int64(i))))
	}
	got := collect.Order(heads)
	if !slices.IsSortedFunc(got, func(a, b collect.Head) int { return cmp.Compare(a.Seq, b.Seq) }) {
		t.Errorf("out of order")
	}
}
