package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack/seal"
)

// An archive is an open one, with what was opened for it.
type archive struct {
	*engine.Archive
	secret seal.Secret
	close  []func()
}

// Close gives back all that was opened, the last first.
func (a *archive) Close() {
	for i := len(a.close) - 1; i >= 0; i-- {
		a.close[i]()
	}
}

// open opens the archive that --repo names with the key that was given or asked for.
func (c *cli) open(ctx context.Context) (*archive, error) { return c.openWith(ctx, c.cached) }

// openWith is open with something put around the store.
func (c *cli) openWith(ctx context.Context, around func(*archive, store.Store) store.Store) (*archive, error) {
	st, closeStore, err := c.openStore(ctx, false)
	if err != nil {
		return nil, err
	}
	a := &archive{close: []func(){closeStore}}
	if a.secret, err = c.givenSecret(); errors.Is(err, errNoKey) {
		if err = noArchive(ctx, st); err == nil {
			a.secret, err = c.askSecret(ctx)
		}
	}
	if err == nil {
		err = c.attach(a, func(opt engine.Options) (*engine.Archive, error) {
			return engine.Open(ctx, around(a, st), a.secret, opt)
		})
	}
	if errors.Is(err, fs.ErrNotExist) { // not even a bucket or a folder
		err = fmt.Errorf("%w: %w", engine.ErrNoArchive, err)
	}
	if err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// noArchive is ErrNoArchive if there is certainly none, which is better known than
// that the key to it is missing.
func noArchive(ctx context.Context, st store.Store) error {
	for _, err := range st.List(ctx, "keys/") {
		return err
	}
	return engine.ErrNoArchive
}

// create makes an archive where --repo says, opened with key.
func (c *cli) create(ctx context.Context, key seal.RecoveryKey, strict, hideExpiry bool) (*archive, error) {
	st, closeStore, err := c.openStore(ctx, true)
	if err != nil {
		return nil, err
	}
	if errors.Is(noArchive(ctx, st), engine.ErrNoArchive) {
		setAside(c.stateFile()) // of an archive that lay here before
	}
	a := &archive{secret: key, close: []func(){closeStore}}
	err = c.attach(a, func(opt engine.Options) (*engine.Archive, error) {
		opt.Strict, opt.HideExpiry = strict, hideExpiry
		return engine.Create(ctx, c.cached(a, st), key, opt)
	})
	if err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// farUploads is how many packs are on their way to a place on another machine at least:
// while one waits for its answer, another is sent.
const farUploads = 2

// attach opens the archive with this device's state, index and folder for spills. The
// cache is a help: what cannot be had of it is done without.
func (c *cli) attach(a *archive, open func(engine.Options) (*engine.Archive, error)) (err error) {
	opt := engine.Options{Memory: int64(c.memory), Progress: c.progress.reporter()}
	if s, _, err := parseURL(c.repo); err == nil && !s.near {
		opt.Uploads = int(min(max(c.memory>>27, farUploads), 8))
	}
	if opt.State = c.stateFile(); opt.State != "" {
		opt.Blind = true
		if err := private(filepath.Dir(opt.State)); err != nil {
			return err
		}
	}
	if temp := c.cache("tmp"); temp != "" {
		opt.Temp = temp
	}
	if dir := c.cache("index"); dir != "" {
		db, err := index.Open(dir, index.Options{})
		if err == nil {
			opt.Index = db
			c.bound(tables(dir))
			a.close = append(a.close, func() { db.Close() })
		} else {
			c.say("index: %v; going on with one in memory", err)
		}
	}
	a.Archive, err = open(opt)
	if errors.Is(err, seal.ErrWrongKey) || errors.Is(err, seal.ErrCorrupt) {
		a.Archive, err = c.openAfresh(opt, open, err)
	}
	if err != nil {
		return err
	}
	a.close = append(a.close, func() { a.Archive.Close() })
	return nil
}

// tables is how many bytes of an index are mapped into memory.
func tables(dir string) (n int64) {
	files, _ := filepath.Glob(filepath.Join(dir, "*.sst")) // the pattern is good
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			n += info.Size()
		}
	}
	return n
}

// openAfresh opens an archive again without this device's state, in case that the key is
// right and the state is not: it is damaged, or of another archive that lay in this place.
// Then it is set aside, and the device begins anew.
func (c *cli) openAfresh(opt engine.Options, open func(engine.Options) (*engine.Archive, error), was error) (*engine.Archive, error) {
	file := opt.State
	if _, err := os.Stat(file); file == "" || err != nil {
		return nil, was
	}
	opt.State, opt.Blind = "", false
	a, err := open(opt)
	if err != nil {
		return nil, was
	}
	a.Close()
	setAside(file)
	c.warn("what this device remembered of %s is damaged or of another archive: set aside in %s.old; whether the store is older than it should be cannot be told this time", c.place(), visible(file))
	opt.State, opt.Blind = file, true
	return open(opt)
}

// stateFile is where this device remembers the archive, which is not in the cache; "" if
// there is no home or nothing to remember.
func (c *cli) stateFile() string {
	dir := xdg("XDG_STATE_HOME", ".local/state", c.placeHash())
	if dir == "" || c.repo == "mem:" {
		return ""
	}
	return filepath.Join(dir, "device")
}

// setAside renames a file that may be there.
func setAside(file string) {
	if file != "" {
		_ = os.Rename(file, file+".old")
	}
}

// cache is a folder below --cache-dir, "" if it cannot be had.
func (c *cli) cache(name string) string {
	if c.cacheDir == "" {
		return ""
	}
	dir := filepath.Join(c.cacheDir, name)
	if err := private(dir); err != nil {
		if c.verbose {
			c.say("cache: %v; going on without", err)
		}
		return ""
	}
	return dir
}

// cacheSize bounds the copies of objects in the cache of one place, in bytes.
const cacheSize = 256 << 20

// smallPack bounds the packs that are kept as they are put, in bytes: those of trees,
// of which the next run reads a little here and there.
const smallPack = 5 << 19

// cacheable says what is kept: what every run reads and a List has named before, and the
// packs of trees that this device put. Fences are kept as they are read; when a second
// create may seem to succeed, not as they are put.
func cacheable(safe bool) func(name string, size int) bool {
	return func(name string, size int) bool {
		switch top, _, _ := strings.Cut(name, "/"); top {
		case "snapshots", "index", "keys":
			return true
		case "packs":
			return size >= 0 && size <= smallPack
		case "gc":
			return strings.HasPrefix(name, "gc/fence/") && (safe || size < 0)
		}
		return false
	}
}

// cached puts the local cache around a store that is not on this machine.
func (c *cli) cached(a *archive, st store.Store) store.Store {
	s, _, err := parseURL(c.repo)
	if err != nil || s.near {
		return st
	}
	dir := c.cache(filepath.Join("objects", c.placeHash()))
	if dir == "" {
		return st
	}
	cache, err := store.NewCache(st, dir, cacheSize, cacheable(store.Declared(st).CreateIfAbsent))
	if err != nil {
		return st
	}
	a.close = append(a.close, func() { cache.Close() })
	return cache
}

// uncached is the store itself: for looking at what really lies there.
func uncached(_ *archive, st store.Store) store.Store { return st }
