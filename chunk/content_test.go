package chunk_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/chunk"
)

func TestContentBounds(t *testing.T) {
	long := strings.Repeat("é", chunk.HeadSize/2)
	for _, c := range []struct {
		name, head string
		want       chunk.Bounds
	}{
		{"nothing", "", chunk.Media},
		{"a line", "hello\n", chunk.Text},
		{"JSON lines", "{\"a\":\t1}\r\n{}\f", chunk.Text},
		{"other scripts", "Привет, 世界, 👋", chunk.Text},
		{"a rune cut off", ("x" + long)[:chunk.HeadSize], chunk.Text},
		{"a rune of four bytes cut off after one", "a\xf0", chunk.Text},
		{"after three", "a\xf0\x9f\x91", chunk.Text},
		{"cut off in the middle", "a\xf0\x9f\x91b", chunk.Media},
		{"a continuation too many", "a\x80", chunk.Media},
		{"Latin-1", "caf\xe9s", chunk.Media},
		{"a zero", "text\x00text", chunk.Media},
		{"an escape", "\x1b[1mbold", chunk.Media},
		{"a delete", "a\x7f", chunk.Media},
		{"JPEG", "\xff\xd8\xff\xe0\x00\x10JFIF", chunk.Media},
		{"ZIP", "PK\x03\x04\x14\x00", chunk.Media},
		{"SQLite", "SQLite format 3\x00", chunk.Media},
		{"UTF-16", "h\x00i\x00", chunk.Media},
	} {
		if got := chunk.Content([]byte(c.head)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Whatever the bytes, looking at them ends, and changes nothing.
func FuzzContent(f *testing.F) {
	f.Add([]byte("hello"))
	f.Add([]byte("a\xf0\x9f\x91"))
	f.Fuzz(func(t *testing.T, head []byte) {
		before := bytes.Clone(head)
		got := chunk.Content(head)
		if got != chunk.Text && got != chunk.Media || !bytes.Equal(head, before) {
			t.Errorf("%q: %v", before, got)
		}
		if got == chunk.Text && bytes.IndexByte(head, 0) >= 0 {
			t.Errorf("%q is taken for text", before)
		}
	})
}
