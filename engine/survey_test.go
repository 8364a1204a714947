package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
)

// varied is a history with an item for each reason to stay out, in any order.
func varied(r *rand.Rand) *chat {
	c := newChat("a")
	c.order = r
	c.say("g1", 1, day0.AddDate(-2, 0, 0), "old", c.photo("old", day0.AddDate(-2, 0, 0), 500))
	c.say("g1", 2, day0, "new", c.photo("new", day0, 500), c.photo("both", day0, 700))
	c.say("g2", 3, day0, "other", c.photo("other", day0, 500), c.photo("both", day0, 700))
	c.change(c.photo("once", day0, 1000), func(it *engine.Item) { it.ViewOnce = true })
	c.change(c.say("g1", 4, day0, "gone in an hour", c.photo("soon", day0, 1000)), func(it *engine.Item) { it.Expires = day0.Add(time.Hour) })
	c.change(c.say("g1", 5, day0, "a timer of an hour"), func(it *engine.Item) { it.Timer = time.Hour })
	c.change(c.say("g1", 6, day0, "x"), func(it *engine.Item) { it.Stamp = make([]byte, 1000) })
	return c
}

// Survey says of any history what a dry run of Backup says, and reads nothing.
func TestSurveySaysWhatBackupWould(t *testing.T) {
	f := create(t)
	for _, rules := range []engine.Rules{{}, {TextOnly: true}, {MediaDays: 30}, {Since: day0.AddDate(-1, 0, 0)},
		{Exclude: [][]byte{[]byte("g2")}}, {Include: [][]byte{[]byte("g2")}}} {
		c := varied(rand.New(rand.NewPCG(1, 2)))
		want, err := f.a.Backup(t.Context(), c, engine.BackupOptions{Rules: rules, DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		c.opened.Store(0)
		visited := map[string]int64{}
		got, err := rules.Survey(t.Context(), c, day0, func(_ *engine.Item, reason string) error {
			visited[reason]++
			return nil
		})
		if err != nil || c.opened.Load() != 0 {
			t.Fatalf("%v, %d contents opened", err, c.opened.Load())
		}
		for _, r := range []*engine.Report{&want, &got} {
			if r.Missing != 1 || len(r.Problems) != 1 {
				t.Errorf("%+v: problems %v, want the stamp's", rules, r.Problems)
			}
		}
		if got.Items != want.Items || got.Bytes != want.Bytes || fmt.Sprint(got.Excluded) != fmt.Sprint(want.Excluded) {
			t.Errorf("%+v: %d items of %d bytes, without %v, want %d, %d, %v", rules, got.Items, got.Bytes, got.Excluded, want.Items, want.Bytes, want.Excluded)
		}
		if visited[""] != got.Items {
			t.Errorf("%+v: visited %v", rules, visited)
		}
	}
}

func TestSurveyEndsWithAnErrorOfTheVisit(t *testing.T) {
	c := varied(nil)
	rep, err := engine.Rules{}.Survey(t.Context(), c, day0, func(it *engine.Item, _ string) error {
		if it.Kind == engine.Media {
			return &engine.Problem{Key: it.Key, Err: io.ErrUnexpectedEOF}
		}
		return nil
	})
	if err != nil || rep.Missing != 7 {
		t.Errorf("%v, %d missing, want the 6 media and a stamp", err, rep.Missing)
	}
	if _, err := (engine.Rules{}).Survey(t.Context(), c, day0, func(*engine.Item, string) error { return io.EOF }); !errors.Is(err, io.EOF) {
		t.Errorf("Survey = %v, want the visit's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (engine.Rules{}).Survey(ctx, c, day0, func(*engine.Item, string) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Survey = %v, want context.Canceled", err)
	}
}
