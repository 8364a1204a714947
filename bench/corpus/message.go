package corpus

import "time"

// kind is what a message is.
type kind byte

const (
	text kind = iota
	tombstone
	viewedOnce // was seen once, and its photo is gone
)

// basics are what decides whether a message is there, drawn first and cheaply.
type basics struct {
	seq      int64
	kind     kind
	chat     int
	outgoing bool
	at       time.Time     // when it was received
	expires  time.Duration // 0: never
	waits    time.Duration // how long nobody read it, when that starts the timer
	r        random        // for the rest
}

// basics returns those of message seq. Day n has the numbers [(n-1)·perDay, n·perDay).
func (c *Corpus) basics(seq int64) basics {
	r := c.rand("message", uint64(seq))
	b := basics{seq: seq, chat: int(c.people.draw[r.next()>>48]), outgoing: r.below(100) < 45}
	within := floorMod(seq, c.perDay)
	start := c.backupTime(int((seq - within) / c.perDay))
	share := (float64(within) + 0.999*r.unit()) / float64(c.perDay)
	b.at = start.Add(time.Duration(share * float64(day))).Truncate(time.Millisecond)
	switch r.below(2000) {
	case 0, 1, 2, 3, 4, 5:
		b.kind = tombstone
	case 6:
		b.kind = viewedOnce
	}
	if b.expires = c.people.chats[b.chat].Timer; b.expires > 0 {
		unread := int64(30)
		if r.oneIn(15) {
			b.expires, unread = time.Duration(1+r.below(20))*time.Hour, 3
		}
		if !b.outgoing && r.oneIn(unread) {
			b.waits = time.Duration(1+r.below(6)) * day
		}
	}
	b.r = r
	return b
}

func floorMod(a, n int64) int64 { return ((a % n) + n) % n }

// lives says whether the message's time is not up at the backup of day n.
func (c *Corpus) lives(b *basics, n int) bool {
	return b.expires == 0 || b.at.Add(b.waits+b.expires).After(c.backupTime(n))
}

// A Message is one message as it stands on a Day.
type Message struct {
	Seq       int64
	Chat      *Chat
	Author    *Person // nil: the owner
	Sent      time.Time
	Received  time.Time
	Read      bool
	Expires   time.Duration // 0: never
	Started   time.Time     // of the timer; zero: not started
	Deleted   bool          // for everyone
	Once      bool          // may be seen once; without Media: it was
	Text      []byte
	Edits     []Edit // later versions of Text, the newest last
	Quote     *Quote
	Reactions []Reaction
	Media     []Media
}

// An Edit is a later version of a message's text.
type Edit struct {
	At   time.Time
	Text []byte
}

// A Quote is the earlier message that one answers.
type Quote struct {
	Sent   time.Time
	Author *Person
	Text   []byte
}

// A Reaction is a face under a message.
type Reaction struct {
	Author *Person
	Face   string
	At     time.Time
}

// message makes up in m the rest of a message, reusing m's memory.
func (d *Day) message(m *Message, b *basics, shown []Media) {
	r := b.r
	chat := &d.c.people.chats[b.chat]
	*m = Message{Seq: b.seq, Chat: chat, Received: b.at, Expires: b.expires, Read: true,
		Text: m.Text[:0], Edits: m.Edits[:0], Reactions: m.Reactions[:0], Media: shown}
	m.Author, m.Sent = d.c.author(b, &r)
	if m.Expires > 0 {
		m.Started = b.at.Add(b.waits)
		if m.Started.After(d.Time()) {
			m.Started, m.Read = time.Time{}, false
		}
	}
	if !b.outgoing && b.waits == 0 && d.Time().Sub(b.at) < time.Hour {
		m.Read = r.below(4) > 0 || m.Expires > 0
	}
	switch {
	case len(shown) > 0 && shown[0].Once:
		m.Once = true
		return
	case len(shown) == 0 && b.kind == tombstone:
		m.Deleted = true
		return
	case len(shown) == 0 && b.kind == viewedOnce:
		m.Once = true
		return
	case len(shown) > 0 && shown[0].Sticker(), len(shown) > 0 && r.oneIn(2):
	default:
		m.Text = d.c.words.write(m.Text, &r, length(&r))
	}
	if r.oneIn(20) {
		m.Quote = d.c.quote(b, &r)
	}
	if r.oneIn(12) {
		for i := range 1 + r.below(3) {
			m.Reactions = append(m.Reactions, Reaction{d.c.member(chat, &r), faces[r.below(int64(len(faces)))],
				b.at.Add(time.Duration(i+1) * 37 * time.Second)})
		}
	}
	for i, n := range d.c.edited[b.seq] {
		if n > d.n {
			break
		}
		r := d.c.rand("edit", uint64(b.seq)<<8+uint64(i))
		at := d.c.backupTime(n).Add(-time.Duration(r.below(int64(day)))).Truncate(time.Millisecond)
		m.Edits = append(m.Edits, Edit{at, d.c.words.write(nil, &r, length(&r))})
	}
}

// length is how many words a message has: most have a dozen, one in two thousand hundreds.
func length(r *random) int {
	if r.oneIn(2000) {
		return 200 + int(r.below(2500))
	}
	return 1 + int(r.logNormal(11, 0.85))
}

// author returns who wrote a message, and when.
func (c *Corpus) author(b *basics, r *random) (*Person, time.Time) {
	if b.outgoing {
		return nil, b.at
	}
	late := time.Duration(200+r.below(4000)) * time.Millisecond
	if r.oneIn(200) {
		late += time.Duration(r.below(int64(12 * time.Hour))).Truncate(time.Millisecond)
	}
	return c.member(&c.people.chats[b.chat], r), b.at.Add(-late)
}

func (c *Corpus) member(chat *Chat, r *random) *Person {
	return &c.people.person[chat.Members[r.below(int64(len(chat.Members)))]]
}

// quote looks for the message before this one in its conversation.
func (c *Corpus) quote(b *basics, r *random) *Quote {
	for seq := b.seq - 1; seq >= max(c.oldest, b.seq-200); seq-- {
		o := c.basics(seq)
		if o.chat != b.chat || o.kind != text || o.expires > 0 {
			continue
		}
		q := &Quote{}
		q.Author, q.Sent = c.author(&o, &o.r)
		q.Text = c.words.write(nil, &o.r, min(40, length(&o.r)))
		return q
	}
	return nil
}
