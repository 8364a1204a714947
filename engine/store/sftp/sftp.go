// Package sftp keeps a store's objects as files in a folder of another machine, over SFTP.
//
// Put writes a file under a name of its own beside the final one, has the server sync it
// ("fsync@openssh.com"), gives it the final name by a hard link ("hardlink@openssh.com",
// which fails if the name is taken), removes the first name, and has the server sync the
// folder. Where there are no hard links a rename does it after a look; where there is no
// sync the files are as durable as the server makes them. What is lacking is declared.
//
// A store holds one connection, made when it is first needed and made again after it
// broke. A call that is cancelled or takes too long closes it, since SFTP has no other
// way to stop; other calls under way then fail with a [*store.Temporary].
package sftp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"sync/atomic"
	"time"

	wire "github.com/pkg/sftp"

	"github.com/dayfold/dayfold/engine/store"
)

const (
	extensionSync = "fsync@openssh.com"
	extensionLink = "hardlink@openssh.com"
	extensionFree = "statvfs@openssh.com"
)

// A Link is a channel on which an SFTP server speaks. Close ends it and all it needed.
type Link struct {
	In    io.Reader
	Out   io.WriteCloser
	Close func() error
}

// A Store is a folder of another machine.
type Store struct {
	dial    func(context.Context) (Link, error)
	dir     string
	most    store.Capabilities // what the kind of server can do at most
	timeout time.Duration

	dialing sync.Mutex // held while a connection is made, before mu
	mu      sync.Mutex
	conn    *conn
	known   map[string]bool // folders that were there once
}

// A conn is one connection and what the server at its other end can do.
type conn struct {
	*wire.Client
	link       Link
	sync, free bool
	hardlink   atomic.Bool // until one was refused
	once       sync.Once
}

func (c *conn) close() {
	c.once.Do(func() {
		c.link.Close()
		c.Client.Close()
	})
}

// Over makes a store of the folder dir of a server that dial reaches in a way of its own,
// with the given capabilities at most. A call may take as long as timeout, or 5 minutes
// if that is zero. It connects at once; the folder must be there.
func Over(ctx context.Context, dir string, most store.Capabilities, timeout time.Duration, dial func(context.Context) (Link, error)) (*Store, error) {
	if timeout <= 0 {
		timeout = 5 * time.Minute
	}
	s := &Store{dial: dial, dir: dir, most: most, timeout: timeout, known: make(map[string]bool)}
	err := s.do(ctx, "open", "store", func(c *conn) error {
		info, err := c.Stat(s.dir)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			return fmt.Errorf("%w: %w", errFolder, fs.ErrNotExist)
		}
		return err
	})
	if err != nil {
		s.Close()
		var call *fs.PathError
		if errors.As(err, &call) {
			err = call.Err
		}
		return nil, fmt.Errorf("open store: %w", err)
	}
	return s, nil
}

// Close ends the connection.
func (s *Store) Close() error {
	s.mu.Lock()
	c := s.conn
	s.conn = nil
	s.mu.Unlock()
	if c != nil {
		c.close()
	}
	return nil
}

// Capabilities are what the server that was connected to last can do.
func (s *Store) Capabilities() store.Capabilities {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := s.most
	if s.conn != nil {
		most.CreateIfAbsent = most.CreateIfAbsent && s.conn.hardlink.Load()
		most.Durable = most.Durable && s.conn.sync
	}
	return most
}

// Traits are what SFTP has: no locks and no trash. Whether the server's file system keeps
// old versions it does not say. Its clock is the time of a file that is made for that.
func (s *Store) Traits(ctx context.Context) (store.Traits, error) {
	t := store.Traits{Locks: store.No, Trash: store.No}
	err := s.do(ctx, "open", "store", func(c *conn) error {
		temp := s.path(store.Unfinished + rand.Text())
		f, err := c.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		if err != nil {
			return err
		}
		defer c.Remove(temp)
		defer f.Close()
		info, err := f.Stat()
		if err == nil {
			t.Clock = info.ModTime()
		}
		return err
	})
	if err != nil && !store.IsTemporary(err) && ctx.Err() == nil {
		err = nil // it may not be written
	}
	return t, err
}

// connected is the connection, made if there is none.
func (s *Store) connected(ctx context.Context) (*conn, error) {
	s.dialing.Lock()
	defer s.dialing.Unlock()
	s.mu.Lock()
	c := s.conn
	s.mu.Unlock()
	if c != nil {
		return c, nil
	}
	link, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { link.Close() })
	client, err := wire.NewClientPipe(link.In, link.Out, wire.UseConcurrentWrites(true), wire.MaxConcurrentRequestsPerFile(64))
	stop()
	if err != nil {
		link.Close()
		return nil, &store.Temporary{Err: fmt.Errorf("speak SFTP: %w", err)}
	}
	c = &conn{Client: client, link: link}
	_, c.sync = client.HasExtension(extensionSync)
	_, linked := client.HasExtension(extensionLink)
	c.hardlink.Store(linked)
	_, c.free = client.HasExtension(extensionFree)
	s.mu.Lock()
	s.conn = c
	s.mu.Unlock()
	return c, nil
}

// do makes a call within the time that it may take. A connection that broke is given up.
func (s *Store) do(ctx context.Context, op, name string, call func(*conn) error) error {
	inner, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	c, err := s.connected(inner)
	if err == nil {
		stop := context.AfterFunc(inner, func() { s.drop(c) })
		err = call(c)
		stop()
		if err != nil && broken(err) {
			s.drop(c)
			err = &store.Temporary{Err: fmt.Errorf("the connection broke: %w", err)}
		}
	}
	if inner.Err() != nil && ctx.Err() == nil {
		err = &store.Temporary{Err: errors.New("the server did not answer in time")}
	}
	return store.Fail(ctx, op, name, err)
}

// drop ends a connection, and lets the next call make another.
func (s *Store) drop(c *conn) {
	s.mu.Lock()
	if s.conn == c {
		s.conn = nil
	}
	s.mu.Unlock()
	c.close()
}

// broken reports whether an error is of the connection and not an answer.
func broken(err error) bool {
	var status *wire.StatusError
	var temp *store.Temporary
	switch {
	case errors.As(err, &status):
		return status.Code == uint32(wire.ErrSSHFxConnectionLost) || status.Code == uint32(wire.ErrSSHFxNoConnection)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrInvalid),
		errors.Is(err, store.ErrNoSpace), errors.Is(err, errShort), errors.Is(err, errFolder), errors.As(err, &temp):
		return false
	}
	return true
}

func (s *Store) path(name string) string { return path.Join(s.dir, name) }
