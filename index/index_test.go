package index_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
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

// packed makes up the table of a pack with n blobs.
func packed(seed byte, class pack.Class, n int) pack.Packed {
	r := rand.NewChaCha8([32]byte{seed, byte(class.Kind)})
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

func all(pack.Name) bool { return true }

var permanent = pack.Class{Kind: pack.Permanent}

func TestLookupFindsWhatWasAdded(t *testing.T) {
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "index")} {
		a := open(t, dir).Archive([16]byte{1}, keysOf(t, 1))
		p := packed(1, permanent, 1000)
		if err := a.Add(p); err != nil {
			t.Fatal(err)
		}
		for _, b := range p.Table.Blobs {
			got, ok := a.Lookup(b.ID, permanent, all)
			if want := (index.Place{Pack: p.Name, Class: permanent, Off: b.Off, Len: b.Len}); !ok || got != want {
				t.Fatalf("lookup is %+v, %v; want %+v", got, ok, want)
			}
		}
		if !a.HasPack(p.Name) || a.HasPack(pack.Name{1}) {
			t.Error("HasPack does not tell packs apart")
		}
	}
}

func TestClassesAndLivePacksDecide(t *testing.T) {
	a := open(t, "").Archive([16]byte{1}, keysOf(t, 1))
	day := func(d uint32) pack.Class { return pack.Class{Kind: pack.Expiring, Day: d} }
	p := packed(1, day(10), 1)
	id := p.Table.Blobs[0].ID
	if err := a.Add(p); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		want pack.Class
		live bool
		ok   bool
	}{{day(10), true, true}, {day(9), true, true}, {day(11), true, false}, {permanent, true, false}, {day(10), false, false}} {
		if _, ok := a.Lookup(id, row.want, func(pack.Name) bool { return row.live }); ok != row.ok {
			t.Errorf("want %+v, live %v: found %v", row.want, row.live, ok)
		}
	}
	q := packed(2, permanent, 1)
	q.Table.Blobs[0].ID = id
	if err := a.Add(q); err != nil {
		t.Fatal(err)
	}
	if got, ok := a.Lookup(id, day(11), all); !ok || got.Pack != q.Name {
		t.Errorf("a permanent copy was not found for a longer life: %+v, %v", got, ok)
	}
}

func TestArchivesDoNotSeeEachOther(t *testing.T) {
	db := open(t, "")
	a, b := db.Archive([16]byte{1}, keysOf(t, 1)), db.Archive([16]byte{2}, keysOf(t, 2))
	thief := db.Archive([16]byte{1}, keysOf(t, 2))
	p := packed(1, permanent, 10)
	if err := a.Add(p); err != nil {
		t.Fatal(err)
	}
	for _, other := range []*index.Archive{b, thief} {
		if _, ok := other.Lookup(p.Table.Blobs[0].ID, permanent, all); ok || other.HasPack(p.Name) {
			t.Error("a record of another archive, or under another key, is believed")
		}
	}
	if err := b.Reset(); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.Lookup(p.Table.Blobs[0].ID, permanent, all); !ok {
		t.Error("resetting one archive emptied another")
	}
	if err := a.Reset(); err != nil || a.HasPack(p.Name) {
		t.Errorf("reset left a pack: %v", err)
	}
}

