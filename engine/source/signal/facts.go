package signal

import "google.golang.org/protobuf/encoding/protowire"

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
}

// Reset empties f and keeps its memory.
func (f *Facts) Reset() { *f = Facts{Identity: f.Identity[:0], Media: f.Media[:0]} }

// Read fills f from a frame. A frame that is no protobuf is ErrFormat.
func (f *Facts) Read(frame []byte) error {
	f.Reset()
	c := walk(frame)
	for c.next() {
		if c.typ != protowire.BytesType || c.num > protowire.Number(FrameFolder) {
			continue
		}
		f.Kind = FrameKind(c.num)
		if err := f.message(f.Kind, c.bytes); err != nil {
			return err
		}
	}
	return c.err
}

func (f *Facts) message(kind FrameKind, b []byte) error {
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
func (f *Facts) identity(b []byte, num protowire.Number) error {
	c := walk(b)
	for c.next() {
		if c.is(num) && len(c.bytes) > 0 {
			f.Identity = append(f.Identity[:0], c.bytes...)
		}
	}
	if len(f.Identity) == 0 {
		f.Identity = append(f.Identity, b...)
	}
	return c.err
}

func (f *Facts) recipient(b []byte) error {
	c := walk(b)
	for c.next() {
		switch {
		case c.isUint(1):
			f.ID = c.uint
		case c.is(2):
			id, err := contactIdentity(c.bytes)
			if err != nil {
				return err
			}
			f.identify('c', id)
		case c.is(3), c.is(4), c.is(7):
			d := walk(c.bytes)
			for d.next() {
				if d.is(1) {
					f.identify(byte('0'+c.num), d.bytes)
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
func contactIdentity(b []byte) (id []byte, err error) {
	var aci, pni, e164 []byte
	c := walk(b)
	for c.next() {
		switch {
		case c.is(1):
			aci = c.bytes
		case c.is(2):
			pni = c.bytes
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

func (f *Facts) chat(b []byte) error {
	c := walk(b)
	for c.next() {
		switch {
		case c.isUint(1):
			f.ID = c.uint
		case c.isUint(2):
			f.RecipientID = c.uint
		case c.is(9):
			if err := f.find(styleShape, c.bytes, false); err != nil {
				return err
			}
		}
	}
	return c.err
}

func (f *Facts) call(b []byte) error {
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
