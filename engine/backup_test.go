package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
)

func TestBackupRestoresEverything(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 7, 200, 5, 3000)
	c.photo("large", day0, 3<<20)
	c.say("g001", 77777, day0, "shows the large one", "p/"+fmt.Sprintf("%06d", day0.Unix()/(7*86400))+"/large")
	rep := f.backup(c)
	if rep.Items != int64(len(c.items)) || rep.New != rep.Items || rep.Missing != 0 {
		t.Errorf("report %+v, want %d new items", rep, len(c.items))
	}
	holds(t, f.a, "latest", c)
	check(t, f.a)
	holds(t, f.open(fresh(t)), rep.Snapshot[:8], c)
}

func TestUnchangedHistoryWritesOneObject(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 7, 200, 5, 3000)
	f.backup(c)
	c.opened.Store(0)
	f.clock.t = f.clock.t.AddDate(0, 0, 1)
	f.store.ResetStats()
	rep := f.backup(c)
	if s := f.store.Stats(); s.Puts != 1 {
		t.Errorf("%d objects were written, want 1", s.Puts)
	}
	if !rep.Unchanged || rep.NodesSaved != 0 || c.opened.Load() != 0 {
		t.Errorf("unchanged %v, nodes saved %d, contents opened %d; want true, 0, 0", rep.Unchanged, rep.NodesSaved, c.opened.Load())
	}
}

func TestOrderOfTheSourceDoesNotMatter(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 7, 200, 3, 3000)
	f.backup(c)
	c.order = rand.New(rand.NewPCG(3, 4))
	if rep := f.backup(c); !rep.Unchanged {
		t.Errorf("the same items in another order gave other trees: %+v", rep)
	}
}

func TestDayCostsADay(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 20, 1000, 30, 0)
	f.backup(c)
	at := day0.AddDate(0, 0, 31)
	f.clock.t = at
	media := 0
	for i := range 200 {
		var needs []string
		if i%20 == 0 {
			needs = append(needs, c.photo(fmt.Sprint("new", i), at, 50_000))
			media += 50_000
		}
		c.say("g001", i, at, fmt.Sprint("a new day, message ", i), needs...)
	}
	c.opened.Store(0)
	rep := f.backup(c)
	if c.opened.Load() != 10 || rep.New != 210 {
		t.Errorf("opened %d, new %d; want 10, 210", c.opened.Load(), rep.New)
	}
	if u := rep.Uploaded; u.Permanent > int64(media)*102/100 || u.Tree > 100_000 {
		t.Errorf("uploaded %+v for %d bytes of media and 200 messages", u, media)
	}
	if rep.NodesSaved > 60 {
		t.Errorf("%d nodes for 210 new items in one group", rep.NodesSaved)
	}
}

func TestSpillingGivesTheSameTrees(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 20, 500, 10, 0)
	f.backup(c)
	small := f.open(func(o *engine.Options) { o.Memory = 1 << 20 })
	rep, err := small.Backup(t.Context(), c, engine.BackupOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !rep.Unchanged {
		t.Errorf("sorting through spills gave other trees")
	}
}

func TestWhatMayNotBeArchivedIsNot(t *testing.T) {
	f := create(t)
	c := newChat("a")
	kept := c.say("g1", 1, day0, "stays")
	once := c.photo("once", day0, 1000)
	c.change(once, func(it *engine.Item) { it.ViewOnce = true })
	soon := c.say("g1", 2, day0, "gone in an hour", c.photo("soon", day0, 1000))
	c.change(soon, func(it *engine.Item) { it.Expires = day0.Add(time.Hour) })
	timer := c.say("g1", 3, day0, "a timer of an hour")
	c.change(timer, func(it *engine.Item) { it.Timer = time.Hour })
	rep := f.backup(c)
	want := map[string]int64{"view-once": 1, "expiring": 2, "unneeded": 1}
	if fmt.Sprint(rep.Excluded) != fmt.Sprint(want) {
		t.Errorf("excluded %v, want %v", rep.Excluded, want)
	}
	if c.opened.Load() != 0 {
		t.Errorf("%d contents of excluded media were opened", c.opened.Load())
	}
	only := newChat("a")
	only.items[kept] = c.items[kept]
	holds(t, f.a, "latest", only)
}

