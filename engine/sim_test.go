package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack/seal"
)

// TestSimulation lets two to eight writers, two pruners and an eraser work on one store,
// all in one process and, by a scheduler, one call of the store at a time. The seed says
// whose call is next and what becomes of it: it may be lost, refused, too much, answered
// without having been done or done without having been answered, delivered once more a
// long time later; listings show two moments; actors die at a call and come again, with
// the device file that they had; clocks go wrong by days, once by years.
//
// What must hold, at some moments on the way and at the end: a snapshot that was
// acknowledged, and not forgotten, restores; what was erased or forgotten opens no more;
// no byte is ever wrong; and after one more prune there is no dead byte, and no object
// that nothing names.
//
// A seed repeats every choice. What it does not repeat is the order of blobs in a pack, and
// so the names of packs, for which the engine has goroutines of its own.
//
// In full: DAYFOLD_SIM=10000 go test -run TestSimulation -timeout 10h ./engine
// One again, with its steps: DAYFOLD_SEED=17 go test -run TestSimulation -v ./engine
// Seeds that once failed stand in testdata/seeds, and run always.
func TestSimulation(t *testing.T) {
	first, n := uint64(1), number("DAYFOLD_SIM", 6)
	if testing.Short() {
		n = 2
	}
	var seeds []uint64
	data, err := os.ReadFile("testdata/seeds")
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range strings.Fields(string(data)) {
		if testing.Short() {
			break
		}
		seed, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, seed)
	}
	if seed := number("DAYFOLD_SEED", 0); seed > 0 {
		seeds, first, n = nil, uint64(seed), 1
	}
	for i := range uint64(n) {
		seeds = append(seeds, first+i)
	}
	steps := 0
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("DAYFOLD_SEED=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { steps += simulate(t, seed).sim.steps })
		})
	}
	t.Logf("%d steps", steps)
}

// A universe is all that a simulation knows, beside the store.
type universe struct {
	t      *testing.T
	sim    *simStore
	key    seal.RecoveryKey
	dir    string
	actors []*actor
	seed   uint64
	start  time.Time
	latest time.Time // the latest time that any device took for the truth

	all       *chat           // every item that there ever was
	erased    map[string]bool // keys that an acknowledged Erase named
	erasing   map[string]bool // or one that may have happened
	kept      map[string]*chat
	forgotten map[string]bool
	doubtful  map[string]bool // snapshots that a Forget named which was not acknowledged
	gone      []string        // keys that a source does not have any more
}

// An actor is a device at work. Its loop is one goroutine.
type actor struct {
	u      *universe
	n      int
	role   string
	rand   *rand.Rand
	skew   time.Duration
	handle *simHandle
	a      *engine.Archive
	db     *index.DB
	chat   *chat // of a writer
	ids    []string
	serial int
	rounds int
	done   bool
}

func simulate(t *testing.T, seed uint64) *universe {
	r := rand.New(rand.NewPCG(seed, 815))
	u := &universe{t: t, dir: t.TempDir(), seed: seed, start: day0, latest: day0, all: newChat("all"),
		erased: map[string]bool{}, erasing: map[string]bool{}, kept: map[string]*chat{}, forgotten: map[string]bool{}, doubtful: map[string]bool{}}
	u.sim = &simStore{mem: new(store.Mem), rand: r}
	var err error
	if u.key, err = seal.NewRecoveryKey(seeded(fmt.Sprint("key", seed))); err != nil {
		t.Fatal(err)
	}
	opt := u.options("creator", func() time.Time { return u.start })
	opt.Strict, opt.HideExpiry = r.IntN(4) == 0, r.IntN(6) == 0
	a, err := engine.Create(t.Context(), u.sim.mem, u.key, opt)
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	roles := []string{"pruner", "pruner", "eraser"}
	for range 2 + r.IntN(3)*r.IntN(4) {
		roles = append(roles, "writer")
	}
	for i, role := range roles {
		u.actors = append(u.actors, &actor{u: u, n: i, role: role, rand: rand.New(rand.NewPCG(seed, uint64(i))), chat: newChat(fmt.Sprint("w", i)),
			skew: time.Duration(r.IntN(48)-24) * time.Hour, rounds: 3 + r.IntN(6)})
	}
	u.sim.rates = []rates{{}, {crash: 6}, {lost: 20, busy: 20}, {crash: 4, lost: 10, refused: 2, busy: 10, twice: 30, full: 3}, {crash: 15, twice: 60}}[r.IntN(5)]
	u.sim.crashed = func(int) bool { return true }
	for _, a := range u.actors {
		go a.live()
		synctest.Wait() // they begin one after the other
	}
	alive := func() bool { return slices.ContainsFunc(u.actors, func(a *actor) bool { return !a.done }) }
	looks := 0
	u.sim.run(alive, func() {
		if r.IntN(600) == 0 && looks < 3 && !t.Failed() {
			looks++
			u.look(u.sim.mem.Clone())
		}
	})
	u.end()
	return u
}

