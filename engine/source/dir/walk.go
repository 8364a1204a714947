package dir

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/dayfold/dayfold/engine"
)

// A walk is one pass over the folder.
type walk struct {
	s     *Source
	ctx   context.Context
	yield func(engine.Item, error) bool
}

// step is how many names of a directory are held at a time.
const step = 1024

// dir yields what lies in f, the directory with this key, and closes it. False
// means that the pass is over.
func (w *walk) dir(f *os.File, key string) bool {
	defer f.Close()
	for {
		// In a directory opened through a Root, ReadDir stats every name relative
		// to the open directory: nothing can be swapped in between.
		names, err := f.ReadDir(step)
		for _, n := range names {
			if !w.name(key, n) {
				return false
			}
		}
		switch {
		case err == nil && len(names) > 0:
		case err == nil || errors.Is(err, io.EOF):
			return true
		default:
			return w.problem(orDot(key), err)
		}
	}
}

// name yields the item of one name in the directory parent and, if it is a
// directory, of all below it.
func (w *walk) name(parent string, n fs.DirEntry) bool {
	if err := w.ctx.Err(); err != nil {
		w.yield(engine.Item{}, err)
		return false
	}
	key := join(parent, n.Name())
	info, err := n.Info()
	if err != nil {
		return w.problem(key, err)
	}
	if w.s.opt.Skip != nil && w.s.opt.Skip(key, info) {
		return true
	}
	if len(key) > maxPath {
		return w.problem(key[:maxPath], ErrTooLong)
	}
	switch info.Mode().Type() {
	case 0:
		return w.yield(w.file(key, info), nil)
	case fs.ModeSymlink:
		return w.link(key, info)
	case fs.ModeDir:
		return w.below(key, info)
	}
	return w.problem(key, ErrSpecial)
}

func (w *walk) file(key string, info fs.FileInfo) engine.Item {
	it := w.item(key, info)
	it.Size = info.Size()
	if it.Size > 0 {
		it.Open = func(context.Context) (io.ReadCloser, error) { return w.s.open(key, info) }
	}
	return it
}

func (w *walk) link(key string, info fs.FileInfo) bool {
	target, err := w.s.root.Readlink(filepath.FromSlash(key))
	if err != nil {
		return w.problem(key, err)
	}
	if len(target) > maxTarget {
		return w.problem(key, ErrTooLong)
	}
	it := w.item(key, info)
	it.Inline = []byte(target)
	it.Size = int64(len(target))
	return w.yield(it, nil)
}

// below yields a directory and then what lies in it. One that is not the same
// when opened as when listed (a symbolic link has taken its place) is a Problem.
func (w *walk) below(key string, info fs.FileInfo) bool {
	if !w.yield(w.item(key, info), nil) {
		return false
	}
	f, err := w.s.root.OpenFile(filepath.FromSlash(key), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return w.problem(key, err)
	}
	if now, err := f.Stat(); err != nil || !os.SameFile(info, now) {
		f.Close()
		return w.problem(key, ErrChanged)
	}
	return w.dir(f, key)
}

// item returns what all items have in common. A file whose inode changed so
// lately that another write could leave no trace has no stamp: it is read again.
func (w *walk) item(key string, info fs.FileInfo) engine.Item {
	it := engine.Item{
		Key:  []byte(key),
		Kind: engine.Other,
		Time: info.ModTime(),
		Meta: appendMeta(nil, metaOf(info)),
	}
	if changed, ok := changeTime(info); ok && settled(changed, w.s.opt.Now()) {
		it.Stamp = stamp(info)
	}
	return it
}

func (w *walk) problem(key string, err error) bool {
	return w.yield(engine.Item{}, &engine.Problem{Key: []byte(key), Err: bare(err)})
}

func join(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "/" + name
}

func orDot(key string) string {
	if key == "" {
		return "."
	}
	return key
}

// bare returns the cause without the path that os puts before it: paths are in
// keys, where they can be left out of a log.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}
