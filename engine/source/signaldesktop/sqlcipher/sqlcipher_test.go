package sqlcipher_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine/source/signaldesktop/sqlcipher"
)

var key = sqlcipher.Key{0x00, 0x11, 0x22, 0x33}

// fixture makes a database of 2,000 rows, of which the last 500 are in the log.
func fixture(t testing.TB) (db, wal []byte) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := sqlcipher.Create(f, key, [16]byte{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	rows := func(from, to int) string {
		return fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i+1 FROM n WHERE i<%d) INSERT INTO m SELECT i, 'secret '||i, i*i FROM n", from, to-1)
	}
	for _, sql := range []string{"CREATE TABLE m(id INTEGER PRIMARY KEY, body TEXT, n INTEGER) STRICT", "CREATE INDEX i ON m(n)", rows(0, 1500)} {
		if err := w.Exec(sql); err != nil {
			t.Fatal(w.Cause(err))
		}
	}
	w.BeginLog()
	if err := w.Exec(rows(1500, 2000)); err != nil {
		t.Fatal(w.Cause(err))
	}
	var log bytes.Buffer
	if err := w.WriteLog(&log); err != nil {
		t.Fatal(err)
	}
	if db, err = os.ReadFile(f.Name()); err != nil {
		t.Fatal(err)
	}
	return db, log.Bytes()
}

// count opens a database and counts its rows, after SQLite has checked it whole.
func count(key sqlcipher.Key, db, wal []byte) (rows int, err error) {
	p, err := sqlcipher.Open(key, bytes.NewReader(db), int64(len(db)), bytes.NewReader(wal), int64(len(wal)))
	if err != nil {
		return 0, err
	}
	c, err := p.SQL()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var texts []string
	for _, sql := range []string{"PRAGMA integrity_check", "SELECT count(*) FROM m"} {
		q, _, err := c.Prepare(sql)
		if err != nil {
			return 0, c.Cause(err)
		}
		if q.Step() {
			texts = append(texts, q.ColumnText(0))
		}
		if err := q.Close(); err != nil {
			return 0, c.Cause(err)
		}
	}
	if len(texts) < 2 || texts[0] != "ok" {
		return 0, fmt.Errorf("integrity: %q: %w", texts, sqlcipher.ErrCorrupt)
	}
	_, err = fmt.Sscan(texts[1], &rows)
	return rows, err
}

func TestLogCounts(t *testing.T) {
	db, wal := fixture(t)
	for _, c := range []struct {
		what    string
		corrupt func(wal []byte) []byte
		rows    int
	}{
		{"whole", nil, 2000},
		{"none", func([]byte) []byte { return nil }, 1500},
		{"its head only", func(w []byte) []byte { return w[:32] }, 1500},
		{"half a head", func(w []byte) []byte { return w[:16] }, 1500},
		{"without its commit", func(w []byte) []byte { return w[:len(w)-4120] }, 1500},
		{"a torn commit", func(w []byte) []byte { return w[:len(w)-1] }, 1500},
		{"a flip in a frame", func(w []byte) []byte { w[32+4120+100] ^= 1; return w }, 1500},
		{"a flip in a frame's checksum", func(w []byte) []byte { w[32+20] ^= 1; return w }, 1500},
		{"a flip in the head", func(w []byte) []byte { w[20] ^= 1; return w }, 1500},
		{"an older log's frames behind it", func(w []byte) []byte { return append(w, w[32:]...) }, 2000},
		{"half a frame behind it", func(w []byte) []byte { return append(w, w[32:1000]...) }, 2000},
		{"noise behind it", func(w []byte) []byte { return append(w, bytes.Repeat([]byte{7}, 5000)...) }, 2000},
	} {
		log := bytes.Clone(wal)
		if c.corrupt != nil {
			log = c.corrupt(log)
		}
		if got, err := count(key, db, log); err != nil || got != c.rows {
			t.Errorf("log %s: got %d rows, %v; want %d", c.what, got, err, c.rows)
		}
	}
}

// A checkpoint that was cut off has copied some pages; the log still has them all.
func TestHalfCheckpoint(t *testing.T) {
	db, wal := fixture(t)
	for at, n := 32, 0; at < len(wal); at, n = at+4120, n+1 {
		number := int(wal[at+2])<<8 | int(wal[at+3])
		page := wal[at+24 : at+4120]
		for len(db) < number*4096 {
			db = append(db, 0)
		}
		switch n % 3 {
		case 0:
			copy(db[(number-1)*4096:], page)
		case 1:
			copy(db[(number-1)*4096:], page[:1000])
		}
	}
	if got, err := count(key, db, wal); err != nil || got != 2000 {
		t.Errorf("got %d rows, %v; want 2000", got, err)
	}
}

