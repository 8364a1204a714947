package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
)

// day0 is when the histories of the tests begin.
var day0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// A clock is what the archives of a test take for the time.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// pass lets time pass while an archive is at work.
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// A chat is a history in memory. It is a source; opened counts contents that were read.
type chat struct {
	items  map[string]engine.Item
	opened *atomic.Int64
	label  string
	order  *rand.Rand // nil: by key
}

func newChat(label string) *chat {
	return &chat{items: map[string]engine.Item{}, opened: new(atomic.Int64), label: label}
}

func (c *chat) Info() engine.SourceInfo { return engine.SourceInfo{Kind: "test", Label: c.label} }

func (c *chat) Items(context.Context) iter.Seq2[engine.Item, error] {
	keys := make([]string, 0, len(c.items))
	for k := range c.items {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	if c.order != nil {
		c.order.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	}
	return func(yield func(engine.Item, error) bool) {
		for _, k := range keys {
			if !yield(c.items[k], nil) {
				return
			}
		}
	}
}

// say adds a message to a group at a time.
func (c *chat) say(group string, n int, at time.Time, text string, needs ...string) string {
	week := at.Unix() / (7 * 86400)
	key := fmt.Sprintf("m/%06d/%s/%012d-%05d", week, group, at.UnixMilli(), n)
	it := engine.Item{Key: []byte(key), Group: []byte(group), Kind: engine.Message, Time: at, Size: int64(len(text)), Inline: []byte(text)}
	for _, m := range needs {
		it.Needs = append(it.Needs, []byte(m))
	}
	c.items[key] = it
	return key
}

// photo adds media; its bytes come from the name.
func (c *chat) photo(name string, at time.Time, size int) string {
	key := fmt.Sprintf("p/%06d/%s", at.Unix()/(7*86400), name)
	opened := c.opened
	c.items[key] = engine.Item{Key: []byte(key), Kind: engine.Media, Stamp: []byte(name), Time: at, Size: int64(size),
		Open: func(context.Context) (io.ReadCloser, error) {
			opened.Add(1)
			return io.NopCloser(bytes.NewReader(noise(name, size))), nil
		}}
	return key
}

func (c *chat) change(key string, f func(*engine.Item)) {
	it := c.items[key]
	f(&it)
	c.items[key] = it
}

func (c *chat) clone() *chat {
	d := *c
	d.items = map[string]engine.Item{}
	for k, v := range c.items {
		d.items[k] = v
	}
	return &d
}

// noise is bytes that do not compress, the same for the same name.
func noise(name string, n int) []byte {
	var seed [32]byte
	copy(seed[:], name)
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}

// history fills a chat with messages and photos over a number of days.
func history(c *chat, groups, perDay, days int, photo int) {
	r := rand.New(rand.NewPCG(1, 2))
	for d := range days {
		for i := range perDay {
			at := day0.AddDate(0, 0, d).Add(time.Duration(i) * time.Minute)
			group := fmt.Sprintf("g%03d", r.IntN(groups))
			var needs []string
			if photo > 0 && i%10 == 0 {
				needs = append(needs, c.photo(fmt.Sprintf("photo-%d-%d", d, i), at, photo+r.IntN(photo)))
			}
			c.say(group, i, at, sentence(r), needs...)
		}
	}
}

var words = []string{"see", "you", "tomorrow", "at", "the", "station", "tell", "her", "that", "I", "am", "late", "again", "maybe", "after", "lunch", "thanks", "ok", "great", "photo"}

func sentence(r *rand.Rand) string {
	var b bytes.Buffer
	for range 5 + r.IntN(20) {
		b.WriteString(words[r.IntN(len(words))])
		b.WriteByte(' ')
	}
	fmt.Fprintf(&b, "%d", r.Uint64())
	return b.String()
}

// A bench is an archive in memory with all that a test needs around it.
type fixture struct {
	t     *testing.T
	store *store.Mem
	key   seal.RecoveryKey
	clock *clock
	opt   engine.Options
	a     *engine.Archive
}

func create(t *testing.T, opts ...func(*engine.Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, store: new(store.Mem), clock: &clock{t: day0}}
	var err error
	if f.key, err = seal.NewRecoveryKey(seeded(t.Name())); err != nil {
		t.Fatal(err)
	}
	f.opt = engine.Options{Now: f.clock.now, Temp: t.TempDir(), Workers: 2, PackSize: 256 << 10, TreePackSize: 128 << 10,
		State: filepath.Join(t.TempDir(), "device")}
	for _, o := range opts {
		o(&f.opt)
	}
	if f.a, err = engine.Create(t.Context(), f.store, f.key, f.opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.a.Close() })
	return f
}

func seeded(name string) io.Reader {
	var seed [32]byte
	copy(seed[:], name)
	return rand.NewChaCha8(seed)
}

// open opens the archive once more, as another device, or as the same one after a restart.
func (f *fixture) open(opts ...func(*engine.Options)) *engine.Archive {
	f.t.Helper()
	opt := f.opt
	for _, o := range opts {
		o(&opt)
	}
	a, err := engine.Open(f.t.Context(), f.store, f.key, opt)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { a.Close() })
	return a
}

func fresh(t *testing.T) func(*engine.Options) {
	return func(o *engine.Options) { o.State = filepath.Join(t.TempDir(), "other") }
}

func (f *fixture) backup(c *chat) engine.Report {
	f.t.Helper()
	rep, err := f.a.Backup(f.t.Context(), c, engine.BackupOptions{Insist: true})
	if err != nil {
		f.t.Fatal(err)
	}
	return rep
}

func (f *fixture) prune(maxUnused float64) engine.PruneReport {
	f.t.Helper()
	rep, err := f.a.Prune(f.t.Context(), engine.PruneOptions{MaxUnused: maxUnused, Insist: true})
	if err != nil {
		f.t.Fatal(err)
	}
	return rep
}

// check fails the test when the archive has damage.
func check(t *testing.T, a *engine.Archive) engine.CheckReport {
	t.Helper()
	rep, err := a.Check(t.Context(), engine.CheckOptions{ReadData: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range rep.Problems {
		t.Errorf("check: %v", p)
	}
	return rep
}

// holds fails the test when a snapshot is not exactly the items of c.
func holds(t *testing.T, a *engine.Archive, snapshot string, c *chat) {
	t.Helper()
	v, err := a.View(t.Context(), snapshot)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for it, err := range v.Items(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		want, ok := c.items[string(it.Key)]
		if !ok {
			t.Errorf("%s is in the snapshot and not in the history", it.Key)
			continue
		}
		got, err := content(t, it)
		if err != nil {
			t.Errorf("%s: %v", it.Key, err)
			continue
		}
		wanted, err := content(t, want)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, wanted) || !it.Time.Equal(want.Time) || it.Kind != want.Kind || !bytes.Equal(it.Group, want.Group) {
			t.Errorf("%s is not what was archived", it.Key)
		}
	}
	if seen != len(c.items) {
		t.Errorf("snapshot has %d items, history %d", seen, len(c.items))
	}
}

func content(t *testing.T, it engine.Item) ([]byte, error) {
	if it.Open == nil {
		return it.Inline, nil
	}
	rc, err := it.Open(t.Context())
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(rc)
}

func wants(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error is %v, want %v", err, target)
	}
}