func TestRules(t *testing.T) {
	f := create(t)
	c := newChat("a")
	long := c.photo("long", day0.AddDate(-2, 0, 0), 3000)
	c.change(long, func(it *engine.Item) { it.Text = true })
	c.say("g1", 1, day0.AddDate(-2, 0, 0), "old", c.photo("old", day0.AddDate(-2, 0, 0), 500), long)
	c.say("g1", 2, day0, "new", c.photo("new", day0, 500))
	c.say("g2", 3, day0, "other", c.photo("other", day0, 500))
	for _, row := range []struct {
		rules engine.Rules
		want  int64
	}{
		{engine.Rules{}, 7},
		{engine.Rules{TextOnly: true}, 4},
		{engine.Rules{MediaDays: 30}, 6},
		{engine.Rules{Since: day0.AddDate(-1, 0, 0)}, 4},
		{engine.Rules{Exclude: [][]byte{[]byte("g2")}}, 5},
		{engine.Rules{Include: [][]byte{[]byte("g2")}}, 2},
	} {
		rep, err := f.a.Backup(t.Context(), c, engine.BackupOptions{Rules: row.rules})
		if err != nil {
			t.Fatal(err)
		}
		if rep.Items != row.want {
			t.Errorf("%+v: %d items, want %d (%v)", row.rules, rep.Items, row.want, rep.Excluded)
		}
	}
}

func TestUnreadableContentIsNamedAndTheRestArchived(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 3, 50, 1, 1000)
	bad := c.photo("bad", day0, 1000)
	c.change(bad, func(it *engine.Item) {
		it.Open = func(context.Context) (io.ReadCloser, error) { return nil, io.ErrUnexpectedEOF }
	})
	rep := f.backup(c)
	if rep.Missing != 1 || string(rep.Problems[0].Key) != bad {
		t.Fatalf("problems %v, want %s", rep.Problems, bad)
	}
	delete(c.items, bad)
	holds(t, f.a, "latest", c)
}

// A change feed with new media reads paths of the parent's trees, not all media that it has.
func TestAmendWithMediaReadsPaths(t *testing.T) {
	f := create(t)
	c := newChat("a")
	for i := range 3000 {
		c.say("g001", i, day0, "look", c.photo(fmt.Sprint("photo", i), day0.Add(time.Duration(i)*time.Hour), 10))
	}
	f.backup(c)
	later := day0.AddDate(1, 0, 0)
	photo := c.photo("new", later, 10_000)
	it, message := c.items[photo], c.items[c.say("g001", 5000, later, "new", photo)]
	rep, err := f.a.Amend(t.Context(), "latest", list([]engine.Change{{New: &message}, {New: &it}}), engine.BackupOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if rep.NodesLoaded > 60 || rep.NodesLoaded == 0 {
		t.Errorf("%d nodes loaded for a message with a photo", rep.NodesLoaded)
	}
	holds(t, f.a, "latest", c)
}

func TestMovedMediaIsNotReadAgain(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 3, 50, 1, 1000)
	p := c.photo("moves", day0, 100_000)
	m := c.say("g001", 99, day0, "first", p)
	f.backup(c)
	delete(c.items, m)
	delete(c.items, p)
	later := day0.AddDate(0, 0, 14)
	c.say("g001", 100, later, "second", c.photo("moves", later, 100_000))
	c.opened.Store(0)
	rep := f.backup(c)
	if c.opened.Load() != 0 || rep.BytesNew != 0 {
		t.Errorf("opened %d, new bytes %d; a move is not a reading", c.opened.Load(), rep.BytesNew)
	}
	holds(t, f.a, "latest", c)
}

