package dir

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/dayfold/dayfold/engine"
)

// A writer is one run of Write.
type writer struct {
	opt     WriteOptions
	path    *path
	buffers sync.Pool

	mu     sync.Mutex
	report WriteReport
	twins  map[place]string // what was written, where the file system folds names

	final map[string]attributes // of directories, by key
}

func newWriter(root *os.Root, opt WriteOptions) *writer {
	w := &writer{opt: opt, path: newPath(root), final: map[string]attributes{}, twins: map[place]string{}}
	w.buffers.New = func() any { b := make([]byte, bufferSize); return &b }
	return w
}

// bufferSize is how much is written at a time when the content gives no larger pieces.
const bufferSize = 1 << 20

// file writes one file into the open directory in. A new one is written in its
// place; one that replaces something beside it, and then renamed over it.
func (w *writer) file(ctx context.Context, in *handle, name string, e entry) error {
	f, err := in.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return w.fill(ctx, f, in, name, e)
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	keep, err := w.occupied(in, name, e)
	if err != nil || keep {
		return err
	}
	aside := temporary()
	f, err = in.root.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := w.fill(ctx, f, in, aside, e); err != nil {
		return err
	}
	if err := in.root.Rename(aside, name); err != nil {
		in.root.Remove(aside)
		return err
	}
	return nil
}

// occupied decides about a name that exists: whether it stays. An error means that
// it may not be replaced and is not what the item says either.
func (w *writer) occupied(in *handle, name string, e entry) (keep bool, err error) {
	info, err := in.root.Lstat(name)
	if err != nil {
		return false, err
	}
	if _, ok := w.twin(info, e.key); ok {
		return false, ErrTwin
	}
	kind := kindOf(info)
	switch {
	case kind == typeDir:
		return false, ErrInTheWay
	case w.opt.Overwrite == Never && kind != e.meta.kind:
		return false, ErrInTheWay
	case w.opt.Overwrite == Never:
		keep = true
	case w.opt.Overwrite == IfChanged && kind == typeFile && e.meta.kind == typeFile:
		keep = info.Size() == e.item.Size && sameTime(info.ModTime(), e.meta.time)
	}
	if keep {
		w.count(&w.report.Kept, 0)
	}
	return keep, nil
}

// fill gives the new file f, named name in in, its content, permissions and time.
// On an error it is removed again.
func (w *writer) fill(ctx context.Context, f *os.File, in *handle, name string, e entry) (err error) {
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
		if err == nil {
			err = in.root.Chtimes(name, time.Time{}, e.meta.time)
		}
		if err != nil {
			in.root.Remove(name)
			return
		}
		w.count(&w.report.Files, e.item.Size)
	}()
	n, err := w.copy(ctx, f, e.item)
	if err != nil {
		return err
	}
	if n != e.item.Size {
		return fmt.Errorf("%d bytes of %d: %w", n, e.item.Size, io.ErrUnexpectedEOF)
	}
	if err := w.written(f.Stat, e.key); err != nil {
		return err
	}
	return f.Chmod(e.meta.mode(w.opt.SetID))
}

// copy writes the item's content to f in pieces as large as they come.
func (w *writer) copy(ctx context.Context, f *os.File, it engine.Item) (int64, error) {
	if it.Open == nil {
		n, err := f.Write(it.Inline)
		return int64(n), err
	}
	r, err := it.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	buf := w.buffers.Get().(*[]byte)
	defer w.buffers.Put(buf)
	// Without os.File's ReadFrom, which would use a small buffer of its own.
	return io.CopyBuffer(struct{ io.Writer }{f}, r, *buf)
}

// link makes a symbolic link. Its target is its content, and may lie anywhere.
func (w *writer) link(e entry) error {
	in, name, err := w.parent(e.key)
	if err != nil {
		return err
	}
	target := string(e.item.Inline)
	err = in.root.Symlink(target, name)
	if errors.Is(err, fs.ErrExist) {
		var keep bool
		if keep, err = w.occupied(in, name, e); err != nil || keep {
			return err
		}
		aside := temporary()
		if err = in.root.Symlink(target, aside); err != nil {
			return err
		}
		if err = in.root.Rename(aside, name); err != nil {
			in.root.Remove(aside)
		}
	}
	if err != nil {
		return err
	}
	if err := w.written(func() (fs.FileInfo, error) { return in.root.Lstat(name) }, e.key); err != nil {
		return err
	}
	w.count(&w.report.Links, 0)
	return setLinkTime(in.root, name, e.meta.time)
}

// temporary returns a fresh name for what will be renamed into its place.
func temporary() string {
	var b [12]byte
	rand.Read(b[:])
	return ".dayfold-" + hex.EncodeToString(b[:])
}

// fatal says whether an error will meet every other item as well.
func fatal(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS)
}

// sameTime says whether a file written with time want would show got, on a file
// system whose times may be coarser.
func sameTime(got, want time.Time) bool {
	for _, tick := range []time.Duration{1, 100, time.Microsecond, time.Second, 2 * time.Second} {
		if got.Equal(want.Truncate(tick)) {
			return true
		}
	}
	return false
}
