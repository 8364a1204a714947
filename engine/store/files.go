package store

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
)

// Unfinished begins the names of files that are being written, which no object can have.
const Unfinished = ".tmp-"

// staleAfter is how old an unfinished file must be for its writer to be dead.
const staleAfter = 24 * time.Hour

// Files are how a store that keeps each object as a file of its name lists them.
type Files struct {
	// Folder returns what lies in a folder, "." for the store's own, in no order; none if
	// there is no such folder. Its errors are those of List.
	Folder func(dir string) ([]fs.DirEntry, error)
	// Remove deletes an unfinished file whose writer is dead. It is no matter if it cannot.
	Remove func(name string)
}

// List is a store's List: it walks the folders, and leaves out whatever is not a file with
// a valid name.
func (f Files) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		err := Check(ctx, "list", prefix)
		if err == nil {
			dir := "."
			if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
				dir = prefix[:i]
			}
			_, err = f.walk(ctx, dir, prefix, yield)
		}
		if err != nil {
			yield(Info{}, Fail(ctx, "list", prefix, err))
		}
	}
}

// walk yields what lies in dir, and reports whether to go on. Siblings are sorted as
// their full names are: a folder as if its name ended with the slash that follows it.
func (f Files) walk(ctx context.Context, dir, prefix string, yield func(Info, error) bool) (bool, error) {
	entries, err := f.Folder(dir)
	if err != nil {
		return false, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(sortName(a.Name(), a), sortName(b.Name(), b)) })
	for _, e := range entries {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		name := path.Join(dir, e.Name())
		switch full := sortName(name, e); {
		case strings.HasPrefix(e.Name(), Unfinished):
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > staleAfter {
				f.Remove(name)
			}
		case !ValidName(name) || !strings.HasPrefix(full, prefix) && !(e.IsDir() && strings.HasPrefix(prefix, full)):
		case e.IsDir():
			if more, err := f.walk(ctx, name, prefix, yield); err != nil || !more {
				return false, err
			}
		case e.Type().IsRegular():
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted meanwhile
			} else if err != nil {
				return false, err
			}
			if !yield(Info{Name: name, Size: info.Size()}, nil) {
				return false, nil
			}
		}
	}
	return true, nil
}

func sortName(name string, e fs.DirEntry) string {
	if e.IsDir() {
		return name + "/"
	}
	return name
}
