package collect_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine/collect"
)

// A keepCase is a case of testdata/keep.txt.
type keepCase struct {
	name   string
	policy collect.Policy
	snaps  []collect.Snap
	kept   []bool
}

func readKeepCases(t *testing.T) (cases []keepCase) {
	data, err := os.ReadFile("testdata/keep.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "== "); ok {
			colon := strings.LastIndex(name, ":")
			cases = append(cases, keepCase{name: name[:colon], policy: parsePolicy(t, name[colon+1:])})
			continue
		}
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		at, err := time.Parse("2006-01-02T15:04", f[0])
		if err != nil {
			t.Fatal(err)
		}
		c := &cases[len(cases)-1]
		s := collect.Snap{ID: collect.SnapshotID{byte(len(c.snaps))}, Time: at.UnixMilli(), Label: f[1]}
		if len(f) == 4 {
			s.Tags = strings.Split(f[2], ",")
		}
		c.snaps = append(c.snaps, s)
		c.kept = append(c.kept, f[len(f)-1] == "+")
	}
	return cases
}

func parsePolicy(t *testing.T, text string) (p collect.Policy) {
	counts := map[string]*int{"last": &p.Last, "hourly": &p.Hourly, "daily": &p.Daily, "weekly": &p.Weekly, "monthly": &p.Monthly, "yearly": &p.Yearly}
	for _, word := range strings.Fields(text) {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch key {
		case "within":
			p.Within, err = time.ParseDuration(value)
		case "tags":
			p.Tags = strings.Split(value, ",")
		default:
			*counts[key], err = strconv.Atoi(value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func ids(snaps []collect.Snap) (s []int) {
	for _, sn := range snaps {
		s = append(s, int(sn.ID[0]))
	}
	return s
}

func TestKeep(t *testing.T) {
	for _, c := range readKeepCases(t) {
		var want, gone []int
		for i, k := range c.kept {
			if k {
				want = append(want, i)
			} else {
				gone = append(gone, i)
			}
		}
		keep, forget := collect.Keep(c.snaps, c.policy)
		if got := ids(keep); !slices.Equal(got, want) {
			t.Errorf("%s: kept %v, want %v", c.name, got, want)
		}
		if got := ids(forget); !slices.Equal(got, gone) {
			t.Errorf("%s: forgotten %v, want %v", c.name, got, gone)
		}
	}
}

// One snapshot with any time at all, anywhere but at the end, in a history of any
// rhythm: what is kept of the others is what would be kept without it. At the end it
// takes at most one place of each kind.
func TestKeepOneLiar(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		p := collect.Policy{Last: r.IntN(4), Hourly: r.IntN(4), Daily: r.IntN(8), Weekly: r.IntN(4), Monthly: r.IntN(4), Yearly: r.IntN(3), Within: time.Duration(r.IntN(100)) * time.Hour}
		p.Last = max(p.Last, 1)
		var honest []collect.Snap
		ms := int64(1_700_000_000_000)
		for i := range 3 + r.IntN(40) {
			ms += int64(1+r.IntN(100*3600)) * 1000
			honest = append(honest, collect.Snap{ID: collect.SnapshotID{byte(i)}, Time: ms, Label: "a"})
		}
		far := ms + int64(r.IntN(1<<40)) + 366*24*3600*1000
		liar := collect.Snap{ID: collect.SnapshotID{255}, Time: far, Label: "a"}
		with := slices.Insert(slices.Clone(honest), r.IntN(len(honest)), liar)
		want, _ := collect.Keep(honest, p)
		keep, _ := collect.Keep(with, p)
		keep = slices.DeleteFunc(keep, func(s collect.Snap) bool { return s.ID == liar.ID })
		for _, s := range want {
			if !slices.ContainsFunc(keep, func(k collect.Snap) bool { return k.ID == s.ID }) {
				t.Fatalf("%+v: kept %v, without the liar %v", p, ids(keep), ids(want))
			}
		}
		keep, _ = collect.Keep(append(slices.Clone(honest), liar), p)
		if lost := len(want) - (len(keep) - 1); lost > 6 {
			t.Fatalf("%+v: %d lost: kept %v, without the liar %v", p, lost, ids(keep), ids(want))
		}
	}
}