func (u *universe) options(device string, now func() time.Time) engine.Options {
	return engine.Options{State: filepath.Join(u.dir, device), Temp: u.dir, Memory: 64 << 20, Workers: 1, Now: now,
		Rand: &dice{seed: fmt.Sprint(device, u.seed), sim: u.sim}, PackSize: 64 << 10, TreePackSize: 64 << 10}
}

// dice are randomness that does not depend on which goroutine comes first: IDs, which are
// drawn by one, differ from each other, salts from those of another step; nonces of blobs
// and coins are always the same.
type dice struct {
	seed string
	sim  *simStore
	mu   sync.Mutex
	ids  int
}

func (d *dice) Read(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	switch len(p) {
	case 16:
		d.ids++
		n = d.ids
	case 32:
		n = d.sim.steps
	}
	return seeded(fmt.Sprint(len(p), " ", n, " ", d.seed)).Read(p)
}

// now is what the device takes for the time. Time goes with the steps.
func (a *actor) now() time.Time {
	at := a.u.start.Add(time.Duration(a.u.sim.steps) * 5 * time.Minute).Add(a.skew)
	if at.After(a.u.latest) {
		a.u.latest = at
	}
	return at
}

// live works until its rounds are over. When it dies, it begins again.
func (a *actor) live() {
	defer func() { a.done = true }()
	var err error
	if a.db, err = index.Open("", index.Options{}); err != nil {
		a.u.t.Error(err)
		return
	}
	defer a.db.Close()
	for i := 0; i < a.rounds && !a.u.t.Failed(); i++ {
		if a.handle == nil || a.handle.dead {
			if err := a.begin(i); err != nil {
				a.failed("open", err)
				continue
			}
		}
		switch a.role {
		case "writer":
			a.write()
		case "pruner":
			a.prune()
		case "eraser":
			a.erase()
		}
	}
}

func (a *actor) begin(life int) (err error) {
	a.handle = a.u.sim.handle(a.n)
	opt := a.u.options(fmt.Sprint("device", a.n), a.now)
	opt.Index, opt.Rand = a.db, &dice{seed: fmt.Sprint(a.n, " ", life, " ", a.u.seed), sim: a.u.sim}
	a.a, err = engine.Open(a.u.t.Context(), store.NewRetry(a.handle, store.RetryOptions{Attempts: 6, First: time.Millisecond, Longest: 10 * time.Millisecond}), a.u.key, opt)
	if err != nil {
		a.handle.dead = true
	}
	return err
}

// failed reports whether a call failed, and complains if it may not have failed that way.
func (a *actor) failed(what string, err error) bool {
	switch {
	case err == nil:
		return false
	case a.handle.dead, errors.Is(err, errCrash), store.IsTemporary(err), errors.Is(err, errRefused403), errors.Is(err, store.ErrNoSpace),
		strings.Contains(err.Error(), "overtaken by a collection"), errors.Is(err, engine.ErrRefused):
	default:
		a.u.t.Errorf("actor %d: %s: %v", a.n, what, err)
	}
	return true
}

// write makes something happen in the history of the writer, and archives it.
func (a *actor) write() {
	u, c := a.u, a.chat
	for range 1 + a.rand.IntN(4) {
		a.say(c)
	}
	for _, key := range keysOf(c, engine.Message) {
		if e := c.items[key].Expires; !e.IsZero() && !e.After(a.now()) || a.rand.IntN(12) == 0 {
			takeOut(c, key)
			u.gone = append(u.gone, key)
		}
	}
	if a.rand.IntN(40) == 0 { // a clock that is years ahead; nobody insists
		a.skew += 3000 * 24 * time.Hour
		latest := u.latest
		_, err := a.a.Backup(u.t.Context(), c, engine.BackupOptions{DryRun: a.rand.IntN(2) == 0})
		if a.skew -= 3000 * 24 * time.Hour; errors.Is(err, engine.ErrRefused) {
			u.latest = latest
		}
		a.failed("backup with a wrong clock", err)
		return
	}
	if a.rand.IntN(10) == 0 {
		a.skew = time.Duration(a.rand.IntN(72)-36) * time.Hour
	}
	if len(a.ids) > 0 && a.rand.IntN(3) == 0 {
		a.amend()
		return
	}
	opt := engine.BackupOptions{Insist: true}
	if a.rand.IntN(3) == 0 {
		opt.CheckpointEvery = 20_000
	}
	rep, err := a.a.Backup(u.t.Context(), c, opt)
	if !a.failed("backup", err) {
		a.acknowledged(rep.Snapshot, c.clone())
	}
}

