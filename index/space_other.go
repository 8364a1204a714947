//go:build !linux && !darwin && !freebsd && !dragonfly && !windows

package index

import "errors"

// freeSpace cannot tell here.
func freeSpace(string) (uint64, error) { return 0, errors.ErrUnsupported }
