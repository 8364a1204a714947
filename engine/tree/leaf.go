package tree

import (
	"bytes"
	"encoding/binary"
)

// A leaf holds the entries of one run, all of one group:
//
//	blind 16 │ group, packed │ record │ record │ …
//
// and a record is, with every number a varint in its shortest form:
//
//	shared │ rest, packed │ flags 1 │ kind 1 │ time │ the fields that flags name
//
// The key is the first shared bytes of the key before it (as many as there are;
// the first record has 0) and rest. time is the difference to the time in the key
// (timeIn), if it has none to the record before it (the first: to 0), signed numbers
// being zigzag-coded. Then come, in this order:
//
//	bit 0  stamp     len │ bytes
//	bit 1  expires   signed difference to time
//	bit 2  timer     two's complement
//	bit 3  needs     how many │ len │ key │ len │ key …
//	bit 4  meta      len │ bytes
//	bit 5  inline    len │ bytes, its varints of six bytes as differences (toDifferences)
//	bit 6  content   depth 1 │ ref 32
//	bit 7  size      unless it is the length of inline
//
// The raw form of a record, which only the cut sees, has the whole key and time:
//
//	len(key) │ key │ flags 1 │ kind 1 │ time 8, LE │ the fields that flags name
const (
	hasStamp = 1 << iota
	hasExpires
	hasTimer
	hasNeeds
	hasMeta
	hasInline
	hasContent
	hasSize
)

// blindLen is the length of what a leaf begins with.
const blindLen = 16

// appendRaw appends the raw form of the entry.
func appendRaw(dst []byte, e *Entry) []byte {
	flags := e.flags()
	dst = appendField(dst, e.Key)
	dst = append(dst, flags, e.Kind)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Time))
	return appendFields(dst, e, flags)
}

func (e *Entry) flags() byte {
	var f byte
	set := func(bit byte, is bool) {
		if is {
			f |= bit
		}
	}
	set(hasStamp, len(e.Stamp) > 0)
	set(hasExpires, e.Expires != 0)
	set(hasTimer, e.Timer != 0)
	set(hasNeeds, len(e.Needs) > 0)
	set(hasMeta, len(e.Meta) > 0)
	set(hasInline, len(e.Inline) > 0)
	set(hasContent, e.external())
	set(hasSize, e.Size != uint64(len(e.Inline)))
	return f
}

func appendFields(dst []byte, e *Entry, flags byte) []byte {
	if flags&hasStamp != 0 {
		dst = appendField(dst, e.Stamp)
	}
	if flags&hasExpires != 0 {
		dst = appendZigzag(dst, e.Expires-e.Time)
	}
	if flags&hasTimer != 0 {
		dst = binary.AppendUvarint(dst, uint64(e.Timer))
	}
	if flags&hasNeeds != 0 {
		dst = binary.AppendUvarint(dst, uint64(len(e.Needs)))
		for _, key := range e.Needs {
			dst = appendField(dst, key)
		}
	}
	if flags&hasMeta != 0 {
		dst = appendField(dst, e.Meta)
	}
	if flags&hasInline != 0 {
		dst = appendField(dst, e.Inline)
	}
	if flags&hasContent != 0 {
		dst = append(dst, e.Content.Depth)
		dst = append(dst, e.Content.Ref[:]...)
	}
	if flags&hasSize != 0 {
		dst = binary.AppendUvarint(dst, e.Size)
	}
	return dst
}

// A leafDecoder decodes leaves into slices that it uses again.
type leafDecoder struct {
	entries []Entry
	keys    []byte   // the group and the keys of all entries, one behind the other
	inline  []byte   // of all entries
	needs   [][]byte // of all entries
}

