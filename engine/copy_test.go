package engine_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack/seal"
)

// A twin is an archive of a test and its copy in another store.
type twin struct {
	*fixture
	to  *store.Mem
	opt engine.Options // of the copy
	b   *engine.Archive
}

func newTwin(t *testing.T, f *fixture) *twin {
	w := &twin{fixture: f, to: new(store.Mem), opt: f.opt}
	w.opt.State = filepath.Join(t.TempDir(), "device")
	w.reopen(t)
	return w
}

// reopen opens the copy once more, as after a restart.
func (w *twin) reopen(t *testing.T) {
	t.Helper()
	b, err := w.a.OpenCopy(t.Context(), w.to, w.opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	w.b = b
}

func (w *twin) copy(t *testing.T, ids ...string) engine.Report {
	t.Helper()
	rep, err := w.a.Copy(t.Context(), w.b, ids)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// ids lists the snapshots of an archive in order.
func ids(t *testing.T, a *engine.Archive) (ids []string) {
	t.Helper()
	list, err := a.Snapshots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		ids = append(ids, s.ID)
	}
	return ids
}

// days backs a chat up on some days and returns what each snapshot holds.
func backups(f *fixture, days int) (chats []*chat, snapshots []string) {
	c := newChat("a")
	history(c, 4, 60, 2, 10_000)
	for d := range days {
		f.clock.t = day0.AddDate(0, 0, 2+d)
		at := f.clock.t
		key := c.say("g001", d, at, fmt.Sprint("on day ", d), c.photo(fmt.Sprint("day", d), at, 9000))
		expiring(c, key, at.AddDate(0, 0, 90))
		chats, snapshots = append(chats, c.clone()), append(snapshots, f.backup(c).Snapshot)
	}
	return chats, snapshots
}

func TestCopyIsAnArchiveOfItsOwn(t *testing.T) {
	f := create(t)
	chats, snapshots := backups(f, 3)
	w := newTwin(t, f)
	rep := w.copy(t)
	if !slices.Equal(rep.Copied, snapshots) || rep.Missing > 0 {
		t.Errorf("copied %v, %d problems; want %v", rep.Copied, rep.Missing, snapshots)
	}
	if w.b.ID() == f.a.ID() {
		t.Error("the copy has the archive's ID")
	}
	b, err := engine.Open(t.Context(), w.to, f.key, engine.Options{Now: f.clock.now, Temp: t.TempDir()}) // elsewhere, by the key alone
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if got := ids(t, b); !slices.Equal(got, snapshots) {
		t.Errorf("snapshots %v, want %v", got, snapshots)
	}
	for i, s := range snapshots {
		holds(t, b, s, chats[i])
	}
	check(t, b)
	if _, dead, orphans, err := b.Waste(t.Context()); err != nil || dead > 0 || orphans > 0 {
		t.Errorf("%d dead bytes, %d orphans in the copy, %v", dead, orphans, err)
	}

	// It goes on by itself, and what it has then comes back.
	next := chats[2].clone()
	next.say("g002", 9, f.clock.t, "said to the copy")
	r, err := w.b.Backup(t.Context(), next, engine.BackupOptions{})
	if err != nil || r.New != 1 {
		t.Fatalf("%d new, %v", r.New, err)
	}
	if rep, err := w.b.Copy(t.Context(), f.a, nil); err != nil || !slices.Equal(rep.Copied, []string{r.Snapshot}) {
		t.Fatalf("back: %v, %v", rep.Copied, err)
	}
	holds(t, f.a, "latest", next)
	check(t, f.a)
}

// TestSecondCopyCostsTheDay counts what a further copy asks of both stores and sends.
func TestSecondCopyCostsTheDay(t *testing.T) {
	f := create(t)
	chats, _ := backups(f, 8)
	w := newTwin(t, f)
	first := w.copy(t)
	for _, day := range []bool{false, true} {
		day0 := f.backup
		var rep engine.Report
		if day {
			c := chats[7].clone()
			c.say("g003", 99, f.clock.t, "one more", c.photo("one more", f.clock.t, 20_000))
			rep = day0(c)
		}
		w.reopen(t)
		a := f.open() // knows nothing but what lies in its index
		f.store.ResetStats()
		w.to.ResetStats()
		again, err := a.Copy(t.Context(), w.b, nil)
		if err != nil {
			t.Fatal(err)
		}
		from, to := f.store.Stats(), w.to.Stats()
		t.Logf("first %d bytes in %d packs; day %v: %d requests here (%d bytes read), %d there (%d read, %d sent); the day's backup sent %d",
			first.BytesUploaded, first.Packs, day, from.Requests(), from.Downloaded, to.Requests(), to.Downloaded, to.Uploaded, rep.BytesUploaded)
		heads := int64(len(chats)) // each is read once on either side: nothing was remembered
		switch limit := rep.BytesUploaded * 11 / 10; {
		case !day && (len(again.Copied) > 0 || to.Uploaded > 0 || to.Puts > 0):
			t.Errorf("nothing new, and %d snapshots, %d bytes in %d objects", len(again.Copied), to.Uploaded, to.Puts)
		case day && (len(again.Copied) != 1 || to.Uploaded > limit):
			t.Errorf("%d bytes for a day of %d", to.Uploaded, rep.BytesUploaded)
		}
		if from.Requests() > heads+40 || to.Requests() > heads+40 {
			t.Errorf("%d requests here, %d there", from.Requests(), to.Requests())
		}
	}
}

func TestCopyOfChosenSnapshotsTakesWhatTheyNeed(t *testing.T) {
	f := create(t)
	chats, snapshots := backups(f, 3)
	big := chats[2].clone()
	big.photo("only here", f.clock.t, 700_000)
	f.backup(big)
	w := newTwin(t, f)
	rep := w.copy(t, snapshots[1])
	if !slices.Equal(rep.Copied, snapshots[1:2]) {
		t.Errorf("copied %v", rep.Copied)
	}
	holds(t, w.b, "latest", chats[1])
	check(t, w.b)
	if _, dead, orphans, err := w.b.Waste(t.Context()); err != nil || dead > 0 || orphans > 0 {
		t.Errorf("%d dead bytes, %d orphans, %v", dead, orphans, err)
	}
	for range 2 { // an earlier one goes before it, however many fences later it comes
		if _, err := w.b.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil {
			t.Fatal(err)
		}
	}
	w.copy(t)
	if got, want := ids(t, w.b), ids(t, f.a); !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
	holds(t, w.b, snapshots[0], chats[0])
	holds(t, w.b, "latest", big)
	if _, err := f.a.Copy(t.Context(), w.b, []string{"0123"}); err == nil {
		t.Error("a snapshot that is not there was copied")
	}
}

func TestCopyKeepsForgottenAndErasedGone(t *testing.T) {
	f := create(t)
	chats, snapshots := backups(f, 4)
	w := newTwin(t, f)
	w.copy(t)

	// Forgotten in the copy, and here.
	if _, err := w.b.Forget(t.Context(), snapshots[:1], false); err != nil {
		t.Fatal(err)
	}
	if _, err := f.a.Forget(t.Context(), snapshots[1:2], false); err != nil {
		t.Fatal(err)
	}
	rep := w.copy(t)
	if got := ids(t, w.b); len(rep.Copied) > 0 || !slices.Equal(got, snapshots[1:]) {
		t.Errorf("copied %v; there are %v", rep.Copied, got)
	}
	if !slices.Equal(rep.Behind, snapshots[1:2]) {
		t.Errorf("behind %v, want %v", rep.Behind, snapshots[1:2])
	}

	// Erased here, and something else there.
	if _, err := f.a.Erase(t.Context(), engine.Selection{Group: []byte("g002")}, false, true); err != nil {
		t.Fatal(err)
	}
	if _, err := w.b.Erase(t.Context(), engine.Selection{Group: []byte("g003")}, false, true); err != nil {
		t.Fatal(err)
	}
	rep = w.copy(t)
	if rep.Rewritten != 2 { // the one that was forgotten here is beyond reach
		t.Errorf("%d rewritten, want 2", rep.Rewritten)
	}
	want := chats[3].clone()
	for key, it := range want.items {
		if g := string(it.Group); g == "g002" || g == "g003" {
			delete(want.items, key)
			for _, n := range it.Needs {
				delete(want.items, string(n))
			}
		}
	}
	holds(t, w.b, "latest", want)
	check(t, w.b)
	if rep = w.copy(t); rep.Rewritten != 0 || rep.BytesUploaded != 0 {
		t.Errorf("once more: %d rewritten, %d bytes", rep.Rewritten, rep.BytesUploaded)
	}
}

func TestCopyRefusesOtherArchives(t *testing.T) {
	f, other := create(t), new(store.Mem)
	key, err := seal.NewRecoveryKey(seeded("other"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := engine.Create(t.Context(), other, key, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	_, err = f.a.OpenCopy(t.Context(), other, engine.Options{})
	wants(t, err, seal.ErrWrongKey)
	_, err = f.a.Copy(t.Context(), b, nil)
	wants(t, err, seal.ErrWrongKey)
}

// TestCopyOfDamage leaves out what cannot be read, names it, and brings the rest.
func TestCopyOfDamage(t *testing.T) {
	f := create(t)
	chats, snapshots := backups(f, 2)
	before := objects(t, f.store, "packs/")
	c := chats[1].clone()
	c.photo("lost", f.clock.t, 30_000)
	lost := f.backup(c).Snapshot
	for name := range objects(t, f.store, "packs/") {
		if _, old := before[name]; !old {
			f.store.Corrupt(name, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		}
	}
	w := newTwin(t, f)
	rep := w.copy(t)
	if !slices.Equal(rep.Copied, snapshots) {
		t.Errorf("copied %v, want %v", rep.Copied, snapshots)
	}
	named := slices.ContainsFunc(rep.Problems, func(p *engine.Problem) bool {
		return strings.Contains(string(p.Key), lost) && errors.Is(p.Err, seal.ErrCorrupt)
	})
	if !named || rep.Missing != int64(len(rep.Problems)) {
		t.Errorf("problems %v", rep.Problems)
	}
	holds(t, w.b, "latest", chats[1])
	check(t, w.b)
}

// objects are the names and sizes in a store.
func objects(t *testing.T, m *store.Mem, prefix string) map[string]int64 {
	t.Helper()
	all := map[string]int64{}
	for info, err := range m.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		all[info.Name] = info.Size
	}
	return all
}

// indexed lets all archives of a test share an index, which a test opens many of.
func indexed(t *testing.T) func(*engine.Options) {
	db, err := index.Open("", index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return func(o *engine.Options) { o.Index = db }
}

// TestCopyCrashesAtEveryWrite cuts a copy short at each write to the target, prunes the
// target or not, and copies once more.
func TestCopyCrashesAtEveryWrite(t *testing.T) {
	f := create(t, indexed(t))
	chats, snapshots := backups(f, 2)
	for _, prune := range []bool{false, true} {
		for _, after := range []bool{false, true} {
			for n := int64(1); ; n += step() {
				w := newTwin(t, f)
				writes := crashAt(w.to, n, after)
				_, err := f.a.Copy(t.Context(), w.b, nil)
				if writes.Load() < n {
					if n < 6 {
						t.Errorf("only %d writes", n-1)
					}
					break
				}
				wants(t, err, errCrash)
				sent := w.to.Stats().Uploaded
				w.to = w.to.Clone()
				w.reopen(t)
				if prune {
					if _, err := w.b.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil {
						t.Fatal(err)
					}
				}
				rep := w.copy(t)
				for i, s := range snapshots {
					holds(t, w.b, s, chats[i])
				}
				check(t, w.b)
				if whole := f.store.Stats().Uploaded; !prune && sent+rep.BytesUploaded > whole+int64(f.opt.PackSize)*3/2+100_000 {
					t.Errorf("write %d: %d bytes sent before the crash and %d after", n, sent, rep.BytesUploaded)
				}
			}
		}
	}
}

// TestCopyWithAPruneBetweenItsSteps lets another device prune, or back up, the target
// before or after each of the copy's writes there, at each number of fences.
func TestCopyWithAPruneBetweenItsSteps(t *testing.T) {
	f := create(t, indexed(t))
	chats, snapshots := backups(f, 2)
	extra := newChat("b")
	history(extra, 2, 20, 1, 5000)
	for _, between := range []string{"prune", "two prunes", "backup and prune", "forget"} {
		for n := int64(1); ; n += step() {
			w := newTwin(t, f)
			other, err := engine.Open(t.Context(), w.to, f.key, engine.Options{Now: f.clock.now, Temp: f.opt.Temp, Index: f.opt.Index, State: filepath.Join(t.TempDir(), "other")})
			if err != nil {
				t.Fatal(err)
			}
			var done atomic.Bool
			var writes atomic.Int64
			w.to.Fault = func(op, _ string) error {
				if op = strings.TrimSuffix(op, " done"); op != "put" && op != "delete" || done.Load() || writes.Add(1) != n {
					return nil
				}
				done.Store(true)
				return meanwhile(t.Context(), other, between, extra)
			}
			w.copy(t)
			if !done.Load() {
				if n < 10 {
					t.Errorf("only %d steps", n-1)
				}
				break
			}
			w.reopen(t)
			copied, others := bySource(t, w.b, "a")
			for i, id := range copied { // one that was overtaken has another ID
				holds(t, w.b, id, chats[len(chats)-len(copied)+i])
			}
			if len(copied) != len(snapshots) && between != "forget" || len(others) != strings.Count(between, "backup") {
				t.Errorf("%s at step %d: %d snapshots were copied, %d are others'", between, n, len(copied), len(others))
			}
			check(t, w.b)
			other.Close()
		}
	}
}

// bySource are the snapshots of a source, in order, and the others.
func bySource(t *testing.T, a *engine.Archive, label string) (of, others []string) {
	t.Helper()
	list, err := a.Snapshots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.Source.Label == label {
			of = append(of, s.ID)
		} else {
			others = append(others, s.ID)
		}
	}
	return of, others
}

// meanwhile is what another device does in the target.
func meanwhile(ctx context.Context, a *engine.Archive, what string, c *chat) error {
	rounds := 1
	switch what {
	case "two prunes":
		rounds = 2
	case "backup and prune":
		if _, err := a.Backup(ctx, c, engine.BackupOptions{}); err != nil {
			return err
		}
	case "forget":
		list, err := a.Snapshots(ctx)
		if err != nil || len(list) == 0 {
			return err
		}
		_, err = a.Forget(ctx, []string{list[0].ID}, true)
		return err
	}
	for range rounds {
		if _, err := a.Prune(ctx, engine.PruneOptions{Insist: true}); err != nil {
			return err
		}
	}
	return nil
}

// TestCopyComesAgainAfterItWasOvertaken: a snapshot that was put and whose copier died
// before it looked is overtaken by a collection and withdrawn; it is not taken for
// forgotten.
func TestCopyComesAgainAfterItWasOvertaken(t *testing.T) {
	f := create(t)
	chats, snapshots := backups(f, 1)
	w := newTwin(t, f)
	other, err := engine.Open(t.Context(), w.to, f.key, engine.Options{Now: f.clock.now, Temp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var dead atomic.Bool
	w.to.Fault = func(op, name string) error {
		if dead.Load() {
			return errCrash
		}
		if !strings.HasPrefix(name, "snapshots/") || op != "put" {
			return nil
		}
		w.to.Fault = nil
		for range 2 { // the packs die, and the put comes late
			if _, err := other.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil {
				return err
			}
		}
		w.to.Fault = func(op, name string) error {
			if op == "put done" && strings.HasPrefix(name, "snapshots/") {
				dead.Store(true)
			}
			if dead.Load() {
				return errCrash
			}
			return nil
		}
		return nil
	}
	_, err = f.a.Copy(t.Context(), w.b, nil)
	wants(t, err, errCrash)
	w.to = w.to.Clone()
	w.reopen(t)
	if _, err := w.b.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil {
		t.Fatal(err)
	}
	rep := w.copy(t)
	if len(rep.Copied) != 1 || rep.Copied[0] == snapshots[0] {
		t.Fatalf("copied %v: want one under another ID than %v", rep.Copied, snapshots)
	}
	holds(t, w.b, "latest", chats[0])
	check(t, w.b)
	if rep = w.copy(t); len(rep.Copied) != 0 {
		t.Errorf("and again: %v", rep.Copied)
	}
	if _, err := w.b.Forget(t.Context(), []string{"latest"}, true); err != nil {
		t.Fatal(err)
	}
	if rep = w.copy(t); len(rep.Copied) != 0 {
		t.Errorf("forgotten, and copied again: %v", rep.Copied)
	}
}

// TestCopyTrustsNoSnapshotThatMayStillBeOvertaken: a copier died after it had put a
// snapshot, and a pruner sleeps that has listed before.
func TestCopyTrustsNoSnapshotThatMayStillBeOvertaken(t *testing.T) {
	f := create(t)
	chats, _ := backups(f, 1)
	w := newTwin(t, f)
	other, err := engine.Open(t.Context(), w.to, f.key, engine.Options{Now: f.clock.now, Temp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	asleep, wake, pruned := make(chan bool), make(chan bool), make(chan error)
	var began, slept, died atomic.Bool
	w.to.Fault = func(op, name string) error {
		switch {
		case op == "put" && strings.HasPrefix(name, "snapshots/") && began.CompareAndSwap(false, true):
			go func() {
				_, err := other.Prune(t.Context(), engine.PruneOptions{Insist: true})
				pruned <- err
			}()
			<-asleep
		case op == "put" && strings.HasSuffix(name, "fence/0000000000000002") && slept.CompareAndSwap(false, true):
			asleep <- true
			<-wake
		case op == "put done" && strings.HasPrefix(name, "snapshots/") && died.CompareAndSwap(false, true):
			return errCrash
		}
		return nil
	}
	_, err = f.a.Copy(t.Context(), w.b, nil)
	wants(t, err, errCrash)
	w.reopen(t)
	w.copy(t)
	wake <- true
	if err := <-pruned; err != nil {
		t.Error(err)
	}
	w.reopen(t)
	if _, err := w.b.Prune(t.Context(), engine.PruneOptions{Insist: true}); err != nil {
		t.Error(err)
	}
	holds(t, w.b, "latest", chats[0])
	check(t, w.b)
}

// TestCopyOfWhatIsForgottenMeanwhile: another copier brings a snapshot, and it is
// forgotten there, just before this one puts it.
func TestCopyOfWhatIsForgottenMeanwhile(t *testing.T) {
	f := create(t)
	_, snapshots := backups(f, 2)
	w := newTwin(t, f)
	var once atomic.Bool
	w.to.Fault = func(op, name string) error {
		if op != "put" || !strings.Contains(name, snapshots[0]) || !once.CompareAndSwap(false, true) {
			return nil
		}
		other, err := f.a.OpenCopy(t.Context(), w.to, engine.Options{Now: f.clock.now, Temp: t.TempDir()})
		if err != nil {
			return err
		}
		defer other.Close()
		if _, err := f.a.Copy(t.Context(), other, snapshots[:1]); err != nil {
			return err
		}
		_, err = other.Forget(t.Context(), snapshots[:1], true)
		return err
	}
	if rep := w.copy(t); !slices.Equal(rep.Copied, snapshots[1:]) || !once.Load() {
		t.Errorf("copied %v, want %v", rep.Copied, snapshots[1:])
	}
	if got := objects(t, w.to, "snapshots/"+snapshots[0]); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}
