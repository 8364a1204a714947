package signaldesktop

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// A body is what is read of a message's JSON. Each generation of the schema has less of
// it there and more in columns; a message looks into the columns first.
type body struct {
	content
	Type                                string
	Source, SourceUUID, SourceServiceID string
	Timestamp                           number
	Sent                                number `json:"sent_at"`
	Received                            number `json:"received_at"` // a counter, long ago a time
	ReceivedMs                          number `json:"received_at_ms"`
	ServerTimestamp                     number
	ExpireTimer                         number // s
	ExpirationStartTimestamp            number
	IsViewOnce, DeletedForEveryone      flag
	StoryID                             string
	Reactions                           []reaction
	EditHistory                         []edit // newest first, what it is now included
	ReadStatus                          number
	SendStateByConversationID           map[string]sendState
	Verified                            flag
}

// unmarshal is json.Unmarshal, which passes over members of an unexpected type.
func unmarshal(text []byte, into any) error {
	err := json.Unmarshal(text, into)
	var typ *json.UnmarshalTypeError
	if err != nil && !errors.As(err, &typ) {
		return fmt.Errorf("row's JSON: %w", signal.ErrFormat)
	}
	return nil
}

// content is what a message and each of its earlier versions show.
type content struct {
	Body           string
	BodyRanges     []bodyRange
	Attachments    []attachment
	BodyAttachment *attachment
	Quote          *quote
	Preview        []preview
	Contact        []contact
	Sticker        *sticker
	Poll           *struct{ Question string }
}

type edit struct {
	content
	Timestamp number
}

type quote struct {
	ID                    number
	Author                string
	AuthorACI, AuthorUUID string
	Text                  string
	BodyRanges            []bodyRange
	IsViewOnce            flag
	Attachments           []struct {
		ContentType string
		FileName    string
		Thumbnail   *attachment
	}
}

type preview struct {
	URL, Title string
	Image      *attachment
}

type contact struct {
	Avatar *struct{ Avatar *attachment }
}

type sticker struct {
	PackID, PackKey, Emoji string
	StickerID              number
	Data                   *attachment
}

type reaction struct {
	Emoji     string
	FromID    string
	Timestamp number
}

type bodyRange struct {
	Start, Length           number
	MentionACI, MentionUUID string
	Style                   number
}

type sendState struct {
	Status    string
	UpdatedAt number
}

// An attachment is a media file as a row or a member of the JSON names it.
type attachment struct {
	ContentType, FileName, Path string
	Size                        number
	LocalKey, PlaintextHash     string
	Version                     number
	Width, Height               number
	Caption, BlurHash           string
	Key, Digest                 string
	CdnKey                      string
	CdnNumber                   number
}

// A number is an integer in JSON, or anything else, which is 0.
type number int64

// UnmarshalJSON never fails.
func (n *number) UnmarshalJSON(b []byte) error {
	var v float64
	if json.Unmarshal(bytes.Trim(b, `"`), &v) == nil && v > -1<<62 && v < 1<<62 {
		*n = number(v)
	}
	return nil
}

// A flag is true, or a number other than zero.
type flag bool

// UnmarshalJSON never fails.
func (f *flag) UnmarshalJSON(b []byte) error {
	*f = string(b) == "true" || len(b) > 0 && b[0] >= '1' && b[0] <= '9'
	return nil
}

// A place says where in a message an attachment is shown: the columns that the table of
// attachments has for it.
type place struct {
	edit  int64  // -1: in the message as it is now
	kind  string // long-message, quote, attachment, preview, contact, sticker
	order int64
}

// each calls fn with the attachments that c holds.
func (c *content) each(edit int64, fn func(place, *attachment)) {
	for i := range c.Attachments {
		fn(place{edit, "attachment", int64(i)}, &c.Attachments[i])
	}
	if c.BodyAttachment != nil {
		fn(place{edit, "long-message", 0}, c.BodyAttachment)
	}
	if c.Quote != nil {
		for i, a := range c.Quote.Attachments {
			if a.Thumbnail != nil {
				fn(place{edit, "quote", int64(i)}, a.Thumbnail)
			}
		}
	}
	for i, p := range c.Preview {
		if p.Image != nil {
			fn(place{edit, "preview", int64(i)}, p.Image)
		}
	}
	for i, p := range c.Contact {
		if p.Avatar != nil && p.Avatar.Avatar != nil {
			fn(place{edit, "contact", int64(i)}, p.Avatar.Avatar)
		}
	}
	if c.Sticker != nil && c.Sticker.Data != nil {
		fn(place{edit, "sticker", 0}, c.Sticker.Data)
	}
}

// attachmentOf is the attachment that a row of the table of attachments names.
func attachmentOf(r *row) (place, attachment) {
	a := attachment{ContentType: r.text("contentType"), FileName: r.text("fileName"), Path: r.text("path"),
		Size: number(r.int("size")), LocalKey: r.text("localKey"), PlaintextHash: r.text("plaintextHash"), Version: number(r.int("version")),
		Width: number(r.int("width")), Height: number(r.int("height")), Caption: r.text("caption"), BlurHash: r.text("blurHash"),
		Key: r.text("key"), Digest: r.text("digest"), CdnKey: r.text("transitCdnKey"), CdnNumber: number(r.int("transitCdnNumber"))}
	return place{r.int("editHistoryIndex"), r.text("attachmentType"), r.int("orderInMessage")}, a
}

// media is how the file of an attachment is opened and named. standIn is the local key
// of files that have none. Without a hash the path, which is random, stands for it, and
// exact is false.
func (a *attachment) media(standIn *[64]byte) (m signal.Media, exact bool) {
	m.Size = uint32(max(0, min(int64(a.Size), 1<<32-1)))
	if key, err := base64.StdEncoding.DecodeString(a.LocalKey); err == nil && len(key) == len(m.LocalKey) {
		copy(m.LocalKey[:], key)
	} else {
		m.LocalKey = *standIn
	}
	if hash, err := hex.DecodeString(a.PlaintextHash); err == nil && len(hash) == len(m.Hash) {
		copy(m.Hash[:], hash)
		return m, true
	}
	m.Hash = pathHash(a.Path)
	return m, false
}

// sealed says whether the file is sealed, as those of version 2 are.
func (a *attachment) sealed() bool { return a.Version >= 2 && a.LocalKey != "" }
