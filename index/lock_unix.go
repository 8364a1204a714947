//go:build unix && !aix && !solaris

package index

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile locks the file of that name until it is closed, or the process ends.
// It wraps ErrBusy when it is locked already, also by this process.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrBusy
		}
		return nil, err
	}
	return f, nil
}
