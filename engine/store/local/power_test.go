package local_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/local"
	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack/seal"
)

// A disk is what a power cut may leave of a folder: of each file the bytes that were
// synced, and of each name any state that it has had since its folder was synced.
type disk struct {
	mu    sync.Mutex
	dir   string
	log   []event
	marks []mark
}

type event struct {
	op, name, to string
	data         []byte
}

// A mark is what was acknowledged when the log had that length.
type mark struct {
	at        int
	snapshots []string
	forgotten string
}

func (d *disk) note(op, name, to string) {
	e := event{op: op, name: name, to: to}
	if op == "write" {
		e.data, _ = os.ReadFile(filepath.Join(d.dir, name))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, e)
}

// A file is an inode.
type file struct {
	data   []byte
	synced bool
	folder map[string][]*file // of a folder, by name: what it meant since the last sync; nil: nothing
}

// cut replays the log up to n and loses what may be lost, as chance will have it: each
// name in a folder is as it was at the last sync, or as at any time since.
func (d *disk) cut(n int, r *rand.Rand) *store.Mem {
	top := &file{folder: map[string][]*file{}}
	find := func(name string) *file {
		f := top
		for _, part := range strings.Split(name, "/") {
			if states := f.folder[part]; part != "." && len(states) > 0 {
				f = states[len(states)-1]
			}
		}
		return f
	}
	set := func(name string, to *file) {
		in, base := find(path.Dir(name)), path.Base(name)
		if in.folder[base] == nil {
			in.folder[base] = []*file{nil}
		}
		in.folder[base] = append(in.folder[base], to)
	}
	for _, e := range d.log[:n] {
		switch e.op {
		case "mkdir":
			set(e.name, &file{folder: map[string][]*file{}})
		case "write":
			set(e.name, &file{data: e.data})
		case "link":
			set(e.to, find(e.name))
		case "remove":
			set(e.name, nil)
		case "sync":
			f := find(e.name)
			f.synced = true
			for name, states := range f.folder {
				f.folder[name] = states[len(states)-1:]
			}
		}
	}
	m := new(store.Mem)
	var keep func(prefix string, f *file)
	keep = func(prefix string, f *file) {
		names := make([]string, 0, len(f.folder))
		for name := range f.folder {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			states := f.folder[name]
			g := states[r.IntN(len(states))]
			switch {
			case g == nil:
			case g.folder != nil:
				keep(prefix+name+"/", g)
			case store.ValidName(prefix + name):
				m.Put(context.Background(), prefix+name, g.left(r))
			}
		}
	}
	keep("", top)
	return m
}

// left is what a power cut leaves of a file.
func (f *file) left(r *rand.Rand) []byte {
	if f.synced || r.IntN(4) == 0 {
		return f.data
	}
	data := slices.Clone(f.data)
	if r.IntN(2) == 0 {
		return data[:r.IntN(len(data)+1)]
	}
	clear(data[r.IntN(len(data)+1):]) // blocks that were allocated and not written
	return data
}

// A diary is a source: n items, of which each has its number for content.
type diary int

func (d diary) Info() engine.SourceInfo { return engine.SourceInfo{Kind: "test"} }

func (d diary) Items(context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		for i := range int(d) {
			text := strings.Repeat(strconv.Itoa(i), 3000)
			it := engine.Item{Key: fmt.Appendf(nil, "%04d", i), Kind: engine.Media, Stamp: strconv.AppendInt(nil, int64(i), 10), Size: int64(len(text)),
				Time: time.UnixMilli(int64(i)), Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
			if !yield(it, nil) {
				return
			}
		}
	}
}

// restores fails the test unless a snapshot has the items of a diary.
func (d diary) restores(t *testing.T, a *engine.Archive, snapshot string) error {
	v, err := a.View(t.Context(), snapshot)
	if err != nil {
		return err
	}
	n := 0
	for it, err := range v.Items(t.Context()) {
		if err != nil {
			return err
		}
		rc, err := it.Open(t.Context())
		if err != nil {
			return err
		}
		got, err := io.ReadAll(rc)
		rc.Close()
		if err != nil || string(got) != strings.Repeat(strconv.Itoa(n), 3000) {
			return fmt.Errorf("item %s: %d bytes, %v", it.Key, len(got), err)
		}
		n++
	}
	if n != int(d) {
		return fmt.Errorf("%d items, not %d", n, d)
	}
	return nil
}