func (a *actor) say(c *chat) string {
	u := a.u
	a.serial++
	n := a.n*10_000 + a.serial
	at := a.now().Add(-time.Duration(a.rand.IntN(20*24)) * time.Hour).Truncate(time.Millisecond)
	var needs []string
	if a.rand.IntN(3) == 0 {
		needs = append(needs, c.photo(fmt.Sprintf("CANARY-P%d;", n), at, 200+a.rand.IntN(30_000)))
		u.all.items[needs[0]] = c.items[needs[0]]
	}
	key := c.say(fmt.Sprintf("g%03d", a.rand.IntN(3)), n, at, fmt.Sprintf("CANARY-%d; %s", n, sentence(a.rand)), needs...)
	if a.rand.IntN(3) == 0 {
		expiring(c, key, a.now().Add(time.Duration(26+a.rand.IntN(9*24))*time.Hour))
	}
	u.all.items[key] = c.items[key]
	return key
}

func (a *actor) amend() {
	u := a.u
	parent := a.ids[a.rand.IntN(len(a.ids))]
	extra := newChat("")
	key := a.say(extra)
	var changes []engine.Change
	for _, k := range slices.Sorted(maps.Keys(extra.items)) {
		it := extra.items[k]
		changes = append(changes, engine.Change{New: &it})
	}
	rep, err := a.a.Amend(u.t.Context(), parent, list(changes), engine.BackupOptions{Insist: true})
	if errors.Is(err, fs.ErrNotExist) && u.kept[parent] == nil {
		return
	}
	u.gone = append(u.gone, key) // no source has it
	if a.failed("amend", err) {
		return
	}
	c := newChat("")
	if base := u.kept[parent]; base != nil {
		c = base.clone()
	} else if u.forgotten[parent] || u.doubtful[parent] { // forgotten while it was amended: what it held is not known any more
		u.doubtful[rep.Snapshot] = true
		return
	}
	maps.Copy(c.items, extra.items)
	a.acknowledged(rep.Snapshot, c)
}

// acknowledged takes a snapshot into the model, without what has been erased meanwhile.
func (a *actor) acknowledged(id string, c *chat) {
	u := a.u
	if u.forgotten[id] || u.doubtful[id] {
		return
	}
	for key := range c.items {
		if u.erased[key] {
			takeOut(c, key)
		}
	}
	u.kept[id] = c
	a.ids = append(a.ids, id)
	u.sim.trace = append(u.sim.trace, fmt.Sprintf("%d acknowledged %s", a.n, id))
}

func (a *actor) prune() {
	u, ctx := a.u, a.u.t.Context()
	if a.rand.IntN(2) == 0 {
		_, forget, err := a.a.Keep(ctx, collect.Policy{Last: 1 + a.rand.IntN(3), Daily: a.rand.IntN(3)})
		if a.failed("keep", err) {
			return
		}
		var ids []string
		for _, s := range forget {
			ids = append(ids, s.ID)
			u.doubtful[s.ID] = true
			delete(u.kept, s.ID)
		}
		_, err = a.a.Forget(ctx, ids, true)
		if errors.Is(err, fs.ErrNotExist) {
			return // the other pruner was faster
		}
		if a.failed("forget", err) {
			return
		}
		for _, id := range ids {
			u.forgotten[id] = true
			u.sim.trace = append(u.sim.trace, fmt.Sprintf("%d forgot %s", a.n, id))
		}
	}
	_, err := a.a.Prune(ctx, engine.PruneOptions{MaxUnused: []float64{0, 20, 100}[a.rand.IntN(3)], Insist: true})
	a.failed("prune", err)
}

func (a *actor) erase() {
	u := a.u
	var sel engine.Selection
	for i := len(u.gone) - 1; i >= 0 && len(sel.Keys) < 3; i-- {
		if !u.erased[u.gone[i]] && a.rand.IntN(2) == 0 {
			sel.Keys = append(sel.Keys, []byte(u.gone[i]))
			u.erasing[u.gone[i]] = true
		}
	}
	if len(sel.Keys) == 0 {
		_, err := a.a.Snapshots(u.t.Context())
		a.failed("snapshots", err)
		return
	}
	if _, err := a.a.Erase(u.t.Context(), sel, false, true); a.failed("erase", err) {
		return
	}
	for _, key := range sel.Keys {
		u.erased[string(key)] = true
		for _, c := range u.kept {
			if _, ok := c.items[string(key)]; ok {
				takeOut(c, string(key))
			}
		}
		u.sim.trace = append(u.sim.trace, fmt.Sprintf("%d erased %s", a.n, key))
	}
}

