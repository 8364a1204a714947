package engine

import (
	"context"
	"iter"
)

// History is what a writer needs of a snapshot to give a history back in the
// format that it came in. *View is one; tests bring their own. Its methods, and contents,
// may be used from several goroutines.
type History interface {
	Info() SourceInfo
	// Items yields every live item in key order. Open gives its content and may
	// be called until the context ends; Inline is set instead for short content.
	Items(ctx context.Context) iter.Seq2[Item, error]
	// Item returns one item by its key, or fs.ErrNotExist.
	Item(ctx context.Context, key []byte) (Item, error)
}
