package engine_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
)

// A long history is generated while it is read: n messages of about 250 bytes over five
// years in 200 conversations, with deletions, edits and additions, in bounded memory.
type long struct {
	n       int
	gone    map[int]bool
	edited  map[int]int
	added   int // beyond n
	expires int // every how many-th expires, 0: none
}

func (l *long) Info() engine.SourceInfo { return engine.SourceInfo{Kind: "test", Label: "long"} }

// scale is how many messages the large tests have: 100,000, or what DAYFOLD_SCALE says.
func scale() int {
	if n, err := strconv.Atoi(os.Getenv("DAYFOLD_SCALE")); err == nil {
		return n
	}
	return 100_000
}

var start = time.Date(2021, 1, 4, 0, 0, 0, 0, time.UTC)

func (l *long) item(i int) engine.Item {
	r := rand.New(rand.NewPCG(uint64(i), 99))
	at := start.Add(time.Duration(float64(i) / float64(l.n) * float64(5*365*24*time.Hour)))
	group := fmt.Sprintf("%016x", uint64(float64(200)*r.Float64()*r.Float64())*0x9e3779b97f4a7c15)
	text := make([]byte, 0, 300)
	text = binary.BigEndian.AppendUint64(text, uint64(at.UnixMilli()))
	for range 8 + r.IntN(50) {
		text = append(append(text, words[r.IntN(len(words))]...), ' ')
	}
	text = fmt.Appendf(text, "%x %d", r.Uint64(), l.edited[i])
	key := fmt.Appendf(nil, "m/%06d/%s/%012d-%07d", at.Unix()/(7*86400), group, at.UnixMilli(), i)
	it := engine.Item{Key: key, Group: []byte(group), Kind: engine.Message, Time: at, Inline: text, Size: int64(len(text))}
	if l.expires > 0 && i%l.expires == 0 {
		it.Expires = it.Time.AddDate(5, 3, i%60)
	}
	return it
}

func (l *long) Items(context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		for i := range l.n + l.added {
			if !l.gone[i] && !yield(l.item(i), nil) {
				return
			}
		}
	}
}

// scattered are k changes all over the history: the numbers of the items.
func (l *long) scattered(seed uint64, k int) []int {
	r := rand.New(rand.NewPCG(seed, 7))
	out := make([]int, k)
	for i := range out {
		out[i] = r.IntN(l.n)
	}
	return out
}

func TestAmendOfALongHistoryIsLogarithmic(t *testing.T) {
	f := create(t, func(o *engine.Options) { o.PackSize, o.TreePackSize = 0, 0 })
	l := &long{n: scale(), gone: map[int]bool{}, edited: map[int]int{}}
	f.clock.t = start.AddDate(5, 0, 1)
	begin := time.Now()
	first := f.backup2(l)
	t.Logf("first: %v, %d items, uploaded %d, tree %d, nodes %d", time.Since(begin), first.Items, first.BytesUploaded, first.Uploaded.Tree, first.NodesSaved)

	const k = 1000
	var changes []engine.Change
	for j, i := range l.scattered(1, k) {
		it := l.item(i)
		if j%2 == 0 {
			l.gone[i] = true
			changes = append(changes, engine.Change{Old: &it})
			continue
		}
		l.edited[i]++
		edited := l.item(i)
		if !l.gone[i] {
			changes = append(changes, engine.Change{New: &edited})
		}
	}
	begin = time.Now()
	rep, err := f.a.Amend(t.Context(), "latest", list(changes), engine.BackupOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("amend: %v, loaded %d, saved %d, uploaded %+v", time.Since(begin), rep.NodesLoaded, rep.NodesSaved, rep.Uploaded)
	height := 5
	if rep.NodesSaved > 2*k*2 || rep.NodesLoaded > 3*k*int64(height) {
		t.Errorf("%d changes of %d items loaded %d nodes and saved %d", k, l.n, rep.NodesLoaded, rep.NodesSaved)
	}
	f.clock.t = f.clock.t.AddDate(0, 0, 1)
	begin = time.Now()
	again := f.backup2(l)
	t.Logf("unchanged: %v, restarts %d", time.Since(begin), again.Restarts)
	if !again.Unchanged {
		t.Errorf("a backup has other trees than the amended snapshot: new %d changed %d removed %d", again.New, again.Changed, again.Removed)
	}
}

func (f *fixture) backup2(src engine.Source) engine.Report {
	f.t.Helper()
	rep, err := f.a.Backup(f.t.Context(), src, engine.BackupOptions{Insist: true})
	if err != nil {
		f.t.Fatal(err)
	}
	return rep
}
