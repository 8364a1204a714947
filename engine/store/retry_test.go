package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/storetest"
)

func TestRetry(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		// Every third step fails, before or after it took effect, but for the name that is
		// put twice with equal bytes: that is what Retry cannot tell from its own success.
		n := 0
		return store.NewRetry(locked(new(store.Mem), func(op, name string) error {
			if n++; n%3 == 0 && name != "snapshots/a/1" {
				return &store.Temporary{Err: errors.New("busy")}
			}
			return nil
		}), store.RetryOptions{First: time.Microsecond, Longest: time.Microsecond, Attempts: 1000})
	})
}

// locked sets a fault hook that is called by one goroutine at a time.
func locked(m *store.Mem, fault func(op, name string) error) *store.Mem {
	gate := make(chan struct{}, 1)
	m.Fault = func(op, name string) error {
		gate <- struct{}{}
		defer func() { <-gate }()
		return fault(op, name)
	}
	return m
}

// busy fails the first n calls that get as far as op.
func busy(op string, n int, after time.Duration) *store.Mem {
	return locked(new(store.Mem), func(at, name string) error {
		if at == op && n > 0 {
			n--
			return &store.Temporary{Err: errors.New("busy"), After: after}
		}
		return nil
	})
}

func TestRetryPauses(t *testing.T) {
	for _, c := range []struct {
		failures    int
		after       time.Duration
		least, most time.Duration
		ok          bool
	}{
		{0, 0, 0, 0, true},
		{3, 0, 0, 1400 * time.Millisecond, true},
		{7, 0, 0, 32 * time.Second, true},
		{8, 0, 0, 32 * time.Second, false},
		{2, 30 * time.Second, time.Minute, time.Minute + 600*time.Millisecond, true},
		{2, 6 * time.Minute, 0, 0, false}, // longer than its patience
	} {
		synctest.Test(t, func(t *testing.T) {
			m := busy("get", c.failures, c.after)
			m.Put(t.Context(), "a", []byte("x"))
			start := time.Now()
			_, err := store.NewRetry(m, store.RetryOptions{}).Get(t.Context(), "a", 0, -1)
			if took := time.Since(start); took < c.least || took > c.most || (err == nil) != c.ok {
				t.Errorf("%d failures: took %v, error %v; want %v to %v, success %v", c.failures, took, err, c.least, c.most, c.ok)
			}
			if want := int64(min(c.failures+1, 8)); c.after < time.Minute && m.Stats().Gets != want {
				t.Errorf("%d failures: %d attempts, want %d", c.failures, m.Stats().Gets, want)
			}
		})
	}
}

func TestRetryLosesPatienceWithADeadStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := busy("get", 1<<30, 0)
		r := store.NewRetry(m, store.RetryOptions{Patience: time.Minute})
		start := time.Now()
		for time.Since(start) < time.Minute {
			r.Get(t.Context(), "a", 0, -1)
		}
		m.ResetStats()
		if _, err := r.Get(t.Context(), "a", 0, -1); !store.IsTemporary(err) || m.Stats().Gets != 1 {
			t.Errorf("after its patience: %d attempts, error %v; want one", m.Stats().Gets, err)
		}
		m.Put(t.Context(), "b", nil)
		if _, err := r.Get(t.Context(), "A", 0, -1); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("got %v", err)
		}
		m.ResetStats()
		if r.Get(t.Context(), "a", 0, -1); m.Stats().Gets != 8 {
			t.Errorf("after an answer: %d attempts, want 8", m.Stats().Gets)
		}
	})
}

func TestRetryOnlyWhatIsTemporary(t *testing.T) {
	m := new(store.Mem)
	m.Fault = func(op, name string) error { return fs.ErrPermission }
	r := store.NewRetry(m, store.RetryOptions{})
	ctx := t.Context()
	errs := []error{r.Put(ctx, "a", nil), r.Delete(ctx, "a")}
	_, err := r.Get(ctx, "a", 0, -1)
	errs = append(errs, err)
	for _, err := range r.List(ctx, "") {
		errs = append(errs, err)
	}
	for _, err := range errs {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v", err)
		}
	}
	if n := m.Stats().Requests(); n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
}

