package dir

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A handle is an open directory below the target, held by the path that led to it
// and by the workers that write into it.
type handle struct {
	root *os.Root
	refs atomic.Int64
}

func newHandle(root *os.Root) *handle {
	h := &handle{root: root}
	h.refs.Store(1)
	return h
}

func (h *handle) hold() { h.refs.Add(1) }

func (h *handle) release() {
	if h.refs.Add(-1) == 0 {
		h.root.Close()
	}
}

// A path is the chain of open directories from the target to the one in use. Items
// come in the order of their keys, so that most steps reuse most of it.
type path struct {
	top   *handle
	names []string
	below []*handle // below[i] is the directory names[i] in the one before
}

func newPath(root *os.Root) *path { return &path{top: newHandle(root)} }

func (p *path) close() {
	p.cut(0)
	p.top.release()
}

// cut closes all but the first n directories below the target.
func (p *path) cut(n int) {
	for len(p.below) > n {
		last := len(p.below) - 1
		p.below[last].release()
		p.below, p.names = p.below[:last], p.names[:last]
	}
}

func (p *path) last() *handle {
	if len(p.below) == 0 {
		return p.top
	}
	return p.below[len(p.below)-1]
}

// to makes the directory with this key the one in use; enter opens those that the
// path does not hold yet.
func (p *path) to(key string, enter func(in *handle, name, key string) (*os.Root, error)) (*handle, error) {
	parts := strings.Split(key, "/")
	if key == "" {
		parts = nil
	}
	n := 0
	for n < len(parts) && n < len(p.names) && parts[n] == p.names[n] {
		n++
	}
	p.cut(n)
	for ; n < len(parts); n++ {
		root, err := enter(p.last(), parts[n], strings.Join(parts[:n+1], "/"))
		if err != nil {
			return nil, err
		}
		p.names, p.below = append(p.names, parts[n]), append(p.below, newHandle(root))
	}
	return p.last(), nil
}

// parent opens the directory that key lies in, and makes it if it is missing.
func (w *writer) parent(key string) (*handle, string, error) {
	dir, name := "", key
	if i := strings.LastIndexByte(key, '/'); i >= 0 {
		dir, name = key[:i], key[i+1:]
	}
	in, err := w.path.to(dir, w.enter)
	return in, name, err
}

// enter opens the directory name in in. What is there and is no directory makes
// way if the caller lets it; a directory that its owner may not write to is opened
// up until the end.
func (w *writer) enter(in *handle, name, key string) (*os.Root, error) {
	err := in.root.Mkdir(name, 0o700)
	made := err == nil
	info, statErr := in.root.Lstat(name)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if statErr != nil {
		return nil, statErr
	}
	twin, ours := w.twin(info, key)
	switch {
	case !info.IsDir() && (w.opt.Overwrite == Never || ours):
		return nil, ErrInTheWay
	case !info.IsDir():
		if err := in.root.Remove(name); err != nil {
			return nil, err
		}
		return w.enter(in, name, key)
	case ours && twin != key:
		return nil, ErrTwin
	}
	if made {
		if err := w.written(func() (fs.FileInfo, error) { return info, nil }, key); err != nil {
			return nil, err
		}
	} else if info.Mode()&0o700 != 0o700 && w.opt.Overwrite != Never {
		if err := in.root.Chmod(name, info.Mode()|0o700); err != nil {
			return nil, err
		}
		w.final[key] = attributes{mode: info.Mode()}
	}
	return openSame(in.root, name, info)
}

// openSame opens the directory that was seen as info under name, and nothing that
// has taken its place: OpenRoot alone follows a symbolic link within the target.
func openSame(in *os.Root, name string, info fs.FileInfo) (*os.Root, error) {
	root, err := in.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	now, err := root.Stat(".")
	if err == nil && !os.SameFile(info, now) {
		err = ErrInTheWay
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}

// attributes are what a directory gets at the end. A zero time is left alone.
type attributes struct {
	mode fs.FileMode
	meta *meta
}

// dir makes a directory, to be given its permissions and time at the end. One that
// exists stays as it is under Never.
func (w *writer) dir(e entry) error {
	in, name, err := w.parent(e.key)
	if err != nil {
		return err
	}
	_, err = in.root.Lstat(name)
	there := err == nil
	if _, err := w.path.to(e.key, w.enter); err != nil {
		return err
	}
	if there && w.opt.Overwrite == Never {
		w.count(&w.report.Kept, 0)
		return nil
	}
	w.final[e.key] = attributes{mode: e.meta.mode(w.opt.SetID), meta: &e.meta}
	w.count(&w.report.Dirs, 0)
	return nil
}

// finish gives the directories their permissions and times, the deepest first, so
// that none is closed or changed by what still has to be done below it.
func (w *writer) finish(ctx context.Context) error {
	keys := slices.Sorted(maps.Keys(w.final))
	for _, key := range slices.Backward(keys) {
		if err := ctx.Err(); err != nil {
			return err
		}
		a := w.final[key]
		if err := w.settle(entry{key: key}, w.attribute(key, a)); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) attribute(key string, a attributes) error {
	in, name, err := w.parent(key)
	if err != nil {
		return err
	}
	info, err := in.root.Lstat(name)
	if err != nil {
		return err
	}
	root, err := openSame(in.root, name, info)
	if err != nil {
		return err
	}
	defer root.Close()
	if a.meta != nil {
		if err := root.Chtimes(".", time.Time{}, a.meta.time); err != nil {
			return err
		}
	}
	return root.Chmod(".", a.mode)
}
