// Package signaltest holds what the tests of Signal's readers and writers share: a
// history in memory, and a local backup with one of everything.
package signaltest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"slices"
	"testing"

	"github.com/dayfold/dayfold/engine"
)

// A History keeps what a source yielded, as an archive would: without what may be
// seen once. It is an engine.History.
type History struct {
	info     engine.SourceInfo
	items    map[string]engine.Item
	keys     []string
	Once     []string // keys of items that may be seen once
	Problems []*engine.Problem
}

// Collect reads a whole source, contents included. An error that is no problem of one
// item is returned with what was read until then.
func Collect(src engine.Source) (*History, error) {
	h := &History{info: src.Info(), items: map[string]engine.Item{}}
	ctx := context.Background()
	for it, err := range src.Items(ctx) {
		var p *engine.Problem
		switch {
		case errors.As(err, &p):
			h.Problems = append(h.Problems, p)
			continue
		case err != nil:
			return h, err
		case it.ViewOnce:
			h.Once = append(h.Once, string(it.Key))
			continue
		}
		if err := h.keep(ctx, it); errors.As(err, &p) {
			h.Problems = append(h.Problems, p)
		} else if err != nil {
			return h, err
		}
	}
	for key := range h.items {
		h.keys = append(h.keys, key)
	}
	slices.Sort(h.keys)
	return h, nil
}

func (h *History) keep(ctx context.Context, it engine.Item) error {
	if it.Open != nil {
		r, err := it.Open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		it.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
	}
	if _, ok := h.items[string(it.Key)]; ok {
		return errors.New("two items have one key: " + string(it.Key))
	}
	h.items[string(it.Key)] = it
	return nil
}

// Info returns the source's.
func (h *History) Info() engine.SourceInfo { return h.info }

// Items yields all items in key order.
func (h *History) Items(context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		for _, key := range h.keys {
			if !yield(h.items[key], nil) {
				return
			}
		}
	}
}

// Item returns one item.
func (h *History) Item(_ context.Context, key []byte) (engine.Item, error) {
	it, ok := h.items[string(key)]
	if !ok {
		return it, fs.ErrNotExist
	}
	return it, nil
}

// Keys returns the keys in order.
func (h *History) Keys() []string { return h.keys }

// Remove takes an item out.
func (h *History) Remove(key string) {
	delete(h.items, key)
	h.keys = slices.DeleteFunc(h.keys, func(k string) bool { return k == key })
}

// Content returns an item's content.
func (h *History) Content(t testing.TB, key string) []byte {
	t.Helper()
	it, ok := h.items[key]
	if !ok {
		t.Fatalf("no item %q", key)
	}
	if it.Open == nil {
		return it.Inline
	}
	r, err := it.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Prefix yields the items whose keys begin with prefix, in key order.
func (h *History) Prefix(_ context.Context, prefix []byte) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		for _, key := range h.keys {
			if bytes.HasPrefix([]byte(key), prefix) && !yield(h.items[key], nil) {
				return
			}
		}
	}
}
