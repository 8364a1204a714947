package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/dayfold/dayfold/engine"
)

// A demoHistory is an invented chat history that grows by a day at a time: the same for
// the same seed. It is the demo's Source.
type demoHistory struct {
	rand     *rand.Rand
	today    time.Time
	messages []demoMessage
	photos   []demoPhoto
	next     int // number of the next message
}

type demoMessage struct {
	number, chat int
	sent         time.Time
	expires      time.Time // zero: never
	text         string
	edited       int
	photo        string // key; "": none
}

type demoPhoto struct {
	key  string
	seed uint64
	size int64
	sent time.Time
}

// The size of the demo's history, and of what happens in a day of it.
const (
	demoChats     = 12
	demoFirstDays = 150 // before the first backup
	demoMessages  = 100 // a day
	demoPhotos    = 2   // a day
	demoDeleted   = 8   // messages a day, anywhere in the history
	demoEdited    = 4   // messages a day
)

func newDemoHistory(seed uint64) *demoHistory {
	h := &demoHistory{rand: rand.New(rand.NewPCG(seed, 1)), today: time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)}
	for range demoFirstDays {
		h.write()
		h.today = h.today.Add(day)
	}
	return h
}

// pass lets a day pass: people write, delete, edit, and timers run out.
func (h *demoHistory) pass() {
	h.today = h.today.Add(day)
	for range demoDeleted {
		i := h.rand.IntN(len(h.messages))
		h.messages = append(h.messages[:i], h.messages[i+1:]...)
	}
	for range demoEdited {
		m := &h.messages[len(h.messages)-1-h.rand.IntN(demoMessages)]
		m.text, m.edited = h.sentence(), m.edited+1
	}
	h.write()
}

// write adds a day's messages; a tenth of the chats have a timer of five days.
func (h *demoHistory) write() {
	for i := range demoMessages {
		m := demoMessage{number: h.next, chat: h.rand.IntN(demoChats), sent: h.today.Add(time.Duration(i) * time.Minute), text: h.sentence()}
		h.next++
		if m.chat == 0 {
			m.expires = m.sent.Add(5 * day)
		}
		if i < demoPhotos && m.expires.IsZero() {
			p := demoPhoto{fmt.Sprintf("p/%04d/%016x", week(m.sent), h.rand.Uint64()), h.rand.Uint64(), 10_000 + h.rand.Int64N(110_000), m.sent}
			h.photos = append(h.photos, p)
			m.photo = p.key
		}
		h.messages = append(h.messages, m)
	}
}

func week(t time.Time) int64 { return t.Unix() / (7 * 24 * 3600) }

const demoWords = `a about after again all and any are at back be because before but by call can come could day did do down eat evening
few first for found friend from get give go good got had has have he help her here home how I if in into is it just know last later let like
little long look made make many maybe me meet more morning much my need new next no not now of off on one or our out over photo please
really right said say see send she should so some soon still such sure take tell thank that the their them then there they thing think
this time to today tomorrow too train try two up us very wait want was way we week well went were what when where which who why will with work would year yes you your`

func (h *demoHistory) sentence() string {
	words := strings.Fields(demoWords)
	var b strings.Builder
	for i := range 3 + h.rand.IntN(20) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(words[h.rand.IntN(len(words))])
	}
	return b.String()
}

// Info says that this is the demo's history.
func (h *demoHistory) Info() engine.SourceInfo { return engine.SourceInfo{Kind: "demo", Label: "demo"} }

// Items yields the messages, then the photos.
func (h *demoHistory) Items(context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		shown := map[string]bool{}
		for i := range h.messages {
			m := &h.messages[i]
			if !m.expires.IsZero() && !m.expires.After(h.today) {
				continue
			}
			shown[m.photo] = true
			if !yield(m.item(), nil) {
				return
			}
		}
		for i := range h.photos {
			if shown[h.photos[i].key] && !yield(h.photos[i].item(), nil) {
				return
			}
		}
	}
}

func (m *demoMessage) item() engine.Item {
	group := fmt.Sprintf("%08x", uint32(m.chat+1)*2654435761)
	it := engine.Item{
		Key:   fmt.Appendf(nil, "m/%04d/%s/%013d/%d", week(m.sent), group, m.sent.UnixMilli(), m.number),
		Group: []byte(group), Kind: engine.Message, Time: m.sent, Expires: m.expires,
		Stamp: fmt.Appendf(nil, "%d.%d", m.number, m.edited), Size: int64(len(m.text)), Inline: []byte(m.text),
	}
	if m.photo != "" {
		it.Needs = [][]byte{[]byte(m.photo)}
	}
	return it
}

func (p *demoPhoto) item() engine.Item {
	return engine.Item{
		Key: []byte(p.key), Kind: engine.Media, Time: p.sent, Stamp: []byte(p.key), Size: p.size,
		Open: func(context.Context) (io.ReadCloser, error) {
			var seed [32]byte
			binary.LittleEndian.PutUint64(seed[:], p.seed)
			jpeg := bytes.NewReader([]byte("\xff\xd8\xff\xe0"))
			return io.NopCloser(io.LimitReader(io.MultiReader(jpeg, rand.NewChaCha8(seed)), p.size)), nil
		},
	}
}
