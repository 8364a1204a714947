package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/collect"
)

// A diary is a history that lives: every day messages come, some with photos, many with
// timers; some are edited, and as many are deleted as came, so that its size stays.
type diary struct {
	*chat
	rand  *rand.Rand
	size  int // messages
	day   int // new ones a day
	photo int // bytes of a photo, at most
	keys  []string
	n     int
	wait  []string // messages whose timer starts tomorrow
}

func newDiary(size, photo int) *diary {
	d := &diary{chat: newChat("diary"), rand: rand.New(rand.NewPCG(3, 5)), size: size, day: max(size/250, 20), photo: photo}
	for i := range size {
		d.message(day0.AddDate(0, 0, -1).Add(-time.Duration(i)*2*365*24*time.Hour/time.Duration(size)), 0)
	}
	return d
}

func (d *diary) message(at time.Time, life time.Duration) string {
	d.n++
	at = at.Truncate(time.Millisecond)
	var needs []string
	if d.n%10 == 0 {
		needs = append(needs, d.chat.photo(fmt.Sprint("photo", d.n), at, d.photo/2+d.rand.IntN(d.photo/2)))
	}
	key := d.say(fmt.Sprintf("g%03d", int(40*d.rand.Float64()*d.rand.Float64())), d.n, at, sentence(d.rand), needs...)
	if life > 0 {
		expiring(d.chat, key, at.Add(life))
	}
	d.keys = append(d.keys, key)
	return key
}

// live makes a day pass.
func (d *diary) live(now time.Time) {
	for _, key := range d.wait { // read by now
		if d.items[key].Key != nil {
			d.change(key, func(it *engine.Item) { it.Expires, it.Timer = now.Add(it.Timer), 0 })
		}
	}
	d.wait = nil
	for i := range d.day {
		at := now.Add(time.Duration(i-d.day) * time.Minute)
		switch {
		case i%20 == 7:
			key := d.message(at, 0)
			d.change(key, func(it *engine.Item) { it.Timer = 14 * 24 * time.Hour })
			d.wait = append(d.wait, key)
		case i%2 == 1:
			d.message(at, time.Duration(7+d.rand.IntN(50))*24*time.Hour)
		default:
			d.message(at, 0)
		}
	}
	for range d.day / 10 {
		d.change(d.keys[d.rand.IntN(len(d.keys))], func(it *engine.Item) {
			it.Inline = []byte(sentence(d.rand))
			it.Size = int64(len(it.Inline))
		})
	}
	var gone []string
	d.keys = slices.DeleteFunc(d.keys, func(key string) bool {
		e := d.items[key].Expires
		over := !e.IsZero() && !e.After(now)
		if over {
			gone = append(gone, key)
		}
		return over
	})
	for len(d.keys) > d.size {
		i := d.rand.IntN(len(d.keys))
		gone = append(gone, d.keys[i])
		d.keys[i] = d.keys[len(d.keys)-1]
		d.keys = d.keys[:len(d.keys)-1]
	}
	takeOut(d.chat, gone...)
}

// A costs is what a call costs.
type costs struct{ requests, uploaded, nodes float64 }

// cost counts a call.
func (f *fixture) cost(call func() (nodes int64)) costs {
	f.store.ResetStats()
	nodes := call()
	s := f.store.ResetStats()
	return costs{float64(s.Requests()), float64(s.Uploaded), float64(nodes)}
}

func mean(cs []costs) (m costs) {
	n := float64(len(cs))
	for _, c := range cs {
		m.requests += c.requests / n
		m.uploaded += c.uploaded / n
		m.nodes += c.nodes / n
	}
	return m
}

// TestYears lives a history day by day, with a backup each day, and each week a forget
// by policy and a prune. The store does not grow beyond what lives, and a day at the end
// costs what a day cost earlier.
//
// In full, two years of 100,000 items: DAYFOLD_YEARS=2 go test -run TestYears -v -timeout 3h ./engine
func TestYears(t *testing.T) {
	days, items, photo := 60, 2000, 4000
	years := number("DAYFOLD_YEARS", 0)
	full := years > 0
	if full {
		days, items, photo = years*365, 100_000, 20_000
	}
	f := create(t, func(o *engine.Options) {
		o.Rand, o.Workers = &locked{r: seeded(t.Name())}, 1
		if full {
			o.PackSize, o.TreePackSize = 0, 0
		}
	})
	d := newDiary(number("DAYFOLD_ITEMS", items), photo)
	f.backup(d.chat)
	kept := map[string]*chat{}
	var each []costs
	worst := 0.0
	for n := 1; n <= number("DAYFOLD_DAYS", days); n++ {
		f.clock.t = day0.AddDate(0, 0, n)
		d.live(f.clock.t)
		c := f.cost(func() int64 {
			rep := f.backup(d.chat)
			kept[rep.Snapshot] = admitted(d.chat, f.clock.t)
			return rep.NodesLoaded + rep.NodesSaved
		})
		each = append(each, c)
		if n%7 == 0 {
			f.week(kept)
			worst = max(worst, f.weighed(full))
		}
		if t.Failed() {
			t.Fatalf("on day %d", n)
		}
	}
	quarter := len(each) / 4
	before, after := mean(each[quarter:2*quarter]), mean(each[len(each)-quarter:])
	t.Logf("a day in the second quarter %+v, in the last %+v; the store was at most %.3f of what lives", before, after, worst)
	if after.requests > 1.5*before.requests || after.uploaded > 1.5*before.uploaded || after.nodes > 1.5*before.nodes {
		t.Errorf("a day cost %+v in the second quarter and %+v in the last", before, after)
	}
	a := f.open(fresh(t))
	snaps, err := a.Snapshots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range snaps {
		if c := kept[s.ID]; c != nil {
			holds(t, a, s.ID, visible(c, f.clock.t))
		}
	}
	check(t, a)
}

