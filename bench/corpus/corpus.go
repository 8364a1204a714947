// Package corpus makes up the history of a person who chats, day by day, and
// writes it in the formats that Dayfold reads. Nothing is stored: every message is
// a function of the seed and of its number, so a history of any size is written in
// bounded memory, and the same seed gives the same history in every format.
//
//	c := corpus.New(1, corpus.Full.Times(0.01))
//	for day := range 11 {
//		err := c.Write(ctx, "history", corpus.SignalLocal, day)
//		…
//	}
//
// Day 0 is a grown history of Scale.Messages messages. A day then brings what
// the published measurements have, at full scale: 2,000 new messages, 60 MB of new
// media of which 15 % are forwarded (contents seen before), 500 deletions anywhere,
// 50 edits, and the 200 or so messages whose timers run out. Each twelfth
// conversation has a timer of one to eight weeks; one of its messages in fifteen has
// one of some hours, and a few wait to be read before theirs starts. There are
// reactions, quotes, stickers, tombstones, and photos that may be seen once.
package corpus

import (
	"iter"
	"sync"
	"time"
)

// A Scale says how large the history is on day 0; the days that follow grow with it.
type Scale struct {
	Messages      int
	Conversations int
	MediaBytes    int64 // of all media as they are shown, forwarded ones counted again
	// Begin is when the backup of day 0 is made; zero: on 5 January 2026. What has expired
	// by the clock never enters an archive, so timers count only in a history of today.
	Begin time.Time
}

// Full is the corpus of the published measurements.
var Full = Scale{Messages: 1_000_000, Conversations: 200, MediaBytes: 3_001_400_000}

// Times returns the scale with f times the messages and media. Conversations grow
// with the root of f, and not beyond those of s.
func (s Scale) Times(f float64) Scale {
	s.Messages = max(10, int(float64(s.Messages)*f))
	s.MediaBytes = int64(float64(s.MediaBytes) * f)
	for f < 1 && s.Conversations > 6 && float64(s.Conversations*s.Conversations) > 40_000*f {
		s.Conversations--
	}
	return s
}

// What a day brings, as parts of the messages and media of day 0.
const (
	newPart    = 500
	deletePart = 2_000
	editPart   = 20_000
	mediaPart  = 50
)

var usualBegin = time.Date(2026, 1, 5, 3, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// A Corpus is one made-up history. Content and Hash may be called from several
// goroutines at a time, the rest from one.
type Corpus struct {
	seed   uint64
	scale  Scale
	perDay int64
	oldest int64 // number of the first message of all
	words  *vocabulary
	people *people

	known   int             // the days up to this one have their events below
	deleted map[int64]int   // message → day
	edited  map[int64][]int // message → days
	media   []Media         // by message

	mu     sync.Mutex
	hashes map[uint64]*hashed
}

// New returns the history of this seed and scale, up to day 0; later days are made
// up as they are asked for.
func New(seed uint64, scale Scale) *Corpus {
	scale.Messages, scale.Conversations = max(1, scale.Messages), max(1, scale.Conversations)
	if scale.Begin.IsZero() {
		scale.Begin = usualBegin
	}
	c := &Corpus{
		seed: seed, scale: scale,
		perDay:  int64(max(1, scale.Messages/newPart)),
		words:   newVocabulary(seed),
		deleted: map[int64]int{}, edited: map[int64][]int{}, hashes: map[uint64]*hashed{},
	}
	c.people = newPeople(c)
	for live := 0; live < scale.Messages; {
		c.oldest--
		if b := c.basics(c.oldest); c.lives(&b, 0) {
			live++
		}
	}
	c.showMedia(0, c.oldest, 0, scale.MediaBytes)
	return c
}

// A Day is the history as it stood when the backup of that day was made.
type Day struct {
	c *Corpus
	n int
}

// Day returns the history as of day n ≥ 0.
func (c *Corpus) Day(n int) *Day {
	for c.known < n {
		c.known++
		c.live(c.known)
	}
	return &Day{c, n}
}

// Time is when the day's backup was made.
func (d *Day) Time() time.Time { return d.c.backupTime(d.n) }

func (c *Corpus) backupTime(n int) time.Time { return c.scale.Begin.Add(time.Duration(n) * day) }

// live makes up the events of day n: what is shown, deleted and edited.
func (c *Corpus) live(n int) {
	from, to := int64(n-1)*c.perDay, int64(n)*c.perDay
	c.showMedia(n, from, to, c.scale.MediaBytes/mediaPart)
	r := c.rand("delete", uint64(n))
	for range c.some(deletePart) {
		if seq := c.pick(&r, c.oldest, from, n); seq < to {
			c.deleted[seq] = n
		}
	}
	r = c.rand("edit", uint64(n))
	for range c.some(editPart) {
		if seq := c.pick(&r, max(c.oldest, from-c.perDay), from, n); seq < to && c.basics(seq).kind == text {
			c.edited[seq] = append(c.edited[seq], n)
		}
	}
}

// some is how many of a day's events there are at this scale, at least one.
func (c *Corpus) some(part int) int { return max(1, c.scale.Messages/part) }

// pick draws a message of [from, to) that is there on day n, or returns a number
// that no message of that day has.
func (c *Corpus) pick(r *random, from, to int64, n int) int64 {
	for range 1000 {
		seq := from + r.below(to-from)
		b := c.basics(seq)
		if _, gone := c.deleted[seq]; !gone && c.lives(&b, n) {
			return seq
		}
	}
	return to + c.perDay
}

// Messages yields the messages that are there on this day, in the order in which
// they came. A message is valid until the next one.
func (d *Day) Messages() iter.Seq[*Message] {
	return func(yield func(*Message) bool) {
		var m Message
		next := d.c.shown()
		for seq := d.c.oldest; seq < int64(d.n)*d.c.perDay; seq++ {
			b := d.c.basics(seq)
			shown := next(seq)
			if !d.has(seq, &b) {
				continue
			}
			d.message(&m, &b, shown)
			if !yield(&m) {
				return
			}
		}
	}
}

// has says whether a message of an earlier or this day is still there.
func (d *Day) has(seq int64, b *basics) bool {
	if gone, ok := d.c.deleted[seq]; ok && gone <= d.n {
		return false
	}
	return d.c.lives(b, d.n)
}

// Media yields what the day's messages show, in their order.
func (d *Day) Media() iter.Seq[Media] {
	return func(yield func(Media) bool) {
		for _, m := range d.c.media {
			if m.Seq >= int64(d.n)*d.c.perDay {
				return
			}
			b := d.c.basics(m.Seq)
			if d.has(m.Seq, &b) && !yield(m) {
				return
			}
		}
	}
}
