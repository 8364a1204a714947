package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/pack/seal"
)

// localKind is the kind of histories that come from a local backup, as frames.
const localKind = "signal-local"

// WriteOptions say how an export is written.
type WriteOptions struct {
	// AsSignal leaves out what Signal's own export leaves out: disappearing messages,
	// and what may be seen once.
	AsSignal bool
}

// Reasons for which Write leaves out a frame (signal.Written.Left).
const (
	leftDisappearing = "disappearing" // with AsSignal
	leftUnknown      = "unknown"      // a frame of a kind that has no JSON form here
	leftUnread       = "unread"       // it is no frame or line of Signal's
)

// Write writes a history into the folder target, which exists and has no main.jsonl. Of
// a history that came from an export, main.jsonl is the same file again; of one from a
// local backup, frames become lines. Names of files are made only of 64 hex digits and
// an end from a short list; no file is overwritten.
func Write(ctx context.Context, target string, h engine.History, opt WriteOptions) (signal.Written, error) {
	w := &writer{h: h, opt: opt, needed: signal.Needed{}, written: map[signal.MediaName]bool{}, local: h.Info().Kind == localKind}
	err := w.write(ctx, target)
	if err != nil {
		err = fmt.Errorf("write signal export: %w", err)
	}
	return w.done, err
}

type writer struct {
	h       engine.History
	opt     WriteOptions
	local   bool // the history has frames and no lines
	root    *os.Root
	done    signal.Written
	needed  signal.Needed
	written map[signal.MediaName]bool
	facts   signal.Facts
}

func (w *writer) write(ctx context.Context, target string) error {
	info := w.h.Info()
	if !w.local && info.Kind != Kind {
		return fmt.Errorf("a history of kind %q: %w", info.Kind, signal.ErrFormat)
	}
	origin, err := signal.ParseOrigin(info.Data)
	if err != nil {
		return err
	}
	if w.local {
		origin.Metadata = []byte(`{"version":1}`)
		if origin.Info, err = w.json(signal.AppendInfoJSON(nil, origin.Info)); err != nil {
			return err
		}
	}
	if w.root, err = os.OpenRoot(target); err != nil {
		return err
	}
	defer w.root.Close()
	if err := w.file("main.jsonl", func(f io.Writer) error { return w.lines(ctx, f, origin.Info) }); err != nil {
		return err
	}
	if len(origin.Metadata) > 0 {
		if err := w.file("metadata.json", func(f io.Writer) error {
			_, err := f.Write(origin.Metadata)
			return err
		}); err != nil {
			return err
		}
	}
	return w.media(ctx)
}

// json takes what the conversion to JSON returns and counts what it left out.
func (w *writer) json(line []byte, unknown int, err error) ([]byte, error) {
	w.done.Unknown += int64(unknown)
	return line, err
}

// lines writes main.jsonl.
func (w *writer) lines(ctx context.Context, f io.Writer, first []byte) error {
	b := bufio.NewWriterSize(f, 256<<10)
	b.Write(first) // the first error sticks, and Flush returns it
	open := false
	for it, err := range signal.Ordered(ctx, w.h) {
		if err != nil {
			return err
		}
		content, err := signal.Content(ctx, &it)
		if err != nil {
			return err
		}
		text, reason := w.line(content)
		if reason != "" {
			w.done.Leave(reason)
			continue
		}
		w.needed.Add(&w.facts, it.Needs)
		w.done.Frames++
		w.done.Bytes += int64(len(text))
		b.WriteByte('\n')
		b.Write(text)
		open = signal.OpenEnd(&it)
	}
	if !open {
		b.WriteByte('\n')
	}
	return b.Flush()
}

// line returns the line for an item's content, or why there is none. w.facts is what
// the line shows.
func (w *writer) line(content []byte) (text []byte, reason string) {
	text = content
	if w.local {
		if w.facts.Read(content) != nil {
			return nil, leftUnread
		}
		if w.facts.Kind == 0 {
			return nil, leftUnknown
		}
		var err error
		before := w.done.Unknown
		if text, err = w.json(signal.AppendJSON(nil, content)); err != nil {
			return nil, leftUnread
		}
		if w.done.Unknown > before {
			signal.UnknownFields(content, w.done.Drop)
		}
	}
	if w.opt.AsSignal {
		keep := false
		if text, keep = signal.TakeoutJSON(text); !keep {
			return nil, leftDisappearing
		}
	}
	if !w.local || w.opt.AsSignal {
		if w.facts.ReadJSON(text) != nil {
			return nil, leftUnread
		}
	}
	return text, ""
}

// media writes the media that the lines show, and, unless AsSignal, those that nothing
// shows but that were in the export.
func (w *writer) media(ctx context.Context) error {
	for it, err := range w.h.Items(ctx) {
		if err != nil {
			return err
		}
		if it.Kind != engine.Media || len(it.Key) < 64 {
			continue
		}
		name, err := signal.ParseMediaName(string(it.Key[len(it.Key)-64:]))
		if err != nil {
			continue // no media of Signal's
		}
		_, needed := w.needed[name]
		if !needed && (w.opt.AsSignal || w.local) || w.written[name] {
			continue
		}
		w.written[name] = true // in another conversation it may stand once more
		if err := w.medium(ctx, name, &it); errors.Is(err, seal.ErrCorrupt) {
			w.done.Altered.Add(name.String())
		} else if err != nil {
			return err
		}
		delete(w.needed, name)
	}
	for _, name := range w.needed.Sorted() {
		w.done.Missing.Add(name.String())
	}
	return nil
}

func (w *writer) medium(ctx context.Context, name signal.MediaName, it *engine.Item) error {
	path := "files/" + name.Path()
	if ext := string(it.Meta); signal.AllowedExtension(ext) {
		path += "." + ext
	}
	if err := w.root.MkdirAll(path[:len("files/ab")], 0o700); err != nil {
		return err
	}
	err := w.file(path, func(f io.Writer) error {
		r, err := signal.Reader(ctx, it)
		if err != nil {
			return err
		}
		n, err := io.Copy(f, r)
		w.done.Bytes += n
		return errors.Join(err, r.Close())
	})
	if err == nil {
		w.done.Media++
	}
	return err
}

// file writes a new file that only its owner may read. What could not be written whole
// is removed.
func (w *writer) file(name string, fill func(io.Writer) error) error {
	f, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = errors.Join(fill(f), f.Close()); err != nil {
		w.root.Remove(name)
	}
	return err
}
