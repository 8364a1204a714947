package sftp

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dayfold/dayfold/engine/store"
)

// staleAfter is how old an unfinished file must be for its writer to be dead.
const staleAfter = 24 * time.Hour

// List reads one folder after the other. Whatever is not a file with a valid name is
// left out.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if err := store.Check(ctx, "list", prefix); err != nil {
			yield(store.Info{}, err)
			return
		}
		dir := "."
		if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
			dir = prefix[:i]
		}
		if _, err := s.walk(ctx, dir, prefix, yield); err != nil {
			yield(store.Info{}, err)
		}
	}
}

// walk yields what lies in dir, and reports whether to go on. Siblings are sorted as
// their full names are: a folder as if its name ended with the slash that follows it.
func (s *Store) walk(ctx context.Context, dir, prefix string, yield func(store.Info, error) bool) (bool, error) {
	infos, err := s.children(ctx, dir, prefix)
	if err != nil {
		return false, err
	}
	for _, info := range infos {
		if err := store.Check(ctx, "list", prefix); err != nil {
			return false, err
		}
		name := path.Join(dir, info.Name())
		switch full := sortName(name, info); {
		case strings.HasPrefix(info.Name(), tempPrefix):
			s.sweep(ctx, name, info)
		case !store.ValidName(name) || !strings.HasPrefix(full, prefix) && !(info.IsDir() && strings.HasPrefix(prefix, full)):
		case info.IsDir():
			if more, err := s.walk(ctx, name, prefix, yield); err != nil || !more {
				return false, err
			}
		case info.Mode().IsRegular():
			if !yield(store.Info{Name: name, Size: info.Size()}, nil) {
				return false, nil
			}
		}
	}
	return true, nil
}

func sortName(name string, info fs.FileInfo) string {
	if info.IsDir() {
		return name + "/"
	}
	return name
}

// children are the entries of a folder, in order; none if there is none of that name,
// but an error if it is the store's own.
func (s *Store) children(ctx context.Context, dir, prefix string) (infos []fs.FileInfo, err error) {
	err = s.do(ctx, "list", prefix, func(c *conn) error {
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
		infos, err = c.ReadDirContext(ctx, s.path(dir))
		if errors.Is(err, fs.ErrNotExist) && dir != "." {
			infos, err = nil, nil
		}
		return err
	})
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return cmp.Compare(sortName(a.Name(), a), sortName(b.Name(), b)) })
	return infos, err
}

// sweep removes an unfinished file whose writer is dead. It is no matter if it cannot.
func (s *Store) sweep(ctx context.Context, name string, info fs.FileInfo) {
	if info.Mode().IsRegular() && time.Since(info.ModTime()) > staleAfter {
		s.do(ctx, "list", name, func(c *conn) error { return c.Remove(s.path(name)) })
	}
}
