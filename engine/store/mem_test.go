package store_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/storetest"
)

func TestMem(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return new(store.Mem) })
}

func TestMemCounts(t *testing.T) {
	var m store.Mem
	ctx := t.Context()
	m.Put(ctx, "a", make([]byte, 100))
	m.Put(ctx, "a", make([]byte, 100))
	m.Get(ctx, "a", 10, 20)
	m.Get(ctx, "b", 0, -1)
	for range m.List(ctx, "") {
	}
	m.Delete(ctx, "a")
	want := store.Stats{Puts: 2, Gets: 2, Lists: 1, Deletes: 1, Uploaded: 100, Downloaded: 20}
	if got := m.ResetStats(); got != want || got.Requests() != 6 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := m.Stats(); got != (store.Stats{}) {
		t.Errorf("after a reset: %+v", got)
	}
}

func TestMemFaultBeforeAndAfter(t *testing.T) {
	var m store.Mem
	ctx := t.Context()
	crash := errors.New("crash")
	at := ""
	m.Fault = func(op, name string) error {
		if op+" "+name == at {
			return crash
		}
		return nil
	}
	for _, c := range []struct {
		at     string
		exists bool // the object afterwards
	}{{"put a", false}, {"put done a", true}, {"delete a", true}, {"delete done a", false}} {
		at = c.at
		var err error
		if strings.HasPrefix(at, "put") {
			err = m.Put(ctx, "a", nil)
		} else {
			err = m.Delete(ctx, "a")
		}
		at = ""
		_, there := m.Get(ctx, "a", 0, -1)
		if !errors.Is(err, crash) || (there == nil) != c.exists {
			t.Errorf("%s: error %v, then get says %v; want a crash, and object there: %v", c.at, err, there, c.exists)
		}
	}
}

func TestMemCloneAndCorrupt(t *testing.T) {
	var m store.Mem
	m.Put(t.Context(), "a", []byte("abc"))
	c := m.Clone()
	if !c.Corrupt("a", func(b []byte) []byte { b[0] = 'x'; return b }) || c.Corrupt("b", nil) {
		t.Error("corrupt misjudged what is there")
	}
	for _, s := range []struct {
		m    *store.Mem
		want string
	}{{&m, "abc"}, {c, "xbc"}} {
		if got, err := s.m.Get(t.Context(), "a", 0, -1); string(got) != s.want || err != nil {
			t.Errorf("got %q, error %v, want %q", got, err, s.want)
		}
	}
	c.Corrupt("a", func([]byte) []byte { return nil })
	if _, err := c.Get(t.Context(), "a", 0, -1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after its loss: %v", err)
	}
}
