// Package rclone keeps a store's objects in any place that the program rclone reaches,
// through "rclone serve sftp --stdio". The program is started when the store is opened,
// and ends with it. Its configuration, credentials among them, is its own affair.
//
// Nothing is atomic between two machines that way, and rclone does not say when bytes are
// on stable storage: the store declares neither.
package rclone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/sftp"
)

// Options name a place and say how to reach it.
type Options struct {
	Remote  string        // as rclone writes it: "remote:path"
	Program string        // "": rclone, where programs are looked for
	Timeout time.Duration // of one call; zero: 5 minutes
}

// ParseURL reads "rclone:remote:path".
func ParseURL(text string) (Options, error) {
	opt := Options{Remote: strings.TrimPrefix(text, "rclone:")}
	return opt, opt.check()
}

// check refuses what rclone would take for a flag, and remotes that are made up on the
// spot with parameters of their own, which can name programs to run.
func (o Options) check() error {
	name, _, ok := strings.Cut(o.Remote, ":")
	if !ok || name == "" || strings.HasPrefix(name, "-") || strings.ContainsAny(name, ",=\"'/\\\x00") {
		return errors.New("not an rclone remote with a path")
	}
	return nil
}

// String is the address.
func (o Options) String() string { return "rclone:" + o.Remote }

// A Store is a place that rclone reaches.
type Store struct{ *sftp.Store }

// Open starts rclone.
func Open(ctx context.Context, opt Options) (*Store, error) {
	if err := opt.check(); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s, err := sftp.Over(ctx, ".", store.Capabilities{ConsistentList: true}, opt.Timeout, opt.dial)
	if err != nil {
		return nil, err
	}
	return &Store{s}, nil
}

// Traits are not known: behind rclone there may be anything.
func (s *Store) Traits(context.Context) (store.Traits, error) { return store.Traits{}, nil }

// dial starts the program. Its standard output and input are the channel; what it says
// besides is dropped, since it may say anything.
func (o Options) dial(context.Context) (sftp.Link, error) {
	program := o.Program
	if program == "" {
		program = "rclone"
	}
	cmd := exec.Command(program, "serve", "sftp", "--stdio", "--vfs-cache-mode", "writes", "--", o.Remote)
	in, err := cmd.StdoutPipe()
	if err != nil {
		return sftp.Link{}, err
	}
	out, err := cmd.StdinPipe()
	if err != nil {
		return sftp.Link{}, err
	}
	if err := cmd.Start(); err != nil {
		return sftp.Link{}, fmt.Errorf("start rclone: %w", err)
	}
	return sftp.Link{In: in, Out: out, Close: func() error { return end(cmd, out) }}, nil
}

// grace is how long rclone may take to send on what it holds.
const grace = 10 * time.Second

// end lets the program see the end of its input, and kills it if it does not stop then.
func end(cmd *exec.Cmd, in io.Closer) error {
	timer := time.AfterFunc(grace, func() { cmd.Process.Kill() })
	defer timer.Stop()
	return errors.Join(in.Close(), cmd.Wait())
}
