package signallocal_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signallocal"
)

// Whatever order and times a file has, it comes back in that order, and a history in the
// order of receipt stores nothing for it.
func TestOrderComesBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		what string
		time func(i uint64) (sent, received uint64)
		meta int // messages that may store their place
	}{
		{"in order", func(i uint64) (uint64, uint64) { return 1e12 + i*1e6 - r.Uint64N(1e6), 1e12 + i*1e6 }, 0},
		{"one that is late by a year, each day", func(i uint64) (uint64, uint64) { return 1e12 + i*1e6 - i%80/79*3e10, 1e12 + i*1e6 }, 0},
		{"received at one time", func(i uint64) (uint64, uint64) { return 1e12 + r.Uint64N(1e11), 2e12 }, 2000},
		{"at random", func(i uint64) (uint64, uint64) { return r.Uint64N(4e12), r.Uint64N(4e12) }, 2000},
		{"beyond all time", func(i uint64) (uint64, uint64) { return 1<<64 - 1 - r.Uint64N(9), 1<<64 - 1 - r.Uint64N(9) }, 2000},
		{"all the same", func(i uint64) (uint64, uint64) { return 7, 7 }, 2000},
	} {
		b := signaltest.Everything(t)
		b.Frames, b.Media = b.Frames[:10], nil
		for i := range uint64(2000) {
			m := signal.Message{ChatID: 10 + i%2, AuthorID: 2, Standard: &signal.Standard{Text: fmt.Sprint(i)}, Incoming: new(signal.Incoming)}
			m.Sent, m.Incoming.Received = c.time(i)
			b.Frames = append(b.Frames, signal.AppendFrame(nil, signal.FrameChatItem, m.Append(nil)))
			if i%500 == 499 && c.meta > 0 { // other kinds between them
				b.Frames = append(b.Frames, signal.AppendFrame(nil, signal.FrameRecipient, signal.Recipient{ID: 1000 - i/5, Self: true}.Append(nil)),
					signal.AppendFrame(nil, 77, fmt.Append(nil, i)))
			}
		}
		root := b.Write(t, t.TempDir())
		h, err := signaltest.Collect(open(t, root))
		if err != nil || len(h.Keys()) != len(b.Frames) {
			t.Fatalf("%s: %d items of %d frames, %v", c.what, len(h.Keys()), len(b.Frames), err)
		}
		meta := 0
		for it := range h.Items(t.Context()) {
			if it.Key[0] == 'm' && len(it.Meta) > 0 {
				meta++
			}
		}
		if meta > c.meta {
			t.Errorf("%s: %d messages store their place", c.what, meta)
		}
		again, _ := write(t, h, signaltest.Key(t), signallocal.WriteOptions{})
		got, want := frames(t, again, signaltest.Key(t)), frames(t, root, signaltest.Key(t))
		if len(got) != len(want) {
			t.Fatalf("%s: %d frames, want %d", c.what, len(got), len(want))
		}
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("%s: frame %d differs", c.what, i)
			}
		}
	}
}
