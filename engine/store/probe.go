package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"
)

// Capabilities are the promises that not every place can keep. The zero value is the
// weakest place.
type Capabilities struct {
	CreateIfAbsent bool // of many Puts of one name at once exactly one returns nil
	ConsistentList bool // what was put is listed at once, what was deleted is not
	Durable        bool // what was put survives a power cut, as far as the place says
}

// A Declarer is a store that knows its limits: what it declares missing is missing,
// however well a probe goes. Those around another store declare what that one does.
type Declarer interface {
	Capabilities() Capabilities
}

// Declared is what a store can do at most: all, if it does not say.
func Declared(s Store) Capabilities {
	if d, ok := s.(Declarer); ok {
		return d.Capabilities()
	}
	return Capabilities{CreateIfAbsent: true, ConsistentList: true, Durable: true}
}

// A Report is what a probe found.
type Report struct {
	Capabilities
	Traits
	LongestName int           // bytes of the longest name that was tried and taken
	Skew        time.Duration // by how much the place's clock is ahead of this machine's; 0 if it does not say
}

// SafeCollection reports whether several devices may collect garbage in the place. Where
// they may not, an archive has one pruner, which waits a day before it deletes.
func (c Capabilities) SafeCollection() bool { return c.CreateIfAbsent && c.ConsistentList }

const (
	probeWriters = 8
	probeRounds  = 3
)

// Probe finds out what a store can do, by putting, reading, listing and deleting small
// objects named probe/…, and takes away what it put; and asks for the traits. A store that
// breaks the part of the contract which no capability covers (bytes, ranges, overwriting,
// missing objects) is an error. About 70 requests.
func Probe(ctx context.Context, s Store) (r Report, err error) {
	var id [12]byte
	rand.Read(id[:]) // never fails
	p := &probe{Store: s, prefix: fmt.Sprintf("probe/%x/", id)}
	defer func() {
		if cleanErr := p.clean(context.WithoutCancel(ctx)); err == nil && cleanErr != nil {
			err = fmt.Errorf("probe: %w", cleanErr)
		}
	}()
	for _, step := range []func(context.Context) error{p.basics, p.list, p.race, p.long, p.ask} {
		if err := step(ctx); err != nil {
			return Report{}, fmt.Errorf("probe: %w", err)
		}
	}
	most := Declared(s) // asked last: a store may learn its limits by being used
	p.report.Capabilities = Capabilities{
		CreateIfAbsent: p.createIfAbsent && most.CreateIfAbsent,
		ConsistentList: p.consistentList && most.ConsistentList,
		Durable:        most.Durable,
	}
	return p.report, nil
}

type probe struct {
	Store
	prefix                         string
	mu                             sync.Mutex
	names                          []string // all that may be there
	createIfAbsent, consistentList bool
	report                         Report
}

func (p *probe) put(ctx context.Context, name string, data []byte) error {
	p.mu.Lock()
	p.names = append(p.names, p.prefix+name)
	p.mu.Unlock()
	return p.Put(ctx, p.prefix+name, data)
}

func (p *probe) clean(ctx context.Context) error {
	var first error
	done := make(map[string]bool)
	for _, name := range p.names {
		if done[name] {
			continue
		}
		done[name] = true
		if err := p.Delete(ctx, name); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// basics checks what every store must do.
func (p *probe) basics(ctx context.Context) error {
	data := bytes.Repeat([]byte("dayfold probe\n"), 300)
	if err := p.put(ctx, "a", data); err != nil {
		return err
	}
	if err := p.put(ctx, "a", []byte("another")); err == nil {
		return errors.New("an object was overwritten")
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	for _, r := range []struct {
		off int64
		n   int
	}{{0, -1}, {0, 1}, {100, 1000}, {int64(len(data)) - 1, 1}, {17, -1}} {
		got, err := p.Get(ctx, p.prefix+"a", r.off, r.n)
		if err != nil {
			return err
		}
		want := data[r.off:]
		if r.n >= 0 {
			want = want[:r.n]
		}
		if !bytes.Equal(got, want) {
			return errors.New("other bytes were read than were put")
		}
	}
	if _, err := p.Get(ctx, p.prefix+"a", 0, len(data)+1); !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("a read beyond the end: %w", orWrong(err))
	}
	if _, err := p.Get(ctx, p.prefix+"none", 0, -1); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("a read of nothing: %w", orWrong(err))
	}
	return nil
}

func orWrong(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

// list finds out whether listing follows putting and deleting at once.
func (p *probe) list(ctx context.Context) error {
	p.consistentList = true
	for i := range 4 {
		name := fmt.Sprintf("list-%d", i)
		if err := p.put(ctx, name, []byte(name)); err != nil {
			return err
		}
		for _, want := range []bool{true, false} {
			found, err := p.listed(ctx, name)
			if err != nil {
				return err
			}
			p.consistentList = p.consistentList && found == want
			if err := p.Delete(ctx, p.prefix+name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *probe) listed(ctx context.Context, name string) (bool, error) {
	for info, err := range p.List(ctx, p.prefix) {
		if err != nil {
			return false, err
		}
		if info.Name == p.prefix+name {
			return info.Size == int64(len(name)), nil
		}
	}
	return false, nil
}

// race finds out whether one name has one winner, and keeps what the winner put.
func (p *probe) race(ctx context.Context) error {
	p.createIfAbsent = true
	for round := range probeRounds {
		name := fmt.Sprintf("race-%d", round)
		var wg sync.WaitGroup
		var errs [probeWriters]error
		for w := range probeWriters {
			wg.Go(func() { errs[w] = p.put(ctx, name, fmt.Appendf(nil, "writer %d", w)) })
		}
		wg.Wait()
		winners, winner := 0, 0
		for w, err := range errs {
			if err == nil {
				winners, winner = winners+1, w
			} else if !errors.Is(err, fs.ErrExist) && !IsTemporary(err) {
				return err // a loser may also be told that the name is busy
			}
		}
		got, err := p.Get(ctx, p.prefix+name, 0, -1)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if winners != 1 || string(got) != fmt.Sprintf("writer %d", winner) {
			p.createIfAbsent = false
		}
	}
	return nil
}

// leastName is how long a name every place must take, in bytes: the engine's own are shorter.
const leastName = 100

// long finds out how long a name may be, of those that the contract allows.
func (p *probe) long(ctx context.Context) error {
	for _, n := range []int{MaxName, 128, leastName} {
		name := strings.Repeat("n", n-len(p.prefix))
		err := p.put(ctx, name, []byte("long"))
		if err == nil {
			_, err = p.Get(ctx, p.prefix+name, 0, -1)
		}
		if err == nil {
			p.report.LongestName = n
			return nil
		}
		if n == leastName || IsTemporary(err) || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// ask asks for the traits, and compares the clocks.
func (p *probe) ask(ctx context.Context) (err error) {
	before := now()
	if p.report.Traits, err = Ask(ctx, p.Store); err != nil || p.report.Clock.IsZero() {
		return err
	}
	p.report.Skew = p.report.Clock.Sub(before.Add(now().Sub(before) / 2)).Truncate(time.Second)
	return nil
}
