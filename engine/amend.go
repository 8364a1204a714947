package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// Amend makes a snapshot of what a snapshot holds and a list of changes to it, in
// O(changes · log n). The result has the same trees as a Backup of the whole history.
// A Change with New puts an item in; with New nil it takes the item of Old.Key out.
// Media that nothing names any more go with their last namer.
//
// When a collection or another device's rewriting overtakes it, changes is gone
// through again.
func (a *Archive) Amend(ctx context.Context, parent string, changes iter.Seq2[Change, error], opt BackupOptions) (Report, error) {
	start := a.now()
	for n := int64(0); ; n++ {
		rep, err := a.amend(ctx, parent, changes, opt)
		rep.Restarts, rep.Duration = n, a.now().Sub(start)
		if err == nil {
			return rep, nil
		}
		if !errors.Is(err, errFenced) || n == maxRestarts {
			return rep, fmt.Errorf("amend: %w", err)
		}
		if err := a.unblock(ctx, n); err != nil {
			return rep, fmt.Errorf("amend: %w", err)
		}
	}
}

func (a *Archive) amend(ctx context.Context, parent string, changes iter.Seq2[Change, error], opt BackupOptions) (Report, error) {
	s, err := a.begin(ctx)
	if err != nil {
		return Report{}, err
	}
	problems, err := s.catalog(ctx)
	if err != nil {
		return Report{}, err
	}
	h, err := s.find(parent)
	if err != nil {
		return Report{}, err
	}
	h, b, err := a.current(ctx, h)
	if err != nil {
		return Report{}, fenced(err)
	}
	r, err := s.newRun(ctx, b.Source, opt)
	if err != nil {
		return Report{}, err
	}
	defer r.close()
	r.parent, r.before, r.checkpoint, r.abandoned, r.from, r.feed = &h, b.Roots, nil, nil, &h, true
	r.problem(problems...)
	err = r.amended(changes, &h, b)
	return r.report(), r.explain(err)
}

// amended is the way of an Amend, from changes to a snapshot.
func (r *run) amended(changes iter.Seq2[Change, error], parent *head, b body) error {
	rs, err := r.change(changes)
	if err != nil {
		return err
	}
	for _, p := range parent.needs() { // a superset; the next whole backup or prune corrects it
		if !r.s.usable(p) {
			return errFenced
		}
	}
	r.w.inherit(usesOf(*parent, b))
	if err := r.w.flush(); err != nil {
		return err
	}
	if err := r.compare(rs); err != nil || r.opt.DryRun {
		return err
	}
	if err := r.rebase(); err != nil {
		return err
	}
	c := &r.counts
	c.items, c.bytes = int64(b.Items)+c.fresh-c.removed-c.expired, int64(rs.Permanent.Bytes+rs.Expiring.Bytes)
	return r.commit(rs, false)
}

// change applies changes to the parent's trees.
func (r *run) change(changes iter.Seq2[Change, error]) (roots, error) {
	e := &editor{stage: r.s.newStage(r.r, r.w, r.today(), r.before), touched: map[string]bool{}, hidden: map[string]bool{}}
	c := r.newContents(r.ctx)
	for ch, err := range changes {
		if err != nil {
			return roots{}, err
		}
		if err := r.changeOne(e, c, ch); err != nil {
			return roots{}, err
		}
	}
	if err := e.settle(); err != nil {
		return roots{}, err
	}
	return e.store()
}

func (r *run) changeOne(e *editor, c *contents, ch Change) error {
	if ch.New == nil {
		if ch.Old == nil {
			return fmt.Errorf("change without an item: %w", errItem)
		}
		return e.delete(itemKey(ch.Old.Key))
	}
	it := *ch.New
	if err := it.check(); err != nil {
		r.problem(&Problem{Key: it.Key, Err: err})
		return nil
	}
	if reason := r.opt.Rules.exclude(&it, r.now); reason != "" {
		r.counts.exclude(reason)
		for _, needed := range it.Needs {
			e.hidden[string(needed)] = true
		}
		return e.delete(itemKey(it.Key)) // an earlier revision of it must not stay
	}
	entry := entryOf(&it)
	if it.Open == nil {
		entry.Inline, entry.Size = it.Inline, uint64(len(it.Inline))
	} else {
		var err error
		if entry, err = c.store(&it); err != nil {
			var p *Problem
			if errors.As(err, &p) {
				r.problem(p)
				return nil
			}
			return err
		}
	}
	return e.put(entry)
}

