package signal_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"crypto/sha256"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// history is the frames of n messages as people write them, with their total length.
func history(n int) (frames [][]byte, size int64) {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the quick brown fox jumps over a lazy dog and then we meet at noon maybe tomorrow photo from holiday thanks see you later ok")
	for i := range n {
		text := ""
		for range 3 + r.IntN(25) {
			text += words[r.IntN(len(words))] + " "
		}
		at := uint64(1_600_000_000_000 + i*60_000 + r.IntN(50_000))
		m := signal.Message{ChatID: 1 + uint64(r.IntN(40)), AuthorID: 1 + uint64(r.IntN(40)), Sent: at,
			Incoming: &signal.Incoming{Received: at + 500, ServerSent: at + 200, Read: true},
			Standard: &signal.Standard{Text: fmt.Sprint(text, r.IntN(1000))}}
		if i%4 == 0 {
			m.Incoming, m.Outgoing = nil, &signal.Outgoing{Received: at, Read: []uint64{2}, At: at + 9000}
		}
		frames = append(frames, signal.AppendFrame(nil, signal.FrameChatItem, m.Append(nil)))
		size += int64(len(frames[i]))
	}
	return frames, size
}

func mainOf(b *testing.B, frames [][]byte) (*signal.Keys, []byte) {
	b.Helper()
	k, _ := sampleKeys(b)
	var main bytes.Buffer
	m, err := k.NewMainWriter(&main, rand.NewChaCha8([32]byte{}))
	for _, f := range frames {
		if err == nil {
			err = m.Frame(f)
		}
	}
	if err == nil {
		err = m.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	return k, main.Bytes()
}

func BenchmarkVerifyMain(b *testing.B) {
	frames, _ := history(200_000)
	k, main := mainOf(b, frames)
	b.SetBytes(int64(len(main)))
	for b.Loop() {
		if err := k.VerifyMain(bytes.NewReader(main), int64(len(main)), false); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFrames counts bytes of frames, unpacked.
func BenchmarkFrames(b *testing.B) {
	frames, size := history(200_000)
	k, main := mainOf(b, frames)
	b.ReportMetric(float64(size)/float64(len(main)), "ratio")
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range k.Frames(bytes.NewReader(main), int64(len(main))) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkLedger(b *testing.B) {
	frames, size := history(200_000)
	b.SetBytes(size)
	b.ReportAllocs()
	var facts signal.Facts
	for b.Loop() {
		l := signal.NewLedger(signal.NewNamer([]byte("secret")))
		for _, f := range frames {
			if err := facts.Read(f); err != nil {
				b.Fatal(err)
			}
			it := l.Item(&facts, f)
			signal.SetContent(&it, f)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	frames, size := history(20_000)
	b.SetBytes(size)
	var dst []byte
	for b.Loop() {
		for _, f := range frames {
			var err error
			if dst, _, err = signal.AppendJSON(dst[:0], f); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkReadJSON(b *testing.B) {
	frames, _ := history(20_000)
	var lines [][]byte
	size := int64(0)
	for _, f := range frames {
		line, _, err := signal.AppendJSON(nil, f)
		if err != nil {
			b.Fatal(err)
		}
		lines, size = append(lines, line), size+int64(len(line))
	}
	b.SetBytes(size)
	var facts signal.Facts
	for b.Loop() {
		for _, line := range lines {
			if err := facts.ReadJSON(line); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkMediaOpen(b *testing.B) {
	for _, size := range []int{300 << 10, 16 << 20} {
		content := make([]byte, size)
		m := signal.Media{Size: uint32(size), Hash: sha256.Sum256(content)}
		var sealed bytes.Buffer
		if err := m.SealMedia(&sealed, rand.NewChaCha8([32]byte{}), bytes.NewReader(content)); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(size>>10, "KiB"), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				r, err := m.Open(bytes.NewReader(sealed.Bytes()), int64(sealed.Len()), new(signal.Scratch))
				if err == nil {
					_, err = io.Copy(io.Discard, r)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
