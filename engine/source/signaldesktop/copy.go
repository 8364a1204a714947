package signaldesktop

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dayfold/dayfold/engine/source/signaldesktop/sqlcipher"
)

// A copied is the database and its log in a folder of our own. On systems that allow it
// the names are gone once the files are open, so that nothing stays behind a crash.
type copied struct {
	dir             string
	db, wal         *os.File
	dbSize, walSize int64
	changed         time.Time // when the app wrote last
}

func (c *copied) Close() error {
	return errors.Join(c.db.Close(), c.wal.Close(), os.RemoveAll(c.dir))
}

const (
	copies   = 5 // tries
	database = "sql/db.sqlite"
	logFile  = database + "-wal"
)

// afterBusy is how long to wait before another try.
var afterBusy = 200 * time.Millisecond

// copyDatabase copies the database, then the log. If the log's head was the same before
// and after, every page that the app has moved into the database meanwhile is in the
// log's copy as well, and what the log has at its last commit is whole.
func copyDatabase(profile *os.Root, temp string) (*copied, error) {
	if info, err := profile.Stat(database + "-journal"); err == nil && info.Size() > 0 {
		return nil, fmt.Errorf("a journal is open: %w", ErrBusy)
	}
	for try := range copies {
		if try > 0 {
			time.Sleep(afterBusy)
		}
		c, err := copyOnce(profile, temp)
		if c != nil || err != nil {
			return c, err
		}
	}
	return nil, ErrBusy
}

// copyOnce returns nil without an error if the log was begun anew meanwhile.
func copyOnce(profile *os.Root, temp string) (c *copied, err error) {
	before, err := headOfLog(profile)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(temp, "dayfold-")
	if err != nil {
		return nil, err
	}
	c = &copied{dir: dir}
	defer func() {
		if c == nil || err != nil {
			os.RemoveAll(dir)
		}
	}()
	if c.db, c.dbSize, c.changed, err = copyFile(profile, database, dir); err != nil {
		return nil, err
	}
	copying()
	var at time.Time
	if c.wal, c.walSize, at, err = copyFile(profile, logFile, dir); notThere(err) {
		c.wal, err = os.Create(filepath.Join(dir, "none"))
	}
	if err != nil {
		return nil, errors.Join(err, c.db.Close())
	}
	if at.After(c.changed) {
		c.changed = at
	}
	after, err := headOfLog(profile)
	if err != nil || !bytes.Equal(before, after) {
		err = errors.Join(err, c.db.Close(), c.wal.Close())
		return nil, err
	}
	os.RemoveAll(dir) // fails where open files keep their names; Close is there for that
	return c, nil
}

// copying is called between the copy of the database and that of the log.
var copying = func() {}

// headOfLog returns what tells the log from the next; nil: there is none.
func headOfLog(profile *os.Root) ([]byte, error) {
	f, err := profile.Open(logFile)
	if notThere(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return sqlcipher.LogHead(f), nil
}

// copyFile copies a regular file of the profile into dir and returns the copy, its size,
// and when the original was written.
func copyFile(profile *os.Root, name, dir string) (f *os.File, size int64, at time.Time, err error) {
	src, err := profile.Open(name)
	if err != nil {
		return nil, 0, at, err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return nil, 0, at, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, at, fmt.Errorf("%s: not a regular file", name)
	}
	if f, err = os.OpenFile(filepath.Join(dir, filepath.Base(name)), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, 0, at, err
	}
	if size, err = io.Copy(f, src); err != nil {
		f.Close()
		return nil, 0, at, err
	}
	return f, size, info.ModTime(), nil
}
