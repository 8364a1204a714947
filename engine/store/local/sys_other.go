//go:build !linux

package local

import (
	"errors"
	"os"
)

// renameNoReplace is not to be had here.
func renameNoReplace(*os.File, string, string) error { return errors.ErrUnsupported }
