package dir

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

// probe finds out whether the target's file system takes two names for one that
// differ only in case or in how an accent is composed.
func (w *writer) probe() error {
	if w.opt.folds || runtime.GOOS == "windows" {
		w.opt.folds = true
		return nil
	}
	name := temporary()
	f, err := w.path.top.root.OpenFile(name+"-aé", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil // nothing can be created, then: each item will say so
		}
		return err
	}
	f.Close()
	for _, other := range []string{"-Aé", "-ae\u0301"} {
		if _, err := w.path.top.root.Lstat(name + other); err == nil {
			w.opt.folds = true
		}
	}
	return w.path.top.root.Remove(name + "-aé")
}

// written remembers what a name became, where twins are possible.
func (w *writer) written(stat func() (fs.FileInfo, error), key string) error {
	if !w.opt.folds {
		return nil
	}
	info, err := stat()
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.twins[placeOf(info, key)] = key
	return nil
}

// twin says whether what lies under key was written by this run, and for which key.
func (w *writer) twin(info fs.FileInfo, key string) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	other, ok := w.twins[placeOf(info, key)]
	return other, ok
}

// A place is what two twins share: the inode, or where there is none the name in
// the case that Windows compares.
type place struct {
	inode uint64
	name  string
}

func placeOf(info fs.FileInfo, key string) place {
	if n := inode(info); n != 0 {
		return place{inode: n}
	}
	return place{name: strings.ToLower(key)}
}
