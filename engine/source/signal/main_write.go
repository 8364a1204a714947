package signal

import (
	"io"

	"github.com/klauspost/compress/gzip"
)

// A MainWriter writes a main file, frame by frame. The first is the Info.
type MainWriter struct {
	seal *encrypter
	gzip *gzip.Writer
	head []byte
}

// NewMainWriter starts a main file on w with an IV from rand.
func (k *Keys) NewMainWriter(w io.Writer, rand io.Reader) (*MainWriter, error) {
	seal, err := newEncrypter(w, rand, k.aes, k.hmac)
	if err != nil {
		return nil, err
	}
	return &MainWriter{seal: seal, gzip: gzip.NewWriter(seal)}, nil
}

// Frame writes one frame: its length and its bytes.
func (m *MainWriter) Frame(frame []byte) error {
	m.head = appendVarint(m.head[:0], uint64(len(frame)))
	if _, err := m.gzip.Write(m.head); err != nil {
		return err
	}
	_, err := m.gzip.Write(frame)
	return err
}

// Close ends the file: padding and HMAC. It does not close the writer below.
func (m *MainWriter) Close() error {
	if err := m.gzip.Close(); err != nil {
		return err
	}
	return m.seal.Close()
}
