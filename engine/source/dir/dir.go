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
	"io/fs"
	"iter"
	"os"
	"path/filepath"
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
