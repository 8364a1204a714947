package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"math/rand/v2"
	"sync"
	"time"
)

// A Retry is a store that makes calls again whose errors are temporary, after pauses of
// random length (full jitter) that double, and not before a [Temporary] says. It gives
// up with the last error after so many attempts, when the store has done nothing right
// for as long as its patience, or when the context ends.
//
// An error leaves it open whether a Put took effect. So if a later attempt finds the
// name taken, or no attempt is left, Retry reads what lies there: if it is what was to
// be put, it has been. A name that is taken at the first attempt is never looked at.
type Retry struct {
	store Store
	opt   RetryOptions

	mu    sync.Mutex
	since time.Time // of the first failure after the last success; zero: none
}

// RetryOptions say how stubborn a Retry is; what is zero has the value in brackets.
type RetryOptions struct {
	Attempts int           // for one call [8]
	First    time.Duration // bound of the first pause [200 ms]
	Longest  time.Duration // bound of every pause but those a store asks for [20 s]
	Patience time.Duration // with a store that does nothing right [5 min]
}

// NewRetry makes calls of s again that failed for a time.
func NewRetry(s Store, opt RetryOptions) *Retry {
	opt.Attempts = orDefault(opt.Attempts, 8)
	opt.First = orDefault(opt.First, 200*time.Millisecond)
	opt.Longest = orDefault(opt.Longest, 20*time.Second)
	opt.Patience = orDefault(opt.Patience, 5*time.Minute)
	return &Retry{store: s, opt: opt}
}

func orDefault[T int | time.Duration](v, def T) T {
	if v > 0 {
		return v
	}
	return def
}

// Capabilities are those of the store within.
func (r *Retry) Capabilities() Capabilities { return Declared(r.store) }

// Traits are those of the store within.
func (r *Retry) Traits(ctx context.Context) (Traits, error) {
	for attempt := 0; ; attempt++ {
		t, err := Ask(ctx, r.store)
		if !r.again(ctx, attempt, err) {
			return t, err
		}
	}
}

// now and sleep are the package's clock.
func now() time.Time { return time.Now() }

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// again pauses after an attempt (the first is 0) that ended with err, and reports
// whether there is to be another.
func (r *Retry) again(ctx context.Context, attempt int, err error) bool {
	var t *Temporary
	if !errors.As(err, &t) {
		r.mu.Lock()
		r.since = time.Time{} // an answer, if not a pleasant one
		r.mu.Unlock()
		return false
	}
	r.mu.Lock()
	if r.since.IsZero() {
		r.since = now()
	}
	left := r.opt.Patience - now().Sub(r.since)
	r.mu.Unlock()
	if attempt+1 >= r.opt.Attempts || left <= 0 || t.After > left {
		return false
	}
	bound := r.opt.Longest
	if attempt < 30 {
		bound = min(bound, r.opt.First<<attempt)
	}
	pause := t.After + rand.N(bound)
	return sleep(ctx, pause) == nil
}

// Put creates an object.
func (r *Retry) Put(ctx context.Context, name string, data []byte) error {
	for attempt := 0; ; attempt++ {
		err := r.store.Put(ctx, name, data)
		if errors.Is(err, fs.ErrExist) && attempt > 0 && r.holds(ctx, name, data) {
			return nil
		}
		if r.again(ctx, attempt, err) {
			continue
		}
		if IsTemporary(err) && ctx.Err() == nil && r.holds(ctx, name, data) {
			return nil
		}
		return Fail(ctx, "put", name, err)
	}
}

// holds reports whether the store is known to hold data under name.
func (r *Retry) holds(ctx context.Context, name string, data []byte) bool {
	got, err := r.Get(ctx, name, 0, -1)
	return err == nil && bytes.Equal(got, data)
}

// Get reads a part of an object.
func (r *Retry) Get(ctx context.Context, name string, off int64, n int) ([]byte, error) {
	for attempt := 0; ; attempt++ {
		data, err := r.store.Get(ctx, name, off, n)
		if !r.again(ctx, attempt, err) {
			return data, Fail(ctx, "get", name, err)
		}
	}
}

// GetInto reads a part of an object into buf.
func (r *Retry) GetInto(ctx context.Context, name string, off int64, buf []byte) error {
	for attempt := 0; ; attempt++ {
		err := GetInto(ctx, r.store, name, off, buf)
		if !r.again(ctx, attempt, err) {
			return Fail(ctx, "get", name, err)
		}
	}
}

// List yields objects by name. After an error it begins anew and leaves out what was
// yielded before; every name that it yields is a new first attempt.
func (r *Retry) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		last := ""
		for attempt := 0; ; attempt++ {
			var failed error
			for info, err := range r.store.List(ctx, prefix) {
				if err != nil {
					failed = err
					break
				}
				if last != "" && info.Name <= last {
					continue
				}
				last, attempt = info.Name, 0
				if !yield(info, nil) {
					return
				}
			}
			if failed == nil || !r.again(ctx, attempt, failed) {
				if failed != nil {
					yield(Info{}, Fail(ctx, "list", prefix, failed))
				}
				return
			}
		}
	}
}

// Delete removes an object.
func (r *Retry) Delete(ctx context.Context, name string) error {
	for attempt := 0; ; attempt++ {
		err := r.store.Delete(ctx, name)
		if !r.again(ctx, attempt, err) {
			return Fail(ctx, "delete", name, err)
		}
	}
}
