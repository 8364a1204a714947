package signalv1

import (
	"context"
	"encoding/base64"
	"encoding/hex"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// A row is one of a table, read by the names of its columns. A column that the table does
// not have is 0 or empty.
type row struct {
	*columns
	params []param
}

func (r row) int(names ...string) int64 { return r.integer(r.params, r.column(names...)) }

// ms is a time or a length of time in ms, which is not negative.
func (r row) ms(names ...string) uint64 { return uint64(max(0, r.int(names...))) }

func (r row) bytes(names ...string) []byte { return r.columns.text(r.params, r.column(names...)) }

func (r row) text(names ...string) string { return string(r.bytes(names...)) }

// decoded is what stands in a column in base64.
func (r row) decoded(names ...string) []byte {
	b, err := base64.StdEncoding.DecodeString(r.text(names...))
	if err != nil {
		return nil
	}
	return b
}

// hex is what stands in a column in hex.
func (r row) hex(names ...string) []byte {
	b, err := hex.DecodeString(r.text(names...))
	if err != nil {
		return nil
	}
	return b
}

// number is the row's own.
func (r row) number() int64 { return r.integer(r.params, r.id) }

// rowOf reads what an item holds. Without columns it is another statement, which may have
// defined a table.
func (t *tables) rowOf(ctx context.Context, it *engine.Item) (row, error) {
	content, err := signal.Content(ctx, it)
	var f frame
	if err == nil {
		err = f.parse(content)
	}
	if err != nil {
		return row{}, err
	}
	c, err := t.read(&f)
	return row{c, f.params}, err
}
