package tree

import (
	"errors"
	"fmt"
	"iter"

	"github.com/dayfold/dayfold/pack/seal"
)

// A ChunkRef is one chunk of a content.
type ChunkRef struct {
	Ref seal.Ref
	// Offset is where it begins in the content.
	Offset int64
	// Bytes is its length; 0: the tree does not say, as in a stream of Depth 0,
	// whose only chunk is the whole content.
	Bytes uint64
}

// Chunks yields the chunks of a content in order. The first error ends it.
func Chunks(nodes Nodes, s Stream) iter.Seq2[ChunkRef, error] { return ChunksFrom(nodes, s, 0) }

// ChunksFrom yields the chunks of a content in order, from the one that holds
// the byte at offset. It loads only the lists above those: at most Depth before
// the first chunk. Past the end there are none.
func ChunksFrom(nodes Nodes, s Stream, offset int64) iter.Seq2[ChunkRef, error] {
	return func(yield func(ChunkRef, error) bool) {
		if s == (Stream{}) {
			return
		}
		w := streamWalk{nodes: nodes, from: max(offset, 0), chunk: func(c ChunkRef) bool { return yield(c, nil) }}
		if _, err := w.stream(s); err != nil {
			yield(ChunkRef{}, err)
		}
	}
}

// ErrSkip is what a visit returns to leave out what a list lists.
var ErrSkip = errors.New("skip this list")

// Visit calls visit with the refs of a content, lists before what they list, to
// mark them: depth 0 is a chunk, whose kind the caller knows; the others are
// lists. Only lists are loaded. It ends with the first error but ErrSkip.
func Visit(nodes Nodes, s Stream, visit func(ref seal.Ref, depth int) error) error {
	if s == (Stream{}) {
		return nil
	}
	w := streamWalk{nodes: nodes, visit: visit}
	_, err := w.stream(s)
	return err
}

// A streamWalk goes through a stream, depth first.
type streamWalk struct {
	nodes Nodes
	from  int64
	chunk func(ChunkRef) (more bool)
	visit func(seal.Ref, int) error
}

func (w *streamWalk) stream(s Stream) (more bool, err error) {
	if s.Depth > MaxDepth || s.Ref == (seal.Ref{}) {
		return false, corrupt("stream")
	}
	return w.walk(int(s.Depth), listed{ref: s.Ref}, 0)
}

// walk goes through what one record names, which begins at offset at.
// l.bytes is 0 for the top, of which only the ref is known.
func (w *streamWalk) walk(level int, l listed, at int64) (more bool, err error) {
	if w.visit != nil {
		if err := w.visit(l.ref, level); err == ErrSkip {
			return true, nil
		} else if err != nil {
			return false, err
		}
	}
	if level == 0 {
		return w.chunk == nil || w.chunk(ChunkRef{Ref: l.ref, Offset: at, Bytes: l.bytes}), nil
	}
	records, err := w.load(level, l)
	if err != nil {
		return false, err
	}
	for _, r := range records {
		next := at + int64(r.bytes)
		if next > w.from || w.visit != nil {
			if more, err := w.walk(level-1, r, at); err != nil || !more {
				return false, err
			}
		}
		at = next
	}
	return true, nil
}

func (w *streamWalk) load(level int, l listed) ([]listed, error) {
	plain, err := w.nodes.Load(seal.List, l.ref)
	if err != nil {
		return nil, fmt.Errorf("load list of level %d: %w", level, err)
	}
	records, total, err := decodeList(plain, level)
	if err != nil {
		return nil, err
	}
	if l.bytes == 0 && len(records) < 2 || l.bytes != 0 && l.bytes != total {
		return nil, corrupt("list: not what its parent says")
	}
	return records, nil
}
