package engine

import (
	"bytes"
	"time"

	"github.com/zeebo/blake3"
)

// needs is what a run knows of needed items: by the hash of their key, how long the
// longest-lived item that names them lives.
type needs map[[16]byte]*need

type need struct {
	kept    bool // an item that is archived names it
	forever bool
	timer   time.Duration // the longest that has not started
	expires time.Time     // the latest
	settled bool          // the needed item was archived already
}

func keyHash(key []byte) (h [16]byte) {
	sum := blake3.Sum256(key)
	copy(h[:], sum[:])
	return h
}

func (n needs) knows(key []byte) bool {
	_, ok := n[keyHash(key)]
	return ok
}

// note takes up what an item names. excluded says that the item itself stays out. A
// named item that was archived already and would have to live longer is errOrder.
func (n needs) note(it *Item, excluded bool) error {
	for _, key := range it.Needs {
		h := keyHash(key)
		d := n[h]
		if d == nil {
			d = &need{}
			n[h] = d
		}
		if excluded {
			continue
		}
		longer := !d.kept || d.extend(it)
		if !d.kept {
			d.extend(it)
		}
		d.kept = true
		if longer && d.settled {
			return errOrder
		}
	}
	return nil
}

// extend makes d live at least as long as it, and reports whether that is longer.
func (d *need) extend(it *Item) bool {
	switch {
	case d.forever:
		return false
	case it.Expires.IsZero() && it.Timer == 0:
		d.forever = true
		return true
	case it.Expires.IsZero():
		longer := it.Timer > d.timer
		d.timer = max(d.timer, it.Timer)
		return longer
	default:
		longer := d.timer == 0 && it.Expires.After(d.expires)
		if it.Expires.After(d.expires) {
			d.expires = it.Expires
		}
		return longer
	}
}

// settle gives a needed item the life of its longest-lived namer. keep is false when
// every item that names it stays out of the archive. What nobody names keeps its own life.
func (n needs) settle(it *Item) (keep bool, err error) {
	d, ok := n[keyHash(it.Key)]
	if !ok {
		n[keyHash(it.Key)] = &need{kept: true, forever: it.Expires.IsZero() && it.Timer == 0, timer: it.Timer, expires: it.Expires, settled: true}
		return true, nil
	}
	d.settled = true
	if !d.kept {
		return false, nil
	}
	it.Expires, it.Timer = time.Time{}, 0
	switch {
	case d.forever:
	case d.timer > 0:
		it.Timer = d.timer
	default:
		it.Expires = d.expires
	}
	return true, nil
}

func containsGroup(key, group []byte) bool { return bytes.Contains(key, group) }
