package signal

// Message is a ChatItem. Direction is Incoming, Outgoing, or neither; of the
// contents (from Standard on) exactly one is set.
type Message struct {
	ChatID, AuthorID uint64
	Sent             uint64 // ms
	ExpireStart      uint64 // ms; 0: not started
	ExpiresIn        uint64 // ms; 0: no timer
	Revisions        []Message
	SMS              bool
	Incoming         *Incoming
	Outgoing         *Outgoing

	Standard *Standard
	Sticker  *Sticker
	Card     *Pointer // a contact's card with this photo
	Deleted  bool     // deleted for everyone
	Update   uint64   // a simple update of this type
	ViewOnce *ViewOnce
	Story    *Standard // a reply to a story: Text and LongText count
}

// Incoming is how a message came in.
type Incoming struct {
	Received, ServerSent uint64 // ms
	Read                 bool
}

// Outgoing is how a message went out.
type Outgoing struct {
	Received uint64   // ms
	Sent     []uint64 // to these recipients
	Read     []uint64 // by these recipients
	Failed   []uint64 // to these recipients
	At       uint64   // ms, of all
}

// ViewOnce is a photo that may be seen once; nil Attachment: it was.
type ViewOnce struct {
	Attachment *Pointer
	Reactions  []Reaction
}

// Append appends the ChatItem message.
func (m Message) Append(dst []byte) []byte {
	dst = appendUint(dst, 1, m.ChatID)
	dst = appendUint(dst, 2, m.AuthorID)
	dst = appendUint(dst, 3, m.Sent)
	dst = appendUint(dst, 4, m.ExpireStart)
	dst = appendUint(dst, 5, m.ExpiresIn)
	for _, r := range m.Revisions {
		dst = appendMessage(dst, 6, r.Append(nil))
	}
	dst = appendBool(dst, 7, m.SMS)
	switch {
	case m.Incoming != nil:
		dst = appendMessage(dst, 8, m.Incoming.Append(nil))
	case m.Outgoing != nil:
		dst = appendMessage(dst, 9, m.Outgoing.Append(nil))
	default:
		dst = appendMessage(dst, 10, nil)
	}
	return m.appendContent(dst)
}

func (m Message) appendContent(dst []byte) []byte {
	switch {
	case m.Standard != nil:
		return appendMessage(dst, 11, m.Standard.Append(nil))
	case m.Card != nil:
		return appendMessage(dst, 12, appendMessage(nil, 1, appendMessage(nil, 6, m.Card.Append(nil))))
	case m.Sticker != nil:
		return appendMessage(dst, 13, appendMessage(nil, 1, m.Sticker.Append(nil)))
	case m.Deleted:
		return appendMessage(dst, 14, nil)
	case m.Update != 0:
		return appendMessage(dst, 15, appendMessage(nil, 1, appendUint(nil, 1, m.Update)))
	case m.ViewOnce != nil:
		return appendMessage(dst, 18, m.ViewOnce.Append(nil))
	case m.Story != nil:
		return appendMessage(dst, 19, appendMessage(nil, 1, m.Story.appendReply(nil)))
	}
	return dst
}

// Append appends the IncomingMessageDetails message.
func (i Incoming) Append(dst []byte) []byte {
	dst = appendUint(dst, 1, i.Received)
	dst = appendUint(dst, 2, i.ServerSent)
	dst = appendBool(dst, 3, i.Read)
	return appendBool(dst, 4, true)
}

// Append appends the OutgoingMessageDetails message.
func (o Outgoing) Append(dst []byte) []byte {
	for _, id := range o.Sent {
		dst = appendMessage(dst, 1, o.appendStatus(nil, id, 4))
	}
	for _, id := range o.Read {
		dst = appendMessage(dst, 1, o.appendStatus(nil, id, 6))
	}
	for _, id := range o.Failed {
		dst = appendMessage(dst, 1, appendMessage(appendUint(appendUint(nil, 1, id), 2, o.At), 9, nil))
	}
	return appendUint(dst, 2, o.Received)
}

func (o Outgoing) appendStatus(dst []byte, id uint64, state int32) []byte {
	dst = appendUint(dst, 1, id)
	dst = appendUint(dst, 2, o.At)
	return AppendFrame(dst, FrameKind(state), appendBool(nil, 1, true))
}

// Append appends the ViewOnceMessage message.
func (v ViewOnce) Append(dst []byte) []byte {
	if v.Attachment != nil {
		dst = appendMessage(dst, 1, v.Attachment.appendAttachment(nil))
	}
	return appendReactions(dst, 2, v.Reactions)
}
