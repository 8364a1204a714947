package signal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"io"
	"sync"
)

// An encrypter writes a sealed file: IV, what is written to it, zeros up to the
// padded size, the last block's padding, HMAC.
type encrypter struct {
	w    io.Writer
	mode cipher.BlockMode
	mac  hash.Hash
	n    int64  // plaintext bytes so far
	buf  []byte // plaintext that does not fill a piece yet
	err  error

	piece *[readAtOnce]byte // where buf lies
}

// pieces are buffers of readAtOnce bytes.
var pieces = sync.Pool{New: func() any { return new([readAtOnce]byte) }}

// newEncrypter writes the IV, 16 bytes from rand. Both keys are 32 bytes.
func newEncrypter(w io.Writer, rand io.Reader, key, macKey []byte) (*encrypter, error) {
	var iv [IVSize]byte
	if _, err := io.ReadFull(rand, iv[:]); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	e := &encrypter{w: w, mode: cipher.NewCBCEncrypter(block, iv[:]), mac: hmac.New(sha256.New, macKey),
		piece: pieces.Get().(*[readAtOnce]byte)}
	e.buf = e.piece[:0]
	e.mac.Write(iv[:])
	_, err = w.Write(iv[:])
	return e, err
}

// Write takes plaintext. The first error sticks.
func (e *encrypter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && e.err == nil {
		m := min(len(p), cap(e.buf)-len(e.buf))
		e.buf = append(e.buf, p[:m]...)
		p = p[m:]
		if len(e.buf) == cap(e.buf) {
			e.flush()
		}
	}
	e.n += int64(n)
	return n, e.err
}

// flush seals what the buffer holds, whole blocks.
func (e *encrypter) flush() {
	e.mode.CryptBlocks(e.buf, e.buf)
	e.mac.Write(e.buf)
	_, e.err = e.w.Write(e.buf)
	e.buf = e.buf[:0]
}

// Close pads and ends the file. It does not close the writer below. Nothing may be
// written afterwards.
func (e *encrypter) Close() error {
	defer pieces.Put(e.piece)
	var zeros [4096]byte
	for left := PaddedSize(e.n) - e.n; left > 0; {
		m := min(left, int64(len(zeros)))
		if _, err := e.Write(zeros[:m]); err != nil {
			return err
		}
		left -= m
	}
	pad := blockSize - int(e.n%blockSize)
	for range pad {
		e.buf = append(e.buf, byte(pad))
	}
	if e.flush(); e.err != nil {
		return e.err
	}
	_, err := e.w.Write(e.mac.Sum(nil))
	return err
}
