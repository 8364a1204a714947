package local

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/dayfold/dayfold/engine/store"
)

// Put creates a file.
func (s *Store) Put(ctx context.Context, name string, data []byte) error {
	if err := store.Check(ctx, "put", name); err != nil {
		return err
	}
	return store.Fail(ctx, "put", name, s.create(name, data))
}

func (s *Store) create(name string, data []byte) error {
	dir := path.Dir(name)
	if err := s.makeFolder(dir); err != nil {
		return plain(err)
	}
	if _, err := s.root.Lstat(name); err == nil {
		return s.taken(dir) // early, so that a refused Put is cheap
	}
	temp := path.Join(dir, store.Unfinished+rand.Text())
	if err := s.write(temp, data); err != nil {
		_ = s.unlink(temp)
		return plain(err)
	}
	err := s.place(dir, temp, name)
	_ = s.unlink(temp)
	if errors.Is(err, fs.ErrExist) {
		return s.taken(dir)
	} else if err != nil {
		return plain(err)
	}
	// After an error here the file stays: another writer may have been told of it.
	return plain(s.syncFolder(dir))
}

// taken answers for a name that is there, once it is sure to stay: the writer that made
// it may not have come to syncing the folder yet, or may have died before.
func (s *Store) taken(dir string) error {
	if err := s.syncFolder(dir); err != nil {
		return plain(err)
	}
	return fs.ErrExist
}

// write makes a new file with data on stable storage.
func (s *Store) write(temp string, data []byte) error {
	f, err := s.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	s.tell("write", temp, "")
	if err == nil {
		s.tell("sync", temp, "")
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// place gives the file temp the name name, which must be free: fs.ErrExist if not.
func (s *Store) place(dir, temp, name string) error {
	err := s.root.Link(temp, name)
	if err == nil {
		s.tell("link", temp, name)
	}
	if err == nil || !unsupported(err) {
		return err
	}
	f, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	err = renameNoReplace(f, path.Base(temp), path.Base(name))
	if err == nil || !unsupported(err) {
		return err
	}
	s.linked.Store(false)
	if _, err := s.root.Lstat(name); err == nil {
		return fs.ErrExist
	}
	return s.root.Rename(temp, name)
}

// unsupported reports whether a file system without hard links, or without a rename that
// replaces nothing, would answer so.
func unsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) ||
		errors.Is(err, syscall.EMLINK)
}

// makeFolder makes the folder and those above it, and sees to it once per process that
// their entries are on disk: another process may have made them a moment ago.
func (s *Store) makeFolder(dir string) error {
	s.mu.Lock()
	done := s.synced[dir]
	s.mu.Unlock()
	if done {
		if _, err := s.root.Lstat(dir); err == nil {
			return nil
		}
	}
	up := path.Dir(dir)
	if err := s.makeFolder(up); dir != "." && err != nil {
		return err
	}
	switch err := s.root.Mkdir(dir, 0o700); {
	case err == nil:
		s.tell("mkdir", dir, "")
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	if err := s.syncFolder(up); err != nil {
		return err
	}
	s.mu.Lock()
	s.synced[dir] = true
	s.mu.Unlock()
	return nil
}

// syncFolder puts the entries of a folder on stable storage. A folder that is not there
// any more has none.
func (s *Store) syncFolder(dir string) error {
	f, err := s.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	s.tell("sync", dir, "")
	return syncDir(f)
}
