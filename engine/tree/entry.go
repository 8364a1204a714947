package tree

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/dayfold/dayfold/pack/seal"
)

// An Entry is an item as a snapshot remembers it. Empty and nil slices are the
// same; decoding gives nil. Entries are ordered by Key, bytewise.
type Entry struct {
	Key   []byte // 1 to MaxKey bytes; in a map with Day at least 4, the day first
	Group []byte // at most MaxGroup bytes; neighbours of different groups share no leaf
	Kind  byte
	Stamp []byte // at most MaxStamp bytes

	Time    int64 // milliseconds since 1970
	Expires int64 // milliseconds since 1970; 0: never
	Timer   int64 // milliseconds

	Size    uint64   // length of the content in bytes, at most 2^63-1, as all sizes of a map together
	Needs   [][]byte // keys, in the source's order: at most MaxNeeds of 1 to MaxKey bytes, MaxNeedBytes together
	Meta    []byte   // at most MaxMeta bytes
	Inline  []byte   // at most MaxInline bytes
	Content Stream
}

// Limits of an entry, in bytes (MaxNeeds: in keys).
const (
	MaxKey       = dayLen + 1024
	MaxGroup     = 1024
	MaxStamp     = 128
	MaxNeeds     = 4096
	MaxNeedBytes = 64 << 10
	MaxMeta      = 1024
	MaxInline    = 4096
)

// MaxNode is the largest node in bytes, plain.
const MaxNode = 256 << 10

// maxBytes bounds the sizes of a map together, so that they fit an int64, and
// maxCount its entries.
const (
	maxBytes = 1<<63 - 1
	maxCount = 1 << 40
)

// dayLen is how many bytes of a key say its day, in a map with Day.
const dayLen = 4

// A Stream names a long content. With Depth 0, Ref is its only chunk; otherwise
// Ref is a list that lies Depth levels above the chunks. The zero Stream is none.
type Stream struct {
	Ref   seal.Ref
	Depth uint8 // at most MaxDepth
}

// MaxDepth is the largest Depth of a Stream.
const MaxDepth = 8

var (
	// ErrEntry means that an entry is outside the limits.
	ErrEntry = errors.New("entry outside the limits")
	// ErrOrder means that keys were not given in strictly increasing order.
	ErrOrder = errors.New("keys out of order")
)

func outside(what string) error { return fmt.Errorf("%s: %w", what, ErrEntry) }
func corrupt(what string) error { return fmt.Errorf("%s: %w", what, seal.ErrCorrupt) }

// external says that the entry's content, or some of it, lies outside the tree.
func (e *Entry) external() bool { return e.Content.Ref != seal.Ref{} }

// Equal says that two entries are the same in every field.
func (e *Entry) Equal(f *Entry) bool {
	return bytes.Equal(e.Key, f.Key) && bytes.Equal(e.Group, f.Group) && e.Kind == f.Kind &&
		bytes.Equal(e.Stamp, f.Stamp) && e.Time == f.Time && e.Expires == f.Expires && e.Timer == f.Timer &&
		e.Size == f.Size && slices.EqualFunc(e.Needs, f.Needs, bytes.Equal) && bytes.Equal(e.Meta, f.Meta) &&
		bytes.Equal(e.Inline, f.Inline) && e.Content == f.Content
}

// check returns why the entry cannot be coded, or nil.
func (e *Entry) check() error {
	switch {
	case len(e.Key) == 0 || len(e.Key) > MaxKey:
		return outside("key")
	case len(e.Group) > MaxGroup:
		return outside("group")
	case len(e.Stamp) > MaxStamp:
		return outside("stamp")
	case len(e.Meta) > MaxMeta:
		return outside("meta")
	case len(e.Inline) > MaxInline:
		return outside("inline content")
	case e.Size > maxBytes:
		return outside("size")
	case e.Content.Depth > MaxDepth, !e.external() && e.Content.Depth != 0:
		return outside("content")
	}
	return checkNeeds(e.Needs)
}

func checkNeeds(needs [][]byte) error {
	if len(needs) > MaxNeeds {
		return outside("needs")
	}
	sum := 0
	for _, key := range needs {
		sum += len(key)
		if len(key) == 0 || len(key) > MaxKey || sum > MaxNeedBytes {
			return outside("needs")
		}
	}
	return nil
}
