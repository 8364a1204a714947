package signalv1_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signalv1"
)

// small is a file of two photos and three messages.
func small() []piece {
	all := []piece{{frame: signalv1.Version(300)}, {frame: signalv1.Statement("CREATE TABLE thread (_id INTEGER PRIMARY KEY, recipient_id INTEGER)")},
		{frame: signalv1.Statement(messageTable)},
		{frame: signalv1.Statement("CREATE TABLE attachment (_id INTEGER PRIMARY KEY, message_id INTEGER, content_type TEXT, data_size INTEGER, data_hash_end TEXT)")},
		{frame: signalv1.Row("thread", 1, 2)}}
	for i := range 3 {
		all = append(all, piece{frame: row{id: i + 1, thread: 1, from: 2, body: "text"}.frame()})
	}
	all = append(all, attachment(1, 2, "a photo")...)
	all = append(all, attachment(2, 3, "another photo")...)
	return append(all, piece{frame: signalv1.KeyValue("k", "v")}, piece{frame: signalv1.End()})
}

// with returns pieces with others in the place of n of them from at.
func with(all []piece, at, n int, others ...piece) []piece {
	return slices.Replace(slices.Clone(all), at, at+n, others...)
}

// announced is an attachment's frame with any length, as a varint.
func announced(row, length uint64) []byte {
	inner := append([]byte{1 << 3}, binary.AppendUvarint(nil, row)...)
	inner = binary.AppendUvarint(append(inner, 3<<3), length)
	return append([]byte{4<<3 | 2, byte(len(inner))}, inner...)
}

// Each bad input is a named error, and nothing else of the file is lost.
func TestBadInput(t *testing.T) {
	all := small()
	const firstBlob, lastRow = 9, 10 // of all
	photo := func(i int) piece { return all[i] }
	for _, c := range []struct {
		what  string
		file  []piece
		alter func(b []byte) []byte
		want  error // of the Problems, all of them
		also  error // or this
		n     int   // Problems
		lost  int   // items, compared with the whole file
	}{
		{what: "whole", file: all},
		{what: "a message's HMAC", file: all, alter: func(b []byte) []byte {
			return flipAt(len(file(t, all[:7], 3, 1)) - len(file(t, all, 3, 1)) - 2)(b)
		}, want: signalv1.ErrMAC, also: signalv1.ErrOwner, n: 3, lost: 3},
		{what: "no end frame", file: all[:len(all)-1], want: signalv1.ErrNoEnd, n: 1},
		{what: "bytes behind the end", file: append(slices.Clone(all), piece{frame: signalv1.Version(1)}), want: signalv1.ErrTrailing, n: 1},
		{what: "ends after the first frame", file: all[:1], want: signalv1.ErrNoEnd, n: 1, lost: len(all) - 2},
		{what: "ends within a frame", file: all, alter: func(b []byte) []byte { return b[:len(b)-3] }, want: signalv1.ErrShort, n: 1},
		{what: "a frame's HMAC", file: all, alter: flipAt(-25), want: signalv1.ErrMAC, n: 1, lost: 1},
		{what: "a frame of no length", file: all, alter: lengthOf(t, all, 6, 0), want: signalv1.ErrLength, n: 1, lost: len(all) - 1 - 6},
		{what: "a huge frame", file: all, alter: lengthOf(t, all, 6, 1<<31-1), want: signalv1.ErrLength, n: 1, lost: len(all) - 1 - 6},
		{what: "a frame longer than the file", file: all, alter: lengthOf(t, all, 6, 1<<20), want: signalv1.ErrShort, n: 1, lost: len(all) - 1 - 6},
		{what: "attachment longer than the file", file: with(all, firstBlob, len(all)-firstBlob, piece{frame: announced(1, 1<<20)}), want: signalv1.ErrShort, n: 1, lost: len(all) - 1 - firstBlob},
		{what: "huge attachment", file: with(all, firstBlob, len(all)-firstBlob, piece{frame: announced(1, 1<<32-1)}), want: signalv1.ErrShort, n: 1, lost: len(all) - 1 - firstBlob},
		{what: "negative length", file: with(all, firstBlob, 1, piece{frame: announced(1, 1<<64-5)}), want: signal.ErrCorrupt, n: 1, lost: 1},
		{what: "attachment of nothing", file: with(all, firstBlob, 1, piece{frame: announced(1, 0), blob: []byte{}})},
		{what: "attachment of another row", file: with(all, firstBlob, 1, piece{frame: announced(77, 7), blob: []byte("a photo")}), want: signalv1.ErrOwner, n: 1, lost: 1},
		{what: "two attachments of a row", file: with(all, lastRow, 0, photo(firstBlob)), want: signalv1.ErrOwner, n: 1},
		{what: "CREATE that does not parse", file: with(all, 3, 1, piece{frame: signalv1.Statement("CREATE TABLE attachment (_id INTEGER")}), want: signal.ErrFormat, also: signalv1.ErrOwner, n: 3 + 2, lost: 5},
		{what: "no CREATE", file: with(all, 1, 1), want: signalv1.ErrNoTable, n: 1, lost: 2},
		{what: "too few values", file: with(all, 5, 1, piece{frame: signalv1.Row("message", 1, 2)}), want: signalv1.ErrRow, n: 1, lost: 1},
		{what: "too many values", file: with(all, 4, 1, piece{frame: signalv1.Row("thread", 1, 2, 3)}), want: signalv1.ErrRow, n: 1, lost: 1},
		{what: "columns by name", file: with(all, 4, 1, piece{frame: signalv1.Statement("INSERT INTO thread (recipient_id, _id) VALUES (?,?)", 1, 2)}), want: signalv1.ErrSQL, n: 1, lost: 1},
		{what: "two messages of one number", file: with(all, 6, 0, all[5]), want: signalv1.ErrTwice, n: 1},
		{what: "two rows of one number, apart", file: with(all, 12, 0, all[4]), want: signalv1.ErrTwice, n: 1},
		{what: "no protobuf", file: with(all, 5, 0, piece{frame: []byte{0xff, 0xff, 0xff}}), want: signal.ErrFormat, n: 1},
		{what: "no protobuf within", file: with(all, 5, 0, piece{frame: []byte{2<<3 | 2, 1, 0xff}}), want: signal.ErrFormat, n: 1},
		{what: "blob", file: all, alter: func(b []byte) []byte { return flipBlob(t, b, all) }, want: signalv1.ErrMAC, n: 1, lost: 1},
	} {
		whole := collect(t, file(t, all, 3, 1))
		for version := range uint64(2) {
			b := file(t, c.file, 3, version)
			if c.alter != nil {
				b = c.alter(b)
			}
			h, err := signaltest.Collect(open(t, b))
			if err != nil {
				t.Errorf("%s, version %d: %v", c.what, version, err)
				continue
			}
			for _, p := range h.Problems {
				if !errors.Is(p, c.want) && !(c.also != nil && errors.Is(p, c.also)) || !errors.Is(p, signal.ErrCorrupt) && !errors.Is(p, signal.ErrFormat) || !strings.HasPrefix(string(p.Key), "frame ") {
					t.Errorf("%s, version %d: %v, want %v", c.what, version, p, c.want)
				}
			}
			if len(h.Problems) != c.n {
				t.Errorf("%s, version %d: %d problems, want %d: %v", c.what, version, len(h.Problems), c.n, h.Problems)
			}
			lost := 0
			for _, key := range whole.Keys() {
				if !slices.Contains(h.Keys(), key) {
					lost++
				}
			}
			if lost != c.lost {
				t.Errorf("%s, version %d: %d items are lost, want %d", c.what, version, lost, c.lost)
			}
		}
	}
}

