//go:build linux || darwin || freebsd || netbsd || openbsd

package dir

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// setLinkTime sets the time of a symbolic link itself, which os.Root cannot.
func setLinkTime(root *os.Root, name string, t time.Time) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	ts, err := unix.TimeToTimespec(t)
	if err != nil {
		return err
	}
	return unix.UtimesNanoAt(int(d.Fd()), name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
}
