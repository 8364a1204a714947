// Package dir reads any folder as a history and writes it back.
//
// Every file, directory and symbolic link below the root is one item. Its key is
// the path relative to the root, with slashes, as people type it; it has no group
// and is of kind Other. The content of a file is its bytes; that of a symbolic
// link is its target, inline; a directory has none. What else a name carries
// (type, permissions, time of change to the nanosecond) lies in Meta. Owners,
// access lists, extended attributes and hard links are not kept: two names of one
// file come back as two files, whose bytes lie in the archive once.
//
// Symbolic links are never followed, neither on the way in nor on the way out.
// Devices, sockets and pipes are reported as Problems, and so is what cannot be
// read and what changes while it is read: a snapshot never has half a file.
//
// The other way, Write, takes a snapshot of such a history apart into a folder
// that may already hold something, hostile or not: see its comment.
package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dayfold/dayfold/engine"
)

// Kind is the SourceInfo.Kind of the histories that this package reads.
const Kind = "dir"

// ErrSpecial is the cause in the Problem of a device, a socket or a pipe.
var ErrSpecial = errors.New("neither a file nor a directory nor a symbolic link")

// ErrChanged is the cause in the Problem of a file that was not the same before
// and after it was read.
var ErrChanged = errors.New("changed while it was read")

// ErrTooLong is the cause in the Problem of a path longer than an item's key may be; of a
// directory, nothing below it is read.
var ErrTooLong = errors.New("path too long")

// What fits in an item: a key is at most maxPath bytes, inline content maxTarget.
const (
	maxPath   = 1024
	maxTarget = 4096
)

// Options say how a folder is read. The zero value reads all of it.
type Options struct {
	// Label names the history; empty: the folder's absolute path.
	Label string
	// Skip says what to leave out, by key and what lstat says. A skipped
	// directory is left out with all below it. Nil: nothing.
	Skip func(key string, info fs.FileInfo) bool
	// Now is the clock that tells fresh files from settled ones. Nil: time.Now.
	Now func() time.Time
}

// A Source is one folder. It holds the root open; Close releases it.
type Source struct {
	root  *os.Root
	label string
	opt   Options
}

// Open opens the folder at path. Only the path itself may be a symbolic link.
func Open(path string, opt Options) (*Source, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", bare(err))
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", bare(err))
	}
	if opt.Label == "" {
		opt.Label = filepath.ToSlash(abs)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Source{root: root, label: opt.Label, opt: opt}, nil
}

// Close releases the folder. Contents that are still open stay readable.
func (s *Source) Close() error { return s.root.Close() }

// Info says that this is a folder, and which.
func (s *Source) Info() engine.SourceInfo {
	return engine.SourceInfo{Kind: Kind, Label: s.label}
}

// Items yields the folder's items, a directory before what lies in it, otherwise
// in the order of the file system. Each directory is read in steps, so that
// memory does not grow with the number of names in it.
func (s *Source) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		w := walk{s: s, ctx: ctx, yield: yield}
		top, err := s.root.Open(".")
		if err != nil {
			yield(engine.Item{}, fmt.Errorf("read folder: %w", bare(err)))
			return
		}
		w.dir(top, "")
	}
}

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
