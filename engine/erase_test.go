package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
)

// TestEraseOfAChat erases a conversation from many snapshots of a long history, and counts
// the nodes: those of its messages in the first snapshot, and in each further one those in
// which it differs.
//
// In full, 6,000 messages from 30 snapshots of a million items:
// DAYFOLD_ERASE=1000000 go test -run TestEraseOfAChat -v -timeout 1h ./engine
func TestEraseOfAChat(t *testing.T) {
	items, days := number("DAYFOLD_ERASE", 10_000), 10
	if items >= 1_000_000 {
		days = 30
	}
	f := create(t, func(o *engine.Options) { o.PackSize, o.TreePackSize = 0, 0 })
	l := &long{n: items, gone: map[int]bool{}, edited: map[int]int{}}
	f.clock.t = start.AddDate(5, 0, 1)
	count := map[string]int{}
	for i := range items {
		count[string(l.item(i).Group)]++
	}
	chat, n := "", 0
	for g, k := range count { // the one that is nearest to 6,000 of a million
		if want := items * 6 / 1000; chat == "" || abs(k-want) < abs(n-want) || abs(k-want) == abs(n-want) && g < chat {
			chat, n = g, k
		}
	}
	f.backup2(l)
	for d := range days - 1 {
		f.clock.t = f.clock.t.AddDate(0, 0, 1)
		var changes []engine.Change
		for i := range 20 {
			at := f.clock.t.Add(time.Duration(i) * time.Minute)
			group := []string{chat, "another"}[i/19]
			it := engine.Item{Key: fmt.Appendf(nil, "m/%06d/%s/%012d-%d", at.Unix()/(7*86400), group, at.UnixMilli(), d), Group: []byte(group),
				Kind: engine.Message, Time: at, Inline: []byte("one of the day"), Size: 14}
			changes = append(changes, engine.Change{New: &it})
		}
		if _, err := f.a.Amend(t.Context(), "latest", list(changes), engine.BackupOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	rep, err := f.a.Erase(t.Context(), engine.Selection{Group: []byte(chat)}, false, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v: %d messages of %d and %d a day, from %d snapshots: %d nodes loaded, %d saved", time.Since(begin), n, items, 19, rep.Rewritten,
		rep.NodesLoaded, rep.NodesSaved)
	if went := int64(n + 19*(days-1)); rep.NodesLoaded > 16*went || rep.NodesSaved > 2*went { // log n, and a leaf with its share of a path
		t.Errorf("%d nodes loaded and %d saved for %d messages", rep.NodesLoaded, rep.NodesSaved, went)
	}
	if rep.Rewritten != int64(days) || rep.Removed != int64(n+19*(days-1)) {
		t.Errorf("%d items in %d snapshots, want %d in %d", rep.Removed, rep.Rewritten, n+19*(days-1), days)
	}
}

func abs(n int) int { return max(n, -n) }
