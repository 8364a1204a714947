package corpus

import (
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// SignalKey is the 64-character key of the corpus's Signal backups.
func (c *Corpus) SignalKey() string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	r := c.rand("signal key", 0)
	var key [64]byte
	for i := range key {
		key[i] = digits[r.below(36)]
	}
	return string(key[:])
}

// frames yields a day as Signal's frames, the Info first. A frame is valid until
// the next one.
func (d *Day) frames() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !yield(d.info()) {
			return
		}
		for f := range d.setting() {
			if !yield(f) {
				return
			}
		}
		var body, frame []byte
		for m := range d.Messages() {
			body = d.item(m).Append(body[:0])
			frame = signal.AppendFrame(frame[:0], signal.FrameChatItem, body)
			if !yield(frame) {
				return
			}
		}
	}
}

func (d *Day) info() []byte {
	return signal.Info{Version: 1, TimeMs: ms(d.Time()), MediaRootKey: d.c.bytes("media root", 0, 32),
		CurrentApp: fmt.Sprintf("Corpus 1.%d", d.n), FirstApp: "Corpus 1.0"}.Append(nil)
}

// setting yields the frames that come before the messages: the owner, everybody
// else, the conversations.
func (d *Day) setting() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		frame := func(kind signal.FrameKind, body []byte) bool { return yield(signal.AppendFrame(nil, kind, body)) }
		if !frame(signal.FrameAccount, signal.Account{ProfileKey: d.c.bytes("profile", 0, 32), GivenName: "Corpus"}.Append(nil)) ||
			!frame(signal.FrameRecipient, signal.Recipient{ID: 1, Self: true}.Append(nil)) {
			return
		}
		for i, p := range d.c.people.person {
			contact := signal.Contact{ACI: p.ACI, E164: p.Number, GivenName: p.Name, ProfileKey: d.c.bytes("profile", uint64(i+1), 32)}
			if !frame(signal.FrameRecipient, signal.Recipient{ID: p.ID, Contact: &contact}.Append(nil)) {
				return
			}
		}
		for _, chat := range d.c.people.chats {
			if !chat.Group {
				continue
			}
			group := signal.Group{MasterKey: chat.MasterKey, Title: chat.Title}
			for _, i := range chat.Members {
				group.Members = append(group.Members, d.c.people.person[i].ACI)
			}
			if !frame(signal.FrameRecipient, signal.Recipient{ID: chat.Recipient, Group: &group}.Append(nil)) {
				return
			}
		}
		for _, chat := range d.c.people.chats {
			if !frame(signal.FrameChat, signal.Chat{ID: chat.ID, RecipientID: chat.Recipient, ExpirationTimerMs: uint64(chat.Timer.Milliseconds())}.Append(nil)) {
				return
			}
		}
	}
}

// item returns a message as Signal has it: what it is now, with earlier versions inside.
func (d *Day) item(m *Message) signal.Message {
	f := signal.Message{ChatID: m.Chat.ID, AuthorID: id(m.Author), Sent: ms(m.Sent), ExpiresIn: uint64(m.Expires.Milliseconds())}
	if m.Expires > 0 {
		f.ExpireStart = ms(m.Started)
	}
	if m.Author != nil {
		f.Incoming = &signal.Incoming{Received: ms(m.Received), ServerSent: ms(m.Sent) + 90, Read: m.Read}
	} else {
		f.Outgoing = &signal.Outgoing{Received: ms(m.Received), Read: []uint64{m.Chat.Recipient}, At: ms(m.Received) + 800}
	}
	switch {
	case m.Deleted:
		f.Deleted = true
		return f
	case m.Once:
		f.ViewOnce = &signal.ViewOnce{Reactions: reactions(m)}
		if len(m.Media) > 0 {
			p := d.pointer(&m.Media[0])
			f.ViewOnce.Attachment = &p
		}
		return f
	case len(m.Media) == 1 && m.Media[0].Sticker():
		p := d.pointer(&m.Media[0])
		pack := m.Media[0].Content % 50
		f.Sticker = &signal.Sticker{PackID: d.c.bytes("pack", pack, 16), PackKey: d.c.bytes("pack key", pack, 32), ID: uint32(m.Media[0].Content >> 60), Emoji: faces[1], Data: &p}
		return f
	}
	f.Standard = &signal.Standard{Text: string(m.Text), Reactions: reactions(m), Quote: quote(m.Quote)}
	for i := range m.Media {
		f.Standard.Attachments = append(f.Standard.Attachments, d.pointer(&m.Media[i]))
	}
	return edited(f, m)
}

// edited returns f as the newest version of m, with the earlier ones as revisions.
func edited(f signal.Message, m *Message) signal.Message {
	for _, e := range m.Edits {
		past := f
		past.Revisions = nil
		f.Revisions = append(f.Revisions, past)
		now := *f.Standard
		now.Text = string(e.Text)
		f.Standard, f.Sent = &now, ms(e.At)
	}
	return f
}

func quote(q *Quote) *signal.Quote {
	if q == nil {
		return nil
	}
	return &signal.Quote{TargetSent: ms(q.Sent), AuthorID: id(q.Author), Text: string(q.Text)}
}

func reactions(m *Message) []signal.Reaction {
	var rs []signal.Reaction
	for i, r := range m.Reactions {
		rs = append(rs, signal.Reaction{Emoji: r.Face, AuthorID: id(r.Author), Sent: ms(r.At), SortOrder: uint64(i + 1)})
	}
	return rs
}

// pointer says where the file of a media lies in a Signal backup.
func (d *Day) pointer(m *Media) signal.Pointer {
	at := d.c.signalMedia(m)
	p := signal.Pointer{ContentType: m.Type(), Locator: signal.Locator{
		Key: d.c.bytes("remote key", m.Content, 64), Size: at.Size, LocalKey: at.LocalKey[:], PlaintextHash: at.Hash[:]}}
	if m.Ext() == "jpg" || m.Ext() == "mp4" {
		p.Width, p.Height, p.BlurHash = 1600, 1200, "LEHV6nWB2yk8pyo0adR*.7kCMdnj"
	}
	if m.Ext() == "zip" {
		p.FileName = fmt.Sprintf("papers-%d.zip", m.Content%1000)
	}
	return p
}

func (c *Corpus) signalMedia(m *Media) signal.Media {
	s := signal.Media{Hash: c.Hash(m), Size: uint32(m.Size)}
	copy(s.LocalKey[:], c.bytes("local key", m.Content, 64))
	return s
}

// stream is randomness that is the same every time, for IVs.
func (c *Corpus) stream(kind string, n uint64) io.Reader {
	r := c.rand(kind, n)
	return &r
}

// Read fills p and never fails.
func (r *random) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.next() >> 56)
	}
	return len(p), nil
}

func id(p *Person) uint64 {
	if p == nil {
		return 1
	}
	return p.ID
}

// ms returns a time as Signal has it, 0 for none.
func ms(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMilli())
}
