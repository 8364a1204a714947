package engine_test

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store/local"
	"github.com/dayfold/dayfold/index"
)

// TestNothingLiesInClear scans every file that an archive leaves (store, index, device
// file, what a spill would leave) for any 8 bytes of what was archived.
func TestNothingLiesInClear(t *testing.T) {
	dir := t.TempDir()
	st, err := local.Create(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := index.Open(filepath.Join(dir, "index"), index.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	f := create(t)
	opt := f.opt
	opt.Index, opt.State, opt.Temp, opt.Memory, opt.Blind = db, filepath.Join(dir, "device"), filepath.Join(dir, "tmp"), 1<<20, true
	a, err := engine.Create(t.Context(), st, f.key, opt)
	if err != nil {
		t.Fatal(err)
	}
	c := newChat("the label of a source")
	history(c, 5, 200, 3, 3000)
	key := c.say("g001", 9999, day0, "this one expires", c.photo("expires", day0, 3000))
	expiring(c, key, day0.AddDate(0, 0, 9))
	first, err := a.Backup(t.Context(), c, engine.BackupOptions{Tags: []string{"a tag in clear"}})
	if err != nil {
		t.Fatal(err)
	}
	c.say("g001", 1, day0, "one more message")
	if _, err := a.Backup(t.Context(), c, engine.BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Forget(t.Context(), []string{first.Snapshot}, true); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil {
		t.Fatal(err)
	}
	a.Close()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	windows := map[[8]byte]bool{}
	learn := func(b []byte) {
		for i := 0; i+8 <= len(b); i++ {
			if w := [8]byte(b[i:]); distinct(w) > 3 {
				windows[w] = true
			}
		}
	}
	learn([]byte("the label of a source"))
	learn([]byte("a tag in clear"))
	for k, it := range c.items {
		learn([]byte(k))
		learn(it.Inline)
		learn(it.Stamp)
		if data, err := content(t, it); err == nil {
			learn(data[:min(len(data), 500)])
		}
	}
	scan(t, dir, windows)
}

func distinct(w [8]byte) int {
	seen := map[byte]bool{}
	for _, b := range w {
		seen[b] = true
	}
	return len(seen)
}

func scan(t *testing.T, dir string, windows map[[8]byte]bool) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files++
		data = append(data, name...)
		for i := 0; i+8 <= len(data); i++ {
			if windows[[8]byte(data[i:])] {
				t.Errorf("%s: %q at %d is of the history", name, data[i:i+8], i)
				return nil
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 || len(windows) < 1000 {
		t.Errorf("looked for %d windows in %d files: the test has lost its way", len(windows), files)
	}
}

// A vanishing source ends half-way with an error of its own.
type vanishing struct {
	*chat
	after int
}

var errVanished = errors.New("the disk was pulled out")

func (v vanishing) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		n := 0
		for it, err := range v.chat.Items(ctx) {
			if n++; n > v.after {
				yield(engine.Item{}, errVanished)
				return
			}
			if !yield(it, err) {
				return
			}
		}
	}
}

func TestSourceThatVanishesLosesNothing(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 5, 100, 3, 3000)
	first := f.backup(c)
	c.say("g001", 1, day0, "more")
	_, err := f.a.Backup(t.Context(), vanishing{c, 100}, engine.BackupOptions{})
	wants(t, err, errVanished)
	if list, err := f.a.Snapshots(t.Context()); err != nil || len(list) != 1 || list[0].ID != first.Snapshot {
		t.Errorf("snapshots are %v, %v; want the first alone", list, err)
	}
	f.backup(c)
	holds(t, f.a, "latest", c)
	check(t, f.a)
}

func TestCancelledBackupLeavesTheArchiveAsItWas(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 5, 100, 3, 3000)
	f.backup(c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.say("g001", 1, day0, "more")
	_, err := f.a.Backup(ctx, c, engine.BackupOptions{})
	wants(t, err, context.Canceled)
	check(t, f.a)
}

func TestThousandArchivesInOneProcess(t *testing.T) {
	db, err := index.Open(filepath.Join(t.TempDir(), "index"), index.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n := 1000
	if testing.Short() {
		n = 100
	}
	c := newChat("a")
	history(c, 2, 5, 1, 500)
	shared := func(o *engine.Options) { o.Index, o.State = db, "" }
	var all []*fixture
	for range n {
		f := create(t, shared)
		f.backup(c)
		f.a.Close()
		f.a = nil
		all = append(all, f)
	}
	before := heap()
	for _, f := range all {
		f.a = f.open(shared)
	}
	opened := heap()
	stored := int64(0) // what the stores hold more than before lies in memory here
	for i, f := range all {
		had := f.store.Stats().Uploaded
		f.backup(c)
		stored += f.store.Stats().Uploaded - had
		if i%50 == 0 {
			holds(t, f.a, "latest", c)
		}
	}
	used := heap()
	t.Logf("%d archives: %d bytes each when open, %d after use", n, (opened-before)/int64(n), (used-before-stored)/int64(n))
	if each := (opened - before) / int64(n); each > perArchive {
		t.Errorf("an open archive takes %d bytes, want at most %d", each, perArchive)
	}
	if each := (used - before - stored) / int64(n); each > perArchive {
		t.Errorf("an open archive takes %d bytes after use, want at most %d", each, perArchive)
	}
}

// perArchive is how many bytes an open archive may hold while nothing is done with it, the
// shared index apart.
const perArchive = 32 << 10

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
