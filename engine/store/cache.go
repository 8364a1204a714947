package store

import (
	"container/list"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"
	"sync"
)

// A Cache is a store that keeps whole copies of some objects in a folder of this
// machine, the least recently read ones giving way when it is full. It is for objects
// that are never changed and are read again and again; a kept object is read from the
// folder even if the place has lost it, so keep must refuse names that are read to find
// out whether they exist.
//
// Copies are checked block by block as they are read: one that is damaged, and a folder
// that cannot be written, cost time and nothing else. A copy never outlives its object:
// Delete removes it first, and List, once it has gone through, removes the copies of
// objects that it should have found and did not, which another machine deleted.
type Cache struct {
	store Store
	root  *os.Root
	limit int64
	keep  func(name string, size int) bool

	mu      sync.Mutex
	copies  map[string]*list.Element // of *cached
	order   *list.List               // most recently read first
	size    int64                    // of all copies
	gone    map[string]bool          // names deleted by this process: a late copy of one is not kept
	flights map[string]*flight       // objects being read from the store
}

// NewCache keeps copies of those objects of s that keep accepts, in the folder dir (made
// if it is not there), together at most limit bytes. keep is asked with the size of an
// object that was put, and with −1 before one is read: only what it accepts then is read
// whole for the sake of a copy. A folder is for one place only; several processes may
// share it.
func NewCache(s Store, dir string, limit int64, keep func(name string, size int) bool) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	c := &Cache{store: s, root: root, limit: limit, keep: keep, copies: make(map[string]*list.Element),
		order: list.New(), gone: make(map[string]bool), flights: make(map[string]*flight)}
	c.load()
	return c, nil
}

// Close gives the folder back. Copies stay for the next process.
func (c *Cache) Close() error { return c.root.Close() }

// Capabilities are those of the store within.
func (c *Cache) Capabilities() Capabilities { return Declared(c.store) }

// Traits are those of the store within.
func (c *Cache) Traits(ctx context.Context) (Traits, error) { return Ask(ctx, c.store) }

// Put creates an object, and keeps a copy of it.
func (c *Cache) Put(ctx context.Context, name string, data []byte) error {
	err := c.store.Put(ctx, name, data)
	if err == nil && c.keep(name, len(data)) {
		c.mu.Lock()
		delete(c.gone, name)
		c.mu.Unlock()
		c.insert(name, data)
	}
	return err
}

// Get reads a part of an object, from its copy if there is a good one. The first Get of
// an object that is kept reads it whole from the store.
func (c *Cache) Get(ctx context.Context, name string, off int64, n int) ([]byte, error) {
	if err := Check(ctx, "get", name); err != nil {
		return nil, err
	}
	if off < 0 {
		return c.store.Get(ctx, name, off, n)
	}
	data, size, ok := c.copied(name, off, n)
	if !ok && !c.keep(name, -1) {
		return c.store.Get(ctx, name, off, n)
	} else if !ok {
		whole, err := c.fetch(ctx, name)
		if err != nil {
			return nil, err
		}
		if size = int64(len(whole)); off <= size && int64(n) <= size-off {
			data = whole[off:]
			if n >= 0 {
				data = data[:n]
			}
			data = append([]byte{}, data...)
		}
	}
	if off > size || int64(n) > size-off {
		return nil, &fs.PathError{Op: "get", Path: name, Err: io.ErrUnexpectedEOF}
	}
	return data, nil
}

// GetInto reads a part of an object into buf. What is not kept comes from the store at once.
func (c *Cache) GetInto(ctx context.Context, name string, off int64, buf []byte) error {
	if !c.holds(name) && !c.keep(name, -1) {
		return GetInto(ctx, c.store, name, off, buf)
	}
	data, err := c.Get(ctx, name, off, len(buf))
	copy(buf, data)
	return err
}

func (c *Cache) holds(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.copies[name] != nil
}

// List yields what the store lists.
func (c *Cache) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		stray := c.names(prefix)
		for info, err := range c.store.List(ctx, prefix) {
			delete(stray, info.Name)
			if !yield(info, err) || err != nil {
				return
			}
		}
		for name := range stray {
			c.drop(name)
		}
	}
}

func (c *Cache) names(prefix string) map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := make(map[string]bool)
	for name := range c.copies {
		if strings.HasPrefix(name, prefix) {
			names[name] = true
		}
	}
	return names
}

// Delete removes an object's copy, then the object. If the copy cannot be removed it is
// an error, though the object is deleted.
func (c *Cache) Delete(ctx context.Context, name string) error {
	if err := Check(ctx, "delete", name); err != nil {
		return err
	}
	c.mu.Lock()
	c.gone[name] = true
	c.mu.Unlock()
	dropped := c.drop(name)
	return errors.Join(c.store.Delete(ctx, name), Fail(ctx, "delete", name, dropped))
}

// A flight is one reading of an object that all who ask for it meanwhile share.
type flight struct {
	done chan struct{}
	data []byte
	err  error
}

// fetch reads a whole object from the store, once for all who ask at a time. The bytes
// are shared. Each waits only as long as its own context.
func (c *Cache) fetch(ctx context.Context, name string) ([]byte, error) {
	for {
		c.mu.Lock()
		f := c.flights[name]
		first := f == nil
		if first {
			f = &flight{done: make(chan struct{})}
			c.flights[name] = f
		}
		c.mu.Unlock()
		if first {
			var ok bool
			if f.data, _, ok = c.copied(name, 0, -1); !ok { // else another has just landed
				if f.data, f.err = c.store.Get(ctx, name, 0, -1); f.err == nil {
					c.insert(name, f.data)
				}
			}
			c.mu.Lock()
			delete(c.flights, name)
			c.mu.Unlock()
			close(f.done)
			return f.data, f.err
		}
		select {
		case <-ctx.Done():
			return nil, Fail(ctx, "get", name, context.Cause(ctx))
		case <-f.done:
		}
		if f.err == nil {
			return f.data, nil
		} // the other's context may have ended: try for ourselves
	}
}
