package signaldesktop

import (
	"strings"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// A message is a row of messages, with the rows of its attachments if the schema has a
// table for them, and what was read of it.
type message struct {
	row      *row
	attached []row
	body     body
}

// parse reads the JSON of m.row, and from the columns what the generation has there.
func (m *message) parse() error {
	m.body = body{}
	text := []byte("{}")
	if c := m.row.get("json"); c != nil && len(c.text) > 0 {
		text = c.text
	}
	b := &m.body
	if err := unmarshal(text, b); err != nil {
		return err
	}
	set := func(dst *string, names ...string) {
		if s := m.row.text(names...); s != "" {
			*dst = s
		}
	}
	setNumber := func(dst *number, names ...string) {
		if n := m.row.int(names...); n != 0 {
			*dst = number(n)
		}
	}
	set(&b.Type, "type")
	set(&b.Body, "body")
	set(&b.Source, "source")
	set(&b.SourceServiceID, "sourceServiceId", "sourceUuid")
	set(&b.StoryID, "storyId")
	setNumber(&b.Sent, "sent_at", "timestamp")
	setNumber(&b.Received, "received_at")
	setNumber(&b.ReceivedMs, "received_at_ms")
	setNumber(&b.ServerTimestamp, "serverTimestamp")
	setNumber(&b.ExpireTimer, "expireTimer")
	setNumber(&b.ExpirationStartTimestamp, "expirationStartTimestamp")
	setNumber(&b.ReadStatus, "readStatus")
	b.IsViewOnce = b.IsViewOnce || m.row.int("isViewOnce") != 0
	if b.SourceServiceID == "" {
		b.SourceServiceID = b.SourceUUID
	}
	if b.Sent == 0 {
		b.Sent = b.Timestamp
	}
	return nil
}

// conversation is the id of the conversation that the message belongs to.
func (m *message) conversation() string { return m.row.text("conversationId") }

// outgoing says whether the owner wrote it.
func (m *message) outgoing() bool { return m.body.Type == "outgoing" }

// author is the service id, or else the phone number, of who wrote it.
func (m *message) author() string {
	if m.body.SourceServiceID != "" {
		return m.body.SourceServiceID
	}
	return m.body.Source
}

// update says whether nobody wrote it: something happened.
func (m *message) update() bool {
	switch m.body.Type {
	case "incoming", "outgoing", "story", "":
		return false
	}
	return true
}

// story says whether it is a story, or an answer to one in a group: they live a day.
func (m *message) story(group bool) bool {
	return m.body.Type == "story" || group && m.body.StoryID != ""
}

// oldest is when it was first sent, ms.
func (m *message) oldest() uint64 {
	t := m.body.Sent
	for _, e := range m.body.EditHistory {
		if e.Timestamp > 0 && e.Timestamp < t {
			t = e.Timestamp
		}
	}
	return uint64(max(0, t))
}

// received is when it came, ms. Before received_at became a counter it was the time.
func (m *message) received() uint64 {
	if m.body.ReceivedMs > 0 {
		return uint64(m.body.ReceivedMs)
	}
	if m.body.Received > 1e12 {
		return uint64(m.body.Received)
	}
	return uint64(max(0, m.body.Sent))
}

// each calls fn with each attachment, and whether it may be seen once.
func (m *message) each(fn func(p place, a *attachment, once bool)) {
	whole := bool(m.body.IsViewOnce)
	quoted := m.quotesOnce()
	visit := func(p place, a *attachment) { fn(p, a, whole || p.kind == "quote" && quoted) }
	for i := range m.attached {
		p, a := attachmentOf(&m.attached[i])
		visit(p, &a)
	}
	m.body.content.each(-1, visit)
	for i := range m.body.EditHistory {
		m.body.EditHistory[i].content.each(int64(i), visit)
	}
}

// quotesOnce says whether the message, or a version of it, quotes what may be seen once.
func (m *message) quotesOnce() bool {
	if m.body.Quote != nil && bool(m.body.Quote.IsViewOnce) {
		return true
	}
	for _, e := range m.body.EditHistory {
		if e.Quote != nil && bool(e.Quote.IsViewOnce) {
			return true
		}
	}
	return false
}

// withoutOnce takes out what may be seen once: the rows, and the members of the JSON.
func (m *message) withoutOnce() {
	whole := bool(m.body.IsViewOnce)
	if !whole && !m.quotesOnce() {
		return
	}
	kept := m.attached[:0]
	for _, r := range m.attached {
		if !whole && r.text("attachmentType") != "quote" {
			kept = append(kept, r)
		}
	}
	m.attached = kept
	c := m.row.get("json")
	if c == nil {
		return
	}
	c.text = onceFree(c.text, whole)
}

// onceFree is the JSON of a message, or of one of its versions, without what may be seen once.
func onceFree(object []byte, whole bool) []byte {
	return signal.EditJSON(object, func(name string, v []byte) []byte {
		switch {
		case whole && (name == "attachments" || name == "bodyAttachment" || name == "body" || name == "preview" || name == "sticker" || name == "contact"):
			return nil
		case name == "quote" && len(v) > 0 && v[0] == '{':
			var q quote
			if whole || unmarshal(v, &q) != nil || bool(q.IsViewOnce) {
				return signal.DropMember(v, "attachments")
			}
		case name == "editHistory":
			return signal.EditArray(v, func(e []byte) ([]byte, bool) { return onceFree(e, whole), true })
		}
		return v
	})
}

// withoutPreview takes out of a conversation's row what repeats its last message, which
// may disappear, and which would make each message change the conversation.
func withoutPreview(r *row) {
	c := r.get("json")
	if c == nil {
		return
	}
	c.text = signal.EditJSON(c.text, func(name string, v []byte) []byte {
		if strings.HasPrefix(name, "lastMessage") || name == "timestamp" || name == "messageCount" || name == "sentMessageCount" || name == "active_at" {
			return nil
		}
		return v
	})
	r.drop("active_at")
}

// rows is the content of the message's item.
func (m *message) content() []byte {
	b := appendRow(nil, m.row)
	for i := range m.attached {
		b = appendRow(b, &m.attached[i])
	}
	return b
}
