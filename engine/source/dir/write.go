package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"github.com/dayfold/dayfold/engine"
	"golang.org/x/sync/errgroup"
)

// Overwrite says what Write does with what already lies in the target.
type Overwrite byte

// What Write does about a name that exists.
const (
	Never     Overwrite = iota // keeps it, whatever it is
	IfChanged                  // replaces it unless size and time are the item's
	Always                     // replaces it
)

// ErrInTheWay is the cause in the Problem of an item whose place, or a directory
// above it, is taken by something that may not be replaced: anything under Never
// that is no directory and should be one, and a directory where there should be none.
var ErrInTheWay = errors.New("something else is in its place")

// ErrTwin is the cause in the Problem of an item whose name the file system of the
// target does not tell from that of an item already written (case, accents).
var ErrTwin = errors.New("the file system takes it for another item")

// ErrKind says that a history is not one that this package reads.
var ErrKind = errors.New("not the history of a folder")

// WriteOptions say how a history is written. The zero value never overwrites.
type WriteOptions struct {
	Overwrite Overwrite
	// SetID restores setuid and setgid bits, which are left off otherwise.
	SetID bool
	// Workers is how many files are written at a time. 0: two for each processor.
	Workers int

	folds bool // the target tells no case; set by Write, and by tests
}

// WriteReport says what Write did.
type WriteReport struct {
	Files, Dirs, Links int64 // written
	Bytes              int64 // of the files written
	Kept               int64 // were there already and stayed
	Problems           []*engine.Problem
	Missing            int64 // how many problems there were; at most 1,000 are kept
}

const maxProblems = 1000

// Write puts the history h, or as much of it as h yields, into the folder target,
// which it creates if need be. An item that cannot be written is a Problem, and
// the rest is written; a full or read-only disk, a damaged listing and the end of
// ctx end it.
//
// Nothing outside target is touched and nothing in it is written through: every
// directory on the way to a name is opened as the directory it was seen to be, a
// symbolic link there is replaced or refused but never followed, and files are
// created where nothing is. What is replaced is replaced whole, by a rename; a
// directory that holds something is never removed. Symbolic links are made after all
// files, permissions and times of directories are set last, the deepest first.
//
// A file that was cut short is removed again. Nothing is synced to the disk.
func Write(ctx context.Context, target string, h engine.History, opt WriteOptions) (WriteReport, error) {
	if h.Info().Kind != Kind {
		return WriteReport{}, fmt.Errorf("write folder: %w", ErrKind)
	}
	if err := os.MkdirAll(target, 0o777); err != nil {
		return WriteReport{}, fmt.Errorf("write folder: %w", bare(err))
	}
	root, err := os.OpenRoot(target)
	if err != nil {
		return WriteReport{}, fmt.Errorf("write folder: %w", bare(err))
	}
	if opt.Workers <= 0 {
		opt.Workers = 2 * runtime.GOMAXPROCS(0)
	}
	w := newWriter(root, opt)
	defer w.path.close()
	if err := w.probe(); err != nil {
		return WriteReport{}, fmt.Errorf("write folder: %w", bare(err))
	}
	if err := w.all(ctx, h); err != nil {
		return w.result(), fmt.Errorf("write folder: %w", bare(err))
	}
	return w.result(), nil
}

// all writes directories as they come, files in parallel behind them, then the
// links, and then gives the directories their permissions and times.
func (w *writer) all(ctx context.Context, h engine.History) error {
	g, run := errgroup.WithContext(ctx)
	g.SetLimit(w.opt.Workers)
	var links []entry
	err := func() error {
		for it, err := range h.Items(ctx) {
			var p *engine.Problem
			switch {
			case run.Err() != nil:
				return run.Err()
			case errors.As(err, &p):
				w.problem(p.Key, p)
				continue
			case err != nil:
				return err
			}
			e, err := w.entry(it)
			if err != nil {
				w.problem(it.Key, err)
				continue
			}
			switch e.meta.kind {
			case typeDir:
				err = w.dir(e)
			case typeFile:
				err = w.start(run, g, e)
			case typeLink:
				links = append(links, e)
			}
			if err := w.settle(e, err); err != nil {
				return err
			}
		}
		return nil
	}()
	if first := g.Wait(); first != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = first
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	for _, e := range links {
		if err := w.settle(e, w.link(e)); err != nil {
			return err
		}
	}
	return w.finish(ctx)
}

// start hands a file to a worker once the directory above it is open.
func (w *writer) start(ctx context.Context, g *errgroup.Group, e entry) error {
	in, name, err := w.parent(e.key)
	if err != nil {
		return err
	}
	in.hold()
	g.Go(func() error {
		defer in.release()
		return w.settle(e, w.file(ctx, in, name, e))
	})
	return nil
}

// An entry is an item on its way into the folder. Its slices are its own.
type entry struct {
	key  string
	meta meta
	item engine.Item
}

// entry checks an item before anything is done for it.
func (w *writer) entry(it engine.Item) (entry, error) {
	e := entry{key: string(it.Key), item: it}
	if err := checkKey(e.key, runtime.GOOS == "windows"); err != nil {
		return e, err
	}
	m, err := parseMeta(it.Meta)
	if err != nil {
		return e, err
	}
	e.meta = m
	e.item.Inline = append([]byte(nil), it.Inline...)
	return e, nil
}

// settle turns what befell one item into a Problem, or returns what ends the run.
func (w *writer) settle(e entry, err error) error {
	switch {
	case err == nil:
		return nil
	case fatal(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	}
	w.problem([]byte(e.key), err)
	return nil
}

func (w *writer) problem(key []byte, err error) {
	var p *engine.Problem
	if !errors.As(err, &p) {
		p = &engine.Problem{Key: append([]byte(nil), key...), Err: bare(err)}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.report.Missing++
	if len(w.report.Problems) < maxProblems {
		w.report.Problems = append(w.report.Problems, p)
	}
}

func (w *writer) result() WriteReport {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.report
}

// count adds to the report what one item came to.
func (w *writer) count(n *int64, bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*n++
	w.report.Bytes += bytes
}

// kindOf names the type of what lies in a place, to compare with meta.kind; 0 for
// what no item can be.
func kindOf(info fs.FileInfo) byte {
	switch info.Mode().Type() {
	case 0:
		return typeFile
	case fs.ModeDir:
		return typeDir
	case fs.ModeSymlink:
		return typeLink
	}
	return 0
}
