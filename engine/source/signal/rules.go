package signal

import "google.golang.org/protobuf/encoding/protowire"

// Signal refuses a whole backup when one frame of it breaks a rule. The functions below
// say what a frame refers to, and mend what can be without losing the frame.

// References calls fn with each recipient that the frame refers to by its number: those
// of a chat, list, folder or profile, and of a message its author and everyone in its
// quote, reactions, votes, receipts and calls. The frame is no JSON line.
func References(frame []byte, fn func(recipient uint64)) error {
	return references(frame, schema()["Frame"], fn, 0)
}

// maxNesting is how deep messages may lie in messages; Signal's lie a dozen deep.
const maxNesting = 100

func references(b []byte, t *messageType, fn func(uint64), depth int) error {
	if depth > maxNesting {
		return malformed("messages in messages, %d deep", depth)
	}
	c := walk(wire(b))
	for c.next() {
		f := t.byNumber(c.num)
		switch {
		case f == nil:
		case f.message != nil && c.typ == protowire.BytesType:
			if err := references(c.bytes, f.message, fn, depth+1); err != nil {
				return err
			}
		case f.reference && c.typ == protowire.VarintType:
			fn(c.uint)
		case f.reference && c.typ == protowire.BytesType: // packed
			for rest := c.bytes; len(rest) > 0; {
				v, n := protowire.ConsumeVarint(rest)
				if n < 0 {
					return malformed("a list of numbers")
				}
				fn(v)
				rest = rest[n:]
			}
		}
	}
	return c.err
}

// Mended returns a frame with what Signal would refuse put right, and whether there was
// anything: a locator that contradicts itself becomes an empty one, which is Signal's
// mark of an attachment that is lost; a timer that started without a length is none;
// and one that must have started, since the message was read or sent, starts when it
// was received, as Signal itself does. f.Read(frame) has succeeded before.
func Mended(frame []byte) (mended []byte, changed bool) {
	return mend(frame, schema()["Frame"], 0)
}

func mend(b []byte, t *messageType, depth int) (out []byte, changed bool) {
	c := walk(wire(b))
	for depth <= maxNesting && c.next() {
		before := b[:len(b)-len(c.rest)-len(c.raw)]
		var sub []byte
		ok := false
		if f := t.byNumber(c.num); f != nil && f.message != nil && c.typ == protowire.BytesType {
			sub, ok = mend(c.bytes, f.message, depth+1)
		}
		switch {
		case ok && !changed:
			out, changed = append(append(out, before...), appendMessage(nil, c.num, sub)...), true
		case ok:
			out = appendMessage(out, c.num, sub)
		case changed:
			out = append(out, c.raw...)
		}
	}
	if !changed || c.err != nil {
		out, changed = b, false
	}
	var own bool
	switch t {
	case schema()["Locator"]:
		out, own = mendLocator(out)
	case schema()["ChatItem"]:
		out, own = mendTimer(out)
	}
	return out, changed || own
}

// mendLocator empties a locator that breaks a rule: key if and only if the media lies on
// a server or its hash is known; what belongs to a server's copy and to the hash only
// with these.
func mendLocator(b []byte) ([]byte, bool) {
	var key, hash, local, transit, number, uploaded, tier bool
	c := walk(wire(b))
	for c.next() {
		switch {
		case c.is(1):
			key = len(c.bytes) > 0
		case c.is(4):
			transit = true
		case c.isUint(5):
			number = true
		case c.isUint(6):
			uploaded = true
		case c.isUint(7):
			tier = true
		case c.is(9):
			local = true
		case c.is(10):
			hash = len(c.bytes) > 0
		}
	}
	if key == (transit || hash) && transit == number && (!uploaded || transit) && (!tier || hash) && (!local || hash) {
		return b, false
	}
	return nil, len(b) > 0
}

// A timer is what a message says of its own.
type timer struct {
	start, in uint64
	startSet  bool
	timeSet   bool
	received  uint64
	begun     bool // it was read, or sent to all: the timer must have started
}

func mendTimer(item []byte) ([]byte, bool) {
	t := timerOf(item)
	switch {
	case t.startSet && !t.timeSet:
		return without(item, 4), true
	case t.in != 0 && t.start == 0 && t.begun && t.received != 0:
		return appendUint(without(item, 4), 4, t.received), true
	}
	return item, false
}

func timerOf(item []byte) (t timer) {
	c := walk(wire(item))
	for c.next() {
		switch {
		case c.isUint(4):
			t.start, t.startSet = c.uint, true
		case c.isUint(5):
			t.in, t.timeSet = c.uint, true
		case c.is(itemIncoming):
			d := walk(wire(c.bytes))
			for d.next() {
				if d.isUint(1) {
					t.received = d.uint
				} else if d.isUint(3) {
					t.begun = d.uint != 0
				}
			}
		case c.is(itemOutgoing):
			t.begun = true
			d := walk(wire(c.bytes))
			for d.next() {
				if d.isUint(2) {
					t.received = d.uint
				} else if d.is(1) && !wasSent(d.bytes) {
					t.begun = false
				}
			}
		}
	}
	return t
}

// wasSent says whether a SendStatus is neither pending nor failed.
func wasSent(status []byte) bool {
	sent := false
	c := walk(wire(status))
	for c.next() {
		if c.typ == protowire.BytesType {
			sent = c.num >= 4 && c.num <= 8
		}
	}
	return sent
}
