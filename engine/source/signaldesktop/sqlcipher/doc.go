// Package sqlcipher reads a SQLCipher 4 database with its write-ahead log, page by
// page, under a raw key, and never writes plaintext anywhere. SQLite itself is
// github.com/ncruces/go-sqlite3, translated to Go; this package is the layer below it
// that turns the pages of the file into the pages that SQLite knows.
//
// A page is 4,096 bytes, of which SQLite uses 4,016:
//
//	AES-256-CBC of 4,016 │ IV 16 │ HMAC-SHA512 64, over the ciphertext, the IV and the page's number (LE, 4)
//
// The first 16 bytes of page 1 stand in clear and are the database's salt, in place of
// SQLite's "SQLite format 3\0". The HMAC's key is PBKDF2-HMAC-SHA512 of the key with the
// salt, each byte ^ 0x3a, in two rounds. A page of zeros is a page of zeros.
//
// The write-ahead log is SQLite's own, over sealed pages:
//
//	magic 4 │ 3007000 4 │ page size 4 │ sequence 4 │ salt 8 │ checksum 8        all BE
//	number of the page 4 │ pages after this commit, or 0, 4 │ salt 8 │ checksum 8 │ page      for each frame
//
// A checksum continues that of the frame before. What follows the last commit, has
// another salt or a wrong checksum does not count: a writer died there, or the log was
// begun anew.
package sqlcipher

import (
	"errors"
	"fmt"
	"io"
)

var (
	// ErrKey: the key does not open this database.
	ErrKey = errors.New("wrong key for this database")
	// ErrCorrupt: the bytes are not those that SQLCipher wrote.
	ErrCorrupt = errors.New("damaged database")
)

func corrupt(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, ErrCorrupt)...)
}

// A Key is the raw key of a database. It prints as "sqlcipher.Key(redacted)".
type Key [32]byte

// String hides the key.
func (Key) String() string { return "sqlcipher.Key(redacted)" }

// GoString hides the key.
func (k Key) GoString() string { return k.String() }

// Format hides the key whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// MarshalText hides the key from JSON and the like.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
