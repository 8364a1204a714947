package signal

import "bytes"

// OnceFreeJSON returns the line of a message without what may be seen once, as
// WithoutOnce does with a frame. f.ReadJSON(line) has succeeded before.
func OnceFreeJSON(line []byte) []byte {
	line, _ = sanitize(line, false)
	return line
}

// TakeoutJSON returns a line as Signal's own export would have it, and whether it would
// have it at all: disappearing messages are not in it, nor disappearing revisions, nor
// what may be seen once.
func TakeoutJSON(line []byte) (out []byte, keep bool) {
	if !bytes.Contains(line, []byte(`"expiresInMs"`)) && !bytes.Contains(line, []byte(`"viewOnceMessage"`)) &&
		!bytes.Contains(line, []byte(`"VIEW_ONCE"`)) {
		return line, true
	}
	return sanitize(line, true)
}

// sanitize takes out what may be seen once, and with timers what disappears.
func sanitize(line []byte, timers bool) (out []byte, keep bool) {
	keep = true
	out = EditJSON(line, func(name string, v []byte) []byte {
		if name == "chatItem" {
			v, keep = sanitizeItem(v, timers, 0)
		}
		return v
	})
	return out, keep
}

func sanitizeItem(item []byte, timers bool, depth int) (out []byte, keep bool) {
	keep = depth <= maxDepth
	out = EditJSON(item, func(name string, v []byte) []byte {
		switch name {
		case "expiresInMs":
			keep = keep && !(timers && v[0] != 'n')
		case "revisions":
			return EditArray(v, func(r []byte) ([]byte, bool) { return sanitizeItem(r, timers, depth+1) })
		case "viewOnceMessage":
			return DropMember(v, "attachment")
		case "standardMessage":
			return EditJSON(v, func(name string, v []byte) []byte {
				if name == "quote" && v[0] == '{' && isViewOnceQuote(message{v, schema()["Quote"]}) {
					return DropMember(v, "attachments")
				}
				return v
			})
		}
		return v
	})
	return out, keep
}

// DropMember returns the object without the members of this name.
func DropMember(object []byte, drop string) []byte {
	return EditJSON(object, func(name string, v []byte) []byte {
		if name == drop {
			return nil
		}
		return v
	})
}

// EditJSON returns the object with each member's value replaced by what edit returns
// for it; nil leaves the member out. What is no object stays as it is.
func EditJSON(object []byte, edit func(name string, value []byte) []byte) []byte {
	c := cursor{rest: skipSpace(object)}
	if len(c.rest) == 0 || c.rest[0] != '{' {
		return object
	}
	out := []byte{'{'}
	for c.rest = c.rest[1:]; c.err == nil; {
		if c.rest = skipSpace(c.rest); len(c.rest) == 0 || c.rest[0] == '}' {
			break
		}
		if c.rest[0] == ',' || c.rest[0] == ':' {
			c.rest = c.rest[1:]
			continue
		}
		name := c.value()
		c.rest = skipSpace(bytes.TrimPrefix(skipSpace(c.rest), []byte(":")))
		v := c.value()
		if c.err != nil || len(name) < 2 {
			return object
		}
		if v = edit(string(memberName(name)), v); v == nil {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, name...), ':'), v...)
	}
	return append(out, '}')
}

// EditArray returns the array with those elements that edit keeps, as it returns them.
func EditArray(array []byte, edit func(v []byte) ([]byte, bool)) []byte {
	c := cursor{rest: skipSpace(array)}
	if len(c.rest) == 0 || c.rest[0] != '[' {
		return array
	}
	out := []byte{'['}
	for c.rest = c.rest[1:]; c.err == nil; {
		if c.rest = skipSpace(c.rest); len(c.rest) == 0 || c.rest[0] == ']' {
			break
		}
		if c.rest[0] == ',' {
			c.rest = c.rest[1:]
			continue
		}
		v, keep := edit(c.value())
		if c.err != nil || !keep {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, v...)
	}
	return append(out, ']')
}
