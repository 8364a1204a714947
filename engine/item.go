package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// Kind says what an item is to the person whose history it belongs to.
type Kind byte

// The kinds of items. Their numbers are part of the format (FORMAT.md, entries).
const (
	Other   Kind = 1 + iota // everything that is neither of the two below
	Message                 // a message; inline content when it is short
	Media                   // a photo, video, voice message, sticker, avatar
)

// String returns the word that the command prints and accepts.
func (k Kind) String() string {
	switch k {
	case Other:
		return "other"
	case Message:
		return "message"
	case Media:
		return "media"
	}
	return fmt.Sprintf("kind(%d)", byte(k))
}

// Limits of an item. One beyond them is left out and reported as a Problem.
const (
	maxKey    = 1000 // bytes of Key and of Group
	maxStamp  = 128  // bytes of Stamp
	maxMeta   = 1024 // bytes of Meta
	maxInline = 4096 // bytes of Inline; longer content has an opener
	maxNeeds  = 4096 // keys in Needs
)

// An Item is what a source yields: one thing of a history, with all that the
// engine must know to keep it, to expire it and to give it back.
type Item struct {
	// Key names the item: unique in a snapshot, ordered bytewise, at most 1,000 bytes.
	// Keys of items that change together should lie together (DESIGN.md, keys).
	// Keys and groups reach errors and reports, so they carry no names or phone numbers.
	Key []byte
	// Group is the conversation, opaque; empty for media and for what belongs to none.
	// A key contains its group, so that erasing a conversation finds its items by key.
	Group []byte
	Kind  Kind
	// Stamp is opaque: an equal stamp means unchanged content, which is then not read.
	// An empty stamp is never equal.
	Stamp []byte
	// Time is when the item was received or last changed.
	Time time.Time
	// Expires is when the item disappears; zero: never, or not yet known (see Timer).
	Expires time.Time
	// Timer is the length of a disappearing timer that has not started.
	// With Expires set, or zero, the item has no waiting timer.
	Timer time.Duration
	// ViewOnce marks content that may be seen once: it is never archived.
	ViewOnce bool
	// Text marks media that are the rest of a message's text: Rules that leave out media
	// keep them. An archive does not note it; items of a View never have it.
	Text bool
	// Size is the length of the content in bytes.
	Size int64
	// Needs are the keys of items that this one shows, its photos. A needed item
	// of kind Media lives while an item names it and expires with the last of them.
	Needs [][]byte
	// Meta is what the source must remember to give the item back (a file's mode,
	// an order, a name), opaque to the engine.
	Meta []byte
	// Inline is the content of a short item. Used when Open is nil.
	Inline []byte
	// Open returns the content of a long item. It is called at most once, during the
	// Backup or Amend that was given the item, perhaps from another goroutine.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// A Source reads one real history.
type Source interface {
	// Info says what the history is.
	Info() SourceInfo
	// Items yields every item of the history once, in any order; items that name
	// others come best before those they name. An error that wraps *Problem
	// concerns one item: it is reported and the rest is archived. Any other
	// error ends the backup.
	Items(ctx context.Context) iter.Seq2[Item, error]
}

// SourceInfo is what a snapshot remembers of its source.
type SourceInfo struct {
	Kind  string // "signal-local", "signal-export", "dir", …
	Label string // which history of that kind: snapshots of one label follow each other
	// Data is what differs between two exports of the same history (backup time,
	// version of the app) and is needed to write the history back. At most 64 KiB.
	Data []byte
}

// A Problem is something that a source could not read, or that does not fit.
// The backup goes on without it, reports it, and the command ends with 3.
type Problem struct {
	Key []byte // the item's key, or what names the place, without secrets
	Err error
}

func (p *Problem) Error() string { return fmt.Sprintf("item %q: %v", p.Key, p.Err) }

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// errItem says that a source yielded an item beyond the limits above.
var errItem = errors.New("item outside the limits")
