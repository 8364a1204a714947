package index

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// A folder is where a database lies. It is locked by a file beside it, which
// stays where it is when the folder is set aside.
type folder struct {
	dir    string
	opt    Options
	lock   *os.File
	ledger ledger // as it was when the database was opened
}

// openFolder opens the database in dir, or a fresh one.
func openFolder(dir string, opt Options) (kv, [keySize]byte, error) {
	f := &folder{dir: dir, opt: opt}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, [keySize]byte{}, err
	}
	if !f.hasSpace() {
		return nil, [keySize]byte{}, ErrNoSpace
	}
	var err error
	if f.lock, err = lockFile(dir + ".lock"); err != nil {
		return nil, [keySize]byte{}, err
	}
	d, err := f.open()
	if err != nil {
		f.lock.Close()
		return nil, [keySize]byte{}, err
	}
	return d, f.ledger.key, nil
}

// open opens what is there if it is exactly what was left, and else a fresh database.
func (f *folder) open() (*disk, error) {
	if err := f.check(); err == nil {
		if d, err := f.openAs(f.ledger); err == nil {
			return d, nil
		}
	} else if !errors.Is(err, errUnclean) {
		return nil, err
	}
	if err := setAside(f.dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, err
	}
	var l ledger
	_, _ = rand.Read(l.key[:]) // never fails
	return f.openAs(l)
}

// errUnclean means that a database is not to be opened.
var errUnclean = errors.New("not as it was left")

// check reads the ledger and holds all files against it.
func (f *folder) check() error {
	l, err := readLedger(f.dir)
	if err != nil {
		return err
	}
	f.ledger = l
	return l.verify(f.dir)
}

// openAs opens the database. From here on the ledger fits to nothing.
func (f *folder) openAs(l ledger) (*disk, error) {
	f.ledger = l
	if err := (ledger{key: l.key}).write(f.dir); err != nil {
		return nil, err
	}
	return openDisk(f)
}

// close writes down what the database consists of, if that is sound, and gives
// up the lock.
func (f *folder) close(sound bool) (err error) {
	if sound {
		l := ledger{key: f.ledger.key}
		if err = l.record(f.dir, f.ledger); err == nil {
			err = l.write(f.dir)
		}
	}
	return errors.Join(err, f.lock.Close())
}

// hasSpace tells whether the disk has space for more. A disk that does not tell has.
func (f *folder) hasSpace() bool {
	free, err := freeSpace(filepath.Dir(f.dir))
	return err != nil || free >= uint64(f.opt.MinFree)
}

// setAside moves a database out of the way, to dir+".set-aside". What lies there
// is deleted, if it is one of ours. No file is ever deleted that a database does
// not consist of. The error wraps ErrForeign for a folder of anything else.
func setAside(dir string) error {
	names, err := list(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	ours, aside := isOurs(dir), dir+".set-aside"
	if !ours && slices.ContainsFunc(names, func(n string) bool { return !belongs(n) }) {
		return ErrForeign
	}
	if isOurs(aside) {
		removeDatabase(aside)
	}
	if os.Rename(dir, aside) == nil {
		return nil
	}
	if !ours {
		return ErrForeign
	}
	removeDatabase(dir)
	return nil
}

// isOurs tells whether a database of this package was made in dir.
func isOurs(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, ledgerName))
	return err == nil
}

// belongs tells whether a database may consist of a file of that name.
func belongs(name string) bool {
	switch name {
	case ledgerName, ledgerName + ".new", "MANIFEST", "MANIFEST-REWRITE", "KEYREGISTRY", "KEYREGISTRY-REWRITE", "DISCARD", "LOCK":
		return true
	}
	ext := filepath.Ext(name)
	return ext == ".sst" || ext == ".vlog" || ext == ".mem"
}

// list returns the names of what lies in dir.
func list(dir string) ([]string, error) {
	files, err := os.ReadDir(dir)
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name()
	}
	return names, err
}

// removeDatabase deletes the files of a database, and dir if it is empty then.
func removeDatabase(dir string) {
	names, _ := list(dir)
	for _, n := range names {
		if belongs(n) {
			os.Remove(filepath.Join(dir, n))
		}
	}
	os.Remove(dir)
}
