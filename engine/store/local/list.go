package local

import (
	"context"
	"io/fs"
	"iter"

	"github.com/dayfold/dayfold/engine/store"
)

// List walks the folders. Whatever is not a file with a valid name is left out.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return store.Files{
		Folder: func(dir string) ([]fs.DirEntry, error) {
			entries, err := s.entries(dir)
			if err != nil {
				err = plain(err)
			}
			return entries, err
		},
		Remove: func(name string) { s.root.Remove(name) },
	}.List(ctx, prefix)
}

// entries are those of a folder; none if it is no folder.
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
	return f.ReadDir(-1)
}
