package signaldesktop

import (
	"context"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// SetCopying sets what happens between the copy of the database and that of its log,
// and makes the wait between tries short.
func SetCopying(fn func()) { copying, afterBusy = fn, time.Millisecond }

// Rows takes the content of an item apart and puts it together again.
func Rows(content []byte) ([]byte, error) {
	rows, err := parseRows(content)
	var b []byte
	for i := range rows {
		b = appendRow(b, &rows[i])
	}
	return b, err
}

// Row is the content of an item with one row, of columns of text: names and values by turns.
func Row(table string, columns ...string) []byte {
	r := row{table: table}
	for i := 0; i < len(columns); i += 2 {
		r.columns = append(r.columns, column{name: columns[i], kind: colText, text: []byte(columns[i+1])})
	}
	return appendRow(nil, &r)
}

// Told is the frame that a message's rows become; nil: there is none.
func Told(content []byte) ([]byte, error) {
	rows, err := parseRows(content)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	c := &History{people: map[string]uint64{}, left: map[string]int64{}, learnt: &learnt{hashed: map[string]hashed{}, origin: map[string]string{}}}
	body, err := c.message(context.Background(), &engine.Item{}, rows)
	if err != nil || body == nil {
		return nil, err
	}
	return signal.AppendFrame(nil, signal.FrameChatItem, body), nil
}

// OnceFree is a message's JSON without what may be seen once.
func OnceFree(json []byte, whole bool) []byte { return onceFree(json, whole) }
