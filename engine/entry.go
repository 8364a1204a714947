package engine

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
	"github.com/zeebo/blake3"
)

// How the keys of the two maps are made (FORMAT.md, keys of entries):
//
//	permanent   space 1 │ item key                        space 'i': items
//	            space 1 │ needed key │ namer 16           space 'n': who names what
//	expiring    day 4, BE │ the same
const (
	spaceItem  = 'i'
	spaceNamer = 'n'
	dayLen     = 4
	namerLen   = 16
	dayMillis  = 24 * 60 * 60 * 1000
)

// waiting is the day of items whose timer has not started.
const waiting = ^uint32(0)

// expiryDay is the day by whose end an item that expires at ms is gone: days since
// 1970-01-01, rounded up.
func expiryDay(ms int64) uint32 {
	return uint32(min(max((ms+dayMillis-1)/dayMillis, 0), int64(waiting)-1))
}

// life is how long an entry is kept: for ever, until a day, or until its timer starts.
type life struct {
	day uint32 // 0: for ever
}

func lifeOf(e *tree.Entry) life {
	switch {
	case e.Expires != 0:
		return life{max(expiryDay(e.Expires), 1)}
	case e.Timer != 0:
		return life{waiting}
	}
	return life{}
}

// class is the class of packs for what lives that long: a bucket of one day for the
// next 8 days, then of a week.
func (c config) class(l life, today uint32, node bool) pack.Class {
	switch {
	case l.day == 0 || c.HideExpiry:
		if node {
			return pack.Class{Kind: pack.Tree}
		}
		return pack.Class{Kind: pack.Permanent}
	case l.day == waiting || l.day <= today+8:
		return pack.Class{Kind: pack.Expiring, Day: l.day}
	}
	return pack.Class{Kind: pack.Expiring, Day: (l.day + 6) / 7 * 7}
}

func itemKey(key []byte) []byte { return append([]byte{spaceItem}, key...) }

// namerKey is the key of the entry that says: namer names needed.
func namerKey(needed, namer []byte) []byte {
	sum := blake3.Sum256(namer)
	k := append([]byte{spaceNamer}, needed...)
	return append(k, sum[:namerLen]...)
}

// dated puts a key into the expiring map.
func dated(day uint32, key []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, dayLen+len(key)), day), key...)
}

// dayOf is the day in a key of the expiring map.
func dayOf(key []byte) uint32 { return binary.BigEndian.Uint32(key) }

// mapKey is where an entry with that inner key lies.
func (l life) mapKey(key []byte) []byte {
	if l.day == 0 {
		return key
	}
	return dated(l.day, key)
}

// appendKey appends what mapKey returns.
func (l life) appendKey(dst, key []byte) []byte {
	if l.day != 0 {
		dst = binary.BigEndian.AppendUint32(dst, l.day)
	}
	return append(dst, key...)
}

// itemOf is an entry as callers see it, without its content.
func itemOf(e *tree.Entry, key []byte) Item {
	it := Item{Key: key, Group: e.Group, Kind: Kind(e.Kind), Stamp: e.Stamp, Time: time.UnixMilli(e.Time), Timer: time.Duration(e.Timer) * time.Millisecond,
		Size: int64(e.Size), Needs: e.Needs, Meta: e.Meta, Inline: e.Inline}
	if e.Expires != 0 {
		it.Expires = time.UnixMilli(e.Expires)
	}
	return it
}

// entryOf is an item as a snapshot remembers it, without its content.
func entryOf(it *Item) tree.Entry {
	e := tree.Entry{Key: itemKey(it.Key), Group: it.Group, Kind: byte(it.Kind), Stamp: it.Stamp, Time: it.Time.UnixMilli(),
		Size: uint64(it.Size), Needs: it.Needs, Meta: it.Meta}
	if !it.Expires.IsZero() {
		e.Expires = max(it.Expires.UnixMilli(), 1)
	} else {
		e.Timer = it.Timer.Milliseconds()
	}
	return e
}

// check reports what of an item is outside the limits.
func (it *Item) check() error {
	switch {
	case len(it.Key) == 0 || len(it.Key) > maxKey:
		return fmt.Errorf("key of %d bytes: %w", len(it.Key), errItem)
	case len(it.Group) > maxKey, len(it.Stamp) > maxStamp, len(it.Meta) > maxMeta:
		return fmt.Errorf("group, stamp or meta too long: %w", errItem)
	case it.Kind < Other || it.Kind > Media:
		return fmt.Errorf("%v: %w", it.Kind, errItem)
	case it.Open == nil && len(it.Inline) > maxInline:
		return fmt.Errorf("%d bytes inline: %w", len(it.Inline), errItem)
	case len(it.Needs) > maxNeeds, it.Size < 0, it.Timer < 0:
		return fmt.Errorf("needs, size or timer: %w", errItem)
	case len(it.Group) > 0 && !containsGroup(it.Key, it.Group):
		return fmt.Errorf("the key does not contain the group %s: %w", hex.EncodeToString(it.Group), errItem)
	}
	return nil
}
