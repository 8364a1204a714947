package index_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack"
	"github.com/dgraph-io/badger/v4"
)

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// closed returns a closed database that holds these packs of archive 1.
func closed(t testing.TB, packs ...pack.Packed) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "index")
	reopen(t, dir, func(a *index.Archive) { add(t, a, packs...) })
	return dir
}

// reopen opens a database and closes it again.
func reopen(t testing.TB, dir string, use func(a *index.Archive)) {
	t.Helper()
	db := open(t, dir)
	use(archive(t, db, 1))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// believable fails when an archive says something wrong of a pack. It returns
// how many blobs are found.
func believable(t testing.TB, a *index.Archive, p pack.Packed) (found int) {
	t.Helper()
	for i, b := range p.Table.Blobs {
		got, ok := a.Lookup(b.ID, permanent, all)
		if ok && got != place(p, i) {
			t.Fatalf("got %+v, want %+v or nothing", got, place(p, i))
		}
		if ok {
			found++
		}
	}
	return found
}

// fresh checks that dir opens as an empty database that can be used, and that the old one is kept.
func fresh(t testing.TB, dir string, p pack.Packed) {
	t.Helper()
	reopen(t, dir, func(a *index.Archive) {
		if n := believable(t, a, p); n > 0 || a.HasPack(p.Name) {
			t.Errorf("%d blobs are found in a database that is not as it was left", n)
		}
		add(t, a, p)
	})
	reopen(t, dir, func(a *index.Archive) {
		if n := believable(t, a, p); n != len(p.Table.Blobs) || !a.HasPack(p.Name) {
			t.Errorf("%d blobs are found after the damage", n)
		}
	})
	if _, err := os.Stat(dir + ".set-aside"); err != nil {
		t.Errorf("the old database is not kept: %v", err)
	}
}

func TestReopen(t *testing.T) {
	p, q := packed(1, permanent, 1000), packed(2, permanent, 1000)
	dir := closed(t, p)
	for range 3 {
		reopen(t, dir, func(a *index.Archive) {
			if n := believable(t, a, p); n != 1000 || !a.HasPack(p.Name) {
				t.Errorf("%d blobs of 1,000 are found", n)
			}
			add(t, a, q)
		})
	}
	reopen(t, dir, func(a *index.Archive) {
		if n := believable(t, a, q); n != 1000 || !a.HasPack(q.Name) {
			t.Errorf("%d blobs of 1,000 are found", n)
		}
	})
	if _, err := os.Stat(dir + ".set-aside"); err == nil {
		t.Error("a sound database was set aside")
	}
}

func TestBusy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "index")
	db := open(t, dir)
	p := packed(1, permanent, 10)
	add(t, archive(t, db, 1), p)
	if _, err := index.Open(dir, index.Options{MinFree: 1}); !errors.Is(err, index.ErrBusy) {
		t.Errorf("got %v, want %v", err, index.ErrBusy)
	}
	if n := believable(t, archive(t, db, 1), p); n != 10 {
		t.Errorf("%d blobs of 10 are found after another tried to open", n)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	reopen(t, dir, func(a *index.Archive) { believable(t, a, p) })
}

// What a process that was killed leaves is not opened.
func TestUnclean(t *testing.T) {
	dir, p := filepath.Join(t.TempDir(), "index"), packed(1, permanent, 100)
	db := open(t, dir)
	add(t, archive(t, db, 1), p)
	killed := filepath.Join(t.TempDir(), "index")
	copyFolder(t, killed, dir)
	fresh(t, killed, p)
	opened := filepath.Join(t.TempDir(), "index") // nothing was written in this session
	copyFolder(t, opened, closed(t, p))
	_ = open(t, opened)
	copyFolder(t, opened+"2", opened)
	fresh(t, opened+"2", p)
}