// TestPowerCut cuts the power after each thing that an archive does to its folder while
// it is made, backed up into, forgotten from and pruned. What was not synced is lost or
// not, name by name. What was acknowledged restores, what was forgotten is gone, and the
// archive works on. DAYFOLD_CUTS=200 makes 200 cuts at each place instead of one:
//
//	DAYFOLD_CUTS=200 go test -run TestPowerCut -timeout 4h ./engine/store/local
func TestPowerCut(t *testing.T) {
	db, err := index.Open("", index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key, err := seal.NewRecoveryKey(rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	opt := engine.Options{Index: db, Workers: 1, PackSize: 64 << 10, TreePackSize: 64 << 10}
	d := record(t, key, opt)
	cuts, step := 1, 1
	if n, err := strconv.Atoi(os.Getenv("DAYFOLD_CUTS")); err == nil {
		cuts = n
	} else if testing.Short() {
		step = 11
	}
	for n := d.marks[0].at; n <= len(d.log); n += step {
		for seed := range cuts {
			d.look(t, key, opt, n, uint64(seed))
		}
	}
	t.Logf("%d places, %d cuts each", len(d.log)-d.marks[0].at+1, cuts)
}

// record does all that, and notes it.
func record(t *testing.T, key seal.RecoveryKey, opt engine.Options) *disk {
	d := &disk{dir: t.TempDir()}
	st := open(t, d.dir)
	local.Trace(st, d.note)
	a, err := engine.Create(t.Context(), st, key, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var kept []string
	acknowledged := func(forgotten string) {
		d.marks = append(d.marks, mark{len(d.log), slices.Clone(kept), forgotten})
	}
	acknowledged("")
	for i := range 3 {
		rep, err := a.Backup(t.Context(), diary(15*(i+1)), engine.BackupOptions{})
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, rep.Snapshot)
		acknowledged("")
	}
	if _, err := a.Forget(t.Context(), kept[:1], true); err != nil {
		t.Fatal(err)
	}
	gone := kept[0]
	kept[0] = ""
	acknowledged(gone)
	if _, err := a.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil {
		t.Fatal(err)
	}
	acknowledged(gone)
	return d
}

// look opens what a cut leaves.
func (d *disk) look(t *testing.T, key seal.RecoveryKey, opt engine.Options, n int, seed uint64) {
	m := d.cut(n, rand.New(rand.NewPCG(seed, uint64(n))))
	fail := func(err error) { t.Errorf("cut %d behind %d, %v: %v", seed, n, d.log[n-1].op+" "+d.log[n-1].name, err) }
	a, err := engine.Open(t.Context(), m, key, opt)
	if err != nil {
		fail(err)
		return
	}
	defer a.Close()
	var last mark
	for _, k := range d.marks {
		if k.at <= n {
			last = k
		}
	}
	if last.forgotten != "" {
		for info := range m.List(t.Context(), "snapshots/"+last.forgotten) {
			fail(fmt.Errorf("%s is back", info.Name))
		}
	}
	rep, err := a.Backup(t.Context(), diary(46), engine.BackupOptions{Insist: true})
	if err != nil || rep.Missing > 0 {
		fail(fmt.Errorf("backup: %v, %w", rep.Problems, err))
		return
	}
	if _, err := a.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil {
		fail(err)
	}
	if c, err := a.Check(t.Context(), engine.CheckOptions{ReadData: true}); err != nil || len(c.Problems) > 0 {
		fail(fmt.Errorf("check: %v, %w", c.Problems, err))
	}
	for i, s := range last.snapshots {
		forgetting := i == 0 && len(d.marks) > 4 && n > d.marks[3].at // it is being forgotten
		if s == "" || forgetting {
			continue
		}
		if err := diary(15*(i+1)).restores(t, a, s); err != nil {
			fail(fmt.Errorf("%s: %w", s, err))
		}
	}
	if err := diary(46).restores(t, a, rep.Snapshot); err != nil {
		fail(err)
	}
}
