package corpus_test

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/dayfold/dayfold/bench/corpus"
)

// small is a history that a test can afford: 20,000 messages, 40 a day.
var small = corpus.Full.Times(0.02)

// view is what a day holds: the messages by number, and what they show.
type view struct {
	messages map[int64]corpus.Message
	media    map[string]corpus.Media // by message and place in it
	bytes    int64
}

func look(c *corpus.Corpus, n int) view {
	v := view{map[int64]corpus.Message{}, map[string]corpus.Media{}, 0}
	d := c.Day(n)
	for m := range d.Messages() {
		m := *m
		m.Text, m.Edits, m.Media = bytes.Clone(m.Text), append([]corpus.Edit(nil), m.Edits...), nil
		v.messages[m.Seq] = m
	}
	of := map[int64]int{}
	for m := range d.Media() {
		v.media[fmt.Sprint(m.Seq, of[m.Seq])] = m
		of[m.Seq]++
		v.bytes += m.Size
	}
	return v
}

func within(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s: got %.3g, want %.3g to %.3g", what, got, low, high)
	}
}

func TestDayZeroHasItsScale(t *testing.T) {
	c := corpus.New(1, small)
	v := look(c, 0)
	within(t, "messages", float64(len(v.messages)), 20_000, 20_000)
	within(t, "media bytes", float64(v.bytes), 0.99*0.02*3_001_400_000, 1.01*0.02*3_001_400_000)
	within(t, "media", float64(len(v.media)), 80, 170)
	frames, size := 0, 0
	for f := range c.Day(0).Frames() {
		frames++
		size += len(f)
	}
	within(t, "bytes in a frame", float64(size)/float64(frames), 224, 260)
	kinds := map[string]int{}
	for _, m := range v.messages {
		count(kinds, m)
	}
	for kind, want := range map[string][2]int{"timer": {50, 3000}, "hours": {1, 100}, "waiting": {1, 100}, "deleted": {20, 150},
		"once": {3, 100}, "reactions": {1000, 3000}, "quotes": {300, 1500}, "long": {3, 300}} {
		within(t, kind, float64(kinds[kind]), float64(want[0]), float64(want[1]))
	}
}

func count(kinds map[string]int, m corpus.Message) {
	for kind, is := range map[string]bool{
		"timer": m.Expires > 0, "hours": m.Expires > 0 && m.Expires.Hours() <= 24, "waiting": m.Expires > 0 && m.Started.IsZero(),
		"deleted": m.Deleted, "once": m.Once, "reactions": len(m.Reactions) > 0, "quotes": m.Quote != nil, "long": len(m.Text) > 1000,
	} {
		if is {
			kinds[kind]++
		}
	}
}

func TestADayBringsItsChanges(t *testing.T) {
	c := corpus.New(1, small)
	before := look(c, 0)
	var deleted, expired, edited, added, shown, bytes float64
	const days = 5
	for n := 1; n <= days; n++ {
		now := look(c, n)
		for seq, m := range before.messages {
			if _, ok := now.messages[seq]; ok {
				continue
			}
			if m.Expires > 0 && !m.Received.Add(m.Expires).After(c.Day(n).Time()) {
				expired++
			} else {
				deleted++
			}
		}
		for seq, m := range now.messages {
			if old, ok := before.messages[seq]; !ok {
				added++
			} else if len(m.Edits) > len(old.Edits) {
				edited++
			}
		}
		for key, m := range now.media {
			if _, ok := before.media[key]; !ok {
				shown++
				bytes += float64(m.Size)
			}
		}
		before = now
	}
	within(t, "new messages a day", added/days, 36, 40)
	within(t, "deletions a day", deleted/days, 9, 11)
	within(t, "expiries a day", expired/days, 2, 6)
	within(t, "edits a day", edited/days, 0.4, 1)
	within(t, "new media bytes a day", bytes/days, 0.97*0.02*60e6, 1.03*0.02*60e6)
	within(t, "new media", shown, 5, 60)
}

