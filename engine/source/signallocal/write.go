package signallocal

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// WriteOptions say how a backup is written.
type WriteOptions struct {
	// Now is the time that the backup will claim to be made at: what disappears
	// within 24 h of it is left out, as Signal demands. Zero: the original's time, which a
	// history that was no local backup does not have.
	Now time.Time
	// Rand is where IVs come from. Nil: crypto/rand.
	Rand io.Reader
}

// Reasons for which Write leaves out a frame (signal.Written.Left).
const (
	leftExpiring  = "expiring"  // it disappears within a day
	leftReference = "reference" // its chat or recipient is not in the history
	leftAccount   = "account"   // a second account
	leftTwice     = "duplicate" // a second recipient or chat with one id
	leftUnread    = "unread"    // it is no frame of Signal's
)

// Write writes the history, which a Source of this package has yielded or which was made
// into one of frames, into the folder
// SignalBackups below the existing folder target, as one snapshot under key. If key is
// the one of the original, the backup keeps its identity. The snapshot gets its name
// when all of it is written, and so does each media: of a run that was killed, only a
// folder with "-tmp" in its name is left, which no reader takes for a snapshot and the
// next run removes. A snapshot of that name must not be there. Media
// that lie in the folder already are checked and kept. A frame for which Signal would
// refuse the backup is mended, or left out and counted.
func Write(ctx context.Context, target string, h engine.History, key signal.Key, opt WriteOptions) (signal.Written, error) {
	w := &writer{h: h, rand: opt.Rand, media: signal.Needed{}, people: map[uint64]bool{}, chats: map[uint64]bool{}}
	if w.rand == nil {
		w.rand = rand.Reader
	}
	if err := w.write(ctx, target, key, opt.Now); err != nil {
		return w.done, fmt.Errorf("write signal backup: %w", err)
	}
	return w.done, nil
}

type writer struct {
	h      engine.History
	rand   io.Reader
	root   *os.Root // SignalBackups
	tmp    string   // the snapshot's folder until it is whole
	made   uint64   // ms: when the backup was made
	done   signal.Written
	media  signal.Needed
	people map[uint64]bool // recipients that were written
	chats  map[uint64]bool
	owner  bool // the account was written

	scratch signal.Scratch
}

func (w *writer) write(ctx context.Context, target string, key signal.Key, now time.Time) error {
	info := w.h.Info()
	if info.Kind != Kind {
		return fmt.Errorf("a history of kind %q: %w", info.Kind, signal.ErrFormat)
	}
	origin, err := signal.ParseOrigin(info.Data)
	if err != nil {
		return err
	}
	name := origin.Name
	if !now.IsZero() {
		origin.Info = signal.WithTime(origin.Info, uint64(now.UnixMilli()))
		name = now.UTC().Format("signal-backup-2006-01-02-15-04-05")
	}
	first, err := signal.ReadInfo(origin.Info)
	if err != nil {
		return err
	}
	if !snapshotName.MatchString(name) {
		return fmt.Errorf("snapshot name: %w", signal.ErrFormat)
	}
	w.made = first.TimeMs
	if err := w.openTarget(target); err != nil {
		return err
	}
	defer w.root.Close()
	return w.snapshot(ctx, key, origin, name)
}

func (w *writer) openTarget(target string) error {
	outer, err := os.OpenRoot(target)
	if err != nil {
		return err
	}
	defer outer.Close()
	if err := outer.MkdirAll("SignalBackups/files", 0o700); err != nil {
		return err
	}
	w.root, err = outer.OpenRoot("SignalBackups")
	return err
}

// snapshot writes the snapshot under a temporary name and then gives it its own.
func (w *writer) snapshot(ctx context.Context, key signal.Key, origin signal.Origin, name string) error {
	if _, err := w.root.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", name, fs.ErrExist)
	}
	w.tmp = name + "-tmp"
	if err := errors.Join(w.root.RemoveAll(w.tmp), w.root.Mkdir(w.tmp, 0o700)); err != nil {
		return err
	}
	err := w.fill(ctx, w.tmp, key, origin)
	if err == nil {
		err = w.root.Rename(w.tmp, name)
	}
	if err != nil {
		w.root.RemoveAll(w.tmp)
	}
	return err
}

func (w *writer) fill(ctx context.Context, dir string, key signal.Key, origin signal.Origin) error {
	keys, metadata, err := w.identity(key, origin)
	if err != nil {
		return err
	}
	if err := w.file(dir+"/metadata", func(f io.Writer) error {
		_, err := f.Write(metadata)
		return err
	}); err != nil {
		return err
	}
	if err := w.file(dir+"/main", func(f io.Writer) error { return w.main(ctx, f, keys, origin.Info) }); err != nil {
		return err
	}
	return w.file(dir+"/files", func(f io.Writer) error { return w.files(ctx, f) })
}

// identity returns the keys and the metadata of the new backup: with the original's
// key its identity, with another one, or if it was none, a fresh one.
func (w *writer) identity(key signal.Key, origin signal.Origin) (keys *signal.Keys, metadata []byte, err error) {
	var id [16]byte
	if len(origin.Metadata) > 0 {
		if id, err = signal.OpenMetadata(key, origin.Metadata); err != nil {
			return nil, nil, err
		}
		keys = signal.Derive(key, id)
	}
	if keys == nil || keys.Label() != w.h.Info().Label {
		if _, err := io.ReadFull(w.rand, id[:]); err != nil {
			return nil, nil, err
		}
		keys = signal.Derive(key, id)
	}
	metadata, err = signal.SealMetadata(w.rand, key, id)
	return keys, metadata, err
}

var buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 64<<10) }}

// file writes a new file that only its owner may read.
func (w *writer) file(name string, fill func(io.Writer) error) error {
	f, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	b := buffers.Get().(*bufio.Writer)
	defer buffers.Put(b)
	b.Reset(f)
	err = fill(b)
	if err == nil {
		err = b.Flush()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
