package signal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash/maphash"
	"io"
	"iter"
	"math"
	"strconv"
	"time"

	"github.com/dayfold/dayfold/engine"
)

// MaxInline is the longest content that an item carries itself, in bytes.
const MaxInline = 4096

// A Ledger turns the facts of one history, in the order of its frames, into items:
// it knows which recipient and which chat a number stands for, which names are
// taken, and which media have been shown, about 15 bytes for a frame and 250 for a
// media. It is for one pass.
type Ledger struct {
	names  *Namer
	people map[uint64]string // recipient's number to its hash
	groups map[uint64][]byte // chat's number to its recipient's hash
	taken  map[uint64]struct{}
	seed   maphash.Seed
	media  map[shownIn]*Medium
	order  sequence

	perGroup bool
}

// shownIn is a media and, for a Ledger that keeps conversations apart, the one that
// shows it.
type shownIn struct {
	name  MediaName
	group string
}

// A Medium is a media that was shown at least once.
type Medium struct {
	Shown
	Key   string
	Group string    // the only conversation that shows it; empty: see PerGroup
	Time  time.Time // of the last message that shows it; zero: none does
}

// NewLedger returns an empty Ledger that names items with names.
func NewLedger(names *Namer) *Ledger {
	return &Ledger{names: names, people: map[uint64]string{}, groups: map[uint64][]byte{},
		taken: map[uint64]struct{}{}, seed: maphash.MakeSeed(), media: map[shownIn]*Medium{}}
}

// PerGroup makes a media that two conversations show two media, one in the group of
// each, for an archive of strict scope: what one of them has, the other does not tell.
func (l *Ledger) PerGroup(yes bool) { l.perGroup = yes }

// Item returns the item for f, without content. content is what it is named after
// when there is nothing better.
func (l *Ledger) Item(f *Facts, content []byte) engine.Item {
	it := engine.Item{Kind: engine.Other}
	key := ""
	switch f.Kind {
	case FrameAccount:
		key = "a/account"
	case FrameRecipient:
		id := l.names.Hash("recipient", f.Identity)
		l.people[f.ID] = id
		key = "r/" + id
	case FrameChat:
		group := l.person(f.RecipientID)
		it.Group = []byte(group)
		l.groups[f.ID] = it.Group
		key = "c/" + group
	case FrameChatItem:
		l.message(f, &it)
	case FrameStickerPack:
		key = "s/" + l.names.Hash("pack", f.Identity)
	case FrameAdHocCall:
		b := append([]byte("h/"+l.person(f.RecipientID)), '/')
		b = append(appendDigits(b, f.Sent, 16), '/')
		key = string(b) + l.names.Hash("call", appendVarint(nil, f.ID))[:8]
	case FrameProfile:
		key = "n/" + l.names.Hash("profile", f.Identity)
	case FrameFolder:
		key = "f/" + l.names.Hash("folder", f.Identity)
	default:
		key = "u/" + l.names.Hash("unknown", content)
	}
	if key != "" {
		it.Key = []byte(key)
	}
	it.Key = l.take(it.Key)
	l.show(f, &it)
	it.Meta = l.order.next(f, &it)
	return it
}

// person returns the hash of a recipient. One that no frame has introduced is known
// by its number.
func (l *Ledger) person(id uint64) string {
	s, ok := l.people[id]
	if !ok {
		s = l.names.Hash("number", appendVarint(nil, id))
		l.people[id] = s
	}
	return s
}

func (l *Ledger) message(f *Facts, it *engine.Item) {
	group, ok := l.groups[f.ChatID]
	if !ok {
		group = []byte(l.names.Hash("chat", appendVarint(nil, f.ChatID)))
		l.groups[f.ChatID] = group
	}
	it.Kind, it.Group = engine.Message, group
	it.Key = messageKey(f.Sent, group, l.person(f.AuthorID), f.Update)
	it.Time = moment(f.when())
	SetTimer(it, f.ExpireStart, f.ExpiresIn)
}

