package signal

import "google.golang.org/protobuf/encoding/protowire"

// Standard is an ordinary message: text, photos, a quote, a link, reactions.
type Standard struct {
	Text        string
	Ranges      []Range // of Text
	Quote       *Quote
	Attachments []Pointer
	LinkURL     string
	LinkTitle   string
	LinkImage   *Pointer
	LongText    *Pointer
	Reactions   []Reaction
}

// Range is a part of a text, in UTF-16 units, that mentions somebody or has a style.
type Range struct {
	Start, Length uint32
	Mention       []byte // ACI, or
	Style         uint64 // 1 bold, 2 italic, 3 spoiler, 4 strikethrough, 5 monospace
}

// Reaction is somebody's emoji under a message.
type Reaction struct {
	Emoji           string
	AuthorID        uint64
	Sent, SortOrder uint64
}

// Quote is the message that this one answers.
type Quote struct {
	TargetSent uint64 // ms
	AuthorID   uint64
	Text       string
	Thumbnails []Pointer
	Type       uint64 // 1 normal, 2 gift, 3 view-once, 4 poll
}

// Sticker is a sticker that was sent.
type Sticker struct {
	PackID, PackKey []byte
	ID              uint32
	Emoji           string
	Data            *Pointer
}

// Pointer says what a media file is and where it lies.
type Pointer struct {
	ContentType   string
	FileName      string
	Width, Height uint32
	Caption       string
	BlurHash      string
	Locator       Locator
	Flag          uint64 // of an attachment: 1 voice message, 2 without border, 3 GIF
}

// Locator says where a media file lies and how it is opened.
type Locator struct {
	Key             []byte // 64 bytes, of the copy on the server
	Size            uint32 // of the plaintext, bytes
	TransitKey      string
	TransitNumber   uint32
	LocalKey        []byte // 64 bytes, AES ‖ HMAC, of the copy in the folder
	PlaintextHash   []byte // SHA-256; or
	EncryptedDigest []byte
}

// Append appends the StandardMessage message.
func (s Standard) Append(dst []byte) []byte {
	if s.Quote != nil {
		dst = appendMessage(dst, 1, s.Quote.Append(nil))
	}
	if s.Text != "" {
		dst = appendMessage(dst, 2, appendRanges(appendText(nil, 1, s.Text), s.Ranges))
	}
	for i := range s.Attachments {
		dst = appendMessage(dst, 3, s.Attachments[i].appendAttachment(nil))
	}
	if s.LinkURL != "" {
		link := appendText(appendText(nil, 1, s.LinkURL), 2, s.LinkTitle)
		if s.LinkImage != nil {
			link = appendMessage(link, 3, s.LinkImage.Append(nil))
		}
		dst = appendMessage(dst, 4, link)
	}
	if s.LongText != nil {
		dst = appendMessage(dst, 5, s.LongText.Append(nil))
	}
	return appendReactions(dst, 6, s.Reactions)
}

func appendRanges(dst []byte, ranges []Range) []byte {
	for _, r := range ranges {
		b := appendUint(appendUint(nil, 1, uint64(r.Start)), 2, uint64(r.Length))
		b = appendUint(appendBytes(b, 3, r.Mention), 4, r.Style)
		dst = appendMessage(dst, 2, b)
	}
	return dst
}

// appendReply appends the TextReply of a reply to a story.
func (s Standard) appendReply(dst []byte) []byte {
	dst = appendMessage(dst, 1, appendText(nil, 1, s.Text))
	if s.LongText != nil {
		dst = appendMessage(dst, 2, s.LongText.Append(nil))
	}
	return dst
}

// Append appends the Quote message.
func (q Quote) Append(dst []byte) []byte {
	dst = appendUint(dst, 1, q.TargetSent)
	dst = appendUint(dst, 2, q.AuthorID)
	if q.Text != "" {
		dst = appendMessage(dst, 3, appendText(nil, 1, q.Text))
	}
	for i := range q.Thumbnails {
		thumb := appendText(nil, 1, q.Thumbnails[i].ContentType)
		thumb = appendMessage(thumb, 3, q.Thumbnails[i].appendAttachment(nil))
		dst = appendMessage(dst, 4, thumb)
	}
	return appendUint(dst, 5, max(q.Type, 1))
}

// Append appends the Sticker message.
func (s Sticker) Append(dst []byte) []byte {
	dst = appendBytes(dst, 1, s.PackID)
	dst = appendBytes(dst, 2, s.PackKey)
	dst = appendUint(dst, 3, uint64(s.ID))
	dst = appendText(dst, 4, s.Emoji)
	if s.Data != nil {
		dst = appendMessage(dst, 5, s.Data.Append(nil))
	}
	return dst
}

// Append appends the FilePointer message.
func (p Pointer) Append(dst []byte) []byte {
	dst = appendText(dst, 4, p.ContentType)
	dst = appendText(dst, 7, p.FileName)
	dst = appendUint(dst, 8, uint64(p.Width))
	dst = appendUint(dst, 9, uint64(p.Height))
	dst = appendText(dst, 10, p.Caption)
	dst = appendText(dst, 11, p.BlurHash)
	return appendMessage(dst, 13, p.Locator.Append(nil))
}

// appendAttachment appends a MessageAttachment that was downloaded.
func (p Pointer) appendAttachment(dst []byte) []byte {
	return appendBool(appendUint(appendMessage(dst, 1, p.Append(nil)), 2, p.Flag), 3, true)
}

// Append appends the LocatorInfo message.
func (l Locator) Append(dst []byte) []byte {
	dst = appendBytes(dst, 1, l.Key)
	dst = appendUint(dst, 3, uint64(l.Size))
	if l.TransitKey != "" {
		dst = appendText(dst, 4, l.TransitKey)
		dst = appendUint(dst, 5, uint64(l.TransitNumber))
	}
	dst = appendBytes(dst, 9, l.LocalKey)
	dst = appendBytes(dst, 10, l.PlaintextHash)
	return appendBytes(dst, 11, l.EncryptedDigest)
}

func appendReactions(dst []byte, field protowire.Number, rs []Reaction) []byte {
	for _, r := range rs {
		b := appendText(nil, 1, r.Emoji)
		b = appendUint(b, 2, r.AuthorID)
		b = appendUint(b, 3, r.Sent)
		b = appendUint(b, 4, r.SortOrder)
		dst = appendMessage(dst, field, b)
	}
	return dst
}
