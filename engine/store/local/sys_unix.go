//go:build !windows

package local

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// nonblock: opening a pipe that someone laid into the folder must not wait for a writer.
const nonblock = syscall.O_NONBLOCK

// notThere reports whether an error says that there is no such file.
func notThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// syncDir puts a folder's entries on stable storage. Some file systems have nothing to
// do there and say that it is invalid.
func syncDir(f *os.File) error {
	err := f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
