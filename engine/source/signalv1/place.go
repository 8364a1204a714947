package signalv1

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// The sections that are no tables.
const (
	sectionSchema      = "(schema)"
	sectionPreferences = "(preferences)"
	sectionKeyValues   = "(key-values)"
	sectionAvatars     = "(avatars)"
	sectionOther       = "(other)"
	sectionBlobs       = "attachment" // in the keys of attachments, whatever their table
)

// A place is where a frame stands in the file: in which section, and behind which of its
// rows. Rows stand in the order of their numbers, so the place of nearly every row
// follows from the end of its key, …/TABLE/NUMBER, and nothing is stored. Otherwise Meta is
//
//	uvarint number │ uvarint count │ uvarint length │ section │ frame
//
// with the section only if it is not that of the key, and the frame only of a blob: that
// which announced it. Places compare by section, in the file's order, number and count.
type place struct {
	section string
	number  uint64
	count   uint64
}

func (p place) after(q place) bool {
	return p.number > q.number || p.number == q.number && p.count > q.count
}

// appendPlace appends what the key does not say.
func appendPlace(dst []byte, p place, otherSection bool, frame []byte) []byte {
	dst = binary.AppendUvarint(dst, p.number)
	dst = binary.AppendUvarint(dst, p.count)
	section := ""
	if otherSection {
		section = p.section
	}
	dst = append(binary.AppendUvarint(dst, uint64(len(section))), section...)
	return append(dst, frame...)
}

// placeOf returns the place of an item, and the frame of a blob.
func placeOf(it *engine.Item) (p place, frame []byte, err error) {
	key := string(it.Key)
	i := strings.LastIndexByte(key, '/')
	j := strings.LastIndexByte(key[:max(i, 0)], '/')
	if j < 0 {
		return p, nil, errPlace(it)
	}
	p.section = key[j+1 : i]
	if len(it.Meta) == 0 {
		p.number, err = strconv.ParseUint(key[i+1:], 10, 64)
		if err != nil {
			err = errPlace(it)
		}
		return p, nil, err
	}
	rest, ok := it.Meta, true
	number := func() (v uint64) {
		v, n := binary.Uvarint(rest)
		if ok = ok && n > 0; ok {
			rest = rest[n:]
		}
		return v
	}
	p.number, p.count = number(), number()
	n := number()
	if !ok || n > uint64(len(rest)) {
		return p, nil, errPlace(it)
	}
	if n > 0 {
		p.section = string(rest[:n])
	}
	return p, bytes.Clone(rest[n:]), nil
}

func errPlace(it *engine.Item) error {
	return fmt.Errorf("item %q: its place in the file: %w", it.Key, signal.ErrFormat)
}