func TestAmendGivesTheTreesOfABackup(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 7, 300, 6, 2000)
	f.backup(c)
	next := c.clone()
	at := day0.AddDate(0, 0, 7)
	f.clock.t = at
	var changes []engine.Change
	add := func(keys ...string) {
		for _, k := range keys {
			it := next.items[k]
			changes = append(changes, engine.Change{New: &it})
		}
	}
	p := next.photo("amended", at, 5000)
	add(next.say("g001", 1, at, "one more", p), p)
	gone := 0
	for k, it := range c.items {
		if gone < 30 && it.Kind == engine.Message {
			changes = append(changes, engine.Change{Old: &it})
			delete(next.items, k)
			for _, n := range it.Needs {
				delete(next.items, string(n))
			}
			gone++
		}
	}
	rep, err := f.a.Amend(t.Context(), "latest", list(changes), engine.BackupOptions{})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, f.a, "latest", next)
	if again := f.backup(next); !again.Unchanged {
		t.Errorf("a backup of the same history has other trees than the amended snapshot: %+v", again)
	}
	if rep.NodesSaved > 200 {
		t.Errorf("%d nodes saved for 32 changes", rep.NodesSaved)
	}
	check(t, f.a)
}

func list(changes []engine.Change) func(func(engine.Change, error) bool) {
	return func(yield func(engine.Change, error) bool) {
		for _, c := range changes {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func TestDiffIsWhatChanged(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 7, 100, 3, 2000)
	first := f.backup(c)
	added := c.say("g001", 5, day0.AddDate(0, 0, 9), "added")
	var gone, changed string
	for k, it := range c.items {
		if it.Kind == engine.Message && k != added && len(it.Needs) == 0 {
			if gone == "" {
				gone = k
			} else if changed == "" {
				changed = k
			}
		}
	}
	delete(c.items, gone)
	c.change(changed, func(it *engine.Item) { it.Inline = []byte("edited") })
	second := f.backup(c)
	got := map[string]string{}
	for ch, err := range f.a.Diff(t.Context(), first.Snapshot, second.Snapshot) {
		switch {
		case err != nil:
			t.Fatal(err)
		case ch.Old == nil:
			got[string(ch.New.Key)] = "added"
		case ch.New == nil:
			got[string(ch.Old.Key)] = "gone"
		default:
			got[string(ch.New.Key)] = "changed"
		}
	}
	want := map[string]string{added: "added", gone: "gone", changed: "changed"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("diff is %v, want %v", got, want)
	}
}

// In strict scope equal content in two groups is two contents, also where a stamp says
// that it is equal: what moves, moves within its group.
func TestStrictScopeDoesNotMoveBetweenGroups(t *testing.T) {
	f := create(t, func(o *engine.Options) { o.Strict = true })
	c := newChat("a")
	long := noise("long", 50_000)
	say := func(group string, n int, at time.Time) string {
		key := c.say(group, n, at, "")
		c.change(key, func(it *engine.Item) {
			it.Inline, it.Stamp, it.Size = nil, []byte("long"), int64(len(long))
			it.Open = func(context.Context) (io.ReadCloser, error) {
				c.opened.Add(1)
				return io.NopCloser(bytes.NewReader(long)), nil
			}
		})
		return key
	}
	first := say("g1", 1, day0)
	f.backup(c)
	say("g2", 2, day0)
	if rep := f.backup(c); rep.BytesNew != int64(len(long)) {
		t.Errorf("%d new bytes for a text that another group has, want %d", rep.BytesNew, len(long))
	}
	holds(t, f.a, "latest", c)
	delete(c.items, first)
	c.opened.Store(0)
	say("g1", 3, day0.AddDate(0, 0, 14))
	if rep := f.backup(c); rep.BytesNew != 0 || c.opened.Load() != 0 {
		t.Errorf("%d new bytes, %d opened for a move within a group", rep.BytesNew, c.opened.Load())
	}
	holds(t, f.a, "latest", c)
	check(t, f.a)
}
