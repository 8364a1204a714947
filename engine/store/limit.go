package store

import (
	"context"
	"iter"

	"golang.org/x/time/rate"
)

// A Limit is a store that moves objects' bytes at most at a given rate, summed over all
// calls. Small calls may come in a burst of up to a second's bytes.
type Limit struct {
	store    Store
	up, down *rate.Limiter
}

// NewLimit limits what goes to and comes from s, in bytes per second; zero or less is
// no limit.
func NewLimit(s Store, up, down int) *Limit {
	return &Limit{store: s, up: limiter(up), down: limiter(down)}
}

func limiter(perSecond int) *rate.Limiter {
	if perSecond <= 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(perSecond), perSecond)
}

// wait takes n bytes from the limiter, in steps that it can give at once.
func wait(ctx context.Context, l *rate.Limiter, n int) error {
	if l.Limit() == rate.Inf {
		return nil
	}
	for n > 0 {
		step := min(n, l.Burst())
		r := l.ReserveN(now(), step)
		if err := sleep(ctx, r.DelayFrom(now())); err != nil {
			r.Cancel()
			return err
		}
		n -= step
	}
	return nil
}

// Capabilities are those of the store within.
func (l *Limit) Capabilities() Capabilities { return Declared(l.store) }

// Traits are those of the store within.
func (l *Limit) Traits(ctx context.Context) (Traits, error) { return Ask(ctx, l.store) }

// Put creates an object, when its bytes may go.
func (l *Limit) Put(ctx context.Context, name string, data []byte) error {
	if err := Check(ctx, "put", name); err != nil {
		return err
	}
	if err := wait(ctx, l.up, len(data)); err != nil {
		return Fail(ctx, "put", name, err)
	}
	return l.store.Put(ctx, name, data)
}

// Get reads a part of an object, and returns it when its bytes may have come.
func (l *Limit) Get(ctx context.Context, name string, off int64, n int) ([]byte, error) {
	data, err := l.store.Get(ctx, name, off, n)
	if err != nil {
		return nil, err
	}
	if err := wait(ctx, l.down, len(data)); err != nil {
		return nil, Fail(ctx, "get", name, err)
	}
	return data, nil
}

// GetInto reads a part of an object into buf, and returns when its bytes may have come.
func (l *Limit) GetInto(ctx context.Context, name string, off int64, buf []byte) error {
	if err := GetInto(ctx, l.store, name, off, buf); err != nil {
		return err
	}
	return Fail(ctx, "get", name, wait(ctx, l.down, len(buf)))
}

// List is not limited.
func (l *Limit) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return l.store.List(ctx, prefix)
}

// Delete is not limited.
func (l *Limit) Delete(ctx context.Context, name string) error { return l.store.Delete(ctx, name) }
