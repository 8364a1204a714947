package local

import (
	"os"

	"golang.org/x/sys/unix"
)

// renameNoReplace renames within the folder, and fails with fs.ErrExist if the new name
// is taken.
func renameNoReplace(dir *os.File, from, to string) error {
	fd := int(dir.Fd())
	return unix.Renameat2(fd, from, fd, to, unix.RENAME_NOREPLACE)
}
