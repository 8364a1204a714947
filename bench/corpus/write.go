package corpus

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Format is a form in which a history lies on a disk.
type Format string

// The formats. In all of them a file that does not change from day to day keeps its
// inode and its time.
const (
	// SignalLocal is Signal's folder SignalBackups, with the two newest days that
	// were written and the media of both.
	SignalLocal Format = "signal-local"
	// Export is the folder of Signal's plaintext export, timers and photos that
	// may be seen once included.
	Export Format = "signal-export"
	// SignalV1 is a folder of Signal for Android's backups in one file, with the two
	// newest days that were written, each under a salt of its own.
	SignalV1 Format = "signal-v1"
	// Folder is a plain folder: a file of JSON lines for each conversation, one
	// file for each media as often as it is shown.
	Folder Format = "dir"
	// SignalDesktop is a profile of Signal Desktop, with the newest day in the log of
	// its database.
	SignalDesktop Format = "signal-desktop"
)

// writers has one function for each format, which turns the folder at root from
// what it was on an earlier day, or nothing, into the given day.
var writers = map[Format]func(ctx context.Context, d *Day, root string) error{
	SignalLocal:   writeSignalLocal,
	Export:        writeExport,
	SignalV1:      writeSignalV1,
	Folder:        writeFolder,
	SignalDesktop: writeDesktop,
}

// Formats lists the formats.
func Formats() []Format { return []Format{SignalLocal, Export, SignalV1, Folder, SignalDesktop} }

// Write makes the folder at root hold the history of day n. It may hold that of an
// earlier day before, in the same format and of the same corpus; then only what
// differs is written.
func (c *Corpus) Write(ctx context.Context, root string, f Format, n int) error {
	write, ok := writers[f]
	if !ok {
		return fmt.Errorf("write corpus: no format %q", f)
	}
	if err := write(ctx, c.Day(n), root); err != nil {
		return fmt.Errorf("write corpus: %w", err)
	}
	return nil
}

// A file is one that should lie in a folder.
type file struct {
	path string
	time time.Time
	fill func(io.Writer) error
}

// writeFiles writes those files that are not there yet, on all cores.
func writeFiles(ctx context.Context, root string, files []file) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	made := map[string]bool{}
	for _, f := range files {
		path := filepath.Join(root, f.path)
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		if dir := filepath.Dir(path); !made[dir] {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			made[dir] = true
		}
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return writeFile(path, f.time, f.fill)
		})
	}
	return g.Wait()
}

// writeFile writes a file beside its place and renames it into it.
func writeFile(path string, at time.Time, fill func(io.Writer) error) (err error) {
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 256<<10)
	if err := fill(w); err != nil {
		f.Close()
		return err
	}
	if err := errors.Join(w.Flush(), f.Close(), os.Chtimes(f.Name(), at, at)); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// keepOnly removes the files below root that keep does not have, by their path
// relative to root.
func keepOnly(root string, keep map[string]bool) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || keep[filepath.ToSlash(rel)] {
			return err
		}
		return os.Remove(path)
	})
}
