package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/collect"
)

// TestCanaries lives random histories of backup, amend, edit, delete, expire, erase,
// forget and prune, in each of which every content has a canary of its own. After every
// step a fresh device with the recovery key opens all that the store still opens, and
// the canaries in it are exactly those of the model: what was deleted is gone, what
// lives is there. After a prune that leaves no dead byte, nothing else lies in packs.
//
// In full: DAYFOLD_HISTORIES=1000 go test -run TestCanaries -timeout 2h ./engine
// One history again: DAYFOLD_SEED=17 go test -run TestCanaries ./engine
func TestCanaries(t *testing.T) {
	first, n := 1, number("DAYFOLD_HISTORIES", 25)
	if testing.Short() {
		n = 5
	}
	if seed := number("DAYFOLD_SEED", 0); seed > 0 {
		first, n = seed, 1
	}
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprintf("DAYFOLD_SEED=%d", seed), func(t *testing.T) { newLives(t, seed).live(30) })
	}
}

// number is an environment variable that says how large a test is.
func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// lives is an archive of two sources on two devices, beside what it should hold.
type lives struct {
	*fixture
	rand    *rand.Rand
	devices []*engine.Archive
	sources []*chat
	kept    map[string]*chat // what each snapshot holds, expired items included until they are dropped
	order   []string         // of kept
	serial  int
	log     []string
}

func newLives(t *testing.T, seed int) *lives {
	w := &lives{rand: rand.New(rand.NewPCG(uint64(seed), 4711)), kept: map[string]*chat{}}
	w.fixture = create(t, func(o *engine.Options) {
		o.Rand, o.Workers = &locked{r: seeded(t.Name())}, 1
		o.PackSize, o.TreePackSize = 64<<10, 64<<10
		o.Strict, o.HideExpiry = w.rand.IntN(4) == 0, w.rand.IntN(6) == 0
	})
	w.devices = []*engine.Archive{w.a, w.open(fresh(t))}
	w.sources = []*chat{newChat("a"), newChat("b")}
	return w
}

// locked is randomness for many goroutines.
type locked struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *locked) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}

func (w *lives) live(steps int) {
	w.t.Helper()
	moves := []struct {
		weight int
		name   string
		do     func()
	}{
		{24, "write", w.write}, {10, "delete", w.delete}, {8, "edit", w.edit}, {8, "timer", w.timer},
		{18, "backup", w.backupOne}, {14, "amend", w.amend}, {10, "days", w.days},
		{6, "forget", w.forget}, {3, "keep", w.keep}, {7, "erase", w.erase}, {7, "prune", w.pruneSome},
	}
	total := 0
	for _, m := range moves {
		total += m.weight
	}
	for range steps {
		at := w.rand.IntN(total)
		for _, m := range moves {
			if at -= m.weight; at < 0 {
				w.log = append(w.log, m.name)
				m.do()
				break
			}
		}
		if w.t.Failed() {
			w.t.Fatalf("after %v", w.log)
		}
	}
	w.log = append(w.log, "end")
	w.pruneAll()
	for _, id := range w.order {
		w.holds(id)
	}
	check(w.t, w.open(fresh(w.t)))
	if w.t.Failed() {
		w.t.Fatalf("after %v", w.log)
	}
}

func (w *lives) note(format string, args ...any) {
	w.log[len(w.log)-1] += fmt.Sprintf(format, args...)
}

func (w *lives) device() *engine.Archive { return w.devices[w.rand.IntN(len(w.devices))] }
func (w *lives) source() *chat           { return w.sources[w.rand.IntN(len(w.sources))] }

// canary is a text of which there is one.
func (w *lives) canary() []byte {
	w.serial++
	return fmt.Appendf(nil, "CANARY-%06d;", w.serial)
}

var canaries = regexp.MustCompile(`CANARY-\d{6};`)

