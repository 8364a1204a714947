package signal

import (
	"encoding/base64"
	"iter"
	"math"
	"slices"
	"strconv"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxJSONDepth is how deep messages may lie in messages.
const maxJSONDepth = 32

// AppendJSON appends a frame as Signal's plaintext export has it, on one line without
// its end: proto3 JSON with 64-bit numbers as decimal strings, bytes in base64, enums
// by name, fields in the order of the schema and only when they are set. unknown counts
// the fields that the schema of this package does not have: they are left out.
func AppendJSON(dst, frame []byte) (out []byte, unknown int, err error) {
	return appendJSON(dst, "Frame", frame)
}

// UnknownFields calls fn with each field that AppendJSON leaves out of a frame, named
// like "ChatItem.993" after the schema's message and the field's number in it.
func UnknownFields(frame []byte, fn func(name string)) {
	unknownFields(frame, schema()["Frame"], fn, 0)
}

func unknownFields(b []byte, t *messageType, fn func(string), depth int) {
	c := walk(wire(b))
	for depth <= maxJSONDepth && c.next() {
		f := t.byNumber(c.num)
		switch {
		case f == nil || !fits(f, c.typ):
			fn(t.name + "." + strconv.Itoa(int(c.num)))
		case f.message != nil:
			unknownFields(c.bytes, f.message, fn, depth+1)
		}
	}
}

// AppendInfoJSON appends the Info, the first line of an export.
func AppendInfoJSON(dst, info []byte) (out []byte, unknown int, err error) {
	return appendJSON(dst, "Info", info)
}

func appendJSON(dst []byte, name string, message []byte) ([]byte, int, error) {
	j := jsonWriters.Get().(*jsonWriter)
	defer jsonWriters.Put(j)
	j.out, j.unknown, j.values = dst, 0, j.values[:0]
	err := j.message(schema()[name], message, 0)
	out, unknown := j.out, j.unknown
	j.out = nil
	if clear(j.values[:cap(j.values)]); cap(j.values) > 1024 { // hold on to no frame
		j.values = nil
	}
	return out, unknown, err
}

// jsonWriters keep their values' memory from frame to frame.
var jsonWriters = sync.Pool{New: func() any { return new(jsonWriter) }}

type jsonWriter struct {
	out     []byte
	values  []fieldValue // of the messages that are being written, the innermost last
	unknown int
}

// A fieldValue is one occurrence of a field.
type fieldValue struct {
	index int // in the message type
	uint  uint64
	bytes []byte
}

func (j *jsonWriter) message(t *messageType, b []byte, depth int) error {
	if depth > maxJSONDepth {
		return malformed("messages in messages, %d deep", depth)
	}
	outer := len(j.values)
	if err := j.collect(t, b); err != nil {
		return err
	}
	values := j.values[outer:]
	j.out = append(j.out, '{')
	start := len(j.out)
	for i := range t.fields {
		if err := j.field(&t.fields[i], i, values, start, depth); err != nil {
			return err
		}
	}
	j.out = append(j.out, '}')
	j.values = j.values[:outer]
	return nil
}

// collect appends the occurrences of known fields to j.values. A message that is not repeated but
// occurs twice is, as protobuf has it, one that goes on.
func (j *jsonWriter) collect(t *messageType, b []byte) error {
	first := len(j.values)
	c := walk(wire(b))
	for c.next() {
		i, ok := t.index[c.num]
		if !ok || !fits(&t.fields[i], c.typ) {
			j.unknown++
			continue
		}
		v := fieldValue{i, c.uint, c.bytes}
		if k := find(j.values[first:], i); k >= 0 && !t.fields[i].repeated {
			if t.fields[i].message != nil {
				v.bytes = slices.Concat(j.values[first+k].bytes, c.bytes)
			}
			j.values[first+k] = v
			continue
		}
		j.values = append(j.values, v)
	}
	return c.err
}

func find(values []fieldValue, index int) int {
	for k := range values {
		if values[k].index == index {
			return k
		}
	}
	return -1
}

// fits says whether a field of this type can stand on the wire as typ.
func fits(f *fieldType, typ protowire.Type) bool {
	switch {
	case f.message != nil, f.scalar == "bytes", f.scalar == "string":
		return typ == protowire.BytesType
	case f.repeated && typ == protowire.BytesType:
		return true
	case f.scalar == "fixed32", f.scalar == "float":
		return typ == protowire.Fixed32Type
	}
	return typ == protowire.VarintType
}

// field writes the field that has the given index, if it occurs among values.
func (j *jsonWriter) field(f *fieldType, index int, values []fieldValue, start, depth int) error {
	n := 0
	for k := range values {
		v := &values[k]
		if v.index != index || !f.repeated && !f.explicit && f.message == nil && v.uint == 0 && len(v.bytes) == 0 {
			continue
		}
		for e := range elements(f, v) {
			if n++; n > 1 {
				j.out = append(j.out, ',')
			} else {
				j.name(f, start)
			}
			if err := j.value(f, e, depth); err != nil {
				return err
			}
		}
	}
	if n > 0 && f.repeated {
		j.out = append(j.out, ']')
	}
	return nil
}

func (j *jsonWriter) name(f *fieldType, start int) {
	if len(j.out) > start {
		j.out = append(j.out, ',')
	}
	j.out = append(append(append(j.out, '"'), f.name...), '"', ':')
	if f.repeated {
		j.out = append(j.out, '[')
	}
}

// elements yields v, or if v is a packed field of numbers each of them. Packed
// numbers that are cut off end the field.
func elements(f *fieldType, v *fieldValue) iter.Seq[*fieldValue] {
	return func(yield func(*fieldValue) bool) {
		if !f.repeated || v.bytes == nil || f.message != nil || f.scalar == "bytes" || f.scalar == "string" {
			yield(v)
			return
		}
		for b := v.bytes; len(b) > 0; {
			e, n := fieldValue{index: v.index}, 0
			if f.scalar == "fixed32" || f.scalar == "float" {
				var u uint32
				u, n = protowire.ConsumeFixed32(b)
				e.uint = uint64(u)
			} else {
				e.uint, n = protowire.ConsumeVarint(b)
			}
			if n < 0 || !yield(&e) {
				return
			}
			b = b[n:]
		}
	}
}

func (j *jsonWriter) value(f *fieldType, v *fieldValue, depth int) error {
	switch {
	case f.message != nil:
		return j.message(f.message, v.bytes, depth+1)
	case f.enum != nil:
		if v.uint < uint64(len(f.enum)) {
			j.out = append(append(append(j.out, '"'), f.enum[v.uint]...), '"')
		} else {
			j.out = strconv.AppendInt(j.out, int64(int32(v.uint)), 10)
		}
	case f.scalar == "u64":
		j.out = append(strconv.AppendUint(append(j.out, '"'), v.uint, 10), '"')
	case f.scalar == "bool":
		j.out = strconv.AppendBool(j.out, v.uint != 0)
	case f.scalar == "bytes":
		j.out = append(base64.StdEncoding.AppendEncode(append(j.out, '"'), v.bytes), '"')
	case f.scalar == "string":
		j.out = appendQuoted(j.out, v.bytes)
	case f.scalar == "float":
		j.out = appendFloat(j.out, math.Float32frombits(uint32(v.uint)))
	default: // u32, fixed32
		j.out = strconv.AppendUint(j.out, uint64(uint32(v.uint)), 10)
	}
	return nil
}