// An editor changes items and keeps what they need in step: who names what, and how
// long what is named lives.
type editor struct {
	*stage
	touched map[string]bool // keys of needed items whose namers changed; true: put themselves
	hidden  map[string]bool // keys of what an item that stays out of the archive needs
	removed int64
	bytes   int64
	gone    func(*tree.Entry) error // if set, is told of what goes
}

// went counts an item that goes.
func (e *editor) went(old *tree.Entry) error {
	e.removed++
	e.bytes += int64(old.Size)
	if e.gone == nil {
		return nil
	}
	return e.gone(old)
}

// delete takes an item out, if it is there.
func (e *editor) delete(key []byte) error {
	old, ok, err := e.find(key)
	if err != nil || !ok {
		return err
	}
	e.drop(&old)
	return e.went(&old)
}

// drop removes an entry and what says whom it names.
func (e *editor) drop(old *tree.Entry) {
	l := lifeOf(old)
	e.remove(l, old.Key)
	for _, needed := range old.Needs {
		e.remove(l, namerKey(needed, old.Key))
		e.touched[string(needed)] = e.touched[string(needed)]
	}
}

// put puts an item in, in the place of what has its key.
func (e *editor) put(entry tree.Entry) error {
	old, ok, err := e.find(entry.Key)
	if err != nil {
		return err
	}
	if ok {
		e.drop(&old)
	}
	e.stage.put(entry)
	for _, needed := range entry.Needs {
		e.stage.put(namer(&entry, needed))
		e.touched[string(needed)] = e.touched[string(needed)]
	}
	if Kind(entry.Kind) == Media {
		e.touched[string(entry.Key[1:])] = true
	}
	return nil
}

// settle makes the edits, and then gives every needed item whose namers changed the
// life of the longest-lived that is left; one that nobody names any more goes.
func (e *editor) settle() error {
	if err := e.apply(); err != nil {
		return err
	}
	for _, needed := range slices.Sorted(maps.Keys(e.touched)) {
		put := e.touched[needed]
		if err := e.settleOne([]byte(needed), put); err != nil {
			return err
		}
	}
	clear(e.touched)
	return e.apply()
}

func (e *editor) settleOne(needed []byte, put bool) error {
	old, ok, err := e.find(itemKey(needed))
	if err != nil || !ok || Kind(old.Kind) != Media {
		return err
	}
	longest, named, err := e.named(needed)
	if err != nil {
		return err
	}
	switch {
	case !named && put && !e.hidden[string(needed)]: // what nobody names keeps its own life
	case !named:
		e.remove(lifeOf(&old), old.Key)
		return e.went(&old)
	case longest.Expires != old.Expires || longest.Timer != old.Timer:
		e.remove(lifeOf(&old), old.Key)
		old.Expires, old.Timer = longest.Expires, longest.Timer
		if err := e.extend(&old); err != nil {
			return err
		}
		e.stage.put(old)
	}
	return nil
}

// clone makes an entry independent of the node that it was read from.
func clone(e *tree.Entry) tree.Entry {
	c := *e
	for _, b := range []*[]byte{&c.Key, &c.Group, &c.Stamp, &c.Meta, &c.Inline} {
		if *b != nil {
			*b = append([]byte(nil), *b...)
		}
	}
	c.Needs = make([][]byte, len(e.Needs))
	for i, n := range e.Needs {
		c.Needs[i] = append([]byte(nil), n...)
	}
	return c
}

// extend copies the content of an entry into packs that live as long as it does now,
// sealed as it is.
func (e *editor) extend(entry *tree.Entry) error {
	l := lifeOf(entry)
	content, lists := e.s.a.config.class(l, e.today, false), e.s.a.config.class(l, e.today, true)
	return tree.Visit(e.r, entry.Content, func(ref seal.Ref, depth int) error {
		class := content
		if depth > 0 {
			class = lists
		}
		id := ref.ID()
		if e.w.has(id, class, true) {
			return nil
		}
		sealed, _, err := e.r.sealed(nil, id)
		if err != nil {
			return err
		}
		return e.w.copy(id, class, sealed)
	})
}

// copy puts a sealed blob into a pack of another class.
func (w *writer) copy(id seal.ID, class pack.Class, sealed []byte) error {
	w.mu.Lock()
	w.wait(id, class, true)
	w.mu.Unlock()
	return w.append(id, class, sealed)
}

// append puts a sealed blob into an open pack as it is.
func (w *writer) append(id seal.ID, class pack.Class, sealed []byte) error {
	p, place, err := w.place(id, class, len(sealed))
	if err != nil || place == nil {
		return err
	}
	defer p.filling.Done()
	copy(place, sealed)
	return nil
}