func TestDamage(t *testing.T) {
	db, wal := fixture(t)
	for _, c := range []struct {
		what    string
		corrupt func(db []byte) []byte
		want    error
	}{
		{"another key", nil, sqlcipher.ErrKey},
		{"no file", func([]byte) []byte { return nil }, sqlcipher.ErrCorrupt},
		{"half a page", func(b []byte) []byte { return b[:2000] }, sqlcipher.ErrCorrupt},
		{"one page", func(b []byte) []byte { return b[:4096] }, sqlcipher.ErrCorrupt},
		{"cut short by a page", func(b []byte) []byte { return b[:len(b)-4096] }, sqlcipher.ErrCorrupt},
		{"cut short by a byte", func(b []byte) []byte { return b[:len(b)-1] }, sqlcipher.ErrCorrupt},
		{"the salt", func(b []byte) []byte { b[3] ^= 1; return b }, sqlcipher.ErrKey},
		{"a flip in page 1", func(b []byte) []byte { b[1000] ^= 1; return b }, sqlcipher.ErrCorrupt},
		{"a flip in page 3", func(b []byte) []byte { b[2*4096+9] ^= 1; return b }, sqlcipher.ErrCorrupt},
		{"a flip in an HMAC", func(b []byte) []byte { b[4*4096-1] ^= 1; return b }, sqlcipher.ErrCorrupt},
		{"a flip in an IV", func(b []byte) []byte { b[4*4096-70] ^= 1; return b }, sqlcipher.ErrCorrupt},
		{"two pages that traded places", func(b []byte) []byte {
			return append(append(append(bytes.Clone(b[:4096*2]), b[4096*3:4096*4]...), b[4096*2:4096*3]...), b[4096*4:]...)
		}, sqlcipher.ErrCorrupt},
		{"a page of zeros", func(b []byte) []byte { clear(b[4096*2 : 4096*3]); return b }, sqlcipher.ErrCorrupt},
		{"not sealed", func(b []byte) []byte { return append([]byte("SQLite format 3\x00"), b[16:]...) }, sqlcipher.ErrKey},
	} {
		k, file := key, bytes.Clone(db)
		if c.corrupt == nil {
			k[0] ^= 1
		} else {
			file = c.corrupt(file)
		}
		if got, err := count(k, file, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: got %d rows, %v; want %v", c.what, got, err, c.want)
		}
	}
	if got, err := count(sqlcipher.Key{}, db, wal); !errors.Is(err, sqlcipher.ErrKey) {
		t.Errorf("wrong key, log: got %d rows, %v", got, err)
	}
}

func TestNothingIsInClear(t *testing.T) {
	db, wal := fixture(t)
	for _, clear := range []string{"secret", "CREATE TABLE", "SQLite format"} {
		if bytes.Contains(db, []byte(clear)) || bytes.Contains(wal, []byte(clear)) {
			t.Errorf("%q stands in clear", clear)
		}
	}
}

func TestKeyIsRedacted(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, key); strings.Contains(got, "11") || strings.Contains(got, "17") {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

// TestOthersDatabase opens what SQLCipher itself has written, a row of m for each of
// DAYFOLD_SQLCIPHER_ROWS, in the file DAYFOLD_SQLCIPHER under the key DAYFOLD_SQLCIPHER_KEY:
//
//	.ci/sqlcipher
func TestOthersDatabase(t *testing.T) {
	name := os.Getenv("DAYFOLD_SQLCIPHER")
	if name == "" {
		name, _ = fixtureFile(t)
	}
	db, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	wal, err := os.ReadFile(name + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	k, want := key, 2000
	if text := os.Getenv("DAYFOLD_SQLCIPHER_KEY"); text != "" {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		k = sqlcipher.Key(b)
		fmt.Sscan(os.Getenv("DAYFOLD_SQLCIPHER_ROWS"), &want)
	}
	if got, err := count(k, db, wal); err != nil || got != want {
		t.Errorf("got %d rows, %v; want %d", got, err, want)
	}
}

// fixtureFile writes the fixture where SQLCipher can open it.
func fixtureFile(t *testing.T) (name string, err error) {
	db, wal := fixture(t)
	name = filepath.Join(t.TempDir(), "db")
	if out := os.Getenv("DAYFOLD_SQLCIPHER_OUT"); out != "" {
		name = out
	}
	err = errors.Join(os.WriteFile(name, db, 0o600), os.WriteFile(name+"-wal", wal, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return name, nil
}

func FuzzOpen(f *testing.F) {
	db, wal := fixture(f)
	db, wal = db[:4*4096], wal[:32+2*4120]
	f.Add(db, wal, uint16(5000), byte(0))
	f.Add(db, wal, uint16(40), byte(1))
	f.Add(db[:100], []byte{}, uint16(1), byte(1))
	f.Fuzz(func(t *testing.T, db, wal []byte, at uint16, flip byte) {
		for _, b := range [][]byte{db, wal} {
			if int(at) < len(b) {
				b[at] ^= flip
			}
		}
		rows, err := count(key, db, wal)
		if err != nil && !errors.Is(err, sqlcipher.ErrKey) && !errors.Is(err, sqlcipher.ErrCorrupt) {
			t.Errorf("%d rows, %v: no error of ours", rows, err)
		}
	})
}
