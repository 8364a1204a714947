package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/local"
	"github.com/dayfold/dayfold/engine/store/s3"
	"github.com/dayfold/dayfold/pack/seal"
)

// TestMain runs a child of TestProcesses when it is one.
func TestMain(m *testing.M) {
	if role := os.Getenv("DAYFOLD_CHILD"); role != "" {
		if err := child(role); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestProcesses lets two writers, two pruners and an eraser work on one folder, each a
// process of its own that is killed now and then, wherever it is, and started again. At
// the end every snapshot that was acknowledged and not forgotten restores, without what
// was erased or has expired; nothing erased opens; check finds nothing.
//
// In full: DAYFOLD_STRESS=10m go test -run TestProcesses -v -timeout 30m ./engine
// The packs and snapshots that it begins with are then 500 and 60. With
// DAYFOLD_TEST_STORE=s3:http://127.0.0.1:7070/bucket, and AWS's variables, the store is a
// folder of that bucket (see place).
func TestProcesses(t *testing.T) {
	w := newWorks(t)
	w.begin()
	w.storm()
	w.verify()
}

var roles = []string{"writer0", "writer1", "pruner0", "pruner1", "eraser"}

// works is what the processes share: a folder with the archive, a log and a device file
// for each, and a clock that goes fast.
type works struct {
	t      *testing.T
	dir    string
	key    seal.RecoveryKey
	begun  time.Time
	url    string // of the store
	length time.Duration
	full   bool
}

func newWorks(t *testing.T) *works {
	w := &works{t: t, dir: t.TempDir(), length: 6 * time.Second, begun: time.Now()}
	if testing.Short() {
		w.length = 3 * time.Second
	}
	w.url = filepath.Join(w.dir, "store")
	if url := os.Getenv("DAYFOLD_TEST_STORE"); url != "" {
		w.url = fmt.Sprintf("%s/p%d", url, w.begun.UnixNano())
	}
	if d, err := time.ParseDuration(os.Getenv("DAYFOLD_STRESS")); err == nil {
		w.length, w.full = d, d >= time.Minute
	}
	var err error
	if w.key, err = seal.NewRecoveryKey(seeded(t.Name())); err != nil {
		t.Fatal(err)
	}
	return w
}

// fast is how long a second of the test is for the archive: two days, in the full
// test six hours.
func fast(full bool) time.Duration {
	if full {
		return 6 * time.Hour
	}
	return 48 * time.Hour
}

// wound is the time that an archive is shown.
func wound(begun time.Time, full bool) time.Time {
	return day0.Add(time.Duration(float64(time.Since(begun)) * fast(full).Seconds())).Truncate(time.Millisecond)
}

func (w *works) options(name string, now func() time.Time) engine.Options {
	return optionsIn(w.dir, name, now)
}

func optionsIn(dir, name string, now func() time.Time) engine.Options {
	return engine.Options{State: filepath.Join(dir, name+".device"), Temp: dir, Memory: 16 << 20, Workers: 1, Now: now,
		PackSize: 64 << 10, TreePackSize: 64 << 10}
}

// place opens a store that processes share: a folder, or what is in a bucket below
// s3:http://HOST/BUCKET/PREFIX.
func place(ctx context.Context, url string) (store.Store, error) {
	if !strings.HasPrefix(url, "s3:") {
		return local.Create(url)
	}
	opt, err := s3.ParseURL(url)
	if err != nil {
		return nil, err
	}
	st, err := s3.Open(ctx, opt)
	if err != nil {
		return nil, err
	}
	return store.NewRetry(st, store.RetryOptions{}), nil
}

// begin makes the archive and what lies in it before the processes come.
func (w *works) begin() {
	w.t.Helper()
	st, err := place(w.t.Context(), w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := engine.Create(w.t.Context(), st, w.key, w.options("parent", func() time.Time { return day0 }))
	if err != nil {
		w.t.Fatal(err)
	}
	defer a.Close()
	c, snapshots, packs := newChat("base"), 4, 10
	if w.full {
		snapshots, packs = 60, 500
	}
	for i := range packs {
		c.say("g001", i, day0, "large", c.photo(fmt.Sprint("base", i), day0, 66_000))
	}
	for i := range snapshots {
		c.say("g001", 10_000+i, day0, fmt.Sprint("round ", i))
		if _, err := a.Backup(w.t.Context(), c, engine.BackupOptions{Insist: true}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.begun = time.Now()
}

// storm runs the processes, and kills one now and then.
func (w *works) storm() {
	r := rand.New(rand.NewPCG(uint64(w.begun.UnixNano()), 1))
	type running struct {
		cmd  *exec.Cmd
		out  *bytes.Buffer
		done chan error
	}
	run := func(role string) *running {
		p := &running{cmd: exec.Command(os.Args[0]), out: new(bytes.Buffer), done: make(chan error, 1)}
		p.cmd.Env = append(os.Environ(), "DAYFOLD_CHILD="+role, "DAYFOLD_DIR="+w.dir, "DAYFOLD_TEST_STORE="+w.url, "DAYFOLD_TEST_KEY="+w.key.Reveal(),
			"DAYFOLD_BEGUN="+strconv.FormatInt(w.begun.UnixNano(), 10), "DAYFOLD_FULL="+strconv.FormatBool(w.full))
		p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
		if err := p.cmd.Start(); err != nil {
			w.t.Fatal(err)
		}
		go func() { p.done <- p.cmd.Wait() }()
		return p
	}
	ps := map[string]*running{}
	for _, role := range roles {
		ps[role] = run(role)
	}
	kill := func(role string) {
		p := ps[role]
		_ = p.cmd.Process.Kill()
		<-p.done
		if p.out.Len() > 0 {
			w.t.Errorf("%s: %s", role, p.out)
		}
	}
	kills := 0
	for time.Since(w.begun) < w.length && !w.t.Failed() {
		time.Sleep(w.pause(r))
		role := roles[r.IntN(len(roles))]
		kill(role)
		kills++
		ps[role] = run(role)
	}
	for _, role := range roles {
		kill(role)
	}
	w.t.Logf("%d kills", kills)
}

// pause is how long nothing is killed. The large archive's calls take longer.
func (w *works) pause(r *rand.Rand) time.Duration {
	if w.full {
		return time.Duration(200+r.IntN(5000)) * time.Millisecond
	}
	return time.Duration(100+r.IntN(900)) * time.Millisecond
}

// A line is what a process writes into its log.
type line struct {
	Op     string   // item, gone, snapshot, amended, forgetting, forgot, erasing, erased, overtaken, pruned
	N      int      `json:",omitempty"`
	At     int64    `json:",omitempty"` // of an item, ms
	Exp    int64    `json:",omitempty"`
	Photo  int      `json:",omitempty"` // bytes
	ID     string   `json:",omitempty"`
	Parent string   `json:",omitempty"`
	Names  []string `json:",omitempty"`
}

// A journal is an append-only file that survives its process.
type journal struct{ f *os.File }

func openJournal(name string) (*journal, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString("\n") // after what may have been half a line
	return &journal{f}, err
}

func (j *journal) write(l line) error {
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err := j.f.Write(append(data, '\n')); err != nil {
		return err
	}
	return j.f.Sync()
}

func readJournal(name string) (lines []line, err error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for part := range bytes.SplitSeq(data, []byte("\n")) {
		var l line
		if json.Unmarshal(part, &l) == nil && l.Op != "" {
			lines = append(lines, l)
		}
	}
	return lines, err
}

// A book is what a writer's journal says.
type book struct {
	label     string
	items     map[int]line
	live      map[int]bool
	gone      []int // in order
	snapshots map[string]map[int]bool
	ids       []string
}

func readBook(dir, role string) (*book, error) {
	b := &book{label: role, items: map[int]line{}, live: map[int]bool{}, snapshots: map[string]map[int]bool{}}
	lines, err := readJournal(filepath.Join(dir, role+".log"))
	for _, l := range lines {
		b.take(l)
	}
	return b, err
}

func (b *book) take(l line) {
	set := func(of map[int]bool) map[int]bool {
		c := map[int]bool{}
		for n := range of {
			c[n] = true
		}
		return c
	}
	switch l.Op {
	case "item":
		b.items[l.N], b.live[l.N] = l, true
	case "extra": // in no backup, only in what was amended
		b.items[l.N] = l
	case "gone":
		delete(b.live, l.N)
		b.gone = append(b.gone, l.N)
	case "snapshot":
		b.snapshots[l.ID] = set(b.live)
		b.ids = append(b.ids, l.ID)
	case "amended":
		c := set(b.snapshots[l.Parent])
		c[l.N] = true
		b.snapshots[l.ID] = c
		b.ids = append(b.ids, l.ID)
	}
}

// put puts an item into a chat, with its photo.
func (b *book) put(c *chat, n int) (key string) {
	l := b.items[n]
	at := time.UnixMilli(l.At)
	var needs []string
	if l.Photo > 0 {
		needs = append(needs, c.photo(fmt.Sprintf("%s-%d", b.label, n), at, l.Photo))
	}
	r := rand.New(rand.NewPCG(uint64(n), uint64(len(b.label))))
	key = c.say(fmt.Sprintf("%s-g%d", b.label, n%3), n, at, fmt.Sprintf("%s %s", sentence(r), b.canary(n)), needs...)
	if l.Exp > 0 {
		expiring(c, key, time.UnixMilli(l.Exp))
	}
	return key
}

func (b *book) canary(n int) string { return fmt.Sprintf("CANARY-%s-%d;", b.label, n) }

func (b *book) chat(live map[int]bool) *chat {
	c := newChat(b.label)
	for n := range live {
		b.put(c, n)
	}
	return c
}

// A hand is a process at work.
type hand struct {
	role, dir string
	ctx       context.Context
	a         *engine.Archive
	now       time.Time
	log       *journal
	rand      *rand.Rand
	wind      func() time.Time
	full      bool
}

// child is what a child process does, until it is killed.
func child(role string) error {
	if role == tenant {
		return serveTenants()
	}
	h := &hand{role: role, dir: os.Getenv("DAYFOLD_DIR"), ctx: context.Background(), full: os.Getenv("DAYFOLD_FULL") == "true"}
	ns, err := strconv.ParseInt(os.Getenv("DAYFOLD_BEGUN"), 10, 64)
	if err != nil {
		return err
	}
	h.wind = func() time.Time { return wound(time.Unix(0, ns), h.full) }
	h.now = h.wind()
	h.rand = rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(os.Getpid())))
	if h.log, err = openJournal(filepath.Join(h.dir, role+".log")); err != nil {
		return err
	}
	st, err := place(h.ctx, os.Getenv("DAYFOLD_TEST_STORE"))
	if err != nil {
		return err
	}
	key, err := seal.ParseRecoveryKey(os.Getenv("DAYFOLD_TEST_KEY"))
	if err != nil {
		return err
	}
	if h.a, err = engine.Open(h.ctx, st, key, optionsIn(h.dir, role, func() time.Time { return h.now })); err != nil {
		return err
	}
	work := map[string]func() error{"writer": h.write, "pruner": h.prune, "eraser": h.erase}[strings.TrimRight(role, "01")]
	for {
		h.now = h.wind()
		err := work()
		if err != nil && strings.Contains(err.Error(), "overtaken by a collection") {
			err = h.log.write(line{Op: "overtaken"})
		}
		if err != nil {
			return err
		}
	}
}

// write makes a day pass in the history of a writer and backs it up, or amends an older
// snapshot without a thought for what was deleted since.
func (h *hand) write() error {
	b, err := readBook(h.dir, h.role)
	if err != nil {
		return err
	}
	next := len(b.items) + 1
	if len(b.ids) > 0 && h.rand.IntN(3) == 0 {
		return h.amend(b, next)
	}
	perDay := 12
	if h.full {
		perDay = 100 // in a round, of which there is about one a day
	}
	for i := range perDay {
		l := line{Op: "item", N: next + i, At: h.now.UnixMilli()}
		if h.rand.IntN(2) == 0 {
			l.Exp = h.now.Add(time.Duration(30+h.rand.IntN(10*24)) * time.Hour).UnixMilli()
		}
		if h.rand.IntN(8) == 0 {
			l.Photo = 2000 + h.rand.IntN(20_000)
		}
		if err := h.log.write(l); err != nil {
			return err
		}
		b.take(l)
	}
	for n := range b.live {
		over := b.items[n].Exp > 0 && b.items[n].Exp < h.now.UnixMilli()
		if over || len(b.live) > 20*perDay || h.rand.IntN(20) == 0 {
			l := line{Op: "gone", N: n}
			if err := h.log.write(l); err != nil {
				return err
			}
			b.take(l)
		}
	}
	opt := engine.BackupOptions{Insist: true}
	if h.rand.IntN(3) == 0 {
		opt.CheckpointEvery = 50_000
	}
	rep, err := h.a.Backup(h.ctx, b.chat(b.live), opt)
	if err != nil {
		return err
	}
	return h.log.write(line{Op: "snapshot", ID: rep.Snapshot})
}

func (h *hand) amend(b *book, n int) error {
	parent := b.ids[len(b.ids)-1-h.rand.IntN(min(4, len(b.ids)))]
	l := line{Op: "extra", N: n, At: h.now.UnixMilli()}
	if err := h.log.write(l); err != nil {
		return err
	}
	b.take(l)
	c := newChat(h.role)
	it := c.items[b.put(c, n)]
	rep, err := h.a.Amend(h.ctx, parent, list([]engine.Change{{New: &it}}), engine.BackupOptions{})
	if errors.Is(err, fs.ErrNotExist) { // forgotten meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	return h.log.write(line{Op: "amended", ID: rep.Snapshot, Parent: parent, N: n})
}

// prune forgets by a policy, and prunes.
func (h *hand) prune() error {
	if h.rand.IntN(2) == 0 {
		policy := collect.Policy{Last: 6, Daily: 4}
		if h.full {
			policy = collect.Policy{Last: 20, Daily: 40}
		}
		_, forget, err := h.a.Keep(h.ctx, policy)
		if err != nil {
			return err
		}
		var ids []string
		for _, s := range forget {
			if s.Source.Label != "base" {
				ids = append(ids, s.ID)
			}
		}
		if err := h.log.write(line{Op: "forgetting", Names: ids}); err != nil {
			return err
		}
		if _, err := h.a.Forget(h.ctx, ids, true); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	unused := []float64{0, 20, 100}[h.rand.IntN(3)]
	rep, err := h.a.Prune(h.ctx, engine.PruneOptions{MaxUnused: unused, Insist: true})
	if err != nil {
		return err
	}
	return h.log.write(line{Op: "pruned", N: int(rep.PacksDeleted)})
}

// erase erases what the writers have deleted, from all their older snapshots.
func (h *hand) erase() error {
	erased, err := erasures(h.dir, "erased")
	if err != nil {
		return err
	}
	var keys [][]byte
	l := line{Op: "erasing"}
	for _, role := range roles[:2] {
		b, err := readBook(h.dir, role)
		if err != nil {
			return err
		}
		for i := len(b.gone) - 1; i >= 0 && len(keys) < 4; i-- {
			if n := b.gone[i]; !erased[b.canary(n)] && h.rand.IntN(2) == 0 {
				keys = append(keys, []byte(b.put(newChat(role), n)))
				l.Names = append(l.Names, b.canary(n))
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	if err := h.log.write(l); err != nil {
		return err
	}
	if _, err := h.a.Erase(h.ctx, engine.Selection{Keys: keys}, false, true); err != nil {
		return err
	}
	l.Op = "erased"
	return h.log.write(l)
}

func erasures(dir, op string) (map[string]bool, error) {
	lines, err := readJournal(filepath.Join(dir, "eraser.log"))
	names := map[string]bool{}
	for _, l := range lines {
		for _, n := range l.Names {
			names[n] = names[n] || l.Op == op
		}
	}
	return names, err
}

// verify looks at what is left, as a device that comes new.
func (w *works) verify() {
	w.t.Helper()
	end := wound(w.begun, w.full)
	st, err := place(w.t.Context(), w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := engine.Open(w.t.Context(), st, w.key, w.options("verifier", func() time.Time { return end }))
	if err != nil {
		w.t.Fatal(err)
	}
	defer a.Close()
	check(w.t, a)
	w.notErased(a)
	w.snapshots(a, end)
	for range 2 {
		if _, err := a.Prune(w.t.Context(), engine.PruneOptions{Insist: true}); err != nil {
			w.t.Fatal(err)
		}
	}
	if l, err := a.Ledger(w.t.Context()); err != nil || l.Dead != 0 || l.Orphans != 0 || l.Unnamed != 0 {
		w.t.Errorf("after a last prune %+v, %v", l, err)
	}
	w.notErased(a)
	w.snapshots(a, end)
	check(w.t, a)
	if w.t.Failed() {
		w.keep()
	}
}

// keep leaves the folder of a test that failed for a look.
func (w *works) keep() {
	if dir := os.Getenv("DAYFOLD_KEEP"); dir != "" {
		w.t.Logf("kept in %s: %v", dir, os.CopyFS(dir, os.DirFS(w.dir)))
	}
}

// notErased fails when something that was erased opens.
func (w *works) notErased(a *engine.Archive) {
	w.t.Helper()
	erased, err := erasures(w.dir, "erased")
	if err != nil {
		w.t.Fatal(err)
	}
	found := map[string]bool{}
	err = a.Openable(w.t.Context(), func(plain []byte) {
		for rest := plain; ; {
			i := bytes.Index(rest, []byte("CANARY-"))
			if i < 0 {
				return
			}
			rest = rest[i:]
			if j := bytes.IndexByte(rest, ';'); j > 0 {
				found[string(rest[:j+1])] = true
			}
			rest = rest[1:]
		}
	})
	if err != nil {
		w.t.Errorf("open all: %v", err)
	}
	n := 0
	for name, done := range erased {
		if done {
			n++
			if found[name] {
				w.t.Errorf("%s was erased and opens", name)
			}
		}
	}
	w.t.Logf("%d items were erased, %d others open", n, len(found))
}

// snapshots compares every acknowledged snapshot with its writer's book.
func (w *works) snapshots(a *engine.Archive, end time.Time) {
	w.t.Helper()
	there, err := a.Snapshots(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	present := map[string]bool{}
	for _, s := range there {
		present[s.ID] = true
	}
	forgotten, counts := map[string]bool{}, map[string]int{}
	for _, role := range roles {
		lines, err := readJournal(filepath.Join(w.dir, role+".log"))
		if err != nil {
			w.t.Fatal(err)
		}
		for _, l := range lines {
			if counts[role+" "+l.Op]++; l.Op == "forgetting" {
				for _, id := range l.Names {
					forgotten[id] = true
				}
			}
		}
	}
	perhaps, err := erasures(w.dir, "erasing")
	if err != nil {
		w.t.Fatal(err)
	}
	restored := 0
	for _, role := range roles[:2] {
		b, err := readBook(w.dir, role)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, id := range b.ids {
			if present[id] {
				w.restores(a, b, id, perhaps, end)
				restored++
			} else if !forgotten[id] {
				w.t.Errorf("%s: snapshot %s was acknowledged and is gone", role, id)
			}
		}
	}
	w.t.Logf("%d snapshots, %d restored of those acknowledged; %v", len(there), restored, counts)
}

// restores compares one snapshot with the book.
func (w *works) restores(a *engine.Archive, b *book, id string, perhaps map[string]bool, end time.Time) {
	w.t.Helper()
	v, err := a.View(w.t.Context(), id)
	if err != nil {
		w.t.Errorf("%s: %v", id, err)
		return
	}
	live := b.snapshots[id]
	whole := b.chat(live)
	got := map[string]bool{}
	for it, err := range v.Items(w.t.Context()) {
		if err != nil {
			w.t.Errorf("%s: %v", id, err)
			return
		}
		got[string(it.Key)] = true
		want, ok := whole.items[string(it.Key)]
		if !ok {
			w.t.Errorf("%s has %s, which was not in its source", id, it.Key)
			continue
		}
		data, err := content(w.t, it)
		wanted, _ := content(w.t, want)
		if err != nil || !bytes.Equal(data, wanted) {
			w.t.Errorf("%s: %s is not what was archived: %v", id, it.Key, err)
		}
		if !want.Expires.IsZero() && !want.Expires.After(end) {
			w.t.Errorf("%s has %s, which has expired", id, it.Key)
		}
	}
	for n := range live {
		l := b.items[n]
		if _, erasing := perhaps[b.canary(n)]; erasing || l.Exp > 0 && time.UnixMilli(l.Exp).Before(end.Add(24*time.Hour)) {
			continue
		}
		one := newChat(b.label)
		b.put(one, n)
		for key := range one.items {
			if !got[key] {
				w.t.Errorf("%s lacks %s", id, key)
			}
		}
	}
}

// TestSnapshotsThatAreTakenBackAreNoRollback: another device has seen a snapshot whose
// writer then finds that its parent was forgotten meanwhile, and starts over.
func TestSnapshotsThatAreTakenBackAreNoRollback(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 3, 20, 1, 0)
	first := f.backup(c)
	other := f.open(fresh(t))
	seen := 0
	f.store.Fault = func(op, name string) error {
		if op != "put done" || !strings.HasPrefix(name, "snapshots/") || seen > 0 {
			return nil
		}
		seen = 1
		list, err := other.Snapshots(t.Context())
		if seen = len(list); err != nil {
			return err
		}
		_, err = other.Forget(t.Context(), []string{first.Snapshot}, true)
		return err
	}
	c.say("g001", 1, day0, "more")
	if rep := f.backup(c); rep.Restarts != 1 || seen != 2 {
		t.Errorf("%d restarts, and the other device saw %d snapshots: the test does not do what it says", rep.Restarts, seen)
	}
	for _, a := range []*engine.Archive{f.a, other, f.open(), f.open(fresh(t))} {
		if list, err := a.Snapshots(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("%d snapshots, %v", len(list), err)
		}
	}
}

// TestOneArchiveManyGoroutines: calls on one Archive at once do not take each other's
// commits, which they have not listed, for a rollback.
func TestOneArchiveManyGoroutines(t *testing.T) {
	f := create(t)
	done := make(chan error)
	const calls = 12
	for w := range 3 {
		c := newChat(fmt.Sprint("w", w))
		history(c, 3, 10, 2, 1000)
		go func() {
			var err error
			for i := 0; i < calls && err == nil; i++ {
				c.say("g001", 9000+i, day0, fmt.Sprint("round ", i))
				if _, err = f.a.Backup(t.Context(), c, engine.BackupOptions{Insist: true}); err == nil {
					_, err = f.a.Snapshots(t.Context())
				}
			}
			done <- err
		}()
	}
	go func() {
		var err error
		for i := 0; i < calls/2 && err == nil; i++ {
			_, err = f.a.Prune(t.Context(), engine.PruneOptions{Insist: true})
		}
		done <- err
	}()
	for range 4 {
		if err := <-done; err != nil && !strings.Contains(err.Error(), "overtaken by a collection") {
			t.Error(err)
		}
	}
	check(t, f.open(fresh(t)))
}

// A missing is a store of which some listings show nothing.
type missing struct {
	store.Store
	prefix string
	times  int
}

func (m *missing) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	if prefix == m.prefix && m.times > 0 {
		m.times--
		return func(func(store.Info, error) bool) {}
	}
	return m.Store.List(ctx, prefix)
}

// TestListingsThatMissAFence: while a device lists, a prune may put a fence behind the
// place where the listing is, and delete the one before. That is no rollback; when it
// stays so, it is one.
func TestListingsThatMissAFence(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 3, 20, 1, 0)
	f.backup(c)
	f.prune(0)
	for _, prefix := range []string{"gc/fence/", "snapshots/"} {
		m := &missing{Store: f.store, prefix: prefix, times: 1}
		a, err := engine.Open(t.Context(), m, f.key, f.opt)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if list, err := a.Snapshots(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("one listing of %s shows nothing: %d snapshots, %v", prefix, len(list), err)
		}
		m.times = 100
		_, err = a.Snapshots(t.Context())
		wants(t, err, engine.ErrRollback)
	}
}
