package main

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"iter"
	"slices"
	"sync"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/dir"
	"github.com/dayfold/dayfold/engine/source/signalv1"
	"github.com/dayfold/dayfold/pack/seal"
)

// A recorder is a History that counts what is taken from it and, if the target is to be
// compared, remembers 16 bytes for an item of what the contents were, so that the archive
// need not be read again.
type recorder struct {
	signalv1.Rows
	seed    maphash.Seed
	compare bool
	report  func(engine.Progress)
	whole   engine.Snapshot
	other   bool // the target's items have other names: only contents are compared

	mu           sync.Mutex
	passed       bool // a pass over all items is done
	items, bytes int64
	read         int64 // bytes of contents
	seen         []print
	lost         []*engine.Problem // what is damaged in the archive
	skip         map[string]bool   // their keys
}

// A print is what stays of an item: hashes of its key and of its content.
type print struct{ key, content uint64 }

func byKey(a, b print) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.content, b.content))
}

func record(h signalv1.Rows, report func(engine.Progress), whole engine.Snapshot, compare bool) *recorder {
	return &recorder{Rows: h, seed: maphash.MakeSeed(), compare: compare, report: report, whole: whole}
}

// Items yields what the history does, but for what is damaged, and counts the first pass.
func (r *recorder) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		var items, bytes int64
		for it, err := range r.undamaged(ctx, r.Rows.Items(ctx)) {
			if err == nil {
				items, bytes = items+1, bytes+it.Size
			}
			if !yield(it, err) {
				return
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.passed {
			r.passed, r.items, r.bytes = true, items, bytes
		}
	}
}

// Prefix yields what the history does below a prefix, but for what is damaged.
func (r *recorder) Prefix(ctx context.Context, prefix []byte) iter.Seq2[engine.Item, error] {
	return r.undamaged(ctx, r.Rows.Prefix(ctx, prefix))
}

// undamaged yields items but for what is damaged, with contents that are watched.
func (r *recorder) undamaged(ctx context.Context, items iter.Seq2[engine.Item, error]) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		for it, err := range items {
			if damaged, e := r.damaged(ctx, &it, err); damaged {
				continue
			} else if e != nil {
				err = e
			}
			if err == nil {
				it = r.watched(it)
			}
			if !yield(it, err) {
				return
			}
		}
	}
}

// damaged notes what of the archive cannot be read: parts of the tree, and texts. Media
// and files are left to whoever writes them.
func (r *recorder) damaged(ctx context.Context, it *engine.Item, err error) (bool, error) {
	var p *engine.Problem
	if !errors.As(err, &p) {
		switch {
		case err != nil || it.Kind != engine.Message || it.Open == nil:
			return false, err
		case r.passed:
			return r.skip[string(it.Key)], nil
		}
		if err = writeContent(ctx, io.Discard, it); !errors.Is(err, seal.ErrCorrupt) {
			return false, err
		}
		p = &engine.Problem{Key: it.Key, Err: err}
	}
	if !r.skip[string(p.Key)] {
		if r.skip == nil {
			r.skip = map[string]bool{}
		}
		r.skip[string(p.Key)] = true
		r.lost = append(r.lost, p)
	}
	return true, nil
}

// Item returns one item by its key.
func (r *recorder) Item(ctx context.Context, key []byte) (engine.Item, error) {
	it, err := r.Rows.Item(ctx, key)
	if err == nil {
		it = r.watched(it)
	}
	return it, err
}

// watched is the item with a content that is noted when it has been read.
func (r *recorder) watched(it engine.Item) engine.Item {
	open := it.Open
	if open == nil {
		return it
	}
	key := maphash.Bytes(r.seed, it.Key)
	it.Open = func(ctx context.Context) (io.ReadCloser, error) {
		rc, err := open(ctx)
		if err != nil {
			return nil, err
		}
		w := &watch{ReadCloser: rc, r: r, key: key}
		w.hash.SetSeed(r.seed)
		return w, nil
	}
	return it
}

// A watch is a content that is being read.
type watch struct {
	io.ReadCloser
	r    *recorder
	key  uint64
	hash maphash.Hash
	done bool
}

