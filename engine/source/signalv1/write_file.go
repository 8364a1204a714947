package signalv1

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// A FileWriter writes a file, record by record: a frame, and behind one that announces a
// blob the blob. The first error sticks.
type FileWriter struct {
	crypt
	w   io.Writer
	n   uint32 // number of the next record
	buf []byte
	err error
}

// NewFileWriter starts a file on w, with a header of the given version and a salt and an
// IV from random.
func NewFileWriter(w io.Writer, p Passphrase, random io.Reader, version uint64) (*FileWriter, error) {
	head := header{version: version, salt: make([]byte, saltSize)}
	if _, err := io.ReadFull(random, head.salt); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(random, head.iv[:]); err != nil {
		return nil, err
	}
	return newFileWriter(w, newCrypt(head, deriveKeys(p, head.salt))), nil
}

func newFileWriter(w io.Writer, c crypt) *FileWriter {
	wr := &FileWriter{crypt: c, w: w}
	wr.write(c.head.append(nil))
	return wr
}

func (w *FileWriter) write(b []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(b)
	}
}

// Frame writes a frame.
func (w *FileWriter) Frame(message []byte) error {
	if len(message) == 0 || len(message) > maxFrame {
		return errors.Join(w.err, errLength)
	}
	b := binary.BigEndian.AppendUint32(w.buf[:0], uint32(len(message)+macSize))
	b = append(b, message...)
	signed := b
	if w.head.version == 0 {
		signed = b[4:]
	}
	w.stream(w.n).XORKeyStream(signed, signed)
	mac := w.newMAC()
	mac.Write(signed)
	w.buf = mac.Sum(b)[:len(b)+macSize]
	w.n++
	w.write(w.buf)
	return w.err
}

// Blob writes what content holds, which must be size bytes.
func (w *FileWriter) Blob(content io.Reader, size int64) error {
	s, mac := w.stream(w.n), w.blobMAC(w.n)
	w.n++
	buf := make([]byte, min(readAtOnce, size+1))
	left := size
	for {
		n, err := content.Read(buf)
		if left -= int64(n); left < 0 {
			return errors.Join(w.err, errSize)
		}
		s.XORKeyStream(buf[:n], buf[:n])
		mac.Write(buf[:n])
		if w.write(buf[:n]); w.err != nil {
			return w.err
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if left > 0 {
		return errSize
	}
	w.write(mac.Sum(nil)[:macSize])
	return w.err
}

// errSize: a content is not as long as its frame says.
var errSize = fmt.Errorf("content and announced length differ: %w", signal.ErrCorrupt)
