package signaltest

import (
	"bytes"
	"testing"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// Made is when the backup of Everything was made, in ms: 2025-06-16 15:06:40 UTC.
const Made = 1750086400000

const (
	hour = 3600 * 1000
	day  = 24 * hour
)

// Everything is a backup with one of everything: two people and a group, wallpapers,
// timers that have started, wait, and are too short; a photo to be seen once; an edited
// message; quotes, stickers, links, cards, stories, long texts; a photo in two chats; two
// messages that cannot be told apart; one that came late; a frame of an unknown kind and
// fields that nobody knows.
func Everything(t testing.TB) Backup {
	b := Backup{Key: Key(t), ID: [16]byte{1, 2, 3}, Snapshot: "signal-backup-2025-06-16-15-06-40"}
	b.Info = signal.Info{Version: 1, TimeMs: Made, MediaRootKey: bytes.Repeat([]byte{7}, 32), CurrentApp: "test"}.Append(nil)
	for n := uint64(1); n <= 12; n++ {
		b.Media = append(b.Media, NewFile(n, int(n*n)*777))
	}
	b.people()
	b.messages()
	return b
}

func (b *Backup) add(kind signal.FrameKind, message []byte) {
	b.Frames = append(b.Frames, signal.AppendFrame(nil, kind, message))
}

func (b *Backup) pointer(n int, contentType string) *signal.Pointer {
	p := b.Media[n-1].Pointer(contentType)
	return &p
}

func (b *Backup) people() {
	b.add(signal.FrameAccount, signal.Account{ProfileKey: bytes.Repeat([]byte{9}, 32), GivenName: "Ada",
		Wallpaper: b.pointer(1, "image/jpeg")}.Append(nil))
	for _, r := range []signal.Recipient{
		{ID: 1, Self: true},
		{ID: 2, Contact: &signal.Contact{ACI: bytes.Repeat([]byte{0x11}, 16), E164: 15550001111, GivenName: "Bob"}},
		{ID: 3, Contact: &signal.Contact{E164: 15550002222, GivenName: "Eve"}},
		{ID: 5, ReleaseNotes: true},
		{ID: 4, Group: &signal.Group{MasterKey: bytes.Repeat([]byte{0x22}, 32), Title: "Friends"}},
		{ID: 6, List: &signal.List{ID: make([]byte, 16), Name: "My Story"}},
		{ID: 7, CallLink: bytes.Repeat([]byte{0x33}, 16)},
	} {
		b.add(signal.FrameRecipient, r.Append(nil))
	}
	b.add(signal.FrameChat, signal.Chat{ID: 10, RecipientID: 2, ExpirationTimerMs: 7 * day}.Append(nil))
	b.add(signal.FrameChat, signal.Chat{ID: 11, RecipientID: 4, Wallpaper: b.pointer(2, "image/png")}.Append(nil))
	b.add(signal.FrameChat, signal.Chat{ID: 12, RecipientID: 3}.Append(nil))
	b.add(signal.FrameStickerPack, signal.StickerPack{PackID: bytes.Repeat([]byte{4}, 16), PackKey: bytes.Repeat([]byte{5}, 32)}.Append(nil))
	b.add(signal.FrameFolder, signal.Folder{Name: "Work", ID: bytes.Repeat([]byte{6}, 16), Included: []uint64{2, 4}}.Append(nil))
	b.add(99, []byte("\x0a\x03abc"))
}

// in is a message that came in at ms and had the given content.
func in(chat, author, ms uint64) signal.Message {
	return signal.Message{ChatID: chat, AuthorID: author, Sent: ms - 500, Incoming: &signal.Incoming{Received: ms, ServerSent: ms - 100}}
}

func text(m signal.Message, s string) signal.Message {
	m.Standard = &signal.Standard{Text: s}
	return m
}

func (b *Backup) messages() {
	at := uint64(Made - 100*day)
	next := func() uint64 { at += hour; return at }
	var ms []signal.Message
	m := text(in(10, 2, next()), "hello")
	m.Standard.Reactions = []signal.Reaction{{Emoji: "👍", AuthorID: 1, Sent: at, SortOrder: 1}}
	ms = append(ms, m, text(m, "to be told apart by nothing"), text(in(11, 3, next()), "to the group"))

	m = in(11, 2, next()) // photos, one of them in two chats
	m.Standard = &signal.Standard{Attachments: []signal.Pointer{*b.pointer(3, "image/jpeg"), *b.pointer(4, "video/mp4")},
		LinkURL: "https://example.org/", LinkImage: b.pointer(5, "image/webp")}
	other := in(10, 2, next())
	other.Standard = &signal.Standard{Attachments: []signal.Pointer{*b.pointer(3, "image/jpeg")}, LongText: b.pointer(6, "text/x-signal-plain")}
	ms = append(ms, m, other)

	edited := text(in(10, 2, next()), "third")
	first, second := text(edited, "first"), text(edited, "second")
	first.Sent, second.Sent = at-3*hour, at-2*hour
	second.Standard.Attachments = []signal.Pointer{*b.pointer(7, "image/jpeg")}
	edited.Revisions = []signal.Message{first, second}
	ms = append(ms, edited)

	once := in(10, 2, next())
	once.ViewOnce = &signal.ViewOnce{Attachment: b.pointer(8, "image/jpeg"), Reactions: []signal.Reaction{{Emoji: "x", AuthorID: 1}}}
	quote := text(in(10, 2, next()), "look")
	quote.Standard.Quote = &signal.Quote{TargetSent: at, AuthorID: 2, Text: "hi", Thumbnails: []signal.Pointer{*b.pointer(9, "image/jpeg")}}
	onceQuote := text(in(10, 2, next()), "gone")
	onceQuote.Standard.Quote = &signal.Quote{AuthorID: 2, Type: 3, Thumbnails: []signal.Pointer{*b.pointer(8, "image/jpeg")}}
	ms = append(ms, once, quote, onceQuote)

	sticker, card, story := in(11, 2, next()), in(11, 2, next()), in(10, 2, next())
	sticker.Sticker = &signal.Sticker{PackID: bytes.Repeat([]byte{4}, 16), PackKey: bytes.Repeat([]byte{5}, 32), ID: 3, Data: b.pointer(10, "image/webp")}
	card.Card = b.pointer(11, "image/jpeg")
	story.Story = &signal.Standard{Text: "nice", LongText: b.pointer(12, "text/x-signal-plain")}
	deleted, update := in(10, 2, next()), signal.Message{ChatID: 10, AuthorID: 2, Sent: next(), Update: 5}
	deleted.Deleted = true
	long := text(in(10, 2, next()), string(bytes.Repeat([]byte("long "), 2000)))
	late := text(in(12, 3, next()), "sent long ago")
	late.Sent = at - 60*day
	sent := signal.Message{ChatID: 11, AuthorID: 1, Sent: next(), Standard: &signal.Standard{Text: "sent"},
		Outgoing: &signal.Outgoing{Received: at, Sent: []uint64{2}, Read: []uint64{3}, At: at}}
	ms = append(ms, sticker, card, story, deleted, update, long, late, sent)
	ms = append(ms, timers()...)
	for _, m := range ms {
		b.add(signal.FrameChatItem, append(m.Append(nil), 0x8a, 0x3e, 0x02, 'o', 'k')) // field 993 is unknown
	}
}

// timers are disappearing messages: started, waiting, and two that disappear too soon.
func timers() []signal.Message {
	started, waiting := text(in(10, 2, Made-4*day), "started"), text(in(10, 2, Made-3*day), "waiting")
	started.ExpireStart, started.ExpiresIn = Made-4*day, 7*day
	waiting.ExpiresIn = 7 * day
	soon, short := text(in(10, 2, Made-2*day), "gone soon"), text(in(10, 2, Made-day), "short")
	soon.ExpireStart, soon.ExpiresIn = Made-2*day, 2*day+hour
	short.ExpiresIn = hour
	return []signal.Message{started, waiting, soon, short}
}
