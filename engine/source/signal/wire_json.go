package signal

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// jsonState is what a cursor over a JSON object knows beside.
type jsonState struct {
	typ     *messageType // nil: the cursor walks protobuf
	field   *fieldType   // at the cursor, if it is known
	inArray bool
}

// unknownEnum is the number of an enum's value whose name is not known.
const unknownEnum = 1 << 32

// beginJSON starts the walk over an object, which json.Valid has accepted.
func (c *cursor) beginJSON(typ *messageType) {
	c.json.typ = typ
	if c.rest = skipSpace(c.rest); len(c.rest) == 0 || c.rest[0] != '{' {
		c.fail()
		return
	}
	c.rest = c.rest[1:]
}

func (c *cursor) nextJSON() bool {
	for c.err == nil {
		c.rest = skipSpace(c.rest)
		if len(c.rest) == 0 {
			return c.fail()
		}
		switch ch := c.rest[0]; {
		case ch == ',':
			c.rest = c.rest[1:]
		case ch == ']' && c.json.inArray:
			c.json.inArray, c.rest = false, c.rest[1:]
		case c.json.inArray:
			v := c.value()
			return c.err == nil && c.set(v)
		case ch == '}':
			return false
		default:
			if c.member() {
				return c.err == nil
			}
		}
	}
	return false
}

// member moves to the member of the object at rest. False: there is nothing to stop
// at, because it is null or an array.
func (c *cursor) member() bool {
	name := c.value()
	if c.rest = skipSpace(c.rest); c.err != nil || len(name) < 2 || name[0] != '"' || len(c.rest) == 0 || c.rest[0] != ':' {
		c.fail()
		return true
	}
	c.rest = skipSpace(c.rest[1:])
	c.num, c.typ, c.json.field = 0, -1, c.json.typ.byName(memberName(name))
	if f := c.json.field; f != nil && f.repeated && len(c.rest) > 0 && c.rest[0] == '[' {
		c.json.inArray, c.rest = true, c.rest[1:]
		return false
	}
	v := c.value()
	switch {
	case c.err != nil || c.json.field == nil:
		return true
	case v[0] == 'n':
		return false
	}
	c.set(v)
	return true
}

// memberName is what a member's quoted name says.
func memberName(quoted []byte) []byte {
	var s string
	if bytes.IndexByte(quoted, '\\') >= 0 && json.Unmarshal(quoted, &s) == nil {
		return []byte(s)
	}
	return quoted[1 : len(quoted)-1]
}

// set stands at a field with the given value.
func (c *cursor) set(v []byte) bool {
	f, ok := c.json.field, false
	c.num, c.typ, c.bytes, c.uint = f.number, protowire.VarintType, nil, 0
	switch {
	case f.message != nil:
		c.typ, c.bytes, ok = protowire.BytesType, v, v[0] == '{'
	case f.scalar == "string", f.scalar == "bytes":
		c.typ, c.bytes, ok = protowire.BytesType, v, v[0] == '"'
	case f.scalar == "bool":
		if ok = v[0] == 't' || v[0] == 'f'; v[0] == 't' {
			c.uint = 1
		}
	case f.scalar == "float":
		ok = true
	case f.enum != nil && v[0] == '"':
		c.uint, ok = unknownEnum, true
		for i, name := range f.enum {
			if string(v[1:len(v)-1]) == name {
				c.uint = uint64(i)
			}
		}
	default:
		if v[0] == '"' {
			v = v[1 : len(v)-1]
		}
		n, err := strconv.ParseUint(string(v), 10, 64)
		c.uint, ok = n, err == nil || f.enum != nil
	}
	return ok || c.fail()
}

// dataJSON decodes the string or the base64 at the cursor. What cannot be decoded is empty.
func (c *cursor) dataJSON() []byte {
	var s string
	if json.Unmarshal(c.bytes, &s) != nil {
		return nil
	}
	if c.json.field.scalar == "string" {
		return []byte(s)
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

// value takes the next value off rest.
func (c *cursor) value() []byte {
	n := valueLength(c.rest)
	if n <= 0 {
		c.fail()
		return nil
	}
	v := c.rest[:n]
	c.rest = c.rest[n:]
	return v
}

func skipSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
}

// valueLength is the length of the JSON value at the start of b, 0 if there is none.
func valueLength(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			n := stringLength(b[i:])
			if n == 0 {
				return 0
			}
			if i += n - 1; depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	if depth > 0 {
		return 0
	}
	return len(b)
}

func stringLength(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}