// write adds some messages, with and without photos and lives.
func (w *lives) write() {
	c := w.source()
	for range 1 + w.rand.IntN(4) {
		group := fmt.Sprintf("g%03d", w.rand.IntN(3))
		at := w.clock.t.Add(time.Duration(w.rand.IntN(3600)-30*24*3600*w.rand.IntN(2)) * time.Second)
		var needs []string
		if w.rand.IntN(2) == 0 {
			needs = append(needs, w.picture(c, at))
		}
		if all := photos(c); len(all) > 0 && w.rand.IntN(5) == 0 {
			if again := all[w.rand.IntN(len(all))]; !slices.Contains(needs, again) {
				needs = append(needs, again)
			}
		}
		key := c.say(group, w.serial, at, "", needs...)
		c.change(key, func(it *engine.Item) { w.text(it); w.age(it) })
	}
}

func (w *lives) text(it *engine.Item) {
	text := append([]byte(sentence(w.rand)), w.canary()...)
	it.Stamp = fmt.Appendf(nil, "s%d", w.serial)
	it.Inline, it.Open = text, nil
	if w.rand.IntN(6) == 0 {
		it.Inline = nil
		text = append(bytes.Repeat(text, 1+5000/len(text)), text...)
		it.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	}
	it.Size = int64(len(text))
}

// age gives an item a life.
func (w *lives) age(it *engine.Item) {
	it.Expires, it.Timer = time.Time{}, 0
	switch w.rand.IntN(4) {
	case 0:
		it.Expires = w.clock.t.Add(time.Duration(1+w.rand.IntN(20*24*60)) * time.Minute)
	case 1:
		if w.rand.IntN(3) == 0 {
			it.Timer = time.Duration(1+w.rand.IntN(5)) * 24 * time.Hour
		}
	}
}

