package signallocal

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// main calls fn with the file main and its size.
func (s *Source) main(fn func(r io.Reader, size int64) error) error {
	f, size, err := openRegular(s.root, s.name+"/main")
	if err != nil {
		return err
	}
	defer f.Close()
	return fn(f, size)
}

// errNotRegular: a link or a device lies where a file should.
var errNotRegular = errors.New("not a regular file")

// openRegular opens a file for reading, if it is one, and returns its size.
func openRegular(root *os.Root, name string) (*os.File, int64, error) {
	info, err := root.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", name, errNotRegular)
	}
	if err != nil {
		return nil, 0, err
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func (s *Source) readSmall(name string) ([]byte, error) {
	f, size, err := openRegular(s.root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > maxMetadata {
		return nil, fmt.Errorf("metadata: %d bytes: %w", size, signal.ErrFormat)
	}
	return io.ReadAll(io.LimitReader(f, maxMetadata))
}
