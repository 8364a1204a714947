package sftp

import (
	"context"
	"errors"
	"io/fs"
	"iter"

	"github.com/dayfold/dayfold/engine/store"
)

// List reads one folder after the other. Whatever is not a file with a valid name is
// left out.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return store.Files{
		Folder: func(dir string) ([]fs.DirEntry, error) { return s.children(ctx, dir, prefix) },
		Remove: func(name string) {
			s.do(ctx, "list", name, func(c *conn) error { return c.Remove(s.path(name)) })
		},
	}.List(ctx, prefix)
}

// children are the entries of a folder; none if there is none of that name, but an error
// if it is the store's own.
func (s *Store) children(ctx context.Context, dir, prefix string) (entries []fs.DirEntry, err error) {
	err = s.do(ctx, "list", prefix, func(c *conn) error {
		entries = nil
		info, err := c.Lstat(s.path(dir))
		if dir == "." {
			info, err = c.Stat(s.dir)
		}
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			if dir == "." {
				return errFolder
			}
			return nil
		} else if err != nil {
			return err
		}
		infos, err := c.ReadDirContext(ctx, s.path(dir))
		if errors.Is(err, fs.ErrNotExist) && dir != "." {
			return nil
		}
		for _, info := range infos {
			entries = append(entries, fs.FileInfoToDirEntry(info))
		}
		return err
	})
	return entries, err
}
