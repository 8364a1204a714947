package engine_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
)

// slowNonces is a source of randomness that takes its time with nonces, so that packs are
// full before all that is sealed in them is.
type slowNonces struct {
	fail int64 // the nonce that cannot be had; 0: none
	n    atomic.Int64
}

func (s *slowNonces) Read(p []byte) (int, error) {
	if len(p) == 12 {
		if s.fail == 0 {
			time.Sleep(100 * time.Microsecond)
		} else if s.n.Add(1) == s.fail {
			time.Sleep(3 * time.Millisecond) // others fill the pack meanwhile
			return 0, errNonce
		}
	}
	return rand.Read(p)
}

var errNonce = errors.New("no randomness")

// A pack leaves only when all of it is sealed.
func TestPacksWaitForTheirBlobs(t *testing.T) {
	c := newChat("a")
	history(c, 5, 40, 10, 3000)
	f := create(t, func(o *engine.Options) {
		o.PackSize, o.TreePackSize, o.Workers, o.Rand = 64<<10, 64<<10, 8, new(slowNonces)
	})
	rep := f.backup(c)
	check(t, f.a)
	holds(t, f.a, rep.Snapshot, c)
}

// A blob that could not be sealed is in no pack.
func TestFailedSealReachesNoPack(t *testing.T) {
	c := newChat("a")
	history(c, 5, 600, 10, 3000)
	for fail := int64(40); fail < 400; fail += 40 {
		failing := &slowNonces{fail: fail}
		f := create(t, func(o *engine.Options) { o.PackSize, o.TreePackSize, o.Workers = 64<<10, 64<<10, 4 })
		a := f.open(func(o *engine.Options) { o.Rand = failing })
		failing.n.Store(0)
		_, err := a.Backup(t.Context(), c, engine.BackupOptions{})
		wants(t, err, errNonce)
		rep := f.backup(c)
		check(t, f.a)
		holds(t, f.a, rep.Snapshot, c)
	}
}

// Many checkpoints, each of which merges the tails of packs, take no more memory than one.
func TestCheckpointsReuseMemory(t *testing.T) {
	c := newChat("a")
	history(c, 5, 40, 20, 20_000)
	f := create(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	rep, err := f.a.Backup(ctx, c, engine.BackupOptions{CheckpointEvery: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, f.a, rep.Snapshot, c)
}

// A meeting is a store whose first Puts of packs wait for each other.
type meeting struct {
	store.Store
	want, now, most atomic.Int64
	meet            sync.Once
	met             chan struct{}
}

func (m *meeting) Put(ctx context.Context, name string, data []byte) error {
	if !strings.HasPrefix(name, "packs/") {
		return m.Store.Put(ctx, name, data)
	}
	n := m.now.Add(1)
	defer m.now.Add(-1)
	for most := m.most.Load(); n > most && !m.most.CompareAndSwap(most, n); most = m.most.Load() {
	}
	if n == m.want.Load() {
		m.meet.Do(func() { close(m.met) })
	}
	select {
	case <-m.met:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return m.Store.Put(ctx, name, data)
}

// As many packs are on their way at once as are asked for, and no more.
func TestUploadsAtOnce(t *testing.T) {
	for _, uploads := range []int{1, 2, 3} {
		c := newChat("a")
		history(c, 5, 600, 10, 3000)
		f := create(t, func(o *engine.Options) { o.PackSize, o.TreePackSize, o.Uploads = 64<<10, 64<<10, uploads })
		m := &meeting{Store: f.store, met: make(chan struct{})}
		m.want.Store(int64(uploads))
		a, err := engine.Open(t.Context(), m, f.key, f.opt)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // if they never meet
		defer cancel()
		rep, err := a.Backup(ctx, c, engine.BackupOptions{})
		if err != nil || m.most.Load() != int64(uploads) {
			t.Fatalf("%d packs were on their way at once, %v; want %d", m.most.Load(), err, uploads)
		}
		holds(t, f.a, rep.Snapshot, c)
	}
}
