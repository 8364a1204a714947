package index_test

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

func keysOf(t testing.TB, n byte) *seal.Keys {
	t.Helper()
	k, err := seal.NewArchiveKey(rand.NewChaCha8([32]byte{n}))
	if err != nil {
		t.Fatal(err)
	}
	return seal.Derive(k, nil)
}

func open(t testing.TB, dir string) *index.DB {
	t.Helper()
	db, err := index.Open(dir, index.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// archive returns archive n of a database.
func archive(t testing.TB, db *index.DB, n byte) *index.Archive {
	return db.Archive([16]byte{n}, keysOf(t, n))
}

// packed makes up the table of a pack with n blobs.
func packed(seed uint32, class pack.Class, n int) pack.Packed {
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(class.Kind)})
	p := pack.Packed{Size: 1 << 20, Table: pack.Table{Class: class}}
	_, _ = r.Read(p.Name[:])
	off := uint32(seal.HeaderSize)
	for range n {
		b := pack.Blob{Off: off, Len: 100}
		_, _ = r.Read(b.ID[:])
		p.Table.Blobs = append(p.Table.Blobs, b)
		off += b.Len
	}
	return p
}

func add(t testing.TB, a *index.Archive, packs ...pack.Packed) {
	t.Helper()
	if err := a.Add(packs...); err != nil {
		t.Fatal(err)
	}
}

func place(p pack.Packed, i int) index.Place {
	b := p.Table.Blobs[i]
	return index.Place{Pack: p.Name, Class: p.Table.Class, Off: b.Off, Len: b.Len}
}

func all(pack.Name) bool { return true }

var (
	tree      = pack.Class{Kind: pack.Tree}
	permanent = pack.Class{Kind: pack.Permanent}
)

func day(d uint32) pack.Class { return pack.Class{Kind: pack.Expiring, Day: d} }

// everywhere runs a test on a database in memory and on one on disk.
func everywhere(t *testing.T, test func(t *testing.T, db *index.DB)) {
	t.Run("memory", func(t *testing.T) { test(t, open(t, "")) })
	t.Run("disk", func(t *testing.T) { test(t, open(t, filepath.Join(t.TempDir(), "index"))) })
}

func TestLookupFindsWhatWasAdded(t *testing.T) {
	everywhere(t, func(t *testing.T, db *index.DB) {
		a, packs := archive(t, db, 1), []pack.Packed{packed(1, permanent, 10_000), packed(2, tree, 1), packed(3, day(7), 10)}
		add(t, a, packs...)
		for _, p := range packs {
			for i, b := range p.Table.Blobs {
				if got, ok := a.Lookup(b.ID, p.Table.Class, all); !ok || got != place(p, i) {
					t.Fatalf("got %+v, %v, want %+v", got, ok, place(p, i))
				}
			}
			if !a.HasPack(p.Name) {
				t.Errorf("a pack of class %v is not there", p.Table.Class)
			}
		}
		if _, ok := a.Lookup(seal.ID{1}, permanent, all); ok || a.HasPack(pack.Name{1}) {
			t.Error("something is found that was never added")
		}
	})
}

func TestClassAndLifeDecide(t *testing.T) {
	everywhere(t, func(t *testing.T, db *index.DB) {
		a, p := archive(t, db, 1), packed(1, day(10), 1)
		id := p.Table.Blobs[0].ID
		add(t, a, p)
		for _, row := range []struct {
			want pack.Class
			live bool
			ok   bool
		}{
			{day(10), true, true}, {day(9), true, true}, {day(0), true, true}, {day(11), true, false},
			{permanent, true, false}, {tree, true, false}, {pack.Class{}, true, false}, {day(10), false, false},
		} {
			if _, ok := a.Lookup(id, row.want, func(pack.Name) bool { return row.live }); ok != row.ok {
				t.Errorf("want %v, live %v: found %v", row.want, row.live, ok)
			}
		}
		q := packed(2, permanent, 1) // the same blob, kept for longer
		q.Table.Blobs[0].ID = id
		add(t, a, q)
		if got, ok := a.Lookup(id, day(11), all); !ok || got != place(q, 0) {
			t.Errorf("longer than the bucket: got %+v, %v, want %+v", got, ok, place(q, 0))
		}
		if got, ok := a.Lookup(id, day(10), func(n pack.Name) bool { return n == q.Name }); !ok || got != place(q, 0) {
			t.Errorf("the bucket's pack is gone: got %+v, %v, want %+v", got, ok, place(q, 0))
		}
		if got, ok := a.Lookup(id, permanent, all); !ok || got != place(q, 0) {
			t.Errorf("permanent: got %+v, %v, want %+v", got, ok, place(q, 0))
		}
	})
}

func TestTheLaterPackCounts(t *testing.T) {
	everywhere(t, func(t *testing.T, db *index.DB) {
		a, old, rewritten := archive(t, db, 1), packed(1, permanent, 5), packed(2, permanent, 5)
		for i := range old.Table.Blobs {
			rewritten.Table.Blobs[i].ID = old.Table.Blobs[i].ID
		}
		add(t, a, old)
		add(t, a, rewritten)
		if got, ok := a.Lookup(old.Table.Blobs[2].ID, permanent, all); !ok || got != place(rewritten, 2) {
			t.Errorf("got %+v, %v, want %+v", got, ok, place(rewritten, 2))
		}
	})
}