// Read reads the content, and notes it.
func (w *watch) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.r.note(n, nil)
	if !w.r.compare {
		return n, err
	}
	w.hash.Write(p[:n])
	if errors.Is(err, io.EOF) && !w.done {
		w.done = true
		w.r.note(0, &print{w.key, w.hash.Sum64()})
	}
	return n, err
}

func (r *recorder) note(n int, p *print) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read += int64(n); p != nil {
		r.seen = append(r.seen, *p)
	}
	if r.report != nil {
		r.report(engine.Progress{Stage: "restoring", Bytes: r.read, TotalBytes: max(r.whole.Bytes, r.read)})
	}
}

// verifyTarget reads back what was written. What differs from the archive, or is not
// there, becomes a problem.
func (c *cli) verifyTarget(ctx context.Context, format string, rec *recorder, r *restoreFlags, done *restored) error {
	flags := r.source
	flags.kind = format
	src, err := c.openSource(ctx, r.target, &flags)
	if err != nil {
		return err
	}
	defer src.Close()
	if format != rec.Info().Kind {
		return readable(ctx, src, done)
	}
	perGroup(r.strict, src)
	rec.other = src.Info().Label != rec.Info().Label && format != dir.Kind
	there, err := rec.prints(ctx, src.Items(ctx), nil)
	if err != nil {
		return err
	}
	slices.SortFunc(there, byKey)
	slices.SortFunc(rec.seen, byKey)
	spare := done.mended // messages that are not there as they were, and are accounted for
	for _, n := range done.left {
		spare += n
	}
	for it, err := range rec.Rows.Items(ctx) {
		if damaged, err := rec.damaged(ctx, &it, err); damaged {
			continue
		} else if err != nil {
			return err
		}
		p, known := rec.known(&it)
		if !known {
			if p, err = rec.print(ctx, &it); err != nil {
				return err
			}
		}
		if rec.other {
			p.key = 0
		}
		if _, ok := slices.BinarySearchFunc(there, p, byKey); !ok {
			if it.Kind != engine.Media && spare > 0 {
				spare--
				continue
			}
			done.missing++
			done.problems = append(done.problems, &engine.Problem{Key: it.Key, Err: errDiffers})
		}
	}
	return nil
}

// errDiffers: what was read back is not what the archive holds.
var errDiffers = errors.New("not in the target as the archive has it")

// known is the print of an item that was noted as it was written. Two contents noted
// for one key are none.
func (r *recorder) known(it *engine.Item) (print, bool) {
	key := maphash.Bytes(r.seed, it.Key)
	i, ok := slices.BinarySearchFunc(r.seen, key, func(p print, key uint64) int { return cmp.Compare(p.key, key) })
	if !ok || i+1 < len(r.seen) && r.seen[i+1].key == key && r.seen[i+1] != r.seen[i] {
		return print{}, false
	}
	return r.seen[i], true
}

// prints reads every item of a source.
func (r *recorder) prints(ctx context.Context, items iter.Seq2[engine.Item, error], list []print) ([]print, error) {
	for it, err := range items {
		var problem *engine.Problem
		if errors.As(err, &problem) {
			continue // what is missed shows in the comparison
		}
		if err != nil {
			return nil, err
		}
		p, err := r.print(ctx, &it)
		if errors.As(err, &problem) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if r.other {
			p.key = 0
		}
		list = append(list, p)
	}
	return list, nil
}

// print reads an item's content.
func (r *recorder) print(ctx context.Context, it *engine.Item) (print, error) {
	var h maphash.Hash
	h.SetSeed(r.seed)
	err := writeContent(ctx, &h, it)
	return print{maphash.Bytes(r.seed, it.Key), h.Sum64()}, err
}

// readable reads all of a target in another format than the history's: its names and
// lines differ, but nothing in it may be missing beside what flags left out.
func readable(ctx context.Context, src engine.Source, done *restored) error {
	spare := int64(0)
	if done.chosen {
		spare = done.absent.Count
	}
	for it, err := range src.Items(ctx) {
		if err == nil {
			err = writeContent(ctx, io.Discard, &it)
		}
		var problem *engine.Problem
		switch {
		case errors.As(err, &problem) && errors.Is(err, fs.ErrNotExist) && spare > 0:
			spare--
		case errors.As(err, &problem):
			done.missing++
			done.problems = append(done.problems, problem)
		case err != nil:
			return err
		}
	}
	return nil
}
