package engine

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"

	"github.com/dayfold/dayfold/engine/tree"
)

// A View is one snapshot, open for reading. It is a History. What has expired, by the
// clock or by the newest snapshot's time, whichever is later, is not in it.
type View struct {
	s    *session
	r    *reader
	head head
	body body
	now  int64 // ms
}

// View opens a snapshot: by its id, a unique prefix of it, or "latest".
func (a *Archive) View(ctx context.Context, snapshot string) (*View, error) {
	s, err := a.begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	h, err := s.find(snapshot)
	if err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	v, err := s.view(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	return v, nil
}

func (s *session) view(ctx context.Context, h head) (*View, error) {
	h, b, err := s.a.current(ctx, h)
	if err != nil {
		return nil, err
	}
	return &View{s: s, r: s.newReader(ctx), head: h, body: b, now: s.clock().UnixMilli()}, nil
}

// Info says what history the snapshot is of.
func (v *View) Info() SourceInfo { return v.body.Source }

// Snapshot describes the snapshot itself.
func (v *View) Snapshot() Snapshot { return v.body.snapshot(v.head) }

// Items yields every item in key order. See Range.
func (v *View) Items(ctx context.Context) iter.Seq2[Item, error] { return v.Range(ctx, nil, nil) }

// Prefix yields the items whose keys begin with p.
func (v *View) Prefix(ctx context.Context, p []byte) iter.Seq2[Item, error] {
	return v.Range(ctx, p, after(p))
}

// after is the first key behind all that begin with p; nil: there is none.
func after(p []byte) []byte {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] < 0xff {
			return append(bytes.Clone(p[:i]), p[i]+1)
		}
	}
	return nil
}

// Range yields the items with from ≤ key < to in key order; nil is open. An item's
// slices are its own; its Open works until ctx ends. Of a part of the tree that is damaged
// comes a *Problem, and then the rest; any other error ends the range.
func (v *View) Range(ctx context.Context, from, to []byte) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for e, err := range v.entries(from, to) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				if p := (*Problem)(nil); yield(Item{}, err) && errors.As(err, &p) {
					continue
				}
				return
			}
			if v.expired(&e) {
				continue
			}
			if !yield(v.item(ctx, &e), nil) {
				return
			}
		}
	}
}

func (v *View) expired(e *tree.Entry) bool { return e.Expires != 0 && e.Expires <= v.now }

// Expired counts the items of the snapshot that are not in the View because their time
// is up.
func (v *View) Expired() (int64, error) {
	_, expiring := v.s.a.maps(v.r, v.body.Roots)
	n := int64(0)
	for e, err := range expiring.Range(nil, dated(expiryDay(v.now)+1, nil)) {
		if err != nil {
			return 0, fmt.Errorf("expired: %w", err)
		}
		if isItem(e.Key, true) && v.expired(&e) {
			n++
		}
	}
	return n, nil
}

// item makes an item of an entry whose key is the item's own.
func (v *View) item(ctx context.Context, e *tree.Entry) Item {
	it := itemOf(e, bytes.Clone(e.Key))
	it.Needs = cloneAll(it.Needs)
	it.Group, it.Stamp, it.Meta, it.Inline = bytes.Clone(it.Group), bytes.Clone(it.Stamp), bytes.Clone(it.Meta), bytes.Clone(it.Inline)
	if e.Content != (tree.Stream{}) {
		own := *e
		own.Key, own.Needs, own.Meta, own.Stamp = nil, nil, nil, nil
		it.Open = func(ctx context.Context) (io.ReadCloser, error) {
			return v.r.content(ctx, &own, v.s.a.scope(own.Group)), nil
		}
	}
	return it
}

// scope is what the contents of a group deduplicate within.
func (a *Archive) scope(group []byte) []byte {
	if a.config.Strict {
		return bytes.Clone(group)
	}
	return nil
}

// Item returns one item by its key, or fs.ErrNotExist.
func (v *View) Item(ctx context.Context, key []byte) (Item, error) {
	for it, err := range v.Range(ctx, key, append(bytes.Clone(key), 0)) {
		return it, err
	}
	return Item{}, fmt.Errorf("item %q: %w", key, fs.ErrNotExist)
}

