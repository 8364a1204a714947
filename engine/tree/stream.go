package tree

import (
	"github.com/dayfold/dayfold/chunk"
	"github.com/dayfold/dayfold/pack/seal"
)

// A StreamWriter turns the chunks of a content, one after another, into a
// Stream. Equal chunks give equal streams. After Finish it is ready for the next
// content, even after an error.
type StreamWriter struct {
	nodes Nodes
	cut   chunk.Polynomial
	lists []*list // lists[0] is of level 1
}

// NewStreamWriter returns a writer that saves lists in nodes. It allocates little
// until a content has a second chunk.
func NewStreamWriter(nodes Nodes, cut chunk.Polynomial) *StreamWriter {
	return &StreamWriter{nodes: nodes, cut: cut}
}

// A list is the open list of one level.
type list struct {
	cut    *chunk.Records
	used   bool
	plain  []byte
	raw    []byte
	n      int
	only   listed // the last record
	total  uint64
	closed bool
}

// Add appends a chunk of n bytes, 1 to MaxChunk.
func (w *StreamWriter) Add(ref seal.Ref, n int) error {
	if n <= 0 || n > MaxChunk || ref == (seal.Ref{}) {
		return outside("chunk")
	}
	return w.add(1, listed{ref: ref, bytes: uint64(n)})
}

// Finish completes the content. Without chunks the Stream is zero.
func (w *StreamWriter) Finish() (Stream, error) {
	defer w.reset()
	for level := 1; level <= len(w.lists); level++ {
		l := w.lists[level-1]
		if !l.closed && l.n <= 1 {
			return Stream{Ref: l.only.ref, Depth: uint8(level - 1)}, nil
		}
		if l.n > 0 {
			if err := w.close(level); err != nil {
				return Stream{}, err
			}
		}
	}
	return Stream{}, nil
}

func (w *StreamWriter) reset() {
	for _, l := range w.lists {
		if l.used {
			l.cut.Reset()
		}
		l.used, l.n, l.only, l.total, l.closed = false, 0, listed{}, 0, false
	}
}

// add appends a record to the list of a level. Of the first record of all
// nothing is written, for a content of one chunk has no list.
func (w *StreamWriter) add(level int, r listed) error {
	if level > len(w.lists) {
		w.lists = append(w.lists, new(list))
	}
	l := w.lists[level-1]
	if l.total += r.bytes; l.total > maxBytes {
		return outside("length of a content")
	}
	l.n++
	if l.n == 1 {
		l.only = r
		return nil
	}
	if level > MaxDepth {
		return outside("depth of a content")
	}
	if l.n == 2 {
		l.begin(w.cut, level)
	}
	if l.record(r) {
		return w.close(level)
	}
	return nil
}

// begin starts a list, now that it has a second record.
func (l *list) begin(p chunk.Polynomial, level int) {
	if l.cut == nil {
		l.cut = chunk.NewRecords(p, chunk.Inner)
	}
	l.plain = append(l.plain[:0], byte(level))
	l.record(l.only) // a list has at least two records, but for the last of its level
}

// record writes a record and says whether the list ends with it.
func (l *list) record(r listed) (cut bool) {
	l.raw = appendListed(l.raw[:0], r)
	l.plain = append(l.plain, l.raw...)
	l.used = !l.cut.Add(l.raw)
	return !l.used
}

// close saves the open list of a level and adds it to the one above.
func (w *StreamWriter) close(level int) error {
	l := w.lists[level-1]
	if l.n == 1 {
		l.begin(w.cut, level)
	}
	ref, err := w.nodes.Save(seal.List, l.plain)
	if err != nil {
		return err
	}
	if l.used {
		l.cut.Reset()
	}
	r := listed{ref: ref, bytes: l.total}
	l.used, l.n, l.total, l.closed = false, 0, 0, true
	return w.add(level+1, r)
}
