//go:build !windows && (!unix || aix || solaris)

package index

import "os"

// lockFile opens the file of that name. There are no locks here that Badger does
// not set itself.
func lockFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
}
