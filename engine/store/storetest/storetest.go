// Package storetest holds a store to its contract: every sentence of [store.Store] is a
// test here, and every store of this module passes them all.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine/store"
)

// Run checks the contract. Each part calls open for a store of its own, which must be
// empty; many may be open at once. What only some places can do is checked where
// [store.Declared] claims it, and never where it does not.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, part := range []struct {
		name string
		test func(*testing.T, store.Store)
	}{
		{"PutGet", putGet}, {"Ranges", ranges}, {"Missing", missing}, {"Taken", taken}, {"Owns", owns},
		{"ListOrder", listOrder}, {"ListMany", listMany}, {"ListMeanwhile", listMeanwhile}, {"Delete", remove},
		{"Names", names}, {"Cancelled", cancelled}, {"Big", big}, {"Concurrent", concurrent}, {"Race", race},
		{"Probe", probe},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, open(t)) })
	}
}

// Bytes are n bytes that no compression or hole can shorten, always the same for a seed.
func Bytes(n int, seed byte) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b) // never fails
	return b
}

func put(t *testing.T, s store.Store, name string, data []byte) {
	t.Helper()
	if err := s.Put(t.Context(), name, data); err != nil {
		t.Fatalf("put: %v", err)
	}
}

func want(t *testing.T, s store.Store, name string, data []byte) {
	t.Helper()
	got, err := s.Get(t.Context(), name, 0, -1)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("get %s: got %d bytes, error %v; want the %d bytes that were put", name, len(got), err, len(data))
	}
}

func list(t *testing.T, s store.Store, prefix string) []store.Info {
	t.Helper()
	var infos []store.Info
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		infos = append(infos, info)
	}
	return infos
}

// wantError checks the sentinel and that the error names the call, and only the call.
func wantError(t *testing.T, err, sentinel error, op, name string) {
	t.Helper()
	var path *fs.PathError
	if !errors.Is(err, sentinel) {
		t.Errorf("%s %.20q: error %v, want %v", op, name, err, sentinel)
	} else if !errors.As(err, &path) || path.Op != op || path.Path != name {
		t.Errorf("%s %.20q: error %q, want a PathError of the call", op, name, err)
	}
}

func putGet(t *testing.T, s store.Store) {
	for i, n := range []int{0, 1, 4095, 4096, 100_000} {
		name := fmt.Sprintf("packs/%02x/object-%d.x", i, n)
		put(t, s, name, Bytes(n, byte(i)))
		want(t, s, name, Bytes(n, byte(i)))
	}
	put(t, s, "config", []byte("at the top"))
	want(t, s, "config", []byte("at the top"))
	long := strings.Repeat("a", store.MaxName-10) + "/bcdefghij"
	put(t, s, long[:100]+"/"+long[101:], []byte("long"))
	want(t, s, long[:100]+"/"+long[101:], []byte("long"))
}

