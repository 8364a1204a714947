package signal

import (
	"bytes"
	"encoding/binary"

	"github.com/dayfold/dayfold/engine"
)

// The order of the frames in a file is given back exactly, and costs nothing for
// messages in the order in which they were received. An item's place is
//
//	(rank of its kind, number, count, key)
//
// compared from the left. A message has rank rankMessage, its time in ms and count 0,
// and stores nothing; every other frame stores its place, and so does a message that
// stands behind one with a later place. In Meta: rank 1 │ uvarint number │ uvarint count.
type place struct {
	rank   byte
	number uint64
	count  uint64
}

// ranks are the order in which Signal for Android writes the kinds.
var ranks = [...]byte{0: 8, FrameAccount: 1, FrameRecipient: 2, FrameChat: 3, FrameAdHocCall: 4,
	FrameStickerPack: 5, FrameProfile: 6, FrameFolder: 7, FrameChatItem: rankMessage}

const rankMessage = 8

// before compares two places without their keys: -1, 0 or 1.
func (p place) compare(q place) int {
	switch {
	case p.rank != q.rank:
		return sign(p.rank < q.rank)
	case p.number != q.number:
		return sign(p.number < q.number)
	case p.count != q.count:
		return sign(p.count < q.count)
	}
	return 0
}

func sign(less bool) int {
	if less {
		return -1
	}
	return 1
}

// A sequence gives places to frames in the order in which they stand.
type sequence struct {
	last    place
	lastKey []byte
	counts  [rankMessage + 1]uint64
}

// next returns what the item must remember of its place, if anything.
func (s *sequence) next(f *Facts, it *engine.Item) []byte {
	p := s.natural(f, it)
	moved := false
	if c := p.compare(s.last); c < 0 || c == 0 && bytes.Compare(it.Key, s.lastKey) <= 0 {
		p, moved = s.last, true
		if p.count == 0 || bytes.Compare(it.Key, s.lastKey) <= 0 {
			p.count++
		}
	}
	s.last, s.lastKey = p, it.Key
	if !moved && it.Kind == engine.Message {
		return nil
	}
	meta := append(make([]byte, 0, 8), p.rank)
	return appendVarint(appendVarint(meta, p.number), p.count)
}

// PlaceMeta returns the Meta of an item that stands among those of its kind by number, for
// histories that are made into frames.
func PlaceMeta(kind FrameKind, number uint64) []byte {
	return appendVarint(appendVarint([]byte{ranks[kind]}, number), 0)
}

// natural is the place that the item would have by itself.
func (s *sequence) natural(f *Facts, it *engine.Item) place {
	switch f.Kind {
	case FrameChatItem:
		return place{rank: rankMessage, number: uint64(it.Time.UnixMilli())}
	case FrameRecipient, FrameChat:
		return place{rank: ranks[f.Kind], number: f.ID}
	case FrameAdHocCall:
		return place{rank: ranks[f.Kind], number: f.Sent}
	case 0:
		return place{} // where it stands
	}
	rank := ranks[f.Kind]
	s.counts[rank]++
	return place{rank: rank, number: s.counts[rank]}
}

// placeOf returns the place of an item as sequence gave it.
func placeOf(it *engine.Item) (p place, err error) {
	if len(it.Meta) == 0 {
		p.rank = rankMessage
		if ms := it.Time.UnixMilli(); ms > 0 {
			p.number = uint64(ms)
		}
		return p, nil
	}
	b := it.Meta[1:]
	number, n := binary.Uvarint(b)
	if n <= 0 {
		return p, malformed("item %q: its place in the file", it.Key)
	}
	count, m := binary.Uvarint(b[n:])
	if m <= 0 || n+m != len(b) {
		return p, malformed("item %q: its place in the file", it.Key)
	}
	return place{it.Meta[0] &^ openEnd, number, count}, nil
}

// openEnd, in the rank, says that the file ends with the item and without an end of line.
const openEnd = 0x80

// LastOpen returns the Meta of the item that l made last, with a note that the file ends
// after it without an end of line (see OpenEnd).
func (l *Ledger) LastOpen() []byte {
	p := l.order.last
	return appendVarint(appendVarint([]byte{p.rank | openEnd}, p.number), p.count)
}

// OpenEnd says whether the file ended with the item and without an end of line.
func OpenEnd(it *engine.Item) bool { return len(it.Meta) > 0 && it.Meta[0]&openEnd != 0 }
