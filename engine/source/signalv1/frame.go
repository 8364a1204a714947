package signalv1

import (
	"fmt"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// The fields of a BackupFrame: what a frame is about.
const (
	fieldHeader     = 1
	fieldStatement  = 2
	fieldPreference = 3
	fieldAttachment = 4
	fieldVersion    = 5
	fieldEnd        = 6
	fieldAvatar     = 7
	fieldSticker    = 8
	fieldKeyValue   = 9
)

// A frame is what is read from one; its slices alias the message.
type frame struct {
	kind    protowire.Number // the field that is set; 0: none that is known here
	message []byte

	sql    []byte  // of a statement
	params []param // of a statement

	// Of an attachment, avatar or sticker:
	row, unique uint64
	who         []byte // an avatar's recipient or name
	size        int64  // of the blob behind the frame; -1: there is none

	version uint64 // of the database

	file, key []byte // of a preference or key-value
	value     []byte // of a key-value or preference, if it is a string or bytes
}

// A param is a value of SQL: a number, bytes, or null.
type param struct {
	kind  byte // the field of SqlParameter: 1 text, 2 integer, 3 real, 4 bytes, 5 null
	n     int64
	bytes []byte
}

// integer is the value as a number; text that is one counts, anything else is 0.
func (p *param) integer() int64 {
	switch p.kind {
	case 2:
		return p.n
	case 1:
		n, _ := strconv.ParseInt(string(p.bytes), 10, 64)
		return n
	}
	return 0
}

// parse reads a frame's message. What is no message of Signal's is ErrFormat.
func (f *frame) parse(message []byte) error {
	*f = frame{message: message, params: f.params[:0], size: -1}
	return signal.Fields(message, func(o signal.Field) error {
		if o.Number > fieldKeyValue {
			return nil
		}
		f.kind = o.Number
		if o.Type != protowire.BytesType {
			return nil
		}
		switch o.Number {
		case fieldStatement:
			return signal.Fields(o.Bytes, f.statement)
		case fieldPreference, fieldKeyValue:
			return signal.Fields(o.Bytes, f.setting)
		case fieldVersion:
			return signal.Fields(o.Bytes, func(v signal.Field) error {
				f.version = v.Uint
				return nil
			})
		case fieldAttachment, fieldAvatar, fieldSticker:
			f.size = 0
			return signal.Fields(o.Bytes, f.announcement)
		}
		return nil
	})
}

func (f *frame) statement(o signal.Field) error {
	switch {
	case o.Type != protowire.BytesType:
	case o.Number == 1:
		f.sql = o.Bytes
	case o.Number == 2:
		var p param
		err := signal.Fields(o.Bytes, func(v signal.Field) error {
			p = param{kind: byte(min(v.Number, 255)), n: int64(v.Uint), bytes: v.Bytes}
			return nil
		})
		f.params = append(f.params, p)
		return err
	}
	return nil
}

// setting reads {1 file, 2 key, 3 value} of a preference and {1 key, 2 bytes, 7 text} of
// a key-value.
func (f *frame) setting(o signal.Field) error {
	number := o.Number
	if f.kind == fieldKeyValue {
		number++
	}
	switch {
	case o.Type != protowire.BytesType:
	case number == 1:
		f.file = o.Bytes
	case number == 2:
		f.key = o.Bytes
	case number == 3, number == 8 && f.kind == fieldKeyValue:
		f.value = o.Bytes
	}
	return nil
}

// announcement reads what comes before a blob: {1 row, 2 unique id, 3 length} of an
// attachment, {1 name, 2 length, 3 recipient} of an avatar, {1 row, 2 length} of a sticker.
func (f *frame) announcement(o signal.Field) error {
	isLength := o.Number == 2
	if f.kind == fieldAttachment {
		isLength = o.Number == 3
	}
	switch {
	case o.Type == protowire.VarintType && isLength:
		if o.Uint > math.MaxUint32 {
			return fmt.Errorf("a blob of %d bytes: %w", o.Uint, signal.ErrCorrupt)
		}
		f.size = int64(o.Uint)
	case o.Type == protowire.VarintType && o.Number == 1:
		f.row = o.Uint
	case o.Type == protowire.VarintType && o.Number == 2:
		f.unique = o.Uint
	case o.Type == protowire.BytesType && f.kind == fieldAvatar:
		f.who = o.Bytes
	}
	return nil
}
