package webdav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/dayfold/dayfold/engine/store"
)

// Get reads a part of an object.
func (s *Store) Get(ctx context.Context, name string, off int64, n int) ([]byte, error) {
	if err := store.Check(ctx, "get", name); err != nil {
		return nil, err
	}
	data, err := s.get(ctx, name, off, n, nil)
	return data, store.Fail(ctx, "get", name, err)
}

// GetInto reads a part of an object into buf.
func (s *Store) GetInto(ctx context.Context, name string, off int64, buf []byte) error {
	if err := store.Check(ctx, "get", name); err != nil {
		return err
	}
	_, err := s.get(ctx, name, off, len(buf), buf)
	return store.Fail(ctx, "get", name, err)
}

func (s *Store) get(ctx context.Context, name string, off int64, n int, buf []byte) ([]byte, error) {
	header := http.Header{}
	switch {
	case off < 0:
		return nil, fs.ErrInvalid
	case n == 0, off+int64(n) < off && n > 0:
		return s.atEnd(ctx, name, off, n)
	case n > 0:
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+int64(n)-1))
	case off > 0:
		header.Set("Range", fmt.Sprintf("bytes=%d-", off))
	}
	resp, done, err := s.open(ctx, http.MethodGet, name, header, nil)
	if err != nil {
		return nil, err
	}
	defer done()
	skip := off // of a server that sends all though a part was asked for
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusPartialContent:
		if !strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", off)) {
			return nil, errors.New("another part was sent than was asked for")
		}
		skip = 0
	case http.StatusRequestedRangeNotSatisfiable:
		return s.atEnd(ctx, name, off, n)
	default:
		return nil, s.missing(ctx, resp, name)
	}
	if resp.Header.Get("Content-Encoding") != "" {
		return nil, errors.New("the answer is encoded")
	}
	return store.ReadPart(resp.Body, resp.ContentLength, skip, n, buf)
}

// missing is the error for an answer to a GET. If there is a collection there is no
// object: some servers say so by a redirection to the same name with a slash, and some
// that a collection cannot be read.
func (s *Store) missing(ctx context.Context, resp *http.Response, name string) error {
	switch resp.StatusCode {
	case http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusForbidden:
		if info, err := s.stat(ctx, name); err == nil && info.collection {
			return fs.ErrNotExist
		} else if store.IsTemporary(err) {
			return err
		}
	}
	to, err := resp.Location()
	if err == nil && resp.StatusCode/100 == 3 && to.String() == s.url(name)+"/" {
		return fs.ErrNotExist
	}
	return refusal(resp)
}

// atEnd answers for a part that has no bytes, or none that are there.
func (s *Store) atEnd(ctx context.Context, name string, off int64, n int) ([]byte, error) {
	size, err := s.size(ctx, name)
	if err != nil {
		return nil, err
	}
	if off > size || n > 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return []byte{}, nil
}

// size is that of a file; fs.ErrNotExist if it is none.
func (s *Store) size(ctx context.Context, name string) (int64, error) {
	info, err := s.stat(ctx, name)
	if err == nil && info.collection {
		err = fs.ErrNotExist
	}
	return info.size, err
}