// look holds the store, as it is at a moment, against the model.
func (u *universe) look(mem *store.Mem) {
	u.t.Helper()
	opt := u.options(fmt.Sprint("looker", u.sim.steps), func() time.Time { return u.start.Add(time.Duration(u.sim.steps) * 5 * time.Minute) })
	a, err := engine.Open(u.t.Context(), mem, u.key, opt)
	if err != nil {
		u.t.Fatal(err)
	}
	defer a.Close()
	snaps, err := a.Snapshots(u.t.Context())
	if err != nil {
		u.t.Fatalf("snapshots: %v", err)
	}
	there := map[string]bool{}
	for _, s := range snaps {
		if s.Partial {
			continue
		}
		there[s.ID] = true
		if u.forgotten[s.ID] {
			u.t.Errorf("snapshot %s was forgotten and is there", s.ID)
		}
		u.holds(a, s.ID)
	}
	for id := range u.kept {
		if !there[id] {
			u.t.Errorf("snapshot %s was acknowledged and is not there", id)
		}
	}
	check(u.t, a)
	err = a.Openable(u.t.Context(), func(plain []byte) {
		for key := range u.erased {
			canary := []byte(key[strings.LastIndexByte(key, '-')+1:])
			canary = fmt.Appendf(nil, "CANARY-%s;", bytes.TrimLeft(canary, "0"))
			if bytes.Contains(plain, canary) {
				u.t.Errorf("%s was erased and opens", key)
			}
		}
	})
	if err != nil {
		u.t.Errorf("open all: %v", err)
	}
	if u.t.Failed() {
		u.tell()
	}
}

// holds looks at one snapshot: nothing in it that is wrong or was erased, and, if it was
// acknowledged, everything that cannot have expired.
func (u *universe) holds(a *engine.Archive, id string) {
	u.t.Helper()
	v, err := a.View(u.t.Context(), id)
	if err != nil {
		u.t.Errorf("snapshot %s: %v", id, err)
		return
	}
	got := map[string]bool{}
	for it, err := range v.Items(u.t.Context()) {
		if err != nil {
			u.t.Errorf("snapshot %s: %v", id, err)
			return
		}
		key := string(it.Key)
		got[key] = true
		data, err := content(u.t, it)
		if want, ok := u.all.items[key]; !ok {
			u.t.Errorf("snapshot %s: %s was never archived", id, key)
		} else if wanted, _ := content(u.t, want); err != nil || !bytes.Equal(data, wanted) {
			u.t.Errorf("snapshot %s: wrong bytes of %s, %v", id, key, err)
		}
		if u.erased[key] {
			u.t.Errorf("snapshot %s: %s was erased and is there", id, key)
		}
	}
	c := u.kept[id]
	if c == nil {
		return // of a call that was not acknowledged
	}
	named := namers(c)
	for key, it := range c.items {
		if !got[key] && u.certain(named, it) {
			u.t.Errorf("snapshot %s was acknowledged with %s, which is missing", id, key)
		}
	}
}

// certain says that an item cannot have expired or been erased, on any device's clock.
func (u *universe) certain(named map[string][]engine.Item, it engine.Item) bool {
	if u.erasing[string(it.Key)] {
		return false
	}
	if it.Kind == engine.Media {
		return slices.ContainsFunc(named[string(it.Key)], func(n engine.Item) bool { return u.certain(nil, n) })
	}
	return it.Expires.IsZero() || it.Expires.Sub(u.latest) > 24*time.Hour
}

// end delivers what is still on its way, and looks, prunes once, and looks again.
func (u *universe) end() {
	for len(u.sim.ghosts) > 0 {
		u.sim.deliver(0)
	}
	if u.t.Failed() {
		u.tell()
		return
	}
	u.look(u.sim.mem)
	now := u.latest
	a, err := engine.Open(u.t.Context(), u.sim.mem, u.key, u.options("last", func() time.Time { return now }))
	if err != nil {
		u.t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Prune(u.t.Context(), engine.PruneOptions{Insist: true}); err != nil {
		u.t.Errorf("last prune: %v", err)
	}
	if l, err := a.Ledger(u.t.Context()); err != nil || l.Dead != 0 || l.Orphans != 0 || l.Unnamed != 0 || l.Overtaken != 0 {
		u.t.Errorf("after the last prune %+v, %v", l, err)
	}
	u.look(u.sim.mem)
}

// tell prints the last steps of a simulation that failed.
func (u *universe) tell() {
	if name := os.Getenv("DAYFOLD_TRACE"); name != "" {
		if err := os.WriteFile(name, []byte(strings.Join(u.sim.trace, "\n")), 0o600); err != nil {
			u.t.Error(err)
		}
	}
	for _, line := range u.sim.trace[max(0, len(u.sim.trace)-number("DAYFOLD_STEPS", 60)):] {
		u.t.Log(line)
	}
}