func (w *lives) picture(c *chat, at time.Time) string {
	data := append(noise(fmt.Sprint(w.serial), 500+w.rand.IntN(3000)), w.canary()...)
	key := fmt.Sprintf("p/%06d/%d", at.Unix()/(7*86400), w.serial)
	c.items[key] = engine.Item{Key: []byte(key), Kind: engine.Media, Stamp: []byte(key), Time: at, Size: int64(len(data)),
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
	return key
}

func photos(c *chat) []string { return keysOf(c, engine.Media) }

func keysOf(c *chat, kind engine.Kind) (keys []string) {
	for k, it := range c.items {
		if it.Kind == kind {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func (w *lives) someMessage(c *chat) (string, bool) {
	keys := keysOf(c, engine.Message)
	if len(keys) == 0 {
		return "", false
	}
	return keys[w.rand.IntN(len(keys))], true
}

func (w *lives) delete() {
	c := w.source()
	for range 1 + w.rand.IntN(3) {
		if key, ok := w.someMessage(c); ok {
			takeOut(c, key)
		}
	}
}

func (w *lives) edit() {
	c := w.source()
	if key, ok := w.someMessage(c); ok {
		c.change(key, w.text)
	}
}

func (w *lives) timer() {
	c := w.source()
	if key, ok := w.someMessage(c); ok {
		c.change(key, w.age)
	}
}

// takeOut removes items, and the photos that only they named.
func takeOut(c *chat, keys ...string) {
	var needs []string
	for _, key := range keys {
		for _, n := range c.items[key].Needs {
			needs = append(needs, string(n))
		}
		delete(c.items, key)
	}
	named := namers(c)
	for _, n := range needs {
		if len(named[n]) == 0 {
			delete(c.items, n)
		}
	}
}

// namers are, of every photo, the messages that show it.
func namers(c *chat) map[string][]engine.Item {
	m := map[string][]engine.Item{}
	for _, it := range c.items {
		for _, n := range it.Needs {
			m[string(n)] = append(m[string(n)], it)
		}
	}
	return m
}

// days lets time go by. Mostly the app deletes what has expired.
func (w *lives) days() {
	w.clock.t = w.clock.t.Add(time.Duration(w.rand.IntN(6*24*60)) * time.Minute)
	if w.rand.IntN(4) == 0 {
		return
	}
	for _, c := range w.sources {
		for _, key := range keysOf(c, engine.Message) {
			if e := c.items[key].Expires; !e.IsZero() && !e.After(w.clock.t) {
				takeOut(c, key)
			}
		}
	}
}

// excluded says that an item is too short-lived for an archive.
func excluded(it engine.Item, now time.Time) bool {
	return !it.Expires.IsZero() && it.Expires.Sub(now) < 24*time.Hour
}

// admitted is what a backup takes of a history.
func admitted(c *chat, now time.Time) *chat {
	kept := newChat(c.label)
	for _, key := range keysOf(c, engine.Message) {
		if !excluded(c.items[key], now) {
			kept.items[key] = c.items[key]
		}
	}
	named, before := namers(kept), namers(c)
	for _, key := range photos(c) {
		if len(named[key]) > 0 || len(before[key]) == 0 {
			kept.items[key] = c.items[key]
		}
	}
	return kept
}

func (w *lives) backupOne() {
	c := w.source()
	w.note(" %s", c.label)
	rep, err := w.device().Backup(w.t.Context(), c, engine.BackupOptions{Insist: true})
	if err != nil {
		w.t.Errorf("backup: %v", err)
		return
	}
	w.acknowledged(rep.Snapshot, admitted(c, w.clock.t))
	w.expire()
	w.compare()
}

func (w *lives) acknowledged(id string, c *chat) {
	w.kept[id] = c
	w.order = append(w.order, id)
	w.holds(id)
}

// amend brings a snapshot, mostly the newest, in step with its source.
func (w *lives) amend() {
	if len(w.order) == 0 {
		return
	}
	parent := w.order[len(w.order)-1]
	if w.rand.IntN(4) == 0 {
		parent = w.order[w.rand.IntN(len(w.order))]
	}
	before := w.kept[parent]
	c := w.sources[0]
	if before.label != c.label {
		c = w.sources[1]
	}
	var changes []engine.Change
	after := before.clone()
	for _, key := range slices.Sorted(maps.Keys(before.items)) {
		if old := before.items[key]; c.items[key].Key == nil {
			changes = append(changes, engine.Change{Old: &old})
			delete(after.items, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.items)) {
		it := c.items[key]
		old, ok := before.items[key]
		if ok && string(old.Stamp) == string(it.Stamp) && old.Expires.Equal(it.Expires) && old.Timer == it.Timer {
			continue
		}
		changes = append(changes, engine.Change{New: &it})
		if delete(after.items, key); !excluded(it, w.clock.t) {
			after.items[key] = it
		}
	}
	w.rand.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
	named, all := namers(after), namers(c)
	for _, key := range photos(after) { // what only excluded messages show does not come in
		if len(named[key]) == 0 && len(all[key]) > 0 {
			delete(after.items, key)
		}
	}
	w.note(" %s of %d changes", c.label, len(changes))
	rep, err := w.device().Amend(w.t.Context(), parent, list(changes), engine.BackupOptions{})
	if err != nil {
		w.t.Errorf("amend: %v", err)
		return
	}
	w.acknowledged(rep.Snapshot, after)
	w.compare()
}

func (w *lives) forget() {
	var ids []string
	for _, id := range w.order {
		if w.rand.IntN(3) == 0 {
			ids = append(ids, id)
		}
	}
	w.forgetThese(ids)
}

func (w *lives) forgetThese(ids []string) {
	w.note(" %d of %d", len(ids), len(w.order))
	gone, err := w.device().Forget(w.t.Context(), ids, true)
	if err != nil || len(gone) != len(ids) {
		w.t.Errorf("forget %d snapshots: %d, %v", len(ids), len(gone), err)
	}
	for _, id := range ids {
		delete(w.kept, id)
	}
	w.order = slices.DeleteFunc(w.order, func(id string) bool { return w.kept[id] == nil })
	w.compare()
}

// keep forgets what a policy does not keep.
func (w *lives) keep() {
	keep, forget, err := w.device().Keep(w.t.Context(), collect.Policy{Last: 1 + w.rand.IntN(3), Daily: w.rand.IntN(5), Weekly: w.rand.IntN(3)})
	if err != nil || len(keep)+len(forget) != len(w.order) {
		w.t.Errorf("keep %d, forget %d of %d: %v", len(keep), len(forget), len(w.order), err)
	}
	var ids []string
	for _, s := range forget {
		ids = append(ids, s.ID)
	}
	w.forgetThese(ids)
}

// erase takes items out of every snapshot; mostly the source has deleted them, too.
func (w *lives) erase() {
	c := w.source()
	sel := engine.Selection{}
	switch w.rand.IntN(4) {
	case 0:
		sel.Group = fmt.Appendf(nil, "g%03d", w.rand.IntN(3))
	case 1:
		sel.Kind, sel.Before = engine.Media, w.clock.t.AddDate(0, 0, -w.rand.IntN(20))
	case 2:
		sel.Before = w.clock.t.AddDate(0, 0, -10-w.rand.IntN(20))
	default:
		for range 1 + w.rand.IntN(3) {
			if key, ok := w.someMessage(c); ok {
				sel.Keys = append(sel.Keys, []byte(key))
			}
		}
		if all := photos(c); len(all) > 0 && w.rand.IntN(2) == 0 {
			sel.Keys = append(sel.Keys, []byte(all[w.rand.IntN(len(all))]))
		}
		if sel.Keys == nil {
			return
		}
	}
	rewritten := int64(0)
	for _, c := range w.kept {
		if keys := selected(c, sel); len(keys) > 0 {
			takeOut(c, keys...)
			rewritten++
		}
	}
	if w.rand.IntN(6) > 0 {
		for _, c := range w.sources {
			takeOut(c, selected(c, sel)...)
		}
	}
	w.note(" %q %s %v", sel.Keys, sel.Group, sel.Kind)
	rep, err := w.device().Erase(w.t.Context(), sel, false, true)
	if err != nil || rep.Rewritten != rewritten {
		w.t.Errorf("erase rewrote %d snapshots, want %d: %v", rep.Rewritten, rewritten, err)
	}
	w.compare()
}

// selected are the keys of what a selection names.
func selected(c *chat, sel engine.Selection) (keys []string) {
	for key, it := range c.items {
		named := sel.Keys == nil || slices.ContainsFunc(sel.Keys, func(k []byte) bool { return string(k) == key })
		if named && (sel.Group == nil || bytes.Equal(it.Group, sel.Group)) && (sel.Kind == 0 || it.Kind == sel.Kind) &&
			(sel.Before.IsZero() || it.Time.Before(sel.Before)) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (w *lives) pruneSome() {
	unused := []float64{0, 5, 50, 100}[w.rand.IntN(4)]
	w.note(" %v", unused)
	if unused == 0 {
		w.pruneAll()
		return
	}
	if _, err := w.device().Prune(w.t.Context(), engine.PruneOptions{MaxUnused: unused, Insist: true}); err != nil {
		w.t.Errorf("prune: %v", err)
	}
	w.expire()
	w.compare()
}

// pruneAll leaves no ciphertext of anything but what lives.
func (w *lives) pruneAll() {
	w.t.Helper()
	if _, err := w.device().Prune(w.t.Context(), engine.PruneOptions{Insist: true}); err != nil {
		w.t.Errorf("prune: %v", err)
	}
	w.expire()
	_, dead, orphans, err := w.open(fresh(w.t)).Waste(w.t.Context())
	if err != nil || dead != 0 || orphans != 0 {
		w.t.Errorf("%d dead bytes and %d orphans after prune, %v", dead, orphans, err)
	}
	w.compare()
}

// expiry is when an item of a snapshot goes: a photo with the last that names it.
func expiry(named map[string][]engine.Item, it engine.Item) (when time.Time) {
	if it.Kind != engine.Media {
		return it.Expires
	}
	for _, n := range named[string(it.Key)] {
		if n.Expires.IsZero() {
			return time.Time{}
		}
		if n.Expires.After(when) {
			when = n.Expires
		}
	}
	return when
}

// expire takes from the model what a backup or prune drops: the days that are over.
func (w *lives) expire() {
	for _, c := range w.kept {
		named := namers(c)
		for key, it := range c.items {
			if e := expiry(named, it); !e.IsZero() && !ceil(e).After(w.clock.t) {
				delete(c.items, key)
			}
		}
	}
}

// ceil is the end of the day of an expiry.
func ceil(t time.Time) time.Time {
	if day := t.Truncate(24 * time.Hour); !day.Equal(t) {
		return day.Add(24 * time.Hour)
	}
	return t
}

// holds looks at a snapshot: what has expired is not in it, though it may still lie there.
func (w *lives) holds(id string) {
	w.t.Helper()
	holds(w.t, w.device(), id, visible(w.kept[id], w.clock.t))
}

// visible is what has not expired.
func visible(c *chat, now time.Time) *chat {
	seen, named := newChat(c.label), namers(c)
	for key, it := range c.items {
		if e := expiry(named, it); e.IsZero() || e.After(now) {
			seen.items[key] = it
		}
	}
	return seen
}

// compare looks with a fresh device at all that opens.
func (w *lives) compare() {
	w.t.Helper()
	want := map[string]bool{}
	for _, c := range w.kept {
		for _, it := range c.items {
			data, err := content(w.t, it)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, m := range canaries.FindAll(data, -1) {
				want[string(m)] = true
			}
		}
	}
	got := map[string]bool{}
	err := w.open(fresh(w.t)).Openable(w.t.Context(), func(plain []byte) {
		for _, m := range canaries.FindAll(plain, -1) {
			got[string(m)] = true
		}
	})
	if err != nil {
		w.t.Errorf("open all: %v", err)
	}
	for c := range got {
		if !want[c] {
			w.t.Errorf("%s was deleted and still opens", c)
		}
	}
	for c := range want {
		if !got[c] {
			w.t.Errorf("%s lives and does not open", c)
		}
	}
	w.lists()
}

// lists looks whether snapshots list what they need, and of what is exact nothing else.
func (w *lives) lists() {
	w.t.Helper()
	lacking, loose, _, err := w.open(fresh(w.t)).Spans(w.t.Context())
	if lacking != 0 || loose != 0 || err != nil {
		w.t.Errorf("snapshots lack %d blobs in their lists and have %d that they do not need: %v", lacking, loose, err)
	}
}

// TestExpiringContentOfManyChunks: the list of the chunks of a photo that expires lies
// with them, and dies with them.
func TestExpiringContentOfManyChunks(t *testing.T) {
	f := create(t)
	c := newChat("a")
	c.say("g001", 1, day0, "stays")
	key := c.say("g001", 2, day0, "goes", c.photo("large", day0, 3<<20))
	expiring(c, key, day0.AddDate(0, 0, 5))
	f.backup(c)
	holds(t, f.a, "latest", c)
	if mixed, err := f.a.ClassesMixed(t.Context()); err != nil || mixed {
		t.Errorf("classes mixed: %v, %v", mixed, err)
	}
	f.clock.t = day0.AddDate(0, 0, 7)
	if rep := f.prune(100); rep.PacksRewritten != 0 || rep.BytesFreed < 3<<20 {
		t.Errorf("%d packs rewritten and %d bytes freed, want the packs of a day gone whole", rep.PacksRewritten, rep.BytesFreed)
	}
	check(t, f.a)
}

// TestAmendLeavesOutWhatOnlyExcludedItemsShow: the photo of a message that disappears
// within a day stays out with it, wherever it stands in the list of changes.
func TestAmendLeavesOutWhatOnlyExcludedItemsShow(t *testing.T) {
	f := create(t)
	c := newChat("a")
	c.say("g001", 1, day0, "stays")
	f.backup(c)
	later := c.clone()
	photo := later.photo(canary, day0, 3000)
	key := later.say("g001", 2, day0, "goes", photo)
	expiring(later, key, day0.Add(3*time.Hour))
	for _, order := range [][]string{{key, photo}, {photo, key}} {
		var changes []engine.Change
		for _, k := range order {
			it := later.items[k]
			changes = append(changes, engine.Change{New: &it})
		}
		if _, err := f.a.Amend(t.Context(), "latest", list(changes), engine.BackupOptions{}); err != nil {
			t.Fatal(err)
		}
		holds(t, f.a, "latest", c)
	}
	if decryptable(t, f.a) {
		t.Error("a photo that only an excluded message shows is in the archive")
	}
}

// TestFirstChunkIsNotTheWholeMessage: one in some thousand long texts is cut where the
// first chunk is short enough to lie inline. Zeros are cut there always.
func TestFirstChunkIsNotTheWholeMessage(t *testing.T) {
	f := create(t)
	c := newChat("a")
	for i, text := range [][]byte{make([]byte, 5000), make([]byte, 4097), make([]byte, 4096), make([]byte, 100_000), []byte("short")} {
		c.change(c.say("g001", i, day0, ""), func(it *engine.Item) {
			it.Inline, it.Size = nil, int64(len(text))
			it.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
		})
	}
	f.backup(c)
	holds(t, f.a, "latest", c)
}
