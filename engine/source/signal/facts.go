package signal

import (
	"encoding/json"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Facts are all that is read from a frame: what its name, its life and the media it
// shows follow from. The same facts stand in a line of the plaintext export.
type Facts struct {
	Kind FrameKind // 0: no kind that is known here

	ID          uint64 // of a recipient, chat or call, valid within one backup
	RecipientID uint64 // of a chat or call
	Identity    []byte // what stays the same in every backup: of a recipient, pack, profile, folder

	ChatID, AuthorID       uint64 // of a message
	Sent                   uint64 // ms; of a message's oldest revision; of a call
	Received               uint64 // ms; 0: unknown
	ExpireStart, ExpiresIn uint64 // ms
	Update                 bool   // says that something happened, nobody wrote it
	Once                   bool   // the frame holds a photo that may be seen once

	Media []Shown
}

// Shown is a media that a frame shows and that the folder should have.
type Shown struct {
	Name  MediaName
	Media Media  // how the file is opened
	Ext   string // of its name when it is written in clear, such as "jpg"
	Once  bool   // may be seen once: never kept
	Text  bool   // of type LongText
}

// Reset empties f and keeps its memory.
func (f *Facts) Reset() { *f = Facts{Identity: f.Identity[:0], Media: f.Media[:0]} }

// Read fills f from a frame. A frame that is no protobuf is ErrFormat.
func (f *Facts) Read(frame []byte) error { return f.read(wire(frame)) }

// ReadJSON fills f from a line of the plaintext export. A line that is no JSON object in
// UTF-8, or not of Signal's schema, is ErrFormat; names and enums that are not known are passed over.
func (f *Facts) ReadJSON(line []byte) error {
	if !utf8.Valid(line) || !json.Valid(line) {
		f.Reset()
		return malformed("not JSON")
	}
	return f.read(message{line, schema()["Frame"]})
}

func (f *Facts) read(frame message) error {
	f.Reset()
	c := walk(frame)
	for c.next() {
		if c.typ != protowire.BytesType || c.num > protowire.Number(FrameFolder) {
			continue
		}
		f.Kind = FrameKind(c.num)
		if err := f.message(f.Kind, c.sub()); err != nil {
			return err
		}
	}
	return c.err
}

func (f *Facts) message(kind FrameKind, b message) error {
	switch kind {
	case FrameAccount:
		return f.find(accountShape, b, false)
	case FrameRecipient:
		return f.recipient(b)
	case FrameChat:
		return f.chat(b)
	case FrameChatItem:
		return f.chatItem(b, 0)
	case FrameStickerPack:
		return f.identity(b, 1)
	case FrameAdHocCall:
		return f.call(b)
	case FrameProfile:
		return f.identity(b, 12)
	default:
		return f.identity(b, 9)
	}
}

// identity takes the id in the given field, or all of b when there is none.
func (f *Facts) identity(b message, num protowire.Number) error {
	c := walk(b)
	for c.next() {
		if c.is(num) && len(c.bytes) > 0 {
			f.Identity = append(f.Identity[:0], c.data()...)
		}
	}
	if len(f.Identity) == 0 {
		f.Identity = append(f.Identity, b.b...)
	}
	return c.err
}

func (f *Facts) recipient(b message) error {
	c := walk(b)
	for c.next() {
		switch {
		case c.isUint(1):
			f.ID = c.uint
		case c.is(2):
			id, err := contactIdentity(c.sub())
			if err != nil {
				return err
			}
			f.identify('c', id)
		case c.is(3), c.is(4), c.is(7):
			d := walk(c.sub())
			for d.next() {
				if d.is(1) {
					f.identify(byte('0'+c.num), d.data())
				}
			}
			if d.err != nil {
				return d.err
			}
		case c.is(5), c.is(6):
			f.identify(byte('0'+c.num), nil)
		}
	}
	return c.err
}

func (f *Facts) identify(kind byte, id []byte) {
	f.Identity = append(append(f.Identity[:0], kind), id...)
}

// contactIdentity is the ACI, else the PNI, else the phone number.
func contactIdentity(b message) (id []byte, err error) {
	var aci, pni, e164 []byte
	c := walk(b)
	for c.next() {
		switch {
		case c.is(1):
			aci = c.data()
		case c.is(2):
			pni = c.data()
		case c.isUint(4):
			e164 = appendDigits(nil, c.uint, 0)
		}
	}
	return ContactIdentity(aci, pni, string(e164)), c.err
}

// ContactIdentity is what names a contact in every backup: the ACI, else the PNI,
// else the phone number in digits.
func ContactIdentity(aci, pni []byte, e164 string) []byte {
	switch {
	case len(aci) > 0:
		return append([]byte("a"), aci...)
	case len(pni) > 0:
		return append([]byte("p"), pni...)
	}
	return append([]byte("e"), e164...)
}

func (f *Facts) chat(b message) error {
	c := walk(b)
	for c.next() {
		switch {
		case c.isUint(1):
			f.ID = c.uint
		case c.isUint(2):
			f.RecipientID = c.uint
		case c.is(9):
			if err := f.find(styleShape, c.sub(), false); err != nil {
				return err
			}
		}
	}
	return c.err
}

func (f *Facts) call(b message) error {
	c := walk(b)
	for c.next() {
		switch {
		case c.isUint(1):
			f.ID = c.uint
		case c.isUint(2):
			f.RecipientID = c.uint
		case c.isUint(4):
			f.Sent = c.uint
		}
	}
	return c.err
}
