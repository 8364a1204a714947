package engine_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/dayfold/dayfold/engine/store"
)

// A simStore is a store under a scheduler: every call of every actor waits until the
// scheduler lets it through, one at a time, in an order that a seed gives. Whether a call
// takes effect, and whether its caller is told, is the seed's choice, too.
type simStore struct {
	mem     *store.Mem
	rand    *rand.Rand
	rates   rates
	crashed func(actor int) bool // asked when a crash is due

	mu      sync.Mutex
	waiting []*simCall
	ghosts  [][2]string // name and bytes of puts that will be delivered once more
	steps   int
	trace   []string
}

// rates are how many of a thousand calls go wrong, and how.
type rates struct{ crash, lost, refused, busy, twice, full int }

// A simCall is one call that waits.
type simCall struct {
	h        *simHandle
	op, name string
	data     []byte // of a put
	seq      int
	do       func() error
	done     chan error
	gone     bool // its context has ended
}

// A simHandle is the store as one incarnation of an actor has it.
type simHandle struct {
	s     *simStore
	actor int
	seq   int
	dead  bool
}

var (
	errRefused403 = errors.New("refused by the store")
	errBusy503    = errors.New("busy")
)

func (s *simStore) handle(actor int) *simHandle { return &simHandle{s: s, actor: actor} }

func (h *simHandle) wait(ctx context.Context, op, name string, data []byte, do func() error) error {
	h.s.mu.Lock()
	if h.dead {
		h.s.mu.Unlock()
		return errCrash
	}
	h.seq++
	c := &simCall{h: h, op: op, name: name, data: data, seq: h.seq, do: do, done: make(chan error, 1)}
	h.s.waiting = append(h.s.waiting, c)
	h.s.mu.Unlock()
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		h.s.mu.Lock()
		c.gone = true
		h.s.mu.Unlock()
		return store.Fail(ctx, op, name, ctx.Err())
	}
}

// Put creates an object.
func (h *simHandle) Put(ctx context.Context, name string, data []byte) error {
	kept := slices.Clone(data)
	return h.wait(ctx, "put", name, kept, func() error { return h.s.mem.Put(context.Background(), name, kept) })
}

// Get reads a part of an object.
func (h *simHandle) Get(ctx context.Context, name string, off int64, n int) (data []byte, err error) {
	err = h.wait(ctx, "get", name, nil, func() (err error) {
		data, err = h.s.mem.Get(context.Background(), name, off, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// List yields the objects of two moments: those below a name that the seed chooses as
// they are at first, the others as they are later.
func (h *simHandle) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		pivot := ""
		for half := range 2 {
			var infos []store.Info
			err := h.wait(ctx, "list", prefix, nil, func() error {
				infos = nil
				for info, err := range h.s.mem.List(context.Background(), prefix) {
					if err != nil {
						return err
					}
					infos = append(infos, info)
				}
				if half == 0 && len(infos) > 0 {
					pivot = infos[h.s.rand.IntN(len(infos))].Name
				}
				return nil
			})
			if err != nil {
				yield(store.Info{}, err)
				return
			}
			for _, info := range infos {
				if (info.Name < pivot) == (half == 0) && !yield(info, nil) {
					return
				}
			}
		}
	}
}

// Delete removes an object.
func (h *simHandle) Delete(ctx context.Context, name string) error {
	return h.wait(ctx, "delete", name, nil, func() error { return h.s.mem.Delete(context.Background(), name) })
}

// run lets calls through until alive says that nobody is left. step is called before each.
func (s *simStore) run(alive func() bool, step func()) {
	for {
		synctest.Wait() // everybody waits for the store, for a pause to end, or is done
		s.mu.Lock()
		s.waiting = slices.DeleteFunc(s.waiting, func(c *simCall) bool { return c.gone || c.h.dead })
		calls := slices.Clone(s.waiting)
		s.mu.Unlock()
		switch {
		case len(calls) > 0:
			step()
			s.let(calls)
		case alive():
			time.Sleep(100 * time.Millisecond) // of the bubble's time: somebody pauses before a retry
		default:
			return
		}
	}
}

// let chooses one of the calls that wait, and what becomes of it.
func (s *simStore) let(calls []*simCall) {
	slices.SortFunc(calls, func(a, b *simCall) int {
		return cmp.Or(cmp.Compare(a.h.actor, b.h.actor), cmp.Compare(a.op, b.op), cmp.Compare(kindOf(a.name), kindOf(b.name)), cmp.Compare(a.seq, b.seq))
	})
	c := calls[s.rand.IntN(len(calls))]
	s.steps++
	if len(s.ghosts) > 0 && s.rand.IntN(50) == 0 {
		s.deliver(s.rand.IntN(len(s.ghosts)))
	}
	at := s.rand.IntN(1000)
	hit := func(rate int) bool { at -= rate; return at < 0 }
	var err error
	fate := ""
	switch r := s.rates; {
	case hit(r.crash) && s.crashed(c.h.actor):
		if fate = "dies before"; s.rand.IntN(2) == 0 {
			fate = "dies after"
			_ = c.do()
		}
		s.kill(c.h)
		s.note(c, fate)
		return
	case hit(r.lost):
		fate = "lost"
		if err = c.do(); err == nil {
			err = &store.Temporary{Err: errBusy503}
		}
	case hit(r.busy):
		fate, err = "busy", &store.Temporary{Err: errBusy503, After: time.Duration(s.rand.IntN(2)) * 50 * time.Millisecond}
	case hit(r.refused):
		fate, err = "refused", errRefused403
	case hit(r.full) && c.op == "put":
		fate, err = "full", store.ErrNoSpace
	case hit(r.twice) && c.op == "put":
		fate = "twice"
		s.ghosts = append(s.ghosts, [2]string{c.name, string(c.data)})
		err = c.do()
	default:
		err = c.do()
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		fate += " " + "no"
	}
	s.note(c, fate)
	s.answer(c, err)
}

// deliver puts once more what was put before, however late: if the name is free.
func (s *simStore) deliver(i int) {
	g := s.ghosts[i]
	s.ghosts = slices.Delete(s.ghosts, i, i+1)
	_ = s.mem.Put(context.Background(), g[0], []byte(g[1]))
}

// kill ends an incarnation: all its calls fail, those that wait and those to come.
func (s *simStore) kill(h *simHandle) {
	s.mu.Lock()
	h.dead = true
	var calls []*simCall
	for _, c := range s.waiting {
		if c.h == h {
			calls = append(calls, c)
		}
	}
	s.mu.Unlock()
	for _, c := range calls {
		c.done <- errCrash
	}
}

func (s *simStore) answer(c *simCall, err error) {
	s.mu.Lock()
	s.waiting = slices.DeleteFunc(s.waiting, func(o *simCall) bool { return o == c })
	s.mu.Unlock()
	if err != nil {
		var p *fs.PathError
		if !errors.As(err, &p) {
			err = store.Fail(context.Background(), c.op, c.name, err)
		}
	}
	c.done <- err
}

// kindOf is what of a name does not depend on chance.
func kindOf(name string) string {
	kind, rest, _ := strings.Cut(name, "/")
	if kind == "gc" {
		return kind + "/" + rest
	}
	return kind
}

// note remembers a step.
func (s *simStore) note(c *simCall, fate string) {
	line := fmt.Sprintf("%d %s %s %s", c.h.actor, c.op, kindOf(c.name), fate)
	s.trace = append(s.trace, line+" "+c.name)
}
