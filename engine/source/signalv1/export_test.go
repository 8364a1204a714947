package signalv1

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// Stretch, Expand and NameOf are for the known answers.
func Stretch(passphrase string, salt []byte) []byte { return stretch(passphrase, salt) }

// Expand returns the cipher key and the HMAC key.
func Expand(backupKey []byte) (cipher, mac []byte) {
	k := expand(backupKey)
	return k.cipher, k.mac
}

// Header returns the salt and the version of a file.
func Header(file []byte) (salt []byte, version uint64, err error) {
	h, err := readHeader(bytes.NewReader(file))
	return h.salt, h.version, err
}

var derived sync.Map

// OpenBytes opens a file in memory. Keys are derived once for each salt.
func OpenBytes(file []byte, p Passphrase) (*Source, error) {
	return OpenReaderAt(bytes.NewReader(file), int64(len(file)), p)
}

// OpenReaderAt is OpenBytes of any file.
func OpenReaderAt(f io.ReaderAt, size int64, p Passphrase) (*Source, error) {
	s := &Source{f: f, size: size, passphrase: p, close: func() error { return nil }}
	return s, s.open(context.Background(), func(salt []byte) *keys { return memo(p, salt) })
}

// WriteTo is Write with a salt whose keys are derived once.
func WriteTo(w io.Writer, h engine.History, p Passphrase) (signal.Written, error) {
	hw := &historyWriter{h: h}
	err := hw.write(context.Background(), func(version uint64) (*FileWriter, error) {
		return NewFile(w, p, bytes.Repeat([]byte{99}, saltSize), bytes.Repeat([]byte{98}, ivSize), version), nil
	})
	return hw.done, err
}

// A Record is a frame and its blob.
type Record struct{ Frame, Blob []byte }

// Records returns what a file holds, up to its end or the first error.
func (s *Source) Records() (all []Record, err error) {
	e := s.records(context.Background(), func(r *record) bool {
		if r.err != nil {
			err = errors.Join(err, r.err)
			return true
		}
		rec := Record{Frame: bytes.Clone(r.frame.message)}
		if r.frame.size >= 0 {
			b, e := io.ReadAll(r.blob.open(s.f, &s.crypt))
			rec.Blob, err = b, errors.Join(err, e)
		}
		all = append(all, rec)
		return true
	})
	return all, errors.Join(err, e)
}

// NewFile starts a file with the given header.
func NewFile(w io.Writer, p Passphrase, salt, iv []byte, version uint64) *FileWriter {
	return newFileWriter(w, newCrypt(header{version: version, salt: salt, iv: [ivSize]byte(iv)}, memo(p, salt)))
}

func memo(p Passphrase, salt []byte) *keys {
	id := p.digits + string(salt)
	k, ok := derived.Load(id)
	if !ok {
		k, _ = derived.LoadOrStore(id, deriveKeys(p, salt))
	}
	return k.(*keys)
}

// The errors that a Problem of a Source may be.
var (
	ErrMAC, ErrLength, ErrShort, ErrNoEnd, ErrTrailing = errMAC, errLength, errShort, errNoEnd, errTrailing
	ErrSQL, ErrNoTable, ErrRow, ErrTwice, ErrOwner     = errSQL, errNoTable, errRow, errTwice, errOwner
)

// ParseTable returns the name, the columns and the number's column of a CREATE TABLE.
func ParseTable(sql string) (name string, columns []string, id int, err error) {
	t, err := parseTable(sql)
	if err != nil {
		return "", nil, 0, err
	}
	return t.name, t.columns, t.id, nil
}