func copyFolder(t testing.TB, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func TestNoSpace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	if _, err := index.Open(dir, index.Options{MinFree: 1 << 60}); !errors.Is(err, index.ErrNoSpace) {
		t.Errorf("open: got %v, want %v", err, index.ErrNoSpace)
	}
	db, p, q := open(t, dir), packed(1, permanent, 10), packed(2, permanent, 10)
	a := archive(t, db, 1)
	add(t, a, p)
	db.SetMinFree(1 << 60)
	if err := a.Add(q); !errors.Is(err, index.ErrNoSpace) || a.HasPack(q.Name) {
		t.Errorf("add: got %v, want %v", err, index.ErrNoSpace)
	}
	if err := a.Forget(p.Name); !errors.Is(err, index.ErrNoSpace) {
		t.Errorf("forget: got %v, want %v", err, index.ErrNoSpace)
	}
	if n := believable(t, a, p); n != 10 || !a.HasPack(p.Name) {
		t.Errorf("%d blobs of 10 are found on a full disk", n)
	}
	db.SetMinFree(1)
	add(t, a, q)
}

// Each file of a small database with every 64th byte flipped: no such database
// is taken for sound.
func TestFlips(t *testing.T) {
	dir := closed(t, packed(1, permanent, 50))
	for _, f := range files(t, dir) {
		name := filepath.Join(dir, f)
		data := read(t, name)
		for i := 0; i < len(data); i += 64 {
			if i > 8<<10 && i%(128<<10) != 0 && zero(data[i:min(i+64, len(data))]) {
				continue // the megabyte of zeros of one file
			}
			data[i] ^= 1 << (i / 64 % 8)
			write(t, name, data)
			if index.Sound(dir) {
				t.Errorf("%s with byte %d of %d flipped is taken for sound", f, i, len(data))
			}
			data[i] ^= 1 << (i / 64 % 8)
		}
		write(t, name, data)
	}
	if !index.Sound(dir) {
		t.Error("the database is not sound after all flips are undone")
	}
}

// Damage of every other sort, and what comes of it.
func TestDamage(t *testing.T) {
	p := packed(1, permanent, 2000)
	whole := closed(t, p)
	for _, f := range files(t, whole) {
		for what, damage := range map[string]func(data []byte) []byte{
			"gone":           nil,
			"empty":          func(data []byte) []byte { return nil },
			"half":           func(data []byte) []byte { return data[:len(data)/2] },
			"one byte less":  func(data []byte) []byte { return data[:len(data)-1] },
			"one byte more":  func(data []byte) []byte { return append(data, 0) },
			"first flipped":  func(data []byte) []byte { data[0] ^= 1; return data },
			"last flipped":   func(data []byte) []byte { data[len(data)-1] ^= 0x80; return data },
			"middle flipped": func(data []byte) []byte { data[len(data)/2] ^= 4; return data },
		} {
			t.Run(strings.ReplaceAll(f+" "+what, " ", "_"), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "index")
				copyFolder(t, dir, whole)
				name := filepath.Join(dir, f)
				if damage != nil {
					write(t, name, damage(read(t, name)))
				} else if err := os.Remove(name); err != nil {
					t.Fatal(err)
				}
				fresh(t, dir, p)
			})
		}
	}
	t.Run("a_table_more", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "index")
		copyFolder(t, dir, whole)
		write(t, filepath.Join(dir, "000099.sst"), []byte("no table"))
		fresh(t, dir, p)
	})
}

func TestOlderCopy(t *testing.T) {
	p, q := packed(1, permanent, 500), packed(2, permanent, 500)
	dir := closed(t, p)
	older := filepath.Join(t.TempDir(), "index")
	copyFolder(t, older, dir)
	reopen(t, dir, func(a *index.Archive) { add(t, a, q) })
	reopen(t, older, func(a *index.Archive) {
		if n := believable(t, a, p); n != 500 || a.HasPack(q.Name) || believable(t, a, q) > 0 {
			t.Errorf("%d blobs of 500 are found in an older copy", n)
		}
	})
}

func TestFilesOfTwoDatabases(t *testing.T) {
	p, q := packed(1, permanent, 500), packed(2, permanent, 500)
	dir, other := closed(t, p), closed(t, q)
	for _, f := range files(t, other) { // all but the ledger
		if f != "LEDGER" {
			write(t, filepath.Join(dir, f), read(t, filepath.Join(other, f)))
		}
	}
	fresh(t, dir, p)
}

