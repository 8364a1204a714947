package sftp_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	wire "github.com/pkg/sftp"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/sftp"
	"github.com/dayfold/dayfold/engine/store/storetest"
)

var all = store.Capabilities{CreateIfAbsent: true, ConsistentList: true, Durable: true}

// server is an SFTP server in this process.
type server struct {
	mu    sync.Mutex
	links []net.Conn
}

func (s *server) dial(context.Context) (sftp.Link, error) {
	near, far := net.Pipe()
	srv, err := wire.NewServer(far)
	if err != nil {
		return sftp.Link{}, err
	}
	go srv.Serve()
	s.mu.Lock()
	s.links = append(s.links, near)
	s.mu.Unlock()
	return sftp.Link{In: near, Out: near, Close: func() error { return errors.Join(near.Close(), srv.Close()) }}, nil
}

// cut breaks all connections, and says how many there were.
func (s *server) cut() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.links {
		l.Close()
	}
	return len(s.links)
}

func over(t *testing.T, srv *server, dir string) *sftp.Store {
	t.Helper()
	s, err := sftp.Over(t.Context(), dir, all, 0, srv.dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestServerInProcess(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return over(t, new(server), t.TempDir()) })
}

func TestBrokenConnectionIsMadeAgain(t *testing.T) {
	srv := new(server)
	s := over(t, srv, t.TempDir())
	if err := s.Put(t.Context(), "packs/aa/x", []byte("x")); err != nil {
		t.Fatal(err)
	}
	srv.cut()
	if _, err := s.Get(t.Context(), "packs/aa/x", 0, -1); !store.IsTemporary(err) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("over a broken connection: %v, want a temporary error", err)
	}
	if got, err := s.Get(t.Context(), "packs/aa/x", 0, -1); string(got) != "x" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if n := srv.cut(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
	retry := store.NewRetry(s, store.RetryOptions{First: time.Microsecond})
	if err := retry.Put(t.Context(), "packs/aa/y", []byte("y")); err != nil {
		t.Errorf("put with retries: %v", err)
	}
}

func TestNoFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := sftp.Over(t.Context(), dir, all, 0, new(server).dial); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: %v, want that it is not there", err)
	}
	os.Mkdir(dir, 0o700)
	s := over(t, new(server), dir)
	os.Remove(dir)
	n := 0
	for _, err := range s.List(t.Context(), "") {
		if n++; err == nil || store.IsTemporary(err) {
			t.Errorf("list of a folder that vanished: %v", err)
		}
	}
	if n != 1 {
		t.Errorf("a folder that vanished is listed as empty")
	}
}

// A server that says nothing is given up after the time of a call.
func TestSilentServer(t *testing.T) {
	silent := func(context.Context) (sftp.Link, error) {
		in, _ := net.Pipe()
		return sftp.Link{In: in, Out: struct {
			io.Writer
			io.Closer
		}{io.Discard, in}, Close: in.Close}, nil
	}
	if _, err := sftp.Over(t.Context(), ".", all, 50*time.Millisecond, silent); !store.IsTemporary(err) {
		t.Errorf("got %v, want a temporary error", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := sftp.Over(ctx, ".", all, 0, silent); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
}

// What a hostile server says first must not be believed, nor allocated for.
func TestGarbage(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "long packet": "\xff\xff\xff\xff\x02", "text": "SSH-2.0 hello there, this is no SFTP", "wrong answer": "\x00\x00\x00\x05\x65\x00\x00\x00\x00",
	} {
		dial := func(context.Context) (sftp.Link, error) {
			return sftp.Link{In: strings.NewReader(text), Out: discard{}, Close: func() error { return nil }}, nil
		}
		if _, err := sftp.Over(t.Context(), ".", all, time.Second, dial); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

func TestParseURL(t *testing.T) {
	for text, want := range map[string]string{
		"sftp://me@host:22//abs/dir": "sftp://me@host:22//abs/dir",
		"sftp://me@host/rel/dir":     "sftp://me@host/rel/dir",
		"sftp:me@host:dir":           "sftp://me@host/dir",
		"sftp:host:/dir":             "sftp://host//dir",
		"sftp://host":                "sftp://host/.",
		"sftp://[::1]:22/x":          "sftp://[::1]:22/x",
		"sftp://me:secret@host/x":    "",
		"sftp:host":                  "",
		"sftp://":                    "",
		"sftp:a/b:c":                 "",
		"sftp://host/x?y":            "",
		"sftp://ho st\x00/secret":    "",
	} {
		got, err := sftp.ParseURL(text)
		if want == "" {
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: %v, error %v", text, got, err)
			}
		} else if err != nil || got.String() != want {
			t.Errorf("%q: got %s, error %v; want %s", text, got, err, want)
		}
	}
}
