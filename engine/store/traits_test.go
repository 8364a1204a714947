package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine/store"
)

// teller is a place that tells, after so many failures.
type teller struct {
	*store.Mem
	traits   store.Traits
	failures int
}

func (t *teller) Traits(context.Context) (store.Traits, error) {
	if t.failures--; t.failures >= 0 {
		return store.Traits{}, &store.Temporary{Err: errors.New("busy")}
	}
	return t.traits, nil
}

func TestKeeps(t *testing.T) {
	for _, c := range []struct {
		traits store.Traits
		want   store.Answer
	}{
		{store.Traits{}, store.Unknown},
		{store.Traits{Versions: store.No, Locks: store.No, Trash: store.No}, store.No},
		{store.Traits{Versions: store.No, Locks: store.No}, store.Unknown},
		{store.Traits{Trash: store.Yes}, store.Yes},
		{store.Traits{Versions: store.Yes, Locks: store.No, Trash: store.No}, store.Yes},
		{store.Traits{Versions: store.No, Locks: store.Yes, Trash: store.No}, store.Yes},
	} {
		if got := c.traits.Keeps(); got != c.want {
			t.Errorf("%+v keeps: %v, want %v", c.traits, got, c.want)
		}
	}
}

// What stands around a store tells what it does.
func TestTraitsPassThrough(t *testing.T) {
	want := store.Traits{Versions: store.Yes, Locks: store.No, Clock: time.Unix(1e9, 0)}
	place := func() store.Store { return &teller{Mem: new(store.Mem), traits: want, failures: 2} }
	retry := store.NewRetry(place(), store.RetryOptions{First: time.Microsecond})
	for name, s := range map[string]store.Store{
		"retry": retry, "limit": store.NewLimit(retry, 0, 0), "meter": store.NewMeter(retry),
		"cache": cache(t, retry, t.TempDir(), 1, all),
	} {
		if got, err := store.Ask(t.Context(), s); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
	if _, err := store.Ask(t.Context(), place()); !store.IsTemporary(err) {
		t.Errorf("without retries: %v, want a temporary error", err)
	}
	if got, err := store.Ask(t.Context(), &broken{Mem: new(store.Mem)}); err != nil || got.Keeps() != store.No {
		t.Errorf("a store around one in memory: %+v, %v", got, err)
	}
	if got, err := store.Ask(t.Context(), struct{ store.Store }{}); err != nil || got != (store.Traits{}) {
		t.Errorf("a store that does not tell: %+v, %v", got, err)
	}
}

func TestProbeTellsTheRest(t *testing.T) {
	ahead := store.Traits{Locks: store.Yes, Clock: time.Now().Add(25 * time.Hour)}
	got, err := store.Probe(t.Context(), &teller{Mem: new(store.Mem), traits: ahead})
	if err != nil || got.Traits != ahead || got.Skew.Round(time.Minute) != 25*time.Hour || got.LongestName != store.MaxName {
		t.Errorf("got %+v, %v", got, err)
	}
	m := new(store.Mem)
	m.Fault = func(op, name string) error {
		if op == "put" && len(name) > 130 {
			return errors.New("file name too long")
		}
		return nil
	}
	if got, err := store.Probe(t.Context(), m); err != nil || got.LongestName != 128 {
		t.Errorf("with short names: %+v, %v", got, err)
	}
	m.Fault = func(op, name string) error {
		if op == "put" && len(name) > 99 {
			return errors.New("file name too long")
		}
		return nil
	}
	if _, err := store.Probe(t.Context(), m); err == nil {
		t.Error("a place without room for our names is fit")
	}
}