// decode returns the entries of a leaf, at least one. They alias plain and the
// decoder, and are valid until its next use.
func (d *leafDecoder) decode(plain []byte, day bool) ([]Entry, error) {
	if len(plain) > MaxNode {
		return nil, corrupt("leaf: length")
	}
	p := parser{rest: plain}
	p.take(blindLen)
	if d.entries == nil {
		d.entries, d.keys, d.inline = make([]Entry, 0, 8), make([]byte, 0, len(plain)/2), make([]byte, 0, len(plain))
	}
	d.entries, d.keys, d.inline, d.needs = d.entries[:0], d.keys[:0], d.inline[:0], d.needs[:0]
	d.keys = p.packed(d.keys, MaxGroup)
	var group []byte
	if n := len(d.keys); n > 0 {
		group = d.keys[:n:n]
	}
	var prev Entry
	for !p.bad && len(p.rest) > 0 {
		e := Entry{Group: group}
		e.Key, d.keys = p.key(d.keys, prev.Key)
		flags := p.byte()
		e.Kind = p.byte()
		e.Time = timeIn(e.Key, prev.Time) + p.zigzag()
		d.fields(&p, &e, flags)
		d.restore(&e)
		if day && (len(e.Key) < dayLen || prev.Key != nil && !sameDay(e.Key, prev.Key)) {
			p.fail()
		}
		d.entries = append(d.entries, e)
		prev = e
	}
	if p.bad || len(d.entries) == 0 {
		return nil, corrupt("leaf")
	}
	return d.entries, nil
}

// restore gives an entry its inline content as it was.
func (d *leafDecoder) restore(e *Entry) {
	if len(e.Inline) == 0 {
		return
	}
	at := len(d.inline)
	d.inline = append(d.inline, e.Inline...)
	e.Inline = d.inline[at:len(d.inline):len(d.inline)]
	toTimes(e.Inline, e.Time)
}

// fields reads what follows the time.
func (d *leafDecoder) fields(p *parser, e *Entry, flags byte) {
	if flags&hasStamp != 0 {
		e.Stamp = p.field(MaxStamp)
	}
	if flags&hasExpires != 0 {
		e.Expires = e.Time + p.zigzag()
	}
	if flags&hasTimer != 0 {
		e.Timer = int64(p.uvarint())
	}
	if flags&hasNeeds != 0 {
		e.Needs = d.needed(p)
	}
	if flags&hasMeta != 0 {
		e.Meta = p.field(MaxMeta)
	}
	if flags&hasInline != 0 {
		e.Inline = p.field(MaxInline)
	}
	if flags&hasContent != 0 {
		e.Content.Depth = p.byte()
		copy(e.Content.Ref[:], p.take(len(e.Content.Ref)))
	}
	e.Size = uint64(len(e.Inline))
	if flags&hasSize != 0 {
		e.Size = p.uvarint()
	}
	// A flag of an empty field, and all that no writer may code.
	if flags != e.flags() || e.Content.Depth > MaxDepth || e.Size > maxBytes {
		p.fail()
	}
}

func (d *leafDecoder) needed(p *parser) [][]byte {
	first, sum := len(d.needs), 0
	for range p.length(MaxNeeds) {
		key := p.field(MaxKey)
		if sum += len(key); p.bad || sum > MaxNeedBytes {
			p.fail()
			return nil
		}
		d.needs = append(d.needs, key)
	}
	return d.needs[first:len(d.needs):len(d.needs)]
}

func sameDay(a, b []byte) bool { return bytes.Equal(a[:dayLen], b[:dayLen]) }

// key reads a prefix-coded key that is greater than prev, appends it to keys,
// and returns it and them. A decoded key stays where it is when keys grow.
func (p *parser) key(keys, prev []byte) (key, grown []byte) {
	same, at := p.length(len(prev)), len(keys)
	keys = p.packed(append(keys, prev[:same]...), MaxKey-same)
	rest := keys[at+same:]
	if p.bad || len(rest) == 0 || same < len(prev) && rest[0] <= prev[same] || len(keys) > MaxNode {
		p.fail()
		return nil, keys[:at]
	}
	return keys[at:len(keys):len(keys)], keys
}

// appendKey appends a key as parser.key reads it.
func appendKey(dst, key, prev []byte) []byte {
	same := shared(key, prev)
	dst = binary.AppendUvarint(dst, uint64(same))
	return appendPacked(dst, key[same:])
}