func TestForget(t *testing.T) {
	everywhere(t, func(t *testing.T, db *index.DB) {
		a, p, q := archive(t, db, 1), packed(1, permanent, 5), packed(2, permanent, 5)
		add(t, a, p, q)
		if err := a.Forget(p.Name, pack.Name{9}); err != nil || a.HasPack(p.Name) || !a.HasPack(q.Name) {
			t.Errorf("got %v, %v, %v", err, a.HasPack(p.Name), a.HasPack(q.Name))
		}
		add(t, a, p)
		if !a.HasPack(p.Name) {
			t.Error("a pack that was forgotten cannot be added again")
		}
		if err := a.Forget(); err != nil {
			t.Errorf("forgetting nothing: %v", err)
		}
	})
}

func TestArchivesDoNotSeeEachOther(t *testing.T) {
	everywhere(t, func(t *testing.T, db *index.DB) {
		a, b := archive(t, db, 1), archive(t, db, 2)
		thief := db.Archive([16]byte{1}, keysOf(t, 2))
		p := packed(1, permanent, 10)
		add(t, a, p)
		for _, other := range []*index.Archive{b, thief} {
			if _, ok := other.Lookup(p.Table.Blobs[0].ID, permanent, all); ok || other.HasPack(p.Name) {
				t.Error("a record of another archive, or under another key, is believed")
			}
		}
		if err := b.Reset(); err != nil {
			t.Fatal(err)
		}
		if _, ok := a.Lookup(p.Table.Blobs[0].ID, permanent, all); !ok || !a.HasPack(p.Name) {
			t.Error("resetting one archive emptied another")
		}
		if err := a.Reset(); err != nil || a.HasPack(p.Name) {
			t.Errorf("reset left a pack: %v", err)
		}
		if _, ok := a.Lookup(p.Table.Blobs[0].ID, permanent, all); ok {
			t.Error("reset left a place")
		}
		add(t, a, p)
		if _, ok := a.Lookup(p.Table.Blobs[0].ID, permanent, all); !ok {
			t.Error("nothing is found after a reset")
		}
	})
}

func TestAfterClose(t *testing.T) {
	everywhere(t, func(t *testing.T, db *index.DB) {
		a, p := archive(t, db, 1), packed(1, permanent, 10)
		add(t, a, p)
		if err := errors.Join(db.Close(), db.Close()); err != nil {
			t.Fatal(err)
		}
		if _, ok := a.Lookup(p.Table.Blobs[0].ID, permanent, all); ok || a.HasPack(p.Name) {
			t.Error("a closed database answers")
		}
		if err := a.Add(p); err == nil {
			t.Error("a closed database takes packs")
		}
		if err := errors.Join(a.Forget(p.Name), a.Reset()); err != nil {
			t.Errorf("forgetting in a closed database: %v", err)
		}
	})
}

// All methods may be called at once, Close and Reset too. Run with -race.
func TestAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, db *index.DB) {
		var wg sync.WaitGroup
		for n := range byte(4) {
			a, p := archive(t, db, n/2), packed(uint32(n), permanent, 200)
			wg.Go(func() {
				for i := range 20 {
					_ = a.Add(p)
					for _, b := range p.Table.Blobs[:50] {
						if got, ok := a.Lookup(b.ID, permanent, all); ok && got.Pack != p.Name {
							t.Errorf("got a place in %v, want %v", got.Pack, p.Name)
						}
					}
					a.HasPack(p.Name)
					if i%5 == 4 {
						_ = errors.Join(a.Forget(p.Name), a.Reset())
					}
					if n == 0 && i == 15 {
						_ = db.Close()
					}
				}
			})
		}
		wg.Wait()
	})
}

// While one archive is reset, the others wait and lose nothing.
func TestResetBesideAdd(t *testing.T) {
	everywhere(t, func(t *testing.T, db *index.DB) {
		var wg sync.WaitGroup
		a, b := archive(t, db, 1), archive(t, db, 2)
		wg.Go(func() {
			for i := range uint32(60) {
				if err := a.Add(packed(i, permanent, 20)); err != nil {
					t.Errorf("while another archive is reset: %v", err)
				}
			}
		})
		for range 5 {
			if err := errors.Join(b.Add(packed(1, tree, 20)), b.Reset()); err != nil {
				t.Error(err)
			}
		}
		wg.Wait()
		for i := range uint32(60) {
			if !a.HasPack(packed(i, permanent, 20).Name) {
				t.Errorf("pack %d is lost", i)
			}
		}
	})
}

// A thousand archives share a database, and its memory: what it costs does not
// depend on how many they are.
func TestThousandArchives(t *testing.T) {
	db, keys := open(t, filepath.Join(t.TempDir(), "index")), keysOf(t, 1)
	before := heap()
	archives := make([]*index.Archive, 1000)
	for i := range archives {
		archives[i] = db.Archive([16]byte{byte(i), byte(i >> 8)}, keys)
		add(t, archives[i], packed(uint32(i), permanent, 20), packed(uint32(i), tree, 20))
	}
	for i, a := range archives {
		p, other := packed(uint32(i), permanent, 20), packed(uint32(i+1)%1000, permanent, 20)
		for j, b := range p.Table.Blobs {
			if got, ok := a.Lookup(b.ID, permanent, all); !ok || got != place(p, j) {
				t.Fatalf("archive %d: got %+v, %v", i, got, ok)
			}
		}
		if a.HasPack(other.Name) {
			t.Fatalf("archive %d has a pack of another", i)
		}
	}
	if grown := heap() - before; grown > 16<<20 {
		t.Errorf("1,000 archives take %d bytes of memory, want at most 16 MiB", grown)
	}
	if i := slices.IndexFunc(archives[:5], func(a *index.Archive) bool { return a.Reset() != nil }); i >= 0 {
		t.Errorf("archive %d cannot be reset", i)
	}
}