func ranges(t *testing.T, s store.Store) {
	data := Bytes(10_000, 1)
	put(t, s, "a/b", data)
	put(t, s, "a/empty", nil)
	for _, r := range []struct {
		name string
		off  int64
		n    int
		want []byte
		err  error
	}{
		{"a/b", 0, 10_000, data, nil},
		{"a/b", 0, -1, data, nil},
		{"a/b", 0, -7, data, nil},
		{"a/b", 1234, -1, data[1234:], nil},
		{"a/b", 1234, 4321, data[1234 : 1234+4321], nil},
		{"a/b", 9_999, 1, data[9_999:], nil},
		{"a/b", 9_999, -1, data[9_999:], nil},
		{"a/b", 0, 1, data[:1], nil},
		{"a/b", 0, 0, nil, nil},
		{"a/b", 5_000, 0, nil, nil},
		{"a/b", 10_000, 0, nil, nil},
		{"a/b", 10_000, -1, nil, nil},
		{"a/b", 10_000, 1, nil, io.ErrUnexpectedEOF},
		{"a/b", 9_999, 2, nil, io.ErrUnexpectedEOF},
		{"a/b", 0, 10_001, nil, io.ErrUnexpectedEOF},
		{"a/b", 10_001, 0, nil, io.ErrUnexpectedEOF},
		{"a/b", 10_001, -1, nil, io.ErrUnexpectedEOF},
		{"a/b", 1 << 62, 1 << 30, nil, io.ErrUnexpectedEOF},
		{"a/b", -1, 1, nil, fs.ErrInvalid},
		{"a/empty", 0, -1, nil, nil},
		{"a/empty", 0, 0, nil, nil},
		{"a/empty", 0, 1, nil, io.ErrUnexpectedEOF},
		{"a/empty", 1, -1, nil, io.ErrUnexpectedEOF},
	} {
		got, err := s.Get(t.Context(), r.name, r.off, r.n)
		if !errors.Is(err, r.err) || !bytes.Equal(got, r.want) {
			t.Errorf("get %s off %d n %d: got %d bytes, error %v; want %d bytes, error %v",
				r.name, r.off, r.n, len(got), err, len(r.want), r.err)
		} else if err != nil {
			wantError(t, err, r.err, "get", r.name)
		}
		if r.n < 0 || r.n > 1<<20 {
			continue
		}
		into := make([]byte, r.n)
		if err := store.GetInto(t.Context(), s, r.name, r.off, into); !errors.Is(err, r.err) || err == nil && !bytes.Equal(into, r.want) {
			t.Errorf("get into %s off %d n %d: error %v, want %d bytes, error %v", r.name, r.off, r.n, err, len(r.want), r.err)
		} else if err != nil {
			wantError(t, err, r.err, "get", r.name)
		}
	}
}

func missing(t *testing.T, s store.Store) {
	if got := list(t, s, ""); len(got) != 0 {
		t.Fatalf("a new store lists %v", got)
	}
	if got := list(t, s, "packs/"); len(got) != 0 {
		t.Errorf("a new store lists %v", got)
	}
	for _, n := range []int{-1, 0, 1} {
		_, err := s.Get(t.Context(), "packs/aa/none", 0, n)
		wantError(t, err, fs.ErrNotExist, "get", "packs/aa/none")
	}
	put(t, s, "packs/aa/one", []byte("x"))
	for _, name := range []string{"packs/aa/none", "packs/aa", "packs", "none"} {
		_, err := s.Get(t.Context(), name, 0, -1)
		wantError(t, err, fs.ErrNotExist, "get", name)
	}
}

func taken(t *testing.T, s store.Store) {
	first := Bytes(5000, 1)
	put(t, s, "snapshots/a/1", first)
	for _, data := range [][]byte{Bytes(5000, 2), Bytes(10, 3), nil, first} {
		wantError(t, s.Put(t.Context(), "snapshots/a/1", data), fs.ErrExist, "put", "snapshots/a/1")
		want(t, s, "snapshots/a/1", first)
	}
	if got := list(t, s, ""); len(got) != 1 || got[0] != (store.Info{Name: "snapshots/a/1", Size: 5000}) {
		t.Errorf("list after refused puts: %v, want the one object", got)
	}
}

