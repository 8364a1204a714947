package local

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

// List walks the folders. Whatever is not a file with a valid name is left out.
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
		w := walk{s: s, ctx: ctx, prefix: prefix, yield: yield}
		if _, err := w.folder(dir); err != nil {
			yield(store.Info{}, store.Fail(ctx, "list", prefix, plain(err)))
		}
	}
}

type walk struct {
	s      *Store
	ctx    context.Context
	prefix string
	yield  func(store.Info, error) bool
}

// folder yields what lies in dir, and reports whether to go on. Siblings are sorted as
// their full names are: a folder as if its name ended with the slash that follows it.
func (w *walk) folder(dir string) (bool, error) {
	entries, err := w.s.entries(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if w.ctx.Err() != nil {
			return false, w.ctx.Err()
		}
		name := path.Join(dir, e.Name())
		switch full := sortName(name, e); {
		case strings.HasPrefix(e.Name(), tempPrefix):
			w.s.sweep(name, e)
		case !store.ValidName(name) || !strings.HasPrefix(full, w.prefix) && !(e.IsDir() && strings.HasPrefix(w.prefix, full)):
		case e.IsDir():
			if more, err := w.folder(name); err != nil || !more {
				return false, err
			}
		case e.Type().IsRegular():
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted meanwhile
			} else if err != nil {
				return false, err
			}
			if !w.yield(store.Info{Name: name, Size: info.Size()}, nil) {
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

// entries are those of a folder, in order; none if it is no folder.
func (s *Store) entries(dir string) ([]fs.DirEntry, error) {
	info, err := s.root.Lstat(dir)
	if notThere(err) || err == nil && !info.IsDir() {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	f, err := s.root.Open(dir)
	if notThere(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(sortName(a.Name(), a), sortName(b.Name(), b)) })
	return entries, err
}

// sweep removes an unfinished file whose writer is dead. It is no matter if it cannot.
func (s *Store) sweep(name string, e fs.DirEntry) {
	if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > staleAfter {
		s.root.Remove(name)
	}
}
