package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack/seal"
)

// tenant is the role of a process that works on many archives.
const tenant = "tenant"

// A household is many archives below one store, on which several processes work without
// knowing of each other.
type household struct {
	url, dir          string
	archives, workers int
	until             time.Time
}

// TestTenants lets processes back up and prune many archives at once, any of them any
// archive, with nothing between them but the store. At the end every snapshot that was
// acknowledged and not forgotten restores, and check finds nothing.
//
// Against a cluster, one of whose daemons is killed and comes back meanwhile (.ci/servers ceph):
//
//	DAYFOLD_ARCHIVES=200 DAYFOLD_WORKERS=8 DAYFOLD_STRESS=4m DAYFOLD_DISTURB='…' DAYFOLD_TEST_STORE=s3:… \
//		go test -run TestTenants -v -timeout 30m ./engine
//
// DAYFOLD_DISTURB is a command that is run once a quarter of the time has passed, with
// "down" as its argument, and again at half of it, with "up".
func TestTenants(t *testing.T) {
	h := &household{dir: t.TempDir(), archives: number("DAYFOLD_ARCHIVES", 3), workers: number("DAYFOLD_WORKERS", 2)}
	if h.url = os.Getenv("DAYFOLD_TEST_STORE"); h.url == "" {
		h.url = filepath.Join(h.dir, "store")
	}
	h.url += fmt.Sprintf("/h%d", time.Now().UnixNano())
	length := time.Second
	if d, err := time.ParseDuration(os.Getenv("DAYFOLD_STRESS")); err == nil {
		length = d
	}
	begin := time.Now()
	h.each(t, func(n int) error {
		a, err := h.open(t.Context(), n, "parent", nil, true)
		if err == nil {
			err = a.Close()
		}
		return err
	})
	t.Logf("%d archives made in %v", h.archives, time.Since(begin).Round(time.Millisecond))
	h.until = time.Now().Add(length)
	h.work(t, length)
	h.verify(t)
}

