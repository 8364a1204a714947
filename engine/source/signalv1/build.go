package signalv1

import (
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// The builders below make frames, for tests and for generated histories.

// Statement is the frame of a statement of SQL with its parameters: nil, string, []byte,
// float64, int, int64, uint64, or bool, which SQLite keeps as 0 and 1.
func Statement(sql string, values ...any) []byte {
	m := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), sql)
	var p []byte
	for _, v := range values {
		p = appendParam(p[:0], v)
		m = protowire.AppendBytes(protowire.AppendTag(m, 2, protowire.BytesType), p)
	}
	return inFrame(fieldStatement, m)
}

// Row is the frame of a row.
func Row(table string, values ...any) []byte {
	return Statement("INSERT INTO "+table+" VALUES ("+strings.Repeat("?,", max(0, len(values)-1))+"?)", values...)
}

func appendParam(dst []byte, v any) []byte {
	integer := func(n uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(dst, 2, protowire.VarintType), n)
	}
	switch v := v.(type) {
	case nil:
		return protowire.AppendVarint(protowire.AppendTag(dst, 5, protowire.VarintType), 1)
	case string:
		return protowire.AppendString(protowire.AppendTag(dst, 1, protowire.BytesType), v)
	case []byte:
		return protowire.AppendBytes(protowire.AppendTag(dst, 4, protowire.BytesType), v)
	case float64:
		return protowire.AppendFixed64(protowire.AppendTag(dst, 3, protowire.Fixed64Type), math.Float64bits(v))
	case bool:
		return integer(protowire.EncodeBool(v))
	case int:
		return integer(uint64(v))
	case int64:
		return integer(uint64(v))
	case uint64:
		return integer(v)
	}
	panic(fmt.Sprintf("signalv1: no SQL value: %T", v))
}

// Version is the frame of the database's version, the first of a file.
func Version(v uint64) []byte { return inFrame(fieldVersion, appendNumber(nil, 1, v)) }

// Preference is the frame of a preference that is a string.
func Preference(file, key, value string) []byte {
	m := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), file)
	m = protowire.AppendString(protowire.AppendTag(m, 2, protowire.BytesType), key)
	return inFrame(fieldPreference, protowire.AppendString(protowire.AppendTag(m, 3, protowire.BytesType), value))
}

// KeyValue is the frame of a key-value: bytes, or a string.
func KeyValue[V string | []byte](key string, value V) []byte {
	field := protowire.Number(2)
	if _, ok := any(value).(string); ok {
		field = 7
	}
	m := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), key)
	return inFrame(fieldKeyValue, protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), []byte(value)))
}

// Attachment is the frame before the blob of an attachment's row.
func Attachment(row, size uint64) []byte {
	return inFrame(fieldAttachment, appendNumber(appendNumber(nil, 1, row), 3, size))
}

// Sticker is the frame before the blob of a sticker's row.
func Sticker(row, size uint64) []byte {
	return inFrame(fieldSticker, appendNumber(appendNumber(nil, 1, row), 2, size))
}

// Avatar is the frame before the blob of a recipient's avatar.
func Avatar(recipient string, size uint64) []byte {
	return inFrame(fieldAvatar, appendNumber(protowire.AppendString(protowire.AppendTag(nil, 3, protowire.BytesType), recipient), 2, size))
}

// End is the frame that ends a file.
func End() []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, fieldEnd, protowire.VarintType), 1)
}

func appendNumber(dst []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.VarintType), v)
}

func inFrame(field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), m)
}