// A Put whose acknowledgement is lost is looked up, never assumed.
func TestRetryResolvesALostPut(t *testing.T) {
	for _, c := range []struct {
		name   string
		op     string
		faults int
		rival  bool // another writer's object lies there
		want   error
	}{
		{"lost once", "put done", 1, false, nil},
		{"never arrived", "put", 2, false, nil},
		{"lost always", "put done", 100, false, nil},
		{"taken by another", "put", 1, true, fs.ErrExist},
		{"taken from the start", "put", 0, true, fs.ErrExist},
		{"never arrives", "put", 100, false, &store.Temporary{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := busy(c.op, c.faults, 0)
				if c.rival {
					m.Fault, m = nil, m.Clone()
					m.Put(t.Context(), "a", []byte("theirs"))
					rest := busy(c.op, c.faults, 0)
					m.Fault = rest.Fault
				}
				err := store.NewRetry(m, store.RetryOptions{}).Put(t.Context(), "a", []byte("mine"))
				if _, temp := c.want.(*store.Temporary); temp {
					if !store.IsTemporary(err) {
						t.Errorf("got %v, want a temporary error", err)
					}
				} else if !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if c.rival && c.faults == 0 && m.Stats().Gets != 0 {
					t.Error("a name taken from the start was looked at")
				}
			})
		})
	}
}

func TestRetryGoesOnWithAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m store.Mem
		for i := range 20 {
			m.Put(t.Context(), fmt.Sprintf("x/%02d", i), nil)
		}
		m.Fault = busy("list done", 5, 0).Fault
		var got []string
		for info, err := range store.NewRetry(&m, store.RetryOptions{}).List(t.Context(), "x/") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, info.Name)
		}
		if len(got) != 20 || got[19] != "x/19" {
			t.Errorf("got %v, want each once", got)
		}
	})
}

func TestRetryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := store.NewRetry(busy("get", 1<<30, 10*time.Second), store.RetryOptions{}).Get(ctx, "a", 0, -1)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("got %v after %v, want the deadline after 1 s", err, time.Since(start))
		}
	})
}

func TestLimit(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return store.NewLimit(new(store.Mem), 1<<40, 0) })
	synctest.Test(t, func(t *testing.T) {
		l := store.NewLimit(new(store.Mem), 1000, 500)
		start := time.Now()
		for i := range 4 {
			if err := l.Put(t.Context(), fmt.Sprint(i), make([]byte, 2500)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start).Round(time.Millisecond); took != 9*time.Second {
			t.Errorf("10,000 bytes at 1,000 a second took %v, want 9 s after a burst of 1 s", took)
		}
		start = time.Now()
		for i := range 4 {
			l.Get(t.Context(), fmt.Sprint(i), 0, -1)
		}
		if took := time.Since(start).Round(time.Millisecond); took != 19*time.Second {
			t.Errorf("10,000 bytes at 500 a second took %v, want 19 s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Put(ctx, "late", make([]byte, 5000)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
	})
}

func TestMeter(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return store.NewMeter(new(store.Mem)) })
	m := store.NewMeter(new(store.Mem))
	m.Put(t.Context(), "a", make([]byte, 7))
	m.Put(t.Context(), "a", make([]byte, 7))
	m.Get(t.Context(), "a", 2, 3)
	m.Delete(t.Context(), "a")
	for range m.List(t.Context(), "") {
	}
	if got, want := m.Stats(), (store.Stats{Puts: 2, Gets: 1, Lists: 1, Deletes: 1, Uploaded: 7, Downloaded: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A Put that arrived, and whose every later attempt is turned away, is found as well.
func TestRetryLooksUpItsLastAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arrived := false
		m := locked(new(store.Mem), func(op, name string) error {
			if op == "put" && arrived || op == "put done" {
				arrived = true
				return &store.Temporary{Err: errors.New("busy")}
			}
			return nil
		})
		if err := store.NewRetry(m, store.RetryOptions{}).Put(t.Context(), "a", []byte("mine")); err != nil {
			t.Errorf("got %v, want it found", err)
		}
	})
}