// each calls f for every archive, as many at a time as there are workers.
func (h *household) each(t *testing.T, f func(n int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range h.workers {
		wg.Go(func() {
			for n := w; n < h.archives; n += h.workers {
				if err := f(n); err != nil {
					t.Errorf("archive %d: %v", n, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// open opens or makes one archive, for a device that remembers what it has seen.
func (h *household) open(ctx context.Context, n int, device string, db *index.DB, create bool) (*engine.Archive, error) {
	st, err := place(ctx, fmt.Sprintf("%s/%02x/%04d", h.url, n%7, n))
	if err != nil {
		return nil, err
	}
	key, err := seal.NewRecoveryKey(seeded(fmt.Sprint("tenant", n)))
	if err != nil {
		return nil, err
	}
	opt := optionsIn(h.dir, fmt.Sprintf("%s-%d", device, n), time.Now)
	opt.Index = db
	if create {
		return engine.Create(ctx, st, key, opt)
	}
	return engine.Open(ctx, st, key, opt)
}

// work runs the processes, and the disturbance.
func (h *household) work(t *testing.T, length time.Duration) {
	var wg sync.WaitGroup
	for w := range h.workers {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "DAYFOLD_CHILD="+tenant, "DAYFOLD_DIR="+h.dir, "DAYFOLD_TEST_STORE="+h.url, "DAYFOLD_WORKER="+strconv.Itoa(w),
			"DAYFOLD_ARCHIVES="+strconv.Itoa(h.archives), "DAYFOLD_UNTIL="+strconv.FormatInt(h.until.UnixNano(), 10))
		wg.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("worker %d: %v: %s", w, err, out)
			} else if len(out) > 0 {
				t.Logf("worker %d: %s", w, bytes.TrimSpace(out))
			}
		})
	}
	if disturb := os.Getenv("DAYFOLD_DISTURB"); disturb != "" {
		for i, what := range []string{"down", "up"} {
			time.Sleep(time.Until(h.until.Add(-length * time.Duration(3-i) / 4)))
			out, err := exec.Command(disturb, what).CombinedOutput()
			if t.Logf("%s: %s", what, bytes.TrimSpace(out)); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	wg.Wait()
}

// serveTenants is what such a process does until its time is over.
func serveTenants() error {
	ctx := context.Background()
	ns, err := strconv.ParseInt(os.Getenv("DAYFOLD_UNTIL"), 10, 64)
	if err != nil {
		return err
	}
	h := &household{url: os.Getenv("DAYFOLD_TEST_STORE"), dir: os.Getenv("DAYFOLD_DIR"), archives: number("DAYFOLD_ARCHIVES", 0), until: time.Unix(0, ns)}
	name := "w" + os.Getenv("DAYFOLD_WORKER")
	log, err := openJournal(filepath.Join(h.dir, name+".log"))
	if err != nil {
		return err
	}
	db, err := index.Open(filepath.Join(h.dir, name+".index"), index.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	random := rand.New(rand.NewPCG(uint64(ns), uint64(os.Getpid())))
	rounds := make([]int, h.archives)
	overtaken := 0
	for first := true; first || time.Now().Before(h.until); first = false {
		n := random.IntN(h.archives)
		rounds[n]++
		err := h.round(ctx, n, rounds[n], name, db, log, random)
		if err != nil && strings.Contains(err.Error(), "overtaken by a collection") {
			overtaken++
			continue
		}
		if err != nil {
			return fmt.Errorf("archive %d: %w", n, err)
		}
	}
	if overtaken > 0 {
		fmt.Printf("overtaken %d times\n", overtaken)
	}
	return nil
}

// round is a day of one archive: a backup, and now and then a prune.
func (h *household) round(ctx context.Context, n, round int, name string, db *index.DB, log *journal, random *rand.Rand) error {
	a, err := h.open(ctx, n, name, db, false)
	if err != nil {
		return err
	}
	defer a.Close()
	rep, err := a.Backup(ctx, days(name, n, round), engine.BackupOptions{Insist: true})
	if err != nil {
		return err
	}
	if err := log.write(line{Op: "snapshot", N: n, At: int64(round), ID: rep.Snapshot}); err != nil || random.IntN(4) > 0 {
		return err
	}
	list, err := a.Snapshots(ctx)
	if err != nil {
		return err
	}
	own := slices.DeleteFunc(list, func(s engine.Snapshot) bool { return s.Source.Label != name })
	if len(own) > 2 {
		ids := []string{own[0].ID}
		if err := log.write(line{Op: "forgetting", N: n, Names: ids}); err != nil {
			return err
		}
		if _, err := a.Forget(ctx, ids, true); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if _, err := a.Prune(ctx, engine.PruneOptions{MaxUnused: 20, Insist: true}); err != nil {
		return err
	}
	return log.write(line{Op: "pruned", N: n})
}

// days is the history of an archive as a worker sees it at a round.
func days(name string, n, round int) *chat {
	c := newChat(name)
	for day := range round {
		at := day0.AddDate(0, 0, day)
		for i := range 20 {
			c.say("g001", day*20+i, at, fmt.Sprintf("%s said in archive %d on day %d: %d", name, n, day, i))
		}
		c.say("g002", 1_000_000+day, at, "look", c.photo(fmt.Sprintf("%s-%d-%d", name, n, day), at, 30_000))
	}
	return c
}

// verify opens every archive as a device that comes new.
func (h *household) verify(t *testing.T) {
	type done struct {
		name  string
		round int
	}
	acknowledged, forgotten, ops := map[int]map[string]done{}, map[string]bool{}, map[string]int{}
	for w := range h.workers {
		name := fmt.Sprint("w", w)
		lines, err := readJournal(filepath.Join(h.dir, name+".log"))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			ops[l.Op]++
			for _, id := range l.Names {
				forgotten[id] = true
			}
			if l.Op == "snapshot" {
				if acknowledged[l.N] == nil {
					acknowledged[l.N] = map[string]done{}
				}
				acknowledged[l.N][l.ID] = done{name, int(l.At)}
			}
		}
	}
	var mu sync.Mutex
	restored, begin := 0, time.Now()
	h.each(t, func(n int) error {
		a, err := h.open(t.Context(), n, "verifier", nil, false)
		if err != nil {
			return err
		}
		defer a.Close()
		check(t, a)
		for id, d := range acknowledged[n] {
			v, err := a.View(t.Context(), id)
			if errors.Is(err, fs.ErrNotExist) && forgotten[id] {
				continue
			} else if err != nil {
				return fmt.Errorf("snapshot %s: %w", id, err)
			}
			if !same(t, v, days(d.name, n, d.round)) {
				return fmt.Errorf("snapshot %s is not what was archived", id)
			}
			mu.Lock()
			restored++
			mu.Unlock()
		}
		return nil
	})
	t.Logf("%v; %d snapshots restored in %v", ops, restored, time.Since(begin).Round(time.Millisecond))
	if restored == 0 || ops["pruned"] == 0 && h.archives > 3 {
		t.Error("nothing was done")
	}
	h.measure(t)
}

// measure logs what lies in the store for an archive, and in an index.
func (h *household) measure(t *testing.T) {
	st, err := place(t.Context(), h.url)
	if err != nil {
		t.Fatal(err)
	}
	objects, size := map[string]int{}, int64(0)
	for info, err := range st.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(info.Name, "/")
		objects[parts[2]]++
		size += info.Size
	}
	t.Logf("objects %v, %d bytes", objects, size)
}

// same compares a snapshot with a history.
func same(t *testing.T, v *engine.View, c *chat) bool {
	left := len(c.items)
	for it, err := range v.Items(t.Context()) {
		if err != nil {
			t.Error(err)
			return false
		}
		want, ok := c.items[string(it.Key)]
		if !ok {
			return false
		}
		got, err := content(t, it)
		expected, _ := content(t, want)
		if err != nil || !bytes.Equal(got, expected) {
			return false
		}
		left--
	}
	return left == 0
}