func TestReopenedAndUnclean(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	p := packed(1, permanent, 100)
	db := open(t, dir)
	if err := db.Archive([16]byte{1}, keysOf(t, 1)).Add(p); err != nil {
		t.Fatal(err)
	}
	if _, err := index.Open(dir, index.Options{MinFree: 1}); !errors.Is(err, index.ErrBusy) {
		t.Errorf("opened twice: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir)
	if !db.Archive([16]byte{1}, keysOf(t, 1)).HasPack(p.Name) {
		t.Error("a closed database forgot")
	}
	copied := filepath.Join(t.TempDir(), "copied") // as a process that was killed leaves it
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	db = open(t, copied)
	if db.Archive([16]byte{1}, keysOf(t, 1)).HasPack(p.Name) {
		t.Error("an unclean database is believed")
	}
	if _, err := os.Stat(copied + ".set-aside"); err != nil {
		t.Errorf("the unclean database was not set aside: %v", err)
	}
}

// A folder of somebody else's is neither moved nor deleted, whichever of the two names it has.
func TestFoldersOfOthersAreLeftAlone(t *testing.T) {
	for _, name := range []string{"index", "index.set-aside"} {
		base := t.TempDir()
		letter := filepath.Join(base, name, "letters", "to mother")
		if err := os.MkdirAll(filepath.Dir(letter), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(letter, []byte("dear"), 0o600); err != nil {
			t.Fatal(err)
		}
		if name != "index" { // something unclean that has to be set aside
			if err := os.MkdirAll(filepath.Join(base, "index"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(base, "index", "MANIFEST"), []byte("?"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := index.Open(filepath.Join(base, "index"), index.Options{MinFree: 1}); !errors.Is(err, index.ErrForeign) {
			t.Errorf("%s: error is %v", name, err)
		}
		if _, err := os.Stat(letter); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFullDiskIsSaid(t *testing.T) {
	_, err := index.Open(filepath.Join(t.TempDir(), "index"), index.Options{MinFree: 1 << 60})
	if !errors.Is(err, index.ErrNoSpace) {
		t.Errorf("error is %v", err)
	}
}

// TestDamageCostsOnlyTime flips, cuts and removes the files of a database: it opens,
// fresh if need be, and never says anything wrong.
func TestDamageCostsOnlyTime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	p := packed(1, permanent, 20_000)
	db := open(t, dir)
	if err := db.Archive([16]byte{1}, keysOf(t, 1)).Add(p); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, f := range files {
		for _, what := range []string{"flip", "flip", "flip", "cut", "gone", "empty"} {
			t.Run(fmt.Sprint(f.Name(), " ", what), func(t *testing.T) {
				broken := filepath.Join(t.TempDir(), "index")
				if err := os.CopyFS(filepath.Dir(broken), os.DirFS(filepath.Dir(dir))); err != nil {
					t.Fatal(err)
				}
				damage(t, filepath.Join(broken, f.Name()), what, r)
				believe(t, broken, p)
			})
		}
	}
}

func damage(t *testing.T, name, what string, r *rand.Rand) {
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	switch what {
	case "gone":
		err = os.Remove(name)
	case "empty":
		err = os.WriteFile(name, nil, 0o600)
	case "cut":
		err = os.WriteFile(name, data[:len(data)/2], 0o600)
	case "flip":
		for i := r.IntN(64); i < len(data); i += 4096 {
			data[i] ^= 1 << r.IntN(8)
		}
		err = os.WriteFile(name, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// believe fails when a database says something wrong of a pack.
func believe(t *testing.T, dir string, p pack.Packed) {
	db, err := index.Open(dir, index.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	a := db.Archive([16]byte{1}, keysOf(t, 1))
	for _, b := range p.Table.Blobs {
		got, ok := a.Lookup(b.ID, permanent, all)
		if want := (index.Place{Pack: p.Name, Class: permanent, Off: b.Off, Len: b.Len}); ok && got != want {
			t.Fatalf("lookup is %+v, want %+v or nothing", got, want)
		}
	}
	if err := a.Add(p); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.Lookup(p.Table.Blobs[7].ID, permanent, all); !ok {
		t.Error("what was added after the damage is not found")
	}
}

func TestThousandArchivesShareADatabase(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "index"))
	for i := range 1000 {
		id := [16]byte{byte(i), byte(i >> 8), 1}
		a := db.Archive(id, keysOf(t, byte(i)))
		p := packed(byte(i), permanent, 20)
		if err := a.Add(p); err != nil {
			t.Fatal(err)
		}
		if _, ok := a.Lookup(p.Table.Blobs[3].ID, permanent, all); !ok {
			t.Fatalf("archive %d does not find its own", i)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	a := open(b, filepath.Join(b.TempDir(), "index")).Archive([16]byte{1}, keysOf(b, 1))
	var packs []pack.Packed
	for i := range 100 {
		p := packed(byte(i), permanent, 1000)
		if err := a.Add(p); err != nil {
			b.Fatal(err)
		}
		packs = append(packs, p)
	}
	absent := packed(200, permanent, 1000)
	b.Run("hit", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, ok := a.Lookup(packs[i%100].Table.Blobs[i/100%1000].ID, permanent, all); !ok {
				b.Fatal("absent")
			}
		}
	})
	b.Run("miss", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			a.Lookup(absent.Table.Blobs[i%1000].ID, permanent, all)
		}
	})
	b.Run("add", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if err := a.Add(packs[i%100]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
