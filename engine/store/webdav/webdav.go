// Package webdav keeps a store's objects below a collection of a WebDAV server, such as
// Nextcloud, ownCloud or Apache.
//
// Put sends the bytes to a name of its own beside the final one, asks how many arrived,
// and moves them to the final name with "Overwrite: F". A name that is taken is refused,
// and nothing is ever seen in part; but no request of WebDAV is atomic on every server,
// so of writers that meet several may be told that they won: the store declares that it
// lacks CreateIfAbsent. Nor does WebDAV say when bytes are on stable storage.
package webdav

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"sync"

	"github.com/dayfold/dayfold/engine/store"
)

// tempPrefix begins the names of unfinished files, which no object can have.
const tempPrefix = "tmp_"

// A Store is a collection.
type Store struct {
	client

	mu    sync.Mutex
	known map[string]bool // collections that were there once
}

// Open makes a store of what opt names. No request is made yet.
func Open(ctx context.Context, opt Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := opt.client()
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return &Store{client: c, known: make(map[string]bool)}, nil
}

// Close lets go of connections that wait for further use.
func (s *Store) Close() error {
	s.http.CloseIdleConnections()
	return nil
}

// Capabilities are what WebDAV promises on every server.
func (s *Store) Capabilities() store.Capabilities { return store.Capabilities{ConsistentList: true} }

// Put creates an object.
func (s *Store) Put(ctx context.Context, name string, data []byte) error {
	if err := store.Check(ctx, "put", name); err != nil {
		return err
	}
	err := s.create(ctx, name, data)
	return store.Fail(ctx, "put", name, err)
}

// create sends a file under a name of its own beside the final one, and moves it. Moved
// from another collection, or into one that is being made, it may be lost: SabreDAV says
// that all went well, and has no file.
func (s *Store) create(ctx context.Context, name string, data []byte) error {
	dir := path.Dir(name)
	if err := s.makeCollection(ctx, dir); err != nil {
		return err
	}
	temp := path.Join(dir, tempPrefix+rand.Text())
	err := s.upload(ctx, temp, data)
	if err == nil {
		err = s.move(ctx, temp, name)
	}
	if err != nil { // what is left over is swept by a later List
		s.request(context.WithoutCancel(ctx), http.MethodDelete, temp, nil, nil)
	}
	return err
}

// upload sends a file whole, into a collection that was there once.
func (s *Store) upload(ctx context.Context, temp string, data []byte) error {
	resp, err := s.request(ctx, http.MethodPut, temp, nil, data)
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusConflict || resp.StatusCode == http.StatusNotFound {
		s.mu.Lock()
		clear(s.known) // somebody removed what was there once
		s.mu.Unlock()
		if err := s.makeCollection(ctx, path.Dir(temp)); err != nil {
			return err
		}
		if resp, err = s.request(ctx, http.MethodPut, temp, nil, data); err != nil {
			return err
		}
	}
	if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusNoContent && resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	size, err := s.size(ctx, temp)
	if errors.Is(err, fs.ErrNotExist) || err == nil && size != int64(len(data)) {
		err = &store.Temporary{Err: fmt.Errorf("%d of %d bytes arrived", size, len(data))}
	}
	return err
}

func (s *Store) move(ctx context.Context, temp, name string) error {
	header := http.Header{"Destination": {s.url(name)}, "Overwrite": {"F"}}
	resp, err := s.request(ctx, "MOVE", temp, header, nil)
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusCreated || resp.StatusCode == http.StatusNoContent:
		return nil
	case resp.StatusCode == http.StatusPreconditionFailed:
		return fs.ErrExist
	case resp.StatusCode == http.StatusMultiStatus:
		return &store.Temporary{Err: errors.New("the file was not moved")}
	}
	if err := refusal(resp); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &store.Temporary{Err: errors.New("the file that was sent is gone")}
}

// makeCollection makes dir and those above it.
func (s *Store) makeCollection(ctx context.Context, dir string) error {
	s.mu.Lock()
	known := dir == "." || s.known[dir]
	s.mu.Unlock()
	if known {
		return nil
	}
	if err := s.makeCollection(ctx, path.Dir(dir)); err != nil {
		return err
	}
	resp, err := s.request(ctx, "MKCOL", dir+"/", nil, nil)
	if err != nil {
		return err
	}
	switch resp.StatusCode {
	case http.StatusCreated, http.StatusOK, http.StatusNoContent, http.StatusMethodNotAllowed: // the last: there is one
	case http.StatusConflict: // what is above is not there: the store's own collection, at the top
		if path.Dir(dir) == "." && s.makeTop(ctx) {
			return s.makeCollection(ctx, dir)
		}
		return refusal(resp)
	default:
		// A writer that meets another here may be told anything: see what is there.
		info, statErr := s.stat(ctx, dir+"/")
		if statErr != nil || !info.collection {
			return refusal(resp)
		}
	}
	s.mu.Lock()
	s.known[dir] = true
	s.mu.Unlock()
	return nil
}

// makeTop makes the collection that the store lies in, once. It reports whether that
// was tried now.
func (s *Store) makeTop(ctx context.Context) bool {
	s.mu.Lock()
	tried := s.known["."]
	s.known["."] = true
	s.mu.Unlock()
	if tried {
		return false
	}
	resp, err := s.request(ctx, "MKCOL", "", nil, nil)
	return err == nil && resp.StatusCode == http.StatusCreated
}

// Delete removes an object. A collection is left alone: WebDAV would remove all in it.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := store.Check(ctx, "delete", name); err != nil {
		return err
	}
	_, err := s.size(ctx, name)
	if err == nil {
		err = s.remove(ctx, name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return store.Fail(ctx, "delete", name, err)
}

func (s *Store) remove(ctx context.Context, name string) error {
	resp, err := s.request(ctx, http.MethodDelete, name, nil, nil)
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusOK:
		return nil
	case resp.StatusCode == http.StatusMultiStatus || resp.StatusCode == http.StatusAccepted:
		return &store.Temporary{Err: errors.New("status " + strconv.Itoa(resp.StatusCode) + ": not deleted yet")}
	}
	return refusal(resp)
}
