//go:build unix

package rclone_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	wire "github.com/pkg/sftp"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/rclone"
	"github.com/dayfold/dayfold/engine/store/storetest"
)

// With this in its environment the test program is what rclone would be: an SFTP server
// on its standard input and output, over the folder that the remote names.
const playRclone = "DAYFOLD_TEST_PLAY_RCLONE"

func TestMain(m *testing.M) {
	if os.Getenv(playRclone) == "" {
		os.Exit(m.Run())
	}
	args := strings.Join(os.Args[1:], " ")
	before, remote, _ := strings.Cut(args, " -- ")
	if before != "serve sftp --stdio --vfs-cache-mode writes" {
		os.Exit(2)
	}
	_, dir, _ := strings.Cut(remote, ":")
	server, err := wire.NewServer(struct {
		io.Reader
		io.WriteCloser
	}{os.Stdin, os.Stdout}, wire.WithServerWorkingDirectory(dir))
	if err != nil || server.Serve() != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func open(t *testing.T, dir string) (*rclone.Store, error) {
	t.Helper()
	t.Setenv(playRclone, "1")
	s, err := rclone.Open(t.Context(), rclone.Options{Remote: "remote:" + dir, Program: os.Args[0], Timeout: 20 * time.Second})
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

func TestRclone(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := open(t, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := s.Capabilities(), (store.Capabilities{ConsistentList: true}); got != want {
			t.Errorf("capabilities %+v, want %+v", got, want)
		}
		return s
	})
}

func TestOpenRefuses(t *testing.T) {
	if _, err := open(t, filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that is not there was opened")
	}
	if _, err := rclone.Open(t.Context(), rclone.Options{Remote: "a:b", Program: "/none/rclone"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the program: %v", err)
	}
	for _, remote := range []string{"", "path", ":sftp,ssh=evil:x", "-v:x", "a,command=x:y", "/a:b", "a='b':c"} {
		if _, err := rclone.Open(t.Context(), rclone.Options{Remote: remote, Program: "/bin/true"}); err == nil {
			t.Errorf("remote %q was opened", remote)
		}
	}
	if opt, err := rclone.ParseURL("rclone:drive:a/b"); err != nil || opt.Remote != "drive:a/b" || opt.String() != "rclone:drive:a/b" {
		t.Errorf("got %v, %v", opt, err)
	}
}
