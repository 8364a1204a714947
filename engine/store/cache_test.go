package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/storetest"
)

func all(string, int) bool { return true }

func cache(t *testing.T, s store.Store, dir string, limit int64, keep func(string, int) bool) *store.Cache {
	t.Helper()
	c, err := store.NewCache(s, dir, limit, keep)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func wantGet(t *testing.T, s store.Store, name string, off int64, n int, want []byte) {
	t.Helper()
	got, err := s.Get(t.Context(), name, off, n)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("get %s off %d n %d: %d bytes, error %v; want %d bytes", name, off, n, len(got), err, len(want))
	}
}

func TestCache(t *testing.T) {
	for name, limit := range map[string]int64{"roomy": 1 << 30, "tight": 20_000, "none": 0} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) store.Store { return cache(t, new(store.Mem), t.TempDir(), limit, all) })
		})
	}
}

func TestCacheReadsTheStoreOnce(t *testing.T) {
	var m store.Mem
	dir := t.TempDir()
	data := storetest.Bytes(100_000, 1)
	m.Put(t.Context(), "packs/aa/tree", data)
	m.Put(t.Context(), "packs/aa/media", data)
	keep := func(name string, _ int) bool { return strings.HasSuffix(name, "tree") }
	c := cache(t, &m, dir, 1<<20, keep)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { wantGet(t, c, "packs/aa/tree", int64(i*4000), 5000, data[i*4000:i*4000+5000]) })
	}
	wg.Wait()
	wantGet(t, cache(t, &m, dir, 1<<20, keep), "packs/aa/tree", 99_999, -1, data[99_999:]) // the next process
	if _, err := c.Get(t.Context(), "packs/aa/tree", 99_999, 2); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("beyond the end: %v", err)
	}
	if s := m.ResetStats(); s.Gets != 1 || s.Downloaded != 100_000 {
		t.Errorf("got %+v, want one Get of the whole object", s)
	}
	wantGet(t, c, "packs/aa/media", 5, 10, data[5:15])
	wantGet(t, c, "packs/aa/media", 5, 10, data[5:15])
	if s := m.ResetStats(); s.Gets != 2 || s.Downloaded != 20 {
		t.Errorf("got %+v, want what is not kept to pass through", s)
	}
	c.Put(t.Context(), "new-tree", data)
	wantGet(t, c, "new-tree", 0, -1, data)
	if s := m.Stats(); s.Gets != 0 {
		t.Errorf("what was just put is read from the store")
	}
}

func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	var m store.Mem
	c := cache(t, &m, dir, 50_000, all)
	for i := range 20 {
		c.Put(t.Context(), fmt.Sprint(i), storetest.Bytes(9_000, byte(i)))
		wantGet(t, c, "0", 0, -1, storetest.Bytes(9_000, 0)) // read all the time, so it stays
		if n := folderSize(t, dir); n > 50_000 {
			t.Fatalf("after %d objects the folder has %d bytes", i+1, n)
		}
	}
	if m.Stats().Gets != 0 {
		t.Errorf("the copy read last gave way")
	}
	wantGet(t, c, "1", 0, -1, storetest.Bytes(9_000, 1))
	if m.Stats().Gets != 1 {
		t.Errorf("the copy read longest ago did not give way")
	}
	cache(t, &m, dir, 20_000, all)
	if n := folderSize(t, dir); n > 20_000 {
		t.Errorf("opened with a smaller bound, the folder has %d bytes", n)
	}
}

func folderSize(t *testing.T, dir string) (n int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			n += info.Size()
		}
	}
	return n
}

