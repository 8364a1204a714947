package signal

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// A message is the bytes of one message of Signal's schema: protobuf, or, with a
// typ, the JSON object that the plaintext export has for it.
type message struct {
	b   []byte
	typ *messageType
}

// wire is a message in protobuf.
func wire(b []byte) message { return message{b: b} }

// A cursor walks the fields of a message in the order in which they stand. Fields that
// nobody asks for are passed over, and their bytes are in raw. In JSON the elements of
// an array come one by one, as repeated fields do in protobuf.
type cursor struct {
	rest  []byte
	num   protowire.Number
	typ   protowire.Type
	uint  uint64 // of varints and fixed numbers
	bytes []byte // of strings, bytes and messages; aliases the message; in JSON as it stands there
	raw   []byte // protobuf: the whole field with its tag
	err   error  // ErrFormat
	json  jsonState
}

// walk returns a cursor before the first field of m.
func walk(m message) cursor {
	c := cursor{rest: m.b}
	if m.typ != nil {
		c.beginJSON(m.typ)
	}
	return c
}

// next moves to the next field and says whether there is one. At the end, and at
// bytes that are no field (err is set then), it says false.
func (c *cursor) next() bool {
	if c.json.typ != nil {
		return c.nextJSON()
	}
	if len(c.rest) == 0 || c.err != nil {
		return false
	}
	num, typ, n := consumeTag(c.rest)
	if n < 0 {
		return c.fail()
	}
	c.num, c.typ, c.bytes = num, typ, nil
	rest, m := c.rest[n:], 0
	switch typ {
	case protowire.VarintType:
		c.uint, m = protowire.ConsumeVarint(rest)
	case protowire.BytesType:
		c.bytes, m = protowire.ConsumeBytes(rest)
	case protowire.Fixed32Type:
		if m = 4; len(rest) >= 4 {
			c.uint = uint64(binary.LittleEndian.Uint32(rest))
		}
	case protowire.Fixed64Type:
		if m = 8; len(rest) >= 8 {
			c.uint = binary.LittleEndian.Uint64(rest)
		}
	default:
		m = protowire.ConsumeFieldValue(num, typ, rest)
	}
	if m < 0 || m > len(rest) {
		return c.fail()
	}
	c.raw, c.rest = c.rest[:n+m], rest[m:]
	return true
}

func (c *cursor) fail() bool {
	c.err = malformed("not a message of Signal's")
	return false
}

func consumeTag(b []byte) (protowire.Number, protowire.Type, int) {
	if b[0] < 0x80 && b[0] >= 8 {
		return protowire.Number(b[0] >> 3), protowire.Type(b[0] & 7), 1
	}
	return protowire.ConsumeTag(b)
}

// sub is the message that the field at the cursor holds.
func (c *cursor) sub() message {
	if c.json.typ != nil {
		return message{c.bytes, c.json.field.message}
	}
	return message{b: c.bytes}
}

// data is the string or the bytes that the field at the cursor holds.
func (c *cursor) data() []byte {
	if c.json.typ != nil {
		return c.dataJSON()
	}
	return c.bytes
}

// is says whether the cursor stands at this field of bytes.
func (c *cursor) is(num protowire.Number) bool {
	return c.num == num && c.typ == protowire.BytesType
}

// isUint says whether the cursor stands at this field of varint.
func (c *cursor) isUint(num protowire.Number) bool {
	return c.num == num && c.typ == protowire.VarintType
}

// each calls fn with a cursor at each field of m.
func each(m message, fn func(c *cursor) error) error {
	c := walk(m)
	for c.next() {
		if err := fn(&c); err != nil {
			return err
		}
	}
	return c.err
}

// Valid says whether b is a sequence of protobuf fields. It does not look into them.
func Valid(b []byte) bool {
	c := walk(wire(b))
	for c.next() {
	}
	return c.err == nil
}

// A Field is one field of a message in protobuf.
type Field struct {
	Number protowire.Number
	Type   protowire.Type
	Uint   uint64 // of varints and fixed numbers
	Bytes  []byte // of strings, bytes and messages; aliases the message
}

// Fields calls fn with each field of message, in the order in which they stand. Bytes
// that are no field are ErrFormat.
func Fields(message []byte, fn func(f Field) error) error {
	c := walk(wire(message)) // not each, for which the cursor would lie on the heap
	for c.next() {
		if err := fn(Field{c.num, c.typ, c.uint, c.bytes}); err != nil {
			return err
		}
	}
	return c.err
}

// Rewrite returns message with those fields of bytes changed for which edit says so. All
// other bytes stay as they are.
func Rewrite(message []byte, edit func(f Field) ([]byte, bool)) []byte {
	return rewrite(message, func(c *cursor) ([]byte, bool) { return edit(Field{c.num, c.typ, c.uint, c.bytes}) })
}
