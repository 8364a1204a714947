package signal

import "google.golang.org/protobuf/encoding/protowire"

// A shape says in which fields of a message media may stand, at any depth. The
// shapes below are all places that Signal's schema has.
type shape []*shape // by field number

// pointerShape marks a FilePointer: there is the media.
var pointerShape = new(shape)

var (
	attachmentShape = &shape{1: pointerShape}    // MessageAttachment
	quotedShape     = &shape{3: attachmentShape} // QuotedAttachment
	quoteShape      = &shape{4: quotedShape}     //
	previewShape    = &shape{3: pointerShape}    // LinkPreview
	standardShape   = &shape{1: quoteShape, 3: attachmentShape, 4: previewShape, 5: pointerShape}
	cardShape       = &shape{1: &shape{6: pointerShape}} // ContactMessage
	stickerShape    = &shape{1: &shape{5: pointerShape}} // StickerMessage
	onceShape       = &shape{1: attachmentShape}         // ViewOnceMessage
	replyShape      = &shape{1: &shape{2: pointerShape}} // DirectStoryReplyMessage
	styleShape      = &shape{2: pointerShape}            // ChatStyle
	accountShape    = &shape{9: &shape{18: styleShape}}  // AccountData

	itemShapes = shape{itemStandard: standardShape, 12: cardShape, 13: stickerShape, itemUpdate: nil,
		itemViewOnce: onceShape, 19: replyShape}
)

func (s *shape) field(num protowire.Number) *shape {
	if s == nil || int(num) >= len(*s) {
		return nil
	}
	return (*s)[num]
}

// find notes each media in m, which has shape s (nil: none can be in it).
func (f *Facts) find(s *shape, m message, once bool) error {
	if s == nil {
		return nil
	}
	if s == pointerShape {
		return f.pointer(m, once)
	}
	c := walk(m)
	for c.next() {
		if c.typ != protowire.BytesType {
			continue
		}
		if err := f.find(s.field(c.num), c.sub(), once); err != nil {
			return err
		}
	}
	return c.err
}

// pointer notes the media of a FilePointer, if it was in the folder when the backup
// was made: its hash and its local key are known then.
func (f *Facts) pointer(b message, once bool) error {
	f.Once = f.Once || once
	var contentType, fileName []byte
	var m Media
	ok := false
	c := walk(b)
	for c.next() {
		switch {
		case c.is(4):
			contentType = c.data()
		case c.is(7):
			fileName = c.data()
		case c.is(13):
			var err error
			if m, ok, err = readLocator(c.sub()); err != nil {
				return err
			}
		}
	}
	if c.err != nil || !ok {
		return c.err
	}
	f.Show(m, string(contentType), string(fileName), once)
	return nil
}

// LongText is the content type of the part of a text for which a message has no room.
const LongText = "text/x-signal-plain"

// Show notes a media.
func (f *Facts) Show(m Media, contentType, fileName string, once bool) {
	f.Once = f.Once || once
	f.Media = append(f.Media, Shown{Name: m.Name(), Media: m, Ext: Extension(contentType, fileName), Once: once,
		Text: contentType == LongText})
}

func readLocator(b message) (m Media, ok bool, err error) {
	var hash, local []byte
	c := walk(b)
	for c.next() {
		switch {
		case c.isUint(3):
			m.Size = uint32(c.uint)
		case c.is(9):
			local = c.data()
		case c.is(10):
			hash = c.data()
		}
	}
	if len(hash) != len(m.Hash) || len(local) != len(m.LocalKey) {
		return m, false, c.err
	}
	copy(m.Hash[:], hash)
	copy(m.LocalKey[:], local)
	return m, true, c.err
}
