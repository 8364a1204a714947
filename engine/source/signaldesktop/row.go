package signaldesktop

import (
	"fmt"
	"math"

	"github.com/ncruces/go-sqlite3"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// A row is one row of a table, by the names of its columns. Columns that are NULL are
// not there.
type row struct {
	table   string
	columns []column
}

// A column is one value: of text, integer, double or blob exactly one.
type column struct {
	name string
	kind protowire.Number // colText …
	text []byte           // of text and blobs
	num  uint64           // of integers and doubles, their bits
}

// Fields of a row's message, {1 table, 2 repeated column}, and of a column's,
// {1 name, one of: 2 text, 3 integer, zigzag, 4 double, 5 blob}.
const (
	rowTable  = 1
	rowColumn = 2
	colName   = 1
	colText   = 2
	colInt    = 3
	colDouble = 4
	colBlob   = 5
)

// appendRow appends a row to the content of an item, which is {1 repeated row}.
func appendRow(dst []byte, r *row) []byte {
	body := protowire.AppendString(protowire.AppendTag(nil, rowTable, protowire.BytesType), r.table)
	var b []byte
	for i := range r.columns {
		b = r.columns[i].append(b[:0])
		body = protowire.AppendBytes(protowire.AppendTag(body, rowColumn, protowire.BytesType), b)
	}
	return protowire.AppendBytes(protowire.AppendTag(dst, 1, protowire.BytesType), body)
}

func (c *column) append(dst []byte) []byte {
	dst = protowire.AppendString(protowire.AppendTag(dst, colName, protowire.BytesType), c.name)
	switch c.kind {
	case colInt:
		return protowire.AppendVarint(protowire.AppendTag(dst, colInt, protowire.VarintType), protowire.EncodeZigZag(int64(c.num)))
	case colDouble:
		return protowire.AppendFixed64(protowire.AppendTag(dst, colDouble, protowire.Fixed64Type), c.num)
	}
	return protowire.AppendBytes(protowire.AppendTag(dst, c.kind, protowire.BytesType), c.text)
}

// parseRows reads what appendRow wrote.
func parseRows(content []byte) (rows []row, err error) {
	err = fields(content, func(num protowire.Number, b []byte, _ uint64) error {
		r := row{}
		err := fields(b, func(num protowire.Number, b []byte, _ uint64) error {
			switch num {
			case rowTable:
				r.table = string(b)
			case rowColumn:
				c, err := parseColumn(b)
				r.columns = append(r.columns, c)
				return err
			}
			return nil
		})
		rows = append(rows, r)
		return err
	})
	return rows, err
}

func parseColumn(b []byte) (c column, err error) {
	err = fields(b, func(num protowire.Number, b []byte, n uint64) error {
		switch num {
		case colName:
			c.name = string(b)
		case colText, colBlob:
			c.kind, c.text = num, b
		case colInt:
			c.kind, c.num = num, uint64(protowire.DecodeZigZag(n))
		case colDouble:
			c.kind, c.num = num, n
		}
		return nil
	})
	return c, err
}

// fields calls fn with each field of a message.
func fields(b []byte, fn func(num protowire.Number, b []byte, n uint64) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errRow
		}
		value, m := []byte(nil), 0
		u := uint64(0)
		switch b = b[n:]; typ {
		case protowire.BytesType:
			value, m = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			u, m = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			u, m = protowire.ConsumeFixed64(b)
		default:
			return errRow
		}
		if m < 0 {
			return errRow
		}
		b = b[m:]
		if err := fn(num, value, u); err != nil {
			return err
		}
	}
	return nil
}

var errRow = fmt.Errorf("not a row of Signal Desktop's: %w", signal.ErrFormat)

// get returns a column, or nil.
func (r *row) get(name string) *column {
	for i := range r.columns {
		if r.columns[i].name == name {
			return &r.columns[i]
		}
	}
	return nil
}

// text is the first of these columns that has text.
func (r *row) text(names ...string) string {
	for _, name := range names {
		if c := r.get(name); c != nil && c.kind == colText && len(c.text) > 0 {
			return string(c.text)
		}
	}
	return ""
}

// int is the first of these columns that has a number other than zero.
func (r *row) int(names ...string) int64 {
	for _, name := range names {
		if c := r.get(name); c != nil {
			switch {
			case c.kind == colInt && c.num != 0:
				return int64(c.num)
			case c.kind == colDouble && c.num != 0:
				return int64(math.Float64frombits(c.num))
			}
		}
	}
	return 0
}

// drop removes columns.
func (r *row) drop(names ...string) {
	kept := r.columns[:0]
next:
	for _, c := range r.columns {
		for _, name := range names {
			if c.name == name {
				continue next
			}
		}
		kept = append(kept, c)
	}
	r.columns = kept
}

// read fills r from the row at which q stands, whose columns have these names. Texts and
// blobs are valid until q moves.
func (r *row) read(q *sqlite3.Stmt, names []string) {
	r.columns = r.columns[:0]
	for i, name := range names {
		c := column{name: name}
		switch q.ColumnType(i) {
		case sqlite3.TEXT:
			c.kind, c.text = colText, q.ColumnRawText(i)
		case sqlite3.INTEGER:
			c.kind, c.num = colInt, uint64(q.ColumnInt64(i))
		case sqlite3.FLOAT:
			c.kind, c.num = colDouble, math.Float64bits(q.ColumnFloat(i))
		case sqlite3.BLOB:
			c.kind, c.text = colBlob, q.ColumnRawBlob(i)
		default:
			continue
		}
		r.columns = append(r.columns, c)
	}
}
