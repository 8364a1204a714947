package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/dayfold/dayfold/engine"
)

// A history is made up while it is read and takes no memory: n messages of about 200
// bytes over five years in 200 conversations, and media of 4 KiB which every
// share-th message shows. Each day brings 2,000 messages, deletes 500 and edits 50
// anywhere, whatever n is.
type history struct {
	n, share int64
	day      int64
}

const (
	perDay, deletions, edits = 2000, 500, 50
	mediaSize                = 4 << 10
	years                    = 5 * 365 * 24 * time.Hour
)

var begin = time.Date(2021, 1, 4, 0, 0, 0, 0, time.UTC)

// Info says what history it is.
func (h history) Info() engine.SourceInfo {
	return engine.SourceInfo{Kind: "growth", Label: "made up"}
}

// time is when the backup of the day is made.
func (h history) time() time.Time { return begin.Add(years).AddDate(0, 0, int(h.day)) }

var words = bytes.Fields([]byte("ich wir you the noch when morgen gut schon see there dann heute thanks photo later ja nein about with und aber lunch train home is das perhaps"))

// item is message i as it stands, with its media if it shows one.
func (h history) item(i int64, version int) (message engine.Item, media *engine.Item) {
	r := rand.New(rand.NewPCG(uint64(i), 99))
	at := begin.Add(time.Duration(float64(i) / float64(h.n) * float64(years)))
	if i >= h.n {
		at = begin.Add(years + time.Duration(float64(i-h.n)/perDay*float64(24*time.Hour)))
	}
	group := fmt.Sprintf("%016x", uint64(200*r.Float64()*r.Float64())*0x9e3779b97f4a7c15)
	text := make([]byte, 0, 400)
	for range 10 + r.IntN(50) {
		text = append(append(text, words[r.IntN(len(words))]...), ' ')
	}
	text = fmt.Appendf(text, "%x %d", r.Uint32(), version)
	week := at.Unix() / (7 * 86400)
	message = engine.Item{Key: fmt.Appendf(nil, "m/%05d/%s/%013d-%08d", week, group, at.UnixMilli(), i), Group: []byte(group),
		Kind: engine.Message, Time: at, Inline: text, Size: int64(len(text))}
	if h.share == 0 || i%h.share != 0 {
		return message, nil
	}
	key := fmt.Appendf(nil, "p/%05d/%016x", week, uint64(i)*0x9e3779b97f4a7c15)
	message.Needs = [][]byte{key}
	return message, &engine.Item{Key: key, Kind: engine.Media, Time: at, Size: mediaSize, Stamp: key,
		Open: func(context.Context) (io.ReadCloser, error) {
			var seed [32]byte
			copy(seed[:], key[len(key)-16:])
			return io.NopCloser(io.LimitReader(rand.NewChaCha8(seed), mediaSize)), nil
		}}
}

// changes are the messages that days up to this one deleted and edited.
func (h history) changes() (gone map[int64]bool, edited map[int64]int) {
	gone, edited = map[int64]bool{}, map[int64]int{}
	for d := int64(1); d <= h.day; d++ {
		r := rand.New(rand.NewPCG(uint64(d), 7))
		for range deletions {
			gone[r.Int64N(h.n)] = true
		}
		for range edits {
			edited[r.Int64N(h.n)]++
		}
	}
	return gone, edited
}

// Items yields the history as of its day.
func (h history) Items(context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		gone, edited := h.changes()
		for i := range h.n + perDay*h.day {
			if gone[i] {
				continue
			}
			message, media := h.item(i, edited[i])
			if !yield(message, nil) || media != nil && !yield(*media, nil) {
				return
			}
		}
	}
}

// feed yields what differs from the day before.
func (h history) feed() iter.Seq2[engine.Change, error] {
	return func(yield func(engine.Change, error) bool) {
		before := history{h.n, h.share, h.day - 1}
		wasGone, wasEdited := before.changes()
		gone, edited := h.changes()
		put := func(i int64) bool {
			message, media := h.item(i, edited[i])
			return yield(engine.Change{New: &message}, nil) && (media == nil || yield(engine.Change{New: media}, nil))
		}
		for i := range gone {
			if message, _ := h.item(i, 0); !wasGone[i] && !yield(engine.Change{Old: &message}, nil) {
				return
			}
		}
		for i := range edited {
			if edited[i] != wasEdited[i] && !gone[i] && !put(i) {
				return
			}
		}
		for i := h.n + perDay*before.day; i < h.n+perDay*h.day; i++ {
			if !put(i) {
				return
			}
		}
	}
}
