package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine"
)

func TestExponent(t *testing.T) {
	x := []float64{1e5, 1e6, 1e7}
	for _, c := range []struct {
		y    []float64
		want float64
	}{{[]float64{2, 20, 200}, 1}, {[]float64{3, 3, 3}, 0}, {[]float64{1, 0, 100}, 1}, {[]float64{1, 10 * math.Sqrt(10), 1000}, 1.5}} {
		if got := exponent(x, c.y); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v: got %v, want %v", c.y, got, c.want)
		}
	}
	for _, y := range [][]float64{{5, 0, 0}, {0, 0, 0}} {
		if got := exponent(x, y); !math.IsNaN(got) {
			t.Errorf("%v: got %v, want none", y, got)
		}
	}
}

// The feed of a day leads from one day's history to the next.
func TestFeedIsTheDifference(t *testing.T) {
	day := func(n int64) (history, map[string]string) {
		h := history{n: 5000, share: 10, day: n}
		m := map[string]string{}
		for it, err := range h.Items(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			m[string(it.Key)] = string(it.Inline)
		}
		return h, m
	}
	_, got := day(1)
	h, want := day(2)
	changes := 0
	for c, err := range h.feed() {
		if err != nil {
			t.Fatal(err)
		}
		if changes++; c.New == nil {
			delete(got, string(c.Old.Key))
			continue
		}
		got[string(c.New.Key)] = string(c.New.Inline)
	}
	if changes < perDay+deletions/2+edits/2 {
		t.Errorf("%d changes a day", changes)
	}
	gone, _ := h.changes()
	for key := range got {
		if _, ok := want[key]; !ok && !strings.HasPrefix(key, "p/") { // media go with their last namer
			t.Errorf("%s is left", key)
		}
	}
	for key, text := range want {
		if got[key] != text {
			t.Errorf("%s: got %q, want %q", key, got[key], text)
		}
	}
	if len(gone) == 0 {
		t.Error("nothing was deleted")
	}
}

// All steps at a small size, in one process: they build on each other.
func TestStepsDoWhatTheySay(t *testing.T) {
	work := t.TempDir()
	var points []point
	for _, st := range stepNames {
		p, err := do(t.Context(), st, work, 20_000, 50)
		if err != nil {
			t.Fatalf("%s: %v", st, err)
		}
		points = append(points, p)
	}
	first, day, amend := points[0], points[1], points[2]
	if day.Bytes == 0 || day.Bytes > first.Bytes/2 || amend.Bytes == 0 || amend.Loaded == 0 || amend.Saved == 0 {
		t.Errorf("got %+v", points)
	}
	a, err := open(t.Context(), work, history{n: 20_000, share: 400, day: 2}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	rep, err := a.Backup(t.Context(), history{n: 20_000, share: 400, day: 2}, engine.BackupOptions{})
	if err != nil || !rep.Unchanged {
		t.Errorf("a whole day has other trees than the feed: %+v, %v", rep, err)
	}
	if _, err := do(t.Context(), "dance", work, 20_000, 50); err == nil {
		t.Error("no error for an unknown step")
	}
	for i, p := range points {
		p.Items = 40_000
		points = append(points, p)
		points[i].Peak, p.Peak = 1<<20, 1<<20
	}
	along := func(p point) int64 { return p.Items }
	var out bytes.Buffer
	if err := table(&out, points, along); err != nil || !strings.Contains(out.String(), "exponent") {
		t.Errorf("got %v\n%s", err, out.String())
	}
	dir := t.TempDir()
	if err := draw(dir, points, along); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"growth.json", "time.svg", "time.png", "bytes.png", "saved.svg"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}
