package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/dayfold/dayfold/engine"
)

// A line that changes in the middle of a long text file costs a chunk of text, not one of
// media.
func TestEditOfATextFile(t *testing.T) {
	var text []byte
	for i := range 20_000 {
		text = fmt.Appendf(text, "line %d %x\n", i, noise(fmt.Sprint(i), 12))
	}
	c := newChat("a")
	write := func(text []byte) {
		c.items["f/notes"] = engine.Item{Key: []byte("f/notes"), Kind: engine.Other, Stamp: fmt.Append(nil, len(text)), Time: day0, Size: int64(len(text)),
			Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }}
	}
	f := create(t)
	write(text)
	if first := f.backup(c); first.BytesNew != int64(len(text)) {
		t.Errorf("%d of %d bytes are new", first.BytesNew, len(text))
	}
	edited := bytes.Replace(text, []byte("line 10000 "), []byte("line ten thousand "), 1)
	write(edited)
	rep := f.backup(c)
	if rep.BytesNew == 0 || rep.BytesNew > 3*64<<10 {
		t.Errorf("an edit of a text of %d bytes stores %d", len(text), rep.BytesNew)
	}
	holds(t, f.a, rep.Snapshot, c)
}