// owns: Put keeps nothing of what it is given, Get gives away what it returns.
func owns(t *testing.T, s store.Store) {
	data, keep := Bytes(100, 1), Bytes(100, 1)
	put(t, s, "a", data)
	if !bytes.Equal(data, keep) {
		t.Error("put changed its argument")
	}
	clear(data)
	want(t, s, "a", keep)
	got, err := s.Get(t.Context(), "a", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	clear(got)
	_ = append(got, got...)
	want(t, s, "a", keep)
}

func listOrder(t *testing.T, s store.Store) {
	all := []string{
		"a", "b-c", "b.c", "b/a", "b/c-d/a", "b/c.d/a", "b/c/d", "b/c/e/f", "b/c0", "b0/z", "bb",
		"packs/aa/0", "packs/aa/1", "packs/ab/0", "packs-x/1",
	}
	slices.Sort(all)
	for i, at := range rand.New(rand.NewPCG(1, 2)).Perm(len(all)) {
		put(t, s, all[at], Bytes(at*10, byte(i)))
	}
	for _, prefix := range []string{"", "a", "b", "b/", "b/c", "b/c/", "b/c/e/f", "b/c/e/f0", "packs", "packs/", "packs/a", "packs/aa",
		"packs/aa/", "packs/ab/0", "x", "b/c.", "packs-"} {
		var want []store.Info
		for i, name := range all {
			if strings.HasPrefix(name, prefix) {
				want = append(want, store.Info{Name: name, Size: int64(i * 10)})
			}
		}
		if got := list(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("list %q:\ngot  %v\nwant %v", prefix, got, want)
		}
	}
	for range s.List(t.Context(), "") {
		break // the body may end early
	}
	for _, prefix := range []string{"/", "B", "a//", "..", "a/../", "ü", ".", strings.Repeat("a", 201)} {
		for info, err := range s.List(t.Context(), prefix) {
			if err == nil {
				t.Errorf("list %q yields %v", prefix, info)
				break
			}
			wantError(t, err, fs.ErrInvalid, "list", prefix)
		}
	}
}

// listMany lists more than one page of every server that we know.
func listMany(t *testing.T, s store.Store) {
	const n = 1101
	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf("packs/%02x/%04d", i%3, i))
	}
	each(t, want, func(i int, name string) error { return s.Put(t.Context(), name, []byte(name)) })
	slices.Sort(want)
	var got []string
	for _, info := range list(t, s, "packs/") {
		if got = append(got, info.Name); info.Size != int64(len(info.Name)) {
			t.Errorf("%s has size %d", info.Name, info.Size)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %d names, want the %d that were put, in order", len(got), n)
	}
	each(t, want, func(i int, name string) error { return s.Delete(t.Context(), name) })
	if got := list(t, s, ""); len(got) != 0 {
		t.Errorf("after deleting all, %d are listed", len(got))
	}
}

