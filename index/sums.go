package index

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/zeebo/blake3"
)

// Beside a closed database lies a file of the hashes of its files. Badger does not
// survive damage in them: a flipped byte makes it panic in a goroutine of its own, or lose
// keys without a word. So they are compared before it sees them. While the database is
// open the file is not there: that is how one that was not closed is told.

func (db *DB) sumsFile() string { return db.dir + ".sums" }

// sums returns a line for each file: hash, size, name.
func (db *DB) sums() ([]byte, error) {
	entries, err := os.ReadDir(db.dir)
	if err != nil {
		return nil, err
	}
	lines := bytes.NewBufferString(schema + "\n")
	for _, e := range entries {
		f, err := os.Open(filepath.Join(db.dir, e.Name()))
		if err != nil {
			return nil, err
		}
		h := blake3.New()
		n, err := io.Copy(h, f)
		f.Close()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(lines, "%x %d %s\n", h.Sum(nil), n, e.Name())
	}
	return lines.Bytes(), nil
}

// sound reports whether the files are those of a closed database, or none. From then on
// the database counts as open.
func (db *DB) sound() (bool, error) {
	want, err := os.ReadFile(db.sumsFile())
	if err != nil {
		entries, e := os.ReadDir(db.dir)
		if os.IsNotExist(err) && e == nil {
			return len(entries) == 0, nil
		}
		return false, err
	}
	got, err := db.sums()
	if err != nil {
		return false, err
	}
	return bytes.Equal(got, want), os.Remove(db.sumsFile())
}

// seal writes the hashes of a database that was just closed.
func (db *DB) seal() error {
	sums, err := db.sums()
	if err != nil {
		return err
	}
	tmp := db.sumsFile() + ".new"
	if err := os.WriteFile(tmp, sums, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, db.sumsFile())
}

// setAside makes room for a fresh database.
func (db *DB) setAside() error {
	aside := db.dir + ".set-aside"
	for _, dir := range []string{db.dir, aside} {
		if err := ours(dir); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	if err := os.Rename(db.dir, aside); err != nil {
		return err
	}
	if err := os.Remove(db.sumsFile()); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.MkdirAll(db.dir, 0o700)
}

// ours is ErrForeign when a folder holds anything that Badger does not make.
func ours(dir string) error {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case !e.Type().IsRegular():
			return ErrForeign
		case slices.Contains([]string{"MANIFEST", "MANIFEST-REWRITE", "KEYREGISTRY", "KEYREGISTRY-REWRITE", "DISCARD", "LOCK"}, name):
		case slices.Contains([]string{".sst", ".vlog", ".mem"}, filepath.Ext(name)):
		default:
			return ErrForeign
		}
	}
	return nil
}
