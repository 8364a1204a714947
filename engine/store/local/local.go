// Package local keeps a store's objects as files below one folder.
//
// A Put writes a file under a name of its own in the folder of the final name, syncs it,
// gives it the final name by a hard link (which fails if the name is taken, in this or
// any other process), removes the first name, and syncs the folder and, once per process,
// every folder above it. Where there are no hard links a rename that replaces nothing
// does the same; where there is neither, the store declares that it cannot create
// atomically. An error of a sync is final: the kernel may have marked the lost pages as
// clean, so the file is thrown away and the Put fails, never tried again.
//
// Files and folders can be read by their owner only. All of it goes through [os.Root]:
// links that lead out of the folder are not followed. Unfinished files of a process that
// died begin with ".tmp-"; they are no objects, and List removes them after a day.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dayfold/dayfold/engine/store"
)

// A Store is a folder. It holds the folder open until Close.
type Store struct {
	root   *os.Root
	linked atomic.Bool // false once a file could be put in place only by a plain rename

	// trace, set by tests, is told of what is done to the folder: of a sync before it, of
	// everything else after it.
	trace func(op, name, to string)

	mu     sync.Mutex
	synced map[string]bool // folders whose own entry is known to be on disk
}

func (s *Store) tell(op, name, to string) {
	if s.trace != nil {
		s.trace(op, name, to)
	}
}

// Create makes the folder, and those above it, if they are not there, and opens it.
func Create(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("open store: %w", plain(err))
	}
	for up := filepath.Dir(dir); ; up = filepath.Dir(up) {
		if f, err := os.Open(up); err == nil { // one that may not be read was not made here
			err = syncDir(f)
			f.Close()
			if err != nil {
				return nil, fmt.Errorf("open store: %w", plain(err))
			}
		}
		if up == filepath.Dir(up) {
			return Open(dir)
		}
	}
}

// Open opens a folder that is there; if it is not, fs.ErrNotExist.
func Open(dir string) (*Store, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", plain(err))
	}
	s := &Store{root: root, synced: map[string]bool{".": true}}
	s.linked.Store(true)
	return s, nil
}

// Close gives the folder back.
func (s *Store) Close() error { return s.root.Close() }

// Capabilities says whether files are put in place without replacing others.
func (s *Store) Capabilities() store.Capabilities {
	return store.Capabilities{CreateIfAbsent: s.linked.Load(), ConsistentList: true, Durable: true}
}

// Traits are this machine's. A file system that keeps old versions does not say so.
func (s *Store) Traits(context.Context) (store.Traits, error) {
	return store.Traits{Locks: store.No, Trash: store.No, Clock: time.Now()}, nil
}

// Get reads a part of a file.
func (s *Store) Get(ctx context.Context, name string, off int64, n int) ([]byte, error) {
	if err := store.Check(ctx, "get", name); err != nil {
		return nil, err
	}
	data, err := s.read(name, off, n, nil)
	return data, store.Fail(ctx, "get", name, err)
}

// GetInto reads a part of a file into buf.
func (s *Store) GetInto(ctx context.Context, name string, off int64, buf []byte) error {
	if err := store.Check(ctx, "get", name); err != nil {
		return err
	}
	_, err := s.read(name, off, len(buf), buf)
	return store.Fail(ctx, "get", name, err)
}

// read reads n bytes, or all if n < 0, into data, if that is there.
func (s *Store) read(name string, off int64, n int, data []byte) ([]byte, error) {
	f, err := s.root.OpenFile(name, os.O_RDONLY|nonblock, 0)
	if notThere(err) {
		return nil, fs.ErrNotExist
	} else if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, plain(err)
	case !info.Mode().IsRegular():
		return nil, fs.ErrNotExist
	case off < 0:
		return nil, fs.ErrInvalid
	case off > info.Size() || int64(n) > info.Size()-off:
		return nil, io.ErrUnexpectedEOF
	case n < 0 && info.Size()-off > store.MaxObject:
		return nil, fmt.Errorf("a file of %d bytes is too long", info.Size())
	case n < 0:
		n = int(info.Size() - off)
	}
	if data == nil {
		data = make([]byte, n)
	}
	if m, err := f.ReadAt(data, off); m < n {
		return nil, fmt.Errorf("file shrank: %w", plain(err))
	}
	return data, nil
}

// Delete removes a file, and syncs its folder so that it stays removed.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := store.Check(ctx, "delete", name); err != nil {
		return err
	}
	return store.Fail(ctx, "delete", name, s.remove(name))
}

func (s *Store) remove(name string) error {
	info, err := s.root.Lstat(name)
	if notThere(err) || err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		err = s.unlink(name)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return plain(err)
	}
	return s.syncFolder(path.Dir(name))
}

func (s *Store) unlink(name string) error {
	err := s.root.Remove(name)
	if err == nil {
		s.tell("remove", name, "")
	}
	return err
}

// plain takes the path off an error, and gives a full disk its name.
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		err = l.Err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return store.ErrNoSpace
	}
	return err
}