// SetTimer sets how long an item lives whose timer of in ms has started at start, a time
// in ms; 0: it waits. A timer of 0 is none.
func SetTimer(it *engine.Item, start, in uint64) {
	switch {
	case in == 0:
	case start == 0:
		it.Timer = time.Duration(min(in, math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond
	default:
		it.Expires = moment(min(start, maxTime) + min(in, maxTime))
	}
}

// when is when a message was received, as far as it is known.
func (f *Facts) when() uint64 {
	if f.Received != 0 {
		return f.Received
	}
	return f.Sent
}

// maxTime is the end of the year 9999, in ms. Times beyond it are taken for it.
const maxTime = 253402300799999

// Moment is a time in ms as items have it.
func Moment(ms uint64) time.Time { return moment(ms) }

func moment(ms uint64) time.Time { return time.UnixMilli(int64(min(ms, maxTime))).UTC() }

// take returns key, or, if it is taken, key with the first free number after it.
// Two messages of one sender in one conversation and one millisecond are rare, and
// then only their order tells them apart.
func (l *Ledger) take(key []byte) []byte {
	base := len(key)
	for n := 2; ; n++ {
		before := len(l.taken)
		l.taken[maphash.Bytes(l.seed, key)] = struct{}{}
		if len(l.taken) > before {
			return key
		}
		key = strconv.AppendInt(append(key[:base], '-'), int64(n), 10)
	}
}

// show notes the media that f shows and sets what the item needs. What may be seen
// once is not needed.
func (l *Ledger) show(f *Facts, it *engine.Item) {
	for i := range f.Media {
		s := &f.Media[i]
		in := shownIn{name: s.Name}
		if l.perGroup {
			in.group = string(it.Group)
		}
		m, ok := l.media[in]
		if !ok {
			w := uint32(0)
			if f.Kind == FrameChatItem {
				w = week(f.Sent)
			}
			m = &Medium{Shown: *s, Key: mediaKey(w, in.group, s.Name.String()), Group: in.group}
			l.media[in] = m
		}
		m.Once, m.Text = m.Once && s.Once, m.Text || s.Text
		if it.Time.After(m.Time) {
			m.Time = it.Time
		}
		if !s.Once && !needs(it, m.Key) {
			it.Needs = append(it.Needs, []byte(m.Key))
		}
	}
}

func needs(it *engine.Item, key string) bool {
	for _, n := range it.Needs {
		if string(n) == key {
			return true
		}
	}
	return false
}

// Media yields each media that was shown, in no order. No item may be asked for after
// that: the names that were taken are forgotten, which are most of the Ledger's memory.
func (l *Ledger) Media() iter.Seq[*Medium] {
	l.taken = nil
	return func(yield func(*Medium) bool) {
		for _, m := range l.media {
			if !yield(m) {
				return
			}
		}
	}
}

// SetContent makes b the item's content: inline if it is short, else with its hash as
// stamp, so that it is not read again while it stays the same.
func SetContent(it *engine.Item, b []byte) {
	it.Size = int64(len(b))
	if len(b) <= MaxInline {
		it.Inline = b
		return
	}
	sum := sha256.Sum256(b)
	it.Stamp = sum[:]
	it.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

// Reader returns the content of an item as a stream.
func Reader(ctx context.Context, it *engine.Item) (io.ReadCloser, error) {
	if it.Open == nil {
		return io.NopCloser(bytes.NewReader(it.Inline)), nil
	}
	return it.Open(ctx)
}

// Content returns the content of an item that is no media.
func Content(ctx context.Context, it *engine.Item) ([]byte, error) {
	if it.Open == nil {
		return it.Inline, nil
	}
	r, err := it.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, MaxFrame+1))
	if err == nil && len(b) > MaxFrame {
		err = malformed("an item of more than %d bytes", MaxFrame)
	}
	return b, err
}
