package signal

import "google.golang.org/protobuf/encoding/protowire"

// maxDepth is how deep revisions may lie in revisions. Signal writes one level.
const maxDepth = 8

// The fields of a ChatItem that are looked into.
const (
	itemRevisions = 6
	itemIncoming  = 8
	itemOutgoing  = 9
	itemStandard  = 11
	itemUpdate    = 15
	itemViewOnce  = 18
	quoteViewOnce = 3 // Quote.type
)

func (f *Facts) chatItem(b message, depth int) error {
	if depth > maxDepth {
		return malformed("revisions of revisions, %d deep", depth)
	}
	revised := false
	c := walk(b)
	for c.next() {
		switch {
		case c.typ == protowire.VarintType:
			if depth == 0 {
				f.number(c.num, c.uint)
			}
		case c.typ != protowire.BytesType:
		case c.num == itemRevisions:
			revised = true
			if err := f.chatItem(c.sub(), depth+1); err != nil {
				return err
			}
		case c.num == itemIncoming && depth == 0:
			if err := f.received(c.sub(), 1); err != nil {
				return err
			}
		case c.num == itemOutgoing && depth == 0:
			if err := f.received(c.sub(), 2); err != nil {
				return err
			}
		case int(c.num) < len(itemShapes):
			f.Update = f.Update || c.num == itemUpdate && depth == 0
			if err := f.content(c.num, c.sub()); err != nil {
				return err
			}
		}
	}
	if revised && depth == 0 && c.err == nil {
		return f.oldest(b)
	}
	return c.err
}

func (f *Facts) number(num protowire.Number, v uint64) {
	switch num {
	case 1:
		f.ChatID = v
	case 2:
		f.AuthorID = v
	case 3:
		f.Sent = v
	case 4:
		f.ExpireStart = v
	case 5:
		f.ExpiresIn = v
	}
}

func (f *Facts) received(b message, num protowire.Number) error {
	c := walk(b)
	for c.next() {
		if c.isUint(num) {
			f.Received = c.uint
		}
	}
	return c.err
}

// oldest sets Sent to that of the first revision, if there is one: an edit does not
// change whose and which message it is.
func (f *Facts) oldest(item message) error {
	c := walk(item)
	for c.next() {
		if !c.is(itemRevisions) {
			continue
		}
		r := walk(c.sub())
		for r.next() {
			if r.isUint(3) {
				f.Sent = r.uint
			}
		}
		return r.err
	}
	return c.err
}

// content finds the media in the given field of a ChatItem.
func (f *Facts) content(num protowire.Number, b message) error {
	once := num == itemViewOnce
	if num != itemStandard {
		return f.find(itemShapes[num], b, once)
	}
	c := walk(b)
	for c.next() {
		if c.typ != protowire.BytesType {
			continue
		}
		if err := f.find(standardShape.field(c.num), c.sub(), c.num == 1 && isViewOnceQuote(c.sub())); err != nil {
			return err
		}
	}
	return c.err
}

func isViewOnceQuote(quote message) bool {
	c, once := walk(quote), false
	for c.next() {
		if c.isUint(5) {
			once = c.uint == quoteViewOnce
		}
	}
	return once
}

// WithoutOnce returns the frame of a message without what may be seen once: the
// attachment of a view-once message, the thumbnails of a quote of one, in revisions
// as well. All other bytes stay as they are. f.Read(frame) has succeeded before.
func WithoutOnce(frame []byte) []byte {
	return rewrite(frame, func(c *cursor) ([]byte, bool) {
		if !c.is(protowire.Number(FrameChatItem)) {
			return nil, false
		}
		return itemWithoutOnce(c.bytes), true
	})
}

func itemWithoutOnce(item []byte) []byte {
	return rewrite(item, func(c *cursor) ([]byte, bool) {
		switch {
		case c.is(itemRevisions):
			return itemWithoutOnce(c.bytes), true
		case c.is(itemViewOnce):
			return without(c.bytes, 1), true
		case c.is(itemStandard):
			return rewrite(c.bytes, func(c *cursor) ([]byte, bool) {
				if !c.is(1) || !isViewOnceQuote(c.sub()) {
					return nil, false
				}
				return without(c.bytes, 4), true
			}), true
		}
		return nil, false
	})
}

// rewrite returns message with those fields of bytes changed for which edit says so.
func rewrite(message []byte, edit func(*cursor) ([]byte, bool)) []byte {
	out := make([]byte, 0, len(message))
	c := walk(wire(message))
	for c.next() {
		if b, ok := edit(&c); ok {
			out = appendMessage(out, c.num, b)
		} else {
			out = append(out, c.raw...)
		}
	}
	return out
}

// without returns message without the fields of the given number.
func without(message []byte, num protowire.Number) []byte {
	out := make([]byte, 0, len(message))
	c := walk(wire(message))
	for c.next() {
		if c.num != num {
			out = append(out, c.raw...)
		}
	}
	return out
}
