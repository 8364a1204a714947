package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/local"
)

// A scheme is a kind of place that an archive can lie in: what stands before the
// colon of its URL, an example of the rest, and how it is opened. rest is what stands
// behind the colon. With create, a place that can be made is made. A near place is on
// this machine: nothing is tried again there, and nothing cached.
type scheme struct {
	name, example string
	near          bool
	open          func(c *cli, ctx context.Context, rest string, create bool) (store.Store, error)
}

// places are all schemes; a path without one is "file". Credentials never stand in a
// URL: each place takes them from where its own programs look.
var places = []scheme{
	{"file", "file:PATH", true, (*cli).openLocal},
	{"s3", "s3:https://HOST/BUCKET/PREFIX", false, (*cli).openS3},
	{"webdav", "webdav:https://HOST/PATH", false, (*cli).openWebDAV},
	{"sftp", "sftp:USER@HOST:PATH", false, (*cli).openSFTP},
	{"rclone", "rclone:REMOTE:PATH", false, (*cli).openRclone},
	{"mem", "", true, (*cli).openMemory},
}

// schemes names the places for the help.
func schemes() string {
	var names []string
	for _, s := range places {
		if s.example != "" {
			names = append(names, s.example)
		}
	}
	return strings.Join(names, ", ")
}

// parseURL finds the scheme of a place. A path that looks like one is written file:PATH.
func parseURL(repo string) (scheme, string, error) {
	name, rest, ok := strings.Cut(repo, ":")
	if !ok || filepath.VolumeName(repo) != "" || strings.ContainsAny(name, `/\.`) {
		return places[0], repo, nil
	}
	for _, s := range places {
		if s.name == name {
			return s, rest, nil
		}
	}
	return scheme{}, "", misused("%s: unknown kind of store %q (there are a path, %s)", shownURL(repo), name, schemes())
}

func (*cli) openLocal(_ context.Context, dir string, create bool) (store.Store, error) {
	if dir == "" {
		return nil, misused("a store needs a path")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if create {
		return local.Create(dir)
	}
	return local.Open(dir)
}

// openMemory is for tests: what it holds ends with the process.
func (*cli) openMemory(context.Context, string, bool) (store.Store, error) {
	return new(store.Mem), nil
}

// openStore opens the place that --repo names, with the limits on what goes to and fro.
// close gives back what it holds.
func (c *cli) openStore(ctx context.Context, create bool) (st store.Store, close func(), err error) {
	s, rest, err := parseURL(c.repo)
	if err != nil {
		return nil, nil, err
	}
	st, err = s.open(c, ctx, rest, create)
	if errors.Is(err, fs.ErrNotExist) && !create {
		return nil, nil, engine.ErrNoArchive
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", c.place(), err)
	}
	close = func() {}
	if closer, ok := st.(io.Closer); ok {
		close = func() { closer.Close() }
	}
	if !s.near {
		st = store.NewRetry(st, store.RetryOptions{})
	}
	if c.upload > 0 || c.download > 0 {
		st = store.NewLimit(st, int(c.upload), int(c.download))
	}
	return st, close, nil
}

// shownURL is a URL without a password that somebody may have put into it.
func shownURL(repo string) string {
	i := strings.Index(repo, "://")
	if i < 0 {
		return visible(repo)
	}
	u, err := url.Parse(repo[strings.LastIndexByte(repo[:i], ':')+1:])
	if err != nil {
		return visible(repo[:i]) + "://…"
	}
	u.RawQuery, u.Fragment = "", ""
	return visible(repo[:strings.LastIndexByte(repo[:i], ':')+1] + u.Redacted())
}

// placeHash names the archive's place in folder names of this device.
func (c *cli) placeHash() string {
	name := c.repo
	if s, rest, err := parseURL(c.repo); err == nil && s.name == "file" {
		if name, err = filepath.Abs(rest); err != nil {
			name = rest
		} else if real, err := filepath.EvalSymlinks(name); err == nil {
			name = real
		}
	}
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:10])
}

// private makes a folder that only its owner may enter.
func private(dir string) error { return os.MkdirAll(dir, 0o700) }
