package store

import (
	"context"
	"io"
	"io/fs"
)

// An Into is a store that can read into memory that it is given: what reads packs one
// after another then needs no new memory for each.
type Into interface {
	// GetInto is Get of len(buf) bytes, which it reads into buf. After an error buf
	// holds anything.
	GetInto(ctx context.Context, name string, off int64, buf []byte) error
}

// GetInto reads len(buf) bytes at off of an object of s into buf, with the errors of Get.
func GetInto(ctx context.Context, s Store, name string, off int64, buf []byte) error {
	if into, ok := s.(Into); ok {
		return into.GetInto(ctx, name, off, buf)
	}
	data, err := s.Get(ctx, name, off, len(buf))
	if err == nil && copy(buf, data) < len(buf) {
		err = &fs.PathError{Op: "get", Path: name, Err: io.ErrUnexpectedEOF}
	}
	return err
}
