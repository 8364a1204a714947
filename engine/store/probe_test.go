package store_test

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"
	"sync"
	"testing"

	"github.com/dayfold/dayfold/engine/store"
)

// broken is a store that breaks one promise.
type broken struct {
	*store.Mem
	overwrites, racy, stale, wrongRange, noEnd, weak bool

	mu   sync.Mutex
	past map[string]int
}

func (b *broken) Put(ctx context.Context, name string, data []byte) error {
	err := b.Mem.Put(ctx, name, data)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.past == nil {
		b.past = make(map[string]int)
	}
	b.past[name]++
	if errors.Is(err, fs.ErrExist) && (b.overwrites || b.racy && strings.Contains(name, "race") && b.past[name] < 4) {
		b.Mem.Delete(ctx, name)
		return b.Mem.Put(ctx, name, data)
	}
	return err
}

func (b *broken) Get(ctx context.Context, name string, off int64, n int) ([]byte, error) {
	if b.wrongRange {
		off = 0
	}
	data, err := b.Mem.Get(ctx, name, off, n)
	if b.noEnd && err != nil && !errors.Is(err, fs.ErrNotExist) {
		return b.Mem.Get(ctx, name, off, -1)
	}
	return data, err
}

func (b *broken) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	if b.stale {
		return func(func(store.Info, error) bool) {}
	}
	return b.Mem.List(ctx, prefix)
}

func (b *broken) Capabilities() store.Capabilities {
	return store.Capabilities{CreateIfAbsent: !b.weak, ConsistentList: true, Durable: true}
}

func TestProbeFindsWhatAStoreCannotDo(t *testing.T) {
	all := store.Capabilities{CreateIfAbsent: true, ConsistentList: true, Durable: true}
	for _, c := range []struct {
		name string
		s    *broken
		want store.Capabilities
		fit  bool
	}{
		{"sound", &broken{}, all, true},
		{"several winners", &broken{racy: true}, store.Capabilities{ConsistentList: true, Durable: true}, true},
		{"late listing", &broken{stale: true}, store.Capabilities{CreateIfAbsent: true, Durable: true}, true},
		{"declared weak", &broken{weak: true}, store.Capabilities{ConsistentList: true, Durable: true}, true},
		{"overwrites", &broken{overwrites: true}, store.Capabilities{}, false},
		{"wrong range", &broken{wrongRange: true}, store.Capabilities{}, false},
		{"short answers", &broken{noEnd: true}, store.Capabilities{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.s.Mem = new(store.Mem)
			got, err := store.Probe(t.Context(), c.s)
			if got.Capabilities != c.want || (err == nil) != c.fit {
				t.Errorf("got %+v, error %v; want %+v, fit: %v", got, err, c.want, c.fit)
			}
			for info := range c.s.Mem.List(t.Context(), "") {
				t.Errorf("the probe left %s", info.Name)
			}
		})
	}
}

func TestProbeCleansUpAfterAFault(t *testing.T) {
	var m store.Mem
	n := 0
	m.Fault = func(op, name string) error {
		if op == "put done" {
			if n++; n == 3 {
				return errors.New("lost")
			}
		}
		return nil
	}
	if _, err := store.Probe(t.Context(), &m); err == nil {
		t.Error("the fault was not reported")
	}
	for info := range m.List(t.Context(), "") {
		t.Errorf("the probe left %s", info.Name)
	}
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"config": true, "packs/ab/abc": true, "a.b-c/1.2": true, "": false, "a/..": false, "..a": false, "a..": false, "a..b": true, "Ab": false,
	} {
		if got := store.ValidName(name); got != want {
			t.Errorf("ValidName(%q) = %v, want %v", name, got, want)
		}
	}
	for prefix, want := range map[string]bool{"": true, "a/": true, "a/b.": true, "a/.": false, "/": false, "a//": false} {
		if got := store.ValidPrefix(prefix); got != want {
			t.Errorf("ValidPrefix(%q) = %v, want %v", prefix, got, want)
		}
	}
}