func flipAt(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[(at+len(b))%len(b)] ^= 1
		return b
	}
}

// lengthOf changes the length of frame i, which a key stream may lie over.
func lengthOf(t *testing.T, all []piece, i int, length uint32) func([]byte) []byte {
	return func(b []byte) []byte {
		at := len(b) - len(file(t, all, 3, 1)) + len(file(t, all[:i], 3, 1))
		mask := binary.BigEndian.AppendUint32(nil, uint32(len(all[i].frame)+10)^length)
		for j := range mask {
			b[at+j] ^= mask[j]
		}
		return b
	}
}

// flipBlob flips a bit of the first photo.
func flipBlob(t *testing.T, b []byte, all []piece) []byte {
	t.Helper()
	at := len(file(t, all[:9], 3, 1)) + 4 + len(all[9].frame) + 10
	b[at+2] ^= 4
	return b
}

// A file that has no frame to begin with is not opened, and the error says why.
func TestNotOpened(t *testing.T) {
	b := file(t, small(), 3, 1)
	head := len(file(t, nil, 3, 1))
	wrong, err := signalv1.ParsePassphrase(strings.Repeat("9", 30))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signalv1.OpenBytes(b, wrong); !errors.Is(err, signal.ErrKey) || strings.Contains(err.Error(), "999") {
		t.Errorf("wrong passphrase: %v", err)
	}
	alter := func(at int, v byte) []byte {
		c := bytes.Clone(b)
		c[at] = v
		return c
	}
	for _, c := range []struct {
		what string
		file []byte
		want error
	}{
		{"empty", nil, signal.ErrFormat},
		{"three bytes", b[:3], signal.ErrFormat},
		{"half a header", b[:20], signal.ErrFormat},
		{"only the header", b[:head], signal.ErrCorrupt},
		{"half a frame", b[:head+9], signal.ErrCorrupt},
		{"no header", append([]byte{0, 0, 0, 0}, b[head:]...), signal.ErrFormat},
		{"huge header", alter(0, 0x7f), signal.ErrFormat},
		{"version 2", alter(head-1, 2), signal.ErrFormat},
		{"another salt", alter(head-10, 77), signal.ErrKey},
		{"another file", []byte(strings.Repeat("SQLite format 3\x00", 100)), signal.ErrFormat},
	} {
		if _, err := signalv1.OpenBytes(c.file, passphrase(t)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
}

// Truncated at any byte, the file is read as far as it goes, says that it is cut short, and
// gives nothing that the whole one does not.
func TestTruncatedAnywhere(t *testing.T) {
	for version := range uint64(2) {
		b := file(t, small(), 3, version)
		whole := collect(t, b)
		for n := range len(b) {
			s, err := signalv1.OpenBytes(b[:n], passphrase(t))
			if err != nil {
				if !named(err) {
					t.Fatalf("version %d, %d bytes: %v", version, n, err)
				}
				continue
			}
			h, err := signaltest.Collect(s)
			if err != nil || len(h.Problems) == 0 {
				t.Fatalf("version %d, %d bytes: %v, %d problems", version, n, err, len(h.Problems))
			}
			subset(t, h, whole)
		}
	}
}

// Flipped at any byte, the damage is named, and nothing false is read.
func TestFlippedAnywhere(t *testing.T) {
	for version := range uint64(2) {
		b := file(t, small(), 3, version)
		head := len(file(t, nil, 3, version))
		whole := collect(t, b)
		for n := range b {
			if n >= 4+2+2+18 && n < head-2 && n%8 > 0 {
				continue // each byte of a salt costs a derivation: try one in eight
			}
			c := bytes.Clone(b)
			c[n] ^= 1 << (n % 8)
			s, err := signalv1.OpenBytes(c, passphrase(t))
			if err != nil {
				if !named(err) {
					t.Fatalf("version %d, byte %d: %v", version, n, err)
				}
				continue
			}
			h, err := signaltest.Collect(s)
			if err != nil || len(h.Problems) == 0 {
				t.Fatalf("version %d, byte %d: %v, %d problems", version, n, err, len(h.Problems))
			}
			subset(t, h, whole)
		}
	}
}

func named(err error) bool {
	return errors.Is(err, signal.ErrKey) || errors.Is(err, signal.ErrCorrupt) || errors.Is(err, signal.ErrFormat)
}

// subset says that all items of part are in whole, with the same content.
func subset(t *testing.T, part, whole *signaltest.History) {
	t.Helper()
	for _, p := range part.Problems {
		if !named(p) {
			t.Errorf("problem %v", p)
		}
	}
	for _, key := range part.Keys() {
		if !slices.Contains(whole.Keys(), key) || !bytes.Equal(part.Content(t, key), whole.Content(t, key)) {
			t.Errorf("%s is not in the whole file", key)
		}
	}
}

// FuzzRead reads frames that authenticate, whatever is in them: no panic, no item that the
// engine would not take, and what was read comes back.
func FuzzRead(f *testing.F) {
	for _, p := range everything() {
		f.Add(p.frame, p.blob, byte(1))
	}
	f.Add(signalv1.Statement(messageTable), []byte(nil), byte(3))
	sample, err := os.ReadFile(sample)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample, []byte(nil), byte(255))
	f.Fuzz(func(t *testing.T, frame, blob []byte, at byte) {
		if len(frame) == 0 || len(frame) > 1<<20 {
			return
		}
		all := small()
		i := 1 + int(at)%(len(all)-1)
		if at == 255 { // the whole file
			s, err := signalv1.OpenBytes(frame, passphrase(t))
			if err == nil {
				_, _ = signaltest.Collect(s)
			}
			return
		}
		p := piece{frame: frame, blob: blob}
		b := file(t, with(all, i, 0, p), 3, uint64(at)%2)
		h, err := signaltest.Collect(open(t, b))
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range h.Keys() {
			it, _ := h.Item(t.Context(), []byte(key))
			if len(it.Group) > 0 && !bytes.Contains(it.Key, it.Group) || it.Size < 0 || it.Timer < 0 || it.Kind == engine.Media && it.Open == nil && !it.ViewOnce {
				t.Errorf("item %v", it)
			}
		}
		once := collect(t, write(t, h)) // without what could not be read
		if !slices.Equal(once.Keys(), h.Keys()) {
			t.Errorf("keys are\n%q, want\n%q", once.Keys(), h.Keys())
		}
		same(t, collect(t, write(t, once)), once)
	})
}
