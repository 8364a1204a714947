package signalv1_test

import (
	"bytes"
	"testing"

	"github.com/dayfold/dayfold/engine/source/signalv1"
)

// BenchmarkItems reads a file of photos whose contents nobody asks for, since they are not
// new: they are decrypted, hashed and authenticated.
func BenchmarkItems(b *testing.B) {
	all := small()
	all = all[:8] // up to the messages
	photo := bytes.Repeat([]byte("photo "), 50_000)
	for i := range 300 {
		all = append(all, piece{frame: signalv1.Row("attachment", i+1, 1, "image/jpeg", len(photo), nil)},
			piece{frame: signalv1.Attachment(uint64(i+1), uint64(len(photo))), blob: photo})
	}
	benchmark(b, file(b, append(all, piece{frame: signalv1.End()}), 3, 1))
}

// BenchmarkRows reads a file of messages.
func BenchmarkRows(b *testing.B) {
	all := small()[:5]
	for i := range 50_000 {
		all = append(all, piece{frame: row{id: i + 1, thread: 1, from: 2, body: "a message of some ten words, as most of them are"}.frame()})
	}
	benchmark(b, file(b, append(all, piece{frame: signalv1.End()}), 3, 1))
}

func benchmark(b *testing.B, file []byte) {
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		s, err := signalv1.OpenBytes(file, passphrase(b))
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range s.Items(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
