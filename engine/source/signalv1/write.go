package signalv1

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// WriteOptions say how a backup is written.
type WriteOptions struct {
	// Now is the time in the file's name. Zero: the clock's.
	Now time.Time
	// Rand is where salt and IV come from. Nil: crypto/rand.
	Rand io.Reader
}

// leftReference: a blob whose row is not in the history (signal.Written.Left).
const leftReference = "reference"

// Write writes the history, which a Source of this package has yielded, into the existing
// folder target, as one file signal-….backup under p. A file of that name must not be there.
// The salt and the IV are fresh; frames, blobs and their order are the original's.
func Write(ctx context.Context, target string, h engine.History, p Passphrase, opt WriteOptions) (signal.Written, error) {
	if opt.Rand == nil {
		opt.Rand = rand.Reader
	}
	if opt.Now.IsZero() {
		opt.Now = time.Now()
	}
	w := &historyWriter{h: h}
	if err := w.file(ctx, target, p, opt); err != nil {
		return w.done, fmt.Errorf("write signal backup: %w", err)
	}
	return w.done, nil
}

type historyWriter struct {
	h    engine.History
	done signal.Written
	last place // of what was written last
}

// file writes the file under a temporary name, and then gives it its own.
func (w *historyWriter) file(ctx context.Context, target string, p Passphrase, opt WriteOptions) (err error) {
	root, err := os.OpenRoot(target)
	if err != nil {
		return err
	}
	defer root.Close()
	name := opt.Now.Format(nameLayout)
	if _, err := root.Lstat(name); err == nil {
		return fmt.Errorf("%s: %w", name, os.ErrExist)
	}
	tmp := name + ".tmp"
	f, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 256<<10)
	err = w.write(ctx, func(version uint64) (*FileWriter, error) { return NewFileWriter(b, p, opt.Rand, version) })
	if err = errors.Join(err, b.Flush(), f.Close()); err == nil {
		err = root.Rename(tmp, name)
	}
	if err != nil {
		root.Remove(tmp)
	}
	return err
}

// write writes the history into a file that start has begun with the given version.
func (w *historyWriter) write(ctx context.Context, start func(version uint64) (*FileWriter, error)) error {
	info := w.h.Info()
	if info.Kind != Kind {
		return fmt.Errorf("a history of kind %q: %w", info.Kind, signal.ErrFormat)
	}
	o, err := parseOrigin(info.Data)
	if err != nil {
		return err
	}
	out, err := start(o.version)
	if err != nil {
		return err
	}
	for it, err := range inOrder(ctx, w.h, o.sections) {
		if err != nil {
			return err
		}
		if err := w.item(ctx, out, &it); err != nil {
			return err
		}
	}
	if len(o.end) == 0 {
		o.end = End()
	}
	return out.Frame(o.end)
}

// inOrder yields the items in the order of the file.
func inOrder(ctx context.Context, h engine.History, sections []string) func(func(engine.Item, error) bool) {
	return signal.OrderedBy(ctx, h, func(it *engine.Item) (signal.Place, bool, error) {
		p, _, err := placeOf(it)
		if err != nil {
			return signal.Place{}, false, err
		}
		rank := slices.Index(sections, p.section)
		if rank < 0 {
			return signal.Place{}, false, errPlace(it)
		}
		return signal.Place{Rank: uint16(rank), Number: p.number, Count: p.count}, true, nil
	})
}

func (w *historyWriter) item(ctx context.Context, out *FileWriter, it *engine.Item) error {
	at, message, err := placeOf(it)
	if err != nil {
		return err
	}
	before := w.last
	w.last = at
	if it.Kind == engine.Media {
		row := place{at.section, at.number, at.count - 1}
		if at.section != sectionAvatars && before != row {
			w.done.Leave(leftReference)
			return nil
		}
		return w.blob(ctx, out, it, message)
	}
	content, err := signal.Content(ctx, it)
	if err != nil {
		return err
	}
	w.done.Frames++
	w.done.Bytes += int64(len(content))
	return out.Frame(content)
}

// blob writes a blob behind the frame that announces it.
func (w *historyWriter) blob(ctx context.Context, out *FileWriter, it *engine.Item, message []byte) error {
	var f frame
	if err := f.parse(message); err != nil {
		return err
	}
	if f.size < 0 || f.size != it.Size {
		return fmt.Errorf("item %q: %w", it.Key, errSize)
	}
	if err := out.Frame(message); err != nil {
		return err
	}
	r, err := signal.Reader(ctx, it)
	if err != nil {
		return err
	}
	w.done.Media++
	w.done.Frames++
	w.done.Bytes += it.Size
	return errors.Join(out.Blob(r, it.Size), r.Close())
}