// entries merges the permanent map and each day of the expiring map: in each of them
// the entries of items lie in the order of item keys. Keys come without space and day.
func (v *View) entries(from, to []byte) iter.Seq2[tree.Entry, error] {
	return func(yield func(tree.Entry, error) bool) {
		var h entryHeap
		defer func() {
			for _, s := range h {
				s.stop()
			}
			v.r.settle()
		}()
		var l losses
		permanent, expiring := v.s.a.maps(v.r, v.body.Roots)
		low, high := spaceRange(from, to)
		err := h.push(l.rest(permanent, low, high, 1), 1)
		for day, e := range l.days(expiring) {
			if err == nil {
				err = e
			}
			if err != nil {
				break
			}
			err = h.push(l.rest(expiring, dated(day, low), dated(day, high), dayLen+1), dayLen+1)
		}
		for ; err == nil && l.tell(yield) && len(h) > 0; err = h.advance() {
			if !yield(h[0].head, nil) {
				return
			}
		}
		if err != nil {
			yield(tree.Entry{}, err)
		}
	}
}

// losses are nodes that cannot be read, on the way through a snapshot's maps.
type losses struct {
	known map[string]bool
	new   []*Problem
}

// tell yields those that are new, and reports whether to go on.
func (l *losses) tell(yield func(tree.Entry, error) bool) bool {
	for _, p := range l.new {
		if !yield(tree.Entry{}, p) {
			return false
		}
	}
	l.new = nil
	return true
}

// note takes err for a loss if it is one. Keys are cut by as much as is not the item's.
func (l *losses) note(err error, cut int) (lost *tree.LostError, ok bool) {
	if !errors.As(err, &lost) || !isDamage(err) {
		return nil, false
	}
	if id := fmt.Sprint(cut, string(lost.To)); !l.known[id] {
		if l.known == nil {
			l.known = map[string]bool{}
		}
		l.known[id] = true
		l.new = append(l.new, &Problem{Key: lost.To[min(cut, len(lost.To)):], Err: fmt.Errorf("%d entries up to here: %w", lost.Count, err)})
	}
	return lost, true
}

// rest is a range of a map without what is lost of it.
func (l *losses) rest(m tree.Map, from, to []byte, cut int) iter.Seq2[tree.Entry, error] {
	return func(yield func(tree.Entry, error) bool) {
		for {
			var lost *tree.LostError
			for e, err := range m.Range(from, to) {
				if err != nil {
					if lost, _ = l.note(err, cut); lost != nil {
						break
					}
				}
				if !yield(e, err) {
					return
				}
			}
			if lost == nil || lost.To == nil {
				return
			}
			from = append(bytes.Clone(lost.To), 0)
			if to != nil && bytes.Compare(from, to) >= 0 {
				return
			}
		}
	}
}

// days are the days that an expiring map has entries of, as far as it can be read.
func (l *losses) days(expiring tree.Map) iter.Seq2[uint32, error] {
	return func(yield func(uint32, error) bool) {
		for from, more := []byte(nil), true; more; {
			more = false
			for e, err := range l.rest(expiring, from, nil, dayLen+1) {
				if err != nil {
					yield(0, err)
					return
				}
				day := dayOf(e.Key)
				if !yield(day, nil) {
					return
				}
				from, more = dated(day+1, nil), day < waiting
				break
			}
		}
	}
}

// spaceRange is the range of item keys within a map or a day of one.
func spaceRange(from, to []byte) (low, high []byte) {
	if to == nil {
		return itemKey(from), []byte{spaceItem + 1}
	}
	return itemKey(from), itemKey(to)
}

// days yields the days that an expiring map has entries of, ascending, in O(log n) each.
func days(expiring tree.Map) iter.Seq2[uint32, error] {
	return func(yield func(uint32, error) bool) {
		for day := uint64(0); day <= uint64(waiting); {
			found := false
			for e, err := range expiring.Range(dated(uint32(day), nil), nil) {
				if err != nil {
					yield(0, err)
					return
				}
				day, found = uint64(dayOf(e.Key)), true
				break
			}
			if !found || !yield(uint32(day), nil) {
				return
			}
			day++
		}
	}
}

// An entryStream is a range of a map that is being merged.
type entryStream struct {
	next func() (tree.Entry, error, bool)
	stop func()
	cut  int // bytes of the key that are not the item's
	head tree.Entry
}

func (s *entryStream) advance() (bool, error) {
	e, err, ok := s.next()
	if !ok || err != nil {
		return false, err
	}
	e.Key = e.Key[s.cut:]
	s.head = e
	return true, nil
}