func TestCacheDeletes(t *testing.T) {
	dir := t.TempDir()
	var m store.Mem
	c := cache(t, &m, dir, 1<<20, all)
	for i := range 4 {
		c.Put(t.Context(), fmt.Sprintf("x/%d", i), []byte("secret"))
	}
	m.Fault = func(op, name string) error {
		if op == "delete" {
			if _, err := os.Stat(filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("at the store's delete the copy: %v", err)
			}
			return errors.New("no")
		}
		return nil
	}
	if err := c.Delete(t.Context(), "x/0"); err == nil {
		t.Error("the store's error is lost")
	}
	m.Fault = nil
	m.Delete(t.Context(), "x/0")
	m.Delete(t.Context(), "x/1") // by another machine
	m.Delete(t.Context(), "x/2")
	for range c.List(t.Context(), "x/3") { // has not looked
	}
	for range c.List(t.Context(), "x/") { // goes on to the end
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 || entries[0].Name() != "x_3" {
		t.Errorf("copies left: %v, want x_3 only", entries)
	}
}

// A copy that was under way while its object was deleted is not kept.
func TestCacheDeleteDuringARead(t *testing.T) {
	dir := t.TempDir()
	var m store.Mem
	m.Put(t.Context(), "a", []byte("secret"))
	c := cache(t, &m, dir, 1<<20, all)
	m.Fault = func(op, name string) error {
		if op == "get done" {
			if err := c.Delete(t.Context(), "a"); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	c.Get(t.Context(), "a", 0, -1)
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("copies left: %v", entries)
	}
}

// Whatever happens to the folder, what is read is what was put.
func TestCacheDamage(t *testing.T) {
	data, other := storetest.Bytes(40_000, 1), storetest.Bytes(40_000, 2)
	for _, c := range []struct {
		name    string
		corrupt func(b []byte, other []byte) []byte
	}{
		{"first byte", func(b, _ []byte) []byte { b[0] ^= 1; return b }},
		{"last byte of content", func(b, _ []byte) []byte { b[39_999] ^= 0x80; return b }},
		{"hash", func(b, _ []byte) []byte { b[40_000] ^= 1; return b }},
		{"magic", func(b, _ []byte) []byte { b[len(b)-16] ^= 1; return b }},
		{"size", func(b, _ []byte) []byte { b[len(b)-8]--; return b }},
		{"size negative", func(b, _ []byte) []byte { b[len(b)-1] = 0xff; return b }},
		{"size huge", func(b, _ []byte) []byte { b[len(b)-1] = 0x7f; return b }},
		{"cut", func(b, _ []byte) []byte { return b[:len(b)-1] }},
		{"cut in half", func(b, _ []byte) []byte { return b[:len(b)/2] }},
		{"empty", func(b, _ []byte) []byte { return nil }},
		{"footer only", func(b, _ []byte) []byte { return append(b[len(b)-16:len(b)-8], make([]byte, 8)...) }},
		{"longer", func(b, _ []byte) []byte { return append(b, 0) }},
		{"another's", func(_, o []byte) []byte { return o }},
		{"shortened", func(b, _ []byte) []byte {
			b = append(b[:16<<10], b[40_000:]...)
			b = append(b[:16<<10+16], b[len(b)-16:]...)
			copy(b[len(b)-8:], []byte{0, 0x40, 0, 0, 0, 0, 0, 0})
			return b
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			var m store.Mem
			cached := cache(t, &m, dir, 1<<20, all)
			cached.Put(t.Context(), "a", data)
			cached.Put(t.Context(), "b", other)
			file := filepath.Join(dir, "a")
			b, err := os.ReadFile(file)
			o, err2 := os.ReadFile(filepath.Join(dir, "b"))
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			b = c.corrupt(b, o)
			for _, r := range [][2]int{{0, -1}, {39_990, 10}, {0, 10}, {16 << 10, 16 << 10}, {39_999, -1}} {
				if err := os.WriteFile(file, b, 0o600); err != nil {
					t.Fatal(err)
				}
				want := data[r[0]:]
				if r[1] >= 0 {
					want = want[:r[1]]
				}
				wantGet(t, cached, "a", int64(r[0]), r[1], want)
				os.WriteFile(file, b, 0o600)
				if _, err := cached.Get(t.Context(), "a", 39_999, 2); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("beyond the end: %v", err)
				}
			}
		})
	}
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "cache")
	var m store.Mem
	c := cache(t, &m, dir, 1<<20, all)
	c.Put(t.Context(), "a", []byte("x"))
	os.RemoveAll(dir) // the folder is gone under its feet
	c.Put(t.Context(), "b", []byte("y"))
	for range 2 {
		wantGet(t, c, "a", 0, -1, []byte("x"))
		wantGet(t, c, "b", 0, -1, []byte("y"))
	}
	for name := range map[string]bool{"a": true, "b": true} {
		if err := c.Delete(t.Context(), name); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
}