func TestAnotherArchivesDatabase(t *testing.T) {
	p := packed(1, permanent, 500)
	dir := closed(t, p)
	db := open(t, dir)
	b := archive(t, db, 2)
	if n := believable(t, b, p); n > 0 || b.HasPack(p.Name) {
		t.Errorf("%d blobs of another archive are found", n)
	}
	add(t, b, p)
	if n := believable(t, b, p); n != 500 {
		t.Errorf("%d blobs of 500 are found", n)
	}
}

// A database that another program made is kept, and never deleted.
func TestForeignDatabase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	foreign(t, dir)
	want := files(t, dir)
	p := packed(1, permanent, 10)
	fresh(t, dir, p)
	if got := files(t, dir+".set-aside"); !slices.Equal(got, want) {
		t.Errorf("set aside are %v, want %v", got, want)
	}
	write(t, filepath.Join(dir, "LEDGER"), nil) // damage, and no room to set it aside
	reopen(t, dir, func(a *index.Archive) { add(t, a, p) })
	if got := files(t, dir+".set-aside"); !slices.Equal(got, want) {
		t.Errorf("after damage, set aside are %v, want %v", got, want)
	}
}

func TestTwoForeignDatabases(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	foreign(t, dir)
	foreign(t, dir+".set-aside")
	want := append(files(t, dir), files(t, dir+".set-aside")...)
	if _, err := index.Open(dir, index.Options{MinFree: 1}); !errors.Is(err, index.ErrForeign) {
		t.Errorf("got %v, want %v", err, index.ErrForeign)
	}
	if got := append(files(t, dir), files(t, dir+".set-aside")...); !slices.Equal(got, want) {
		t.Errorf("left are %v, want %v", got, want)
	}
}

func foreign(t testing.TB, dir string) {
	t.Helper()
	db, err := badger.Open(badger.DefaultOptions(dir).WithLogger(nil).WithMemTableSize(1 << 20).WithValueLogFileSize(1 << 20).WithValueThreshold(1 << 10))
	if err == nil {
		err = errors.Join(db.Update(func(txn *badger.Txn) error { return txn.Set([]byte("a"), []byte("b")) }), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A folder of anything else is left alone, whatever name it is given by mistake.
func TestForeignFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "documents")
	if err := os.MkdirAll(filepath.Join(dir, "letters"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "MANIFEST"), []byte("of a ship"))
	if _, err := index.Open(dir, index.Options{MinFree: 1}); !errors.Is(err, index.ErrForeign) {
		t.Errorf("got %v, want %v", err, index.ErrForeign)
	}
	if got := files(t, dir); !slices.Equal(got, []string{"MANIFEST", "letters"}) {
		t.Errorf("the folder holds %v", got)
	}
	name := filepath.Join(t.TempDir(), "file")
	write(t, name, []byte("x"))
	if _, err := index.Open(name, index.Options{MinFree: 1}); err == nil || string(read(t, name)) != "x" {
		t.Errorf("a file in the place of the folder: %v", err)
	}
}

// What does not belong to a database is neither counted nor deleted.
func TestStrayFile(t *testing.T) {
	p := packed(1, permanent, 10)
	dir := closed(t, p)
	write(t, filepath.Join(dir, "notes.txt"), []byte("mine"))
	reopen(t, dir, func(a *index.Archive) {
		if n := believable(t, a, p); n != 10 {
			t.Errorf("%d blobs of 10 are found beside a stray file", n)
		}
	})
	for range 3 {
		write(t, filepath.Join(dir, "LEDGER"), nil)
		reopen(t, dir, func(a *index.Archive) { believable(t, a, p) })
	}
	kept := append(files(t, dir), files(t, dir+".set-aside")...)
	if !slices.Contains(kept, "notes.txt") {
		t.Errorf("the stray file is gone: %v", kept)
	}
}

func FuzzLedger(f *testing.F) {
	f.Add(read(f, filepath.Join(closed(f, packed(1, permanent, 1)), "LEDGER")))
	f.Add([]byte("dayfold index 1\nkey 00\nend 00\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if again, ok := index.ParseLedger(data); ok && !bytes.Equal(again, data) {
			t.Errorf("%q is read, and written as %q", data, again)
		}
	})
}

func files(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(fmt.Errorf("write: %w", err))
	}
}

func zero(b []byte) bool { return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) }
