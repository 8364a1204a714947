package signaldesktop

import "time"

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

// OnceFree is a message's JSON without what may be seen once.
func OnceFree(json []byte, whole bool) []byte { return onceFree(json, whole) }