func TestForwardedMediaAreOneInSeven(t *testing.T) {
	c := corpus.New(2, corpus.Scale{Messages: 20_000, Conversations: 50, MediaBytes: 600_000_000})
	seen, again, n := map[uint64]int64{}, 0.0, 0.0
	for m := range c.Day(0).Media() {
		n++
		if size, ok := seen[m.Content]; ok {
			again++
			if size != m.Size || m.Once {
				t.Errorf("a content of %d bytes comes again with %d, once %v", size, m.Size, m.Once)
			}
		}
		seen[m.Content] = m.Size
	}
	within(t, "share", again/n, 0.11, 0.18)
}

func sum(c *corpus.Corpus, n int) string {
	h := sha256.New()
	for f := range c.Day(n).Frames() {
		h.Write(f)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func TestSameSeedSameHistory(t *testing.T) {
	tiny := corpus.Scale{Messages: 2000, Conversations: 20, MediaBytes: 1e6}
	a, b := corpus.New(7, tiny), corpus.New(7, tiny)
	late := sum(b, 5)
	for n := range 6 {
		want := sum(a, n)
		if got := sum(b, n); got != want { // b has known day 5 before
			t.Errorf("day %d: got %s, want %s", n, got, want)
		}
		if n == 5 && late != want {
			t.Errorf("day 5 first: got %s, want %s", late, want)
		}
	}
	if sum(corpus.New(8, tiny), 0) == sum(a, 0) {
		t.Error("another seed gives the same history")
	}
}

func TestContentIsWhatItSays(t *testing.T) {
	c := corpus.New(1, small)
	magics := map[string]string{"image/jpeg": "\xff\xd8\xff", "image/webp": "RIFF", "audio/ogg": "OggS", "video/mp4": "\x00\x00\x00\x20ftyp", "application/zip": "PK\x03\x04"}
	kinds := map[string]bool{}
	for m := range c.Day(0).Media() {
		data, err := io.ReadAll(c.Content(&m))
		if err != nil || int64(len(data)) != m.Size || !bytes.HasPrefix(data, []byte(magics[m.Type()])) {
			t.Fatalf("got %d bytes, %v; want %d", len(data), err, m.Size)
		}
		if got, want := c.Hash(&m), sha256.Sum256(data); got != want {
			t.Errorf("got %x, want %x", got, want)
		}
		if kinds[m.Type()] {
			continue
		}
		kinds[m.Type()] = true
		var out bytes.Buffer
		w, _ := flate.NewWriter(&out, 1)
		w.Write(data)
		w.Close()
		within(t, "compressed", float64(out.Len())/float64(len(data)), 0.97, 1.1)
	}
	if len(kinds) != len(magics) {
		t.Errorf("got %v", kinds)
	}
}

func TestBeginMovesTheHistory(t *testing.T) {
	tiny := corpus.Scale{Messages: 2000, Conversations: 24, MediaBytes: 1e6}
	usual := corpus.New(7, tiny)
	tiny.Begin = time.Date(2030, 7, 1, 3, 0, 0, 0, time.UTC)
	moved := corpus.New(7, tiny)
	by := moved.Day(2).Time().Sub(usual.Day(2).Time())
	if got := moved.Day(0).Time(); !got.Equal(tiny.Begin) {
		t.Errorf("day 0: got %v, want %v", got, tiny.Begin)
	}
	was, is := look(usual, 2), look(moved, 2)
	if len(was.messages) != len(is.messages) {
		t.Errorf("got %d messages, want %d", len(is.messages), len(was.messages))
	}
	for seq, m := range was.messages {
		if got := is.messages[seq]; !got.Received.Equal(m.Received.Add(by)) || string(got.Text) != string(m.Text) {
			t.Fatalf("message %d: got %v %q, want %v %q", seq, got.Received, got.Text, m.Received.Add(by), m.Text)
		}
	}
}