// week is what is done once a week.
func (f *fixture) week(kept map[string]*chat) {
	f.t.Helper()
	_, forget, err := f.a.Keep(f.t.Context(), collect.Policy{Daily: 7, Weekly: 4})
	if err != nil {
		f.t.Fatal(err)
	}
	var ids []string
	for _, s := range forget {
		ids = append(ids, s.ID)
		delete(kept, s.ID)
	}
	if _, err := f.a.Forget(f.t.Context(), ids, true); err != nil {
		f.t.Fatal(err)
	}
	f.prune(0)
}

// weighed compares what lies in the store with what lives: packs without their dead
// bytes, and snapshots. Small archives consist of padding, so there dead bytes count.
func (f *fixture) weighed(full bool) float64 {
	f.t.Helper()
	l, err := f.open(fresh(f.t)).Ledger(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	lives := l.Padded - l.Dead + l.SnapshotObjects
	ratio := float64(l.Store) / float64(lives)
	if l.Orphans != 0 || l.Unnamed != 0 || !full && l.Dead != 0 {
		f.t.Errorf("after a prune %+v, want nothing dead and nothing that nothing names", l)
	}
	if full && ratio > 1.10 {
		f.t.Errorf("the store is %.3f of what lives: %+v", ratio, l)
	}
	return ratio
}

// TestOperationsAreCounted asserts what each operation costs in an archive of at least
// 500 packs and 60 snapshots: requests, sealed bytes, nodes.
func TestOperationsAreCounted(t *testing.T) {
	f := create(t, func(o *engine.Options) {
		o.Rand, o.Workers = &locked{r: seeded(t.Name())}, 1
		o.PackSize, o.TreePackSize = 64<<10, 64<<10
	})
	d := newDiary(2000, 4000)
	for i := range 480 {
		d.say("g001", 90_000+i, day0, "large", d.chat.photo(fmt.Sprint("large", i), day0, 66_000))
	}
	for i, key := range d.keys[:2000] { // 200 scattered expiries a day, for three days
		if i%3 == 0 && i < 1800 {
			expiring(d.chat, key, day0.AddDate(0, 0, 70+i%9/3))
		}
	}
	d.size = 3000
	var ids []string
	for n := range 60 {
		f.clock.t = day0.AddDate(0, 0, n)
		d.say("g001", 95_000+n, f.clock.t, fmt.Sprint("day ", n))
		ids = append(ids, f.backup(d.chat).Snapshot)
	}
	l, err := f.a.Ledger(t.Context())
	if err != nil || l.Packs < 500 || l.Snapshots < 60 {
		t.Fatalf("%+v, %v; want 500 packs and 60 snapshots", l, err)
	}
	t.Logf("a snapshot is %d bytes", l.SnapshotObjects/int64(l.Snapshots))
	saved := func(rep engine.Report) int64 { return rep.NodesLoaded + rep.NodesSaved }
	pruned := func(rep engine.PruneReport) int64 { return rep.NodesLoaded }
	var last engine.PruneReport
	for _, op := range []struct {
		name  string
		run   func() int64
		limit costs
	}{
		{"backup unchanged", func() int64 { return saved(f.backup(d.chat)) }, costs{80, 24_576, 65}},
		{"backup of a day", func() int64 {
			f.clock.t = day0.AddDate(0, 0, 61)
			d.live(f.clock.t)
			return saved(f.backup(d.chat))
		}, costs{290, 550_000, 320}},
		{"amend", func() int64 {
			var changes []engine.Change
			for i := range 20 {
				it := d.items[d.say("g002", 99_000+i, f.clock.t, fmt.Sprint("more ", i))]
				changes = append(changes, engine.Change{New: &it})
			}
			rep, err := f.a.Amend(t.Context(), "latest", list(changes), engine.BackupOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return saved(rep)
		}, costs{70, 120_000, 60}},
		{"expiry", func() int64 {
			f.clock.t = day0.AddDate(0, 0, 71)
			last = f.prune(100)
			if last.SnapshotsExpired < 60 {
				t.Errorf("%d snapshots expired", last.SnapshotsExpired)
			}
			return pruned(last)
		}, costs{1_400, 2.1e6, 430}},
		{"erase", func() int64 {
			rep, err := f.a.Erase(t.Context(), engine.Selection{Group: []byte("g007")}, false, true)
			if err != nil || rep.Rewritten < 60 {
				t.Fatalf("%+v, %v", rep, err)
			}
			return saved(rep)
		}, costs{2_600, 2.1e6, 2_000}},
		{"forget", func() int64 {
			if _, err := f.a.Forget(t.Context(), ids[:1], true); err != nil {
				t.Fatal(err)
			}
			return 0
		}, costs{13, 4_096, 0}},
		{"prune", func() int64 { last = f.prune(0); return pruned(last) }, costs{1_500, 3.2e6, 430}},
		{"prune of nothing", func() int64 { last = f.prune(0); return pruned(last) }, costs{570, 20_480, 430}},
	} {
		got := f.cost(op.run)
		t.Logf("%-18s %+v", op.name, got)
		if got.requests > op.limit.requests || got.uploaded > op.limit.uploaded || got.nodes > op.limit.nodes {
			t.Errorf("%s cost %+v, want at most %+v", op.name, got, op.limit)
		}
	}
	check(t, f.a)
}
