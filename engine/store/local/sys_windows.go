package local

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

const nonblock = 0

// notThere reports whether an error says that there is no such file.
func notThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// syncDir does nothing: Windows writes a folder's entries with the file that is synced.
func syncDir(*os.File) error { return nil }
