package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/dayfold/dayfold/engine/store"
)

// errShort is io.ErrUnexpectedEOF of an object, told apart from that of a connection.
var errShort = fmt.Errorf("object: %w", io.ErrUnexpectedEOF)

// errFolder: the store's own folder is not there, which is not the same as empty.
var errFolder = errors.New("the folder is not there")

// Get reads a part of a file.
func (s *Store) Get(ctx context.Context, name string, off int64, n int) (data []byte, err error) {
	if err := store.Check(ctx, "get", name); err != nil {
		return nil, err
	}
	err = s.do(ctx, "get", name, func(c *conn) error {
		data, err = read(c, s.path(name), off, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

func read(c *conn, name string, off int64, n int) ([]byte, error) {
	f, err := c.Open(name)
	if err != nil {
		return nil, orMissing(c, name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fs.ErrNotExist
	case off < 0:
		return nil, fs.ErrInvalid
	case off > info.Size() || int64(n) > info.Size()-off:
		return nil, errShort
	case n < 0 && info.Size()-off > store.MaxObject:
		return nil, fmt.Errorf("%w: a file of %d bytes is too long", fs.ErrInvalid, info.Size())
	case n < 0:
		n = int(info.Size() - off)
	}
	data := make([]byte, n)
	if n == 0 {
		return data, nil
	}
	if m, err := f.ReadAt(data, off); m < n {
		if err == nil || err == io.EOF {
			err = errShort
		}
		return nil, err
	}
	return data, nil
}

// orMissing is err, or fs.ErrNotExist if the reason is that a folder has the name.
func orMissing(c *conn, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || broken(err) {
		return err
	}
	if info, statErr := c.Lstat(name); statErr == nil && !info.Mode().IsRegular() {
		return fs.ErrNotExist
	}
	return err
}

// Delete removes a file. A folder is left alone.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := store.Check(ctx, "delete", name); err != nil {
		return err
	}
	return s.do(ctx, "delete", name, func(c *conn) error {
		info, err := c.Lstat(s.path(name))
		if err == nil && !info.IsDir() {
			err = c.Remove(s.path(name))
			if err == nil {
				err = c.syncFolder(path.Dir(s.path(name)))
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}