// An entryHeap has the stream with the smallest key in front.
type entryHeap []*entryStream

func (h *entryHeap) push(seq iter.Seq2[tree.Entry, error], cut int) error {
	s := &entryStream{cut: cut}
	s.next, s.stop = pull2(seq)
	ok, err := s.advance()
	if !ok {
		s.stop()
		return err
	}
	heap.Push(h, s)
	return nil
}

// advance moves the stream in front on.
func (h *entryHeap) advance() error {
	s := (*h)[0]
	ok, err := s.advance()
	if err != nil {
		return err
	}
	if ok {
		heap.Fix(h, 0)
		return nil
	}
	s.stop()
	heap.Pop(h)
	return nil
}

func (h entryHeap) Len() int           { return len(h) }
func (h entryHeap) Less(i, j int) bool { return bytes.Compare(h[i].head.Key, h[j].head.Key) < 0 }
func (h entryHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is heap.Interface's.
func (h *entryHeap) Push(x any) { *h = append(*h, x.(*entryStream)) }

// Pop is heap.Interface's.
func (h *entryHeap) Pop() any {
	old := *h
	s := old[len(old)-1]
	*h = old[:len(old)-1]
	return s
}

// pull2 turns a sequence into calls of next.
func pull2[V any](seq iter.Seq2[V, error]) (next func() (V, error, bool), stop func()) {
	return iter.Pull2(seq)
}

// Snapshots lists the snapshots, oldest first, in the order in which their devices saw
// each other's.
func (a *Archive) Snapshots(ctx context.Context) ([]Snapshot, error) {
	s, err := a.begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("snapshots: %w", err)
	}
	list, err := s.snapshots(ctx)
	if err != nil {
		return nil, fmt.Errorf("snapshots: %w", err)
	}
	return list, nil
}

func (s *session) snapshots(ctx context.Context) ([]Snapshot, error) {
	list := make([]Snapshot, 0, len(s.heads))
	for _, h := range s.heads {
		h, b, err := s.a.current(ctx, h)
		if errors.Is(err, fs.ErrNotExist) {
			continue // forgotten meanwhile
		}
		if err != nil {
			return nil, err
		}
		sn := b.snapshot(h)
		sn.Source.Data = nil
		list = append(list, sn)
	}
	if len(s.unreadable) > 0 {
		return list, s.unreadable[0]
	}
	return list, nil
}

// Diff yields what changed from snapshot a to snapshot b, in O(differences · log n).
// The entries that moved between the maps (a timer that started) come as gone and new.
func (a *Archive) Diff(ctx context.Context, from, to string) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		if err := a.diff(ctx, from, to, yield); err != nil {
			yield(Change{}, fmt.Errorf("diff: %w", err))
		}
	}
}

func (a *Archive) diff(ctx context.Context, from, to string, yield func(Change, error) bool) error {
	s, err := a.begin(ctx)
	if err != nil {
		return err
	}
	var views [2]*View
	for i, id := range []string{from, to} {
		h, err := s.find(id)
		if err == nil {
			views[i], err = s.view(ctx, h)
		}
		if err != nil {
			return err
		}
	}
	oldP, oldE := a.maps(views[0].r, views[0].body.Roots)
	newP, newE := a.maps(views[0].r, views[1].body.Roots)
	for i, pair := range [][2]tree.Map{{oldP, newP}, {oldE, newE}} {
		for ch, err := range tree.Diff(pair[0], pair[1]) {
			if err != nil {
				return err
			}
			c := Change{Old: views[0].changed(ctx, ch.Old, i == 1), New: views[0].changed(ctx, ch.New, i == 1)}
			if (c.Old != nil || c.New != nil) && !yield(c, nil) {
				return nil
			}
		}
	}
	return nil
}

// changed is one side of a change as callers see it; nil for what is no item.
func (v *View) changed(ctx context.Context, e *tree.Entry, expiring bool) *Item {
	if e == nil || !isItem(e.Key, expiring) {
		return nil
	}
	own := *e
	own.Key = own.Key[1:]
	if expiring {
		own.Key = own.Key[dayLen:]
	}
	it := v.item(ctx, &own)
	return &it
}

var _ History = (*View)(nil)

func cloneAll(list [][]byte) [][]byte {
	var out [][]byte
	for _, b := range list {
		out = append(out, bytes.Clone(b))
	}
	return out
}