// each calls f for every name, eight at a time.
func each(t *testing.T, names []string, f func(i int, name string) error) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < len(names); i += 8 {
				if err := f(i, names[i]); err != nil {
					t.Errorf("%v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// listMeanwhile: what stays is yielded exactly once, whatever the body does.
func listMeanwhile(t *testing.T, s store.Store) {
	for i := range 40 {
		put(t, s, fmt.Sprintf("x/%02d", i), nil)
	}
	seen := make(map[string]int)
	for info, err := range s.List(t.Context(), "x/") {
		if err != nil {
			t.Fatal(err)
		}
		seen[info.Name]++
		i := 0
		fmt.Sscanf(info.Name, "x/%d", &i)
		if i%2 == 1 {
			if err := s.Delete(t.Context(), info.Name); err != nil {
				t.Error(err)
			}
			put(t, s, fmt.Sprintf("x/%02d-new", i), nil)
		}
	}
	for i := 0; i < 40; i += 2 {
		if n := seen[fmt.Sprintf("x/%02d", i)]; n != 1 {
			t.Errorf("x/%02d was listed %d times", i, n)
		}
	}
}

func remove(t *testing.T, s store.Store) {
	ctx := t.Context()
	if err := s.Delete(ctx, "never/was/here"); err != nil {
		t.Errorf("delete of nothing: %v", err)
	}
	put(t, s, "a/b/c", []byte("one"))
	put(t, s, "a/b/d", []byte("other"))
	for range 2 {
		if err := s.Delete(ctx, "a/b/c"); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	_, err := s.Get(ctx, "a/b/c", 0, -1)
	wantError(t, err, fs.ErrNotExist, "get", "a/b/c")
	if got := list(t, s, ""); len(got) != 1 {
		t.Errorf("list after delete: %v", got)
	}
	put(t, s, "a/b/c", []byte("two"))
	want(t, s, "a/b/c", []byte("two"))
	s.Delete(ctx, "a/b") // a directory, if anything: either answer will do
	want(t, s, "a/b/c", []byte("two"))
	want(t, s, "a/b/d", []byte("other"))
}

func names(t *testing.T, s store.Store) {
	for _, name := range []string{"", ".", "..", "/", "/a", "a/", "a//b", "a/./b", "a/../b", "../a", ".a", "a/.b", "a.", "a./b",
		"A", "a_b", "a b", "a\\b", "a:b", "a\x00", "a\n", "ä", "a/\xff", "%2e%2e/a", "a?b", "a#b", "~a", strings.Repeat("a", 201)} {
		wantError(t, s.Put(t.Context(), name, []byte("x")), fs.ErrInvalid, "put", name)
		_, err := s.Get(t.Context(), name, 0, -1)
		wantError(t, err, fs.ErrInvalid, "get", name)
		wantError(t, s.Delete(t.Context(), name), fs.ErrInvalid, "delete", name)
	}
	if got := list(t, s, ""); len(got) != 0 {
		t.Errorf("after refused names: %v", got)
	}
}

func cancelled(t *testing.T, s store.Store) {
	put(t, s, "a", []byte("x"))
	ctx, cancel := context.WithCancelCause(t.Context())
	because := errors.New("because")
	cancel(because)
	wantError(t, s.Put(ctx, "b", []byte("x")), because, "put", "b")
	_, err := s.Get(ctx, "a", 0, -1)
	wantError(t, err, because, "get", "a")
	wantError(t, s.Delete(ctx, "a"), because, "delete", "a")
	n := 0
	for _, err := range s.List(ctx, "") {
		n++
		wantError(t, err, because, "list", "")
	}
	if n != 1 {
		t.Errorf("a cancelled list yields %d times, want one error", n)
	}
	want(t, s, "a", []byte("x"))
	if got := list(t, s, ""); len(got) != 1 {
		t.Errorf("after cancelled calls: %v, want the one object", got)
	}
}

func big(t *testing.T, s store.Store) {
	data := Bytes(8<<20, 9)
	put(t, s, "packs/ff/big", data)
	want(t, s, "packs/ff/big", data)
	got, err := s.Get(t.Context(), "packs/ff/big", 8<<20-65536, 65536)
	if err != nil || !bytes.Equal(got, data[8<<20-65536:]) {
		t.Errorf("the last 64 KiB: %d bytes, %v", len(got), err)
	}
	if got := list(t, s, "packs/ff/big"); len(got) != 1 || got[0].Size != 8<<20 {
		t.Errorf("list: %v", got)
	}
}

// concurrent: many calls of every kind at once do not disturb each other.
func concurrent(t *testing.T, s store.Store) {
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 6 {
				name := fmt.Sprintf("packs/%02x/%d-%d", i, w, i)
				data := Bytes(3000+w*100+i, byte(w*16+i))
				if err := s.Put(t.Context(), name, data); err != nil {
					t.Errorf("put: %v", err)
				}
				got, err := s.Get(t.Context(), name, 0, -1)
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s: %d bytes, error %v; want what was put", name, len(got), err)
				}
				n := 0
				for info, err := range s.List(t.Context(), name) {
					if n++; err != nil || info != (store.Info{Name: name, Size: int64(len(data))}) {
						t.Errorf("listed %v, error %v; want %s", info, err, name)
					}
				}
				if err := s.Delete(t.Context(), name); n != 1 || err != nil {
					t.Errorf("listed %d times; delete: %v", n, err)
				}
			}
		})
	}
	wg.Wait()
}

// race: of 32 writers of one name exactly one wins, and its bytes lie there.
func race(t *testing.T, s store.Store) {
	if !store.Declared(s).CreateIfAbsent {
		return // the store says that it cannot
	}
	for round := range 5 {
		name := fmt.Sprintf("gc/fence/%d", round)
		var wg sync.WaitGroup
		var errs [32]error
		start := make(chan struct{})
		for w := range errs {
			wg.Go(func() {
				<-start
				errs[w] = s.Put(t.Context(), name, Bytes(2000, byte(w)))
			})
		}
		close(start)
		wg.Wait()
		winner, winners := 0, 0
		for w, err := range errs {
			if err == nil {
				winner, winners = w, winners+1
			} else {
				wantError(t, err, fs.ErrExist, "put", name)
			}
		}
		if winners != 1 {
			t.Fatalf("round %d: %d winners", round, winners)
		}
		want(t, s, name, Bytes(2000, byte(winner)))
	}
}

func probe(t *testing.T, s store.Store) {
	put(t, s, "config", nil)
	got, err := store.Probe(t.Context(), s)
	if declared := store.Declared(s); err != nil || got.Capabilities != declared || got.LongestName != store.MaxName || got.Skew.Abs() > time.Hour {
		t.Errorf("probe: got %+v, error %v; want what is declared, %+v", got, err, declared)
	}
	if got := list(t, s, ""); len(got) != 1 {
		t.Errorf("the probe left %v", got)
	}
}
