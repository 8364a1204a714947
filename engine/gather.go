package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
	"golang.org/x/sync/errgroup"
)

// gather reads a source: it leaves out what has no business in an archive, stores the
// contents that are new, and hands entries to the sorter.
func (r *run) gather(src Source) error {
	err := r.gatherOnce(src)
	if errors.Is(err, errOrder) {
		// An item named another that was archived already, with a shorter life. Once
		// more, holding media back until everything that may name them was seen.
		r.loose.Store(true)
		r.sorter.close()
		r.sorter = newSorter(r.s.a.opt.Temp, r.s.a.opt.Rand, sortBudget(r.s.a.opt.Memory))
		r.needed = needs{}
		r.counts.reset()
		r.checkpoints.entries = nil
		err = r.gatherHeld(src)
	}
	return err
}

func (r *run) gatherOnce(src Source) error { return r.pass(src, false) }
func (r *run) gatherHeld(src Source) error { return r.pass(src, true) }

// pass reads the source once. Media wait until an item has named them; with hold, until
// the end.
func (r *run) pass(src Source, hold bool) error {
	g, ctx := errgroup.WithContext(r.ctx)
	work := make(chan Item)
	for range r.s.a.opt.Workers {
		g.Go(func() error { return r.contents(ctx, work) })
	}
	g.Go(func() error {
		defer close(work)
		return r.items(ctx, src, hold, work)
	})
	return g.Wait()
}

// items goes through the source and sends what has content of its own to work.
func (r *run) items(ctx context.Context, src Source, hold bool, work chan<- Item) error {
	var held []Item
	for it, err := range src.Items(ctx) {
		if err == nil {
			err = it.check()
			if err != nil {
				err = &Problem{Key: it.Key, Err: err}
			}
		}
		var p *Problem
		if errors.As(err, &p) {
			r.problem(p)
			continue
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if reason := r.opt.Rules.exclude(&it, r.now); reason != "" {
			r.counts.exclude(reason)
			if err := r.needed.note(&it, true); err != nil {
				return err
			}
			continue
		}
		if it.Kind == Media && (hold || !r.needed.knows(it.Key)) {
			held = append(held, it)
			continue
		}
		if err := r.item(ctx, it, work); err != nil {
			return err
		}
	}
	for _, it := range held {
		if err := r.item(ctx, it, work); err != nil {
			return err
		}
	}
	return nil
}

// item takes one item in.
func (r *run) item(ctx context.Context, it Item, work chan<- Item) error {
	if it.Kind == Media {
		keep, err := r.needed.settle(&it)
		if err != nil {
			return err
		}
		if !keep {
			r.counts.exclude(becauseUnnamed)
			return nil
		}
		if r.opt.Rules.exclude(&it, r.now) != "" { // its namers disappear soon
			r.counts.exclude(becauseExpiring)
			return nil
		}
	}
	if err := r.needed.note(&it, false); err != nil {
		return err
	}
	if it.Open != nil {
		select {
		case work <- it:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	e := entryOf(&it)
	e.Inline, e.Size = it.Inline, uint64(len(it.Inline))
	return r.keep(&e)
}

// keep hands an entry, and the entries that say what it names, to the sorter.
func (r *run) keep(e *tree.Entry) error {
	l := lifeOf(e)
	if err := r.sort(l, e); err != nil {
		return err
	}
	r.counts.item(e)
	r.show()
	for _, needed := range e.Needs {
		n := namer(e, needed)
		if err := r.sort(l, &n); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) sort(l life, e *tree.Entry) error {
	which := byte(0)
	if l.day != 0 {
		which = 1
	}
	payload := *e
	payload.Key = e.Key[:1] // the record's key says all of it
	return r.sorter.add(func(key, dst []byte) ([]byte, []byte) {
		return l.appendKey(append(key, which), e.Key), tree.AppendEntry(dst, &payload)
	})
}

// kindNamer marks the entries that say who names what. They are not items.
const kindNamer = 0

// namer is the entry that says: e names needed. It lives as long as e.
func namer(e *tree.Entry, needed []byte) tree.Entry {
	return tree.Entry{Key: namerKey(needed, e.Key), Kind: kindNamer, Expires: e.Expires, Timer: e.Timer}
}

// isItem reports whether a key of a map is that of an item.
func isItem(key []byte, expiring bool) bool {
	if expiring {
		key = key[min(dayLen, len(key)):]
	}
	return len(key) > 0 && key[0] == spaceItem
}

// contents stores the contents of items until there are no more.
func (r *run) contents(ctx context.Context, work <-chan Item) error {
	c := r.newContents(ctx)
	for it := range work {
		e, err := c.store(&it)
		var p *Problem
		if errors.As(err, &p) {
			r.problem(p)
			continue
		}
		if err != nil {
			return err
		}
		if err := r.keep(&e); err != nil {
			return err
		}
		if err := r.checkpointed(&e); err != nil {
			return err
		}
	}
	return nil
}

// counts are what a run tells about itself.
type counts struct {
	mu       sync.Mutex
	items    int64
	bytes    int64
	shown    int64 // of bytes, in the last progress
	read     int64
	opened   int64
	excluded map[string]int64
	problems []*Problem
	missing  int64

	fresh, changed, removed, expired int64
	unchanged                        bool
	roots                            roots
	rewritten                        int64
}

const maxProblems = 1000

func (c *counts) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items, c.bytes, c.excluded, c.problems, c.missing = 0, 0, nil, nil, 0
}

func (c *counts) item(e *tree.Entry) {
	c.mu.Lock()
	c.items++
	c.bytes += int64(e.Size)
	c.mu.Unlock()
}

// show tells the caller how far the run is, now and then.
func (r *run) show() {
	c := &r.counts
	c.mu.Lock()
	p := Progress{Stage: "backup", Items: c.items, Bytes: c.bytes, Uploaded: r.w.stats.uploaded.Load()}
	due := c.items%1024 == 0 || c.bytes-c.shown >= 16<<20
	if due {
		c.shown = c.bytes
	}
	c.mu.Unlock()
	if due {
		r.s.a.progress(p)
	}
}

func (c *counts) exclude(reason string) {
	c.mu.Lock()
	if c.excluded == nil {
		c.excluded = map[string]int64{}
	}
	c.excluded[reason]++
	c.mu.Unlock()
}

// problem notes what could not be read.
func (r *run) problem(ps ...*Problem) {
	r.counts.mu.Lock()
	defer r.counts.mu.Unlock()
	r.counts.missing += int64(len(ps))
	for _, p := range ps {
		if len(r.counts.problems) < maxProblems {
			r.counts.problems = append(r.counts.problems, p)
		}
	}
}

// class is where the content of an entry lies.
func (r *run) class(e *tree.Entry) pack.Class {
	return r.s.a.config.class(lifeOf(e), r.today(), false)
}

func (r *run) scope(e *tree.Entry) []byte {
	if r.s.a.config.Strict {
		return e.Group
	}
	return nil
}

var errOrder = fmt.Errorf("media came before an item that names it")
