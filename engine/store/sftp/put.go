package sftp

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"

	wire "github.com/pkg/sftp"

	"github.com/dayfold/dayfold/engine/store"
)

// Put creates a file.
func (s *Store) Put(ctx context.Context, name string, data []byte) error {
	if err := store.Check(ctx, "put", name); err != nil {
		return err
	}
	return s.do(ctx, "put", name, func(c *conn) error {
		err := s.create(c, name, data)
		if errors.Is(err, fs.ErrNotExist) { // somebody removed a folder that was there once
			s.mu.Lock()
			clear(s.known)
			s.mu.Unlock()
			err = s.create(c, name, data)
		}
		return err
	})
}

func (s *Store) create(c *conn, name string, data []byte) error {
	dir := path.Dir(name)
	if err := s.makeFolder(c, dir); err != nil {
		return c.full(s.dir, err)
	}
	if _, err := c.Lstat(s.path(name)); err == nil {
		return c.taken(s.path(dir)) // early, so that a refused Put is cheap
	}
	temp := s.path(path.Join(dir, store.Unfinished+rand.Text()))
	err := c.write(temp, data)
	if err == nil {
		err = c.place(temp, s.path(name))
	} else if !broken(err) {
		c.Remove(temp)
	}
	if errors.Is(err, fs.ErrExist) {
		return c.taken(s.path(dir))
	} else if err != nil {
		return c.full(s.dir, err)
	}
	return c.syncFolder(s.path(dir))
}

// taken answers for a name that is there, once it is sure to stay.
func (c *conn) taken(dir string) error {
	if err := c.syncFolder(dir); err != nil {
		return err
	}
	return fs.ErrExist
}

// write makes a new file with data, on stable storage if the server can tell.
func (c *conn) write(temp string, data []byte) error {
	f, err := c.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	n, err := f.Write(data)
	if err == nil && n < len(data) {
		err = &store.Temporary{Err: errors.New("the file is not whole")}
	}
	if err == nil && c.sync {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	info, err := c.Lstat(temp)
	if err == nil && info.Size() != int64(len(data)) {
		err = &store.Temporary{Err: errors.New("the file is not whole")}
	}
	return err
}

// place gives the file temp its final name, which must be free: fs.ErrExist if not.
// Version 3 of SFTP says no more than "failure" then, so a look tells why.
func (c *conn) place(temp, name string) error {
	var err error
	linked := c.hardlink.Load()
	if linked {
		if err = c.Link(temp, name); isUnsupported(err) {
			c.hardlink.Store(false)
			linked = false
		}
	}
	if !linked {
		if _, statErr := c.Lstat(name); statErr == nil { // a rename may replace what is there
			err = fs.ErrExist
		} else if err = c.Rename(temp, name); err == nil {
			return nil
		}
	}
	if err == nil || !broken(err) {
		c.Remove(temp)
	}
	return c.orExist(name, err)
}

// orExist is err, or fs.ErrExist if err may be because the name is taken.
func (c *conn) orExist(name string, err error) error {
	if err == nil || broken(err) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, statErr := c.Lstat(name); statErr == nil {
		return fs.ErrExist
	}
	return err
}

func isFailure(err error) bool {
	var status *wire.StatusError
	return errors.As(err, &status) && status.Code == uint32(wire.ErrSSHFxFailure)
}

// isUnsupported reports whether a file system without hard links would answer so.
func isUnsupported(err error) bool {
	var status *wire.StatusError
	return errors.As(err, &status) && status.Code == uint32(wire.ErrSSHFxOpUnsupported) || errors.Is(err, fs.ErrPermission)
}

// makeFolder makes the folder dir of the store and those above it. Several may at once.
func (s *Store) makeFolder(c *conn, dir string) error {
	s.mu.Lock()
	known := dir == "." || s.known[dir]
	s.mu.Unlock()
	if known {
		return nil
	}
	if err := s.makeFolder(c, path.Dir(dir)); err != nil {
		return err
	}
	if err := c.Mkdir(s.path(dir)); err != nil {
		if info, statErr := c.Lstat(s.path(dir)); statErr != nil || !info.IsDir() {
			return err
		}
	}
	if err := c.syncFolder(s.path(path.Dir(dir))); err != nil {
		return err
	}
	s.mu.Lock()
	s.known[dir] = true
	s.mu.Unlock()
	return nil
}

// syncFolder puts a folder's entries on stable storage, by opening it as if it were a
// file, as OpenSSH allows. That a server does not is no error.
func (c *conn) syncFolder(dir string) error {
	if !c.sync {
		return nil
	}
	f, err := c.Open(dir)
	if err == nil {
		err = f.Sync()
		f.Close()
	}
	if err != nil && broken(err) {
		return err
	}
	return nil
}

// full is err, or store.ErrNoSpace if the server said "failure" on a disk that is full.
func (c *conn) full(dir string, err error) error {
	if !isFailure(err) || !c.free {
		return err
	}
	if vfs, statErr := c.StatVFS(dir); statErr == nil && (vfs.Bavail*vfs.Frsize < 1<<20 || vfs.Favail == 0 && vfs.Files > 0) {
		return store.ErrNoSpace
	}
	return err
}
