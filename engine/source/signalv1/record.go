package signalv1

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"

	"github.com/dayfold/dayfold/engine/source/signal"
)

const (
	macSize    = 10              // bytes of an HMAC that are written
	maxFrame   = signal.MaxFrame // bytes of a frame's message
	readAtOnce = 256 << 10       // bytes of a blob
	smallRead  = 32 << 10        // bytes of frames
)

// Why a record cannot be read. All are signal.ErrCorrupt.
var (
	errMAC    = fmt.Errorf("HMAC: %w", signal.ErrCorrupt)
	errLength = fmt.Errorf("a frame of impossible length: %w", signal.ErrCorrupt)
	errShort  = fmt.Errorf("the file is cut short: %w", signal.ErrCorrupt)
)

// A crypt seals and opens the records of one file.
type crypt struct {
	head  header
	block cipher.Block
	keys  *keys
}

func newCrypt(head header, k *keys) crypt {
	block, err := aes.NewCipher(k.cipher)
	if err != nil {
		panic("signalv1: aes: " + err.Error()) // the key is 32 bytes
	}
	return crypt{head, block, k}
}

// stream is the key stream of record number n.
func (c *crypt) stream(n uint32) cipher.Stream {
	iv := c.head.block(n)
	return cipher.NewCTR(c.block, iv[:])
}

func (c *crypt) newMAC() hash.Hash { return hmac.New(sha256.New, c.keys.mac) }

// blobMAC is the HMAC of blob number n, before its bytes.
func (c *crypt) blobMAC(n uint32) hash.Hash {
	mac, iv := c.newMAC(), c.head.block(n)
	mac.Write(iv[:])
	return mac
}

// A reader reads records from the front.
type reader struct {
	crypt
	f      io.ReaderAt
	size   int64  // of the file
	at     int64  // where the next record lies
	n      uint32 // number of the next record
	mac    hash.Hash
	sum    [sha256.Size]byte
	window []byte // bytes of the file from off
	off    int64
}

func newReader(f io.ReaderAt, size int64, c crypt) *reader {
	return &reader{crypt: c, f: f, size: size, at: c.head.size, mac: c.newMAC()}
}

// frame returns the next frame's message, appended to dst; at the end of the file io.EOF.
// After errMAC the reader stands behind the frame, after any other error where it was.
func (r *reader) frame(dst []byte) ([]byte, error) {
	if r.at == r.size {
		return nil, io.EOF
	}
	b, err := r.bytes(4)
	if err != nil {
		return nil, err
	}
	s, length := r.stream(r.n), [4]byte(b)
	if r.head.version > 0 {
		s.XORKeyStream(length[:], length[:])
	}
	n := int64(binary.BigEndian.Uint32(length[:]))
	if n <= macSize || n > maxFrame+macSize {
		return nil, errLength
	}
	if b, err = r.bytes(4 + n); err != nil {
		return nil, err
	}
	body, sum := b[:4+n-macSize], b[4+n-macSize:]
	r.mac.Reset()
	if r.head.version > 0 {
		r.mac.Write(body)
	} else {
		r.mac.Write(body[4:])
	}
	r.at += 4 + n
	r.n++
	if !hmac.Equal(r.mac.Sum(r.sum[:0])[:macSize], sum) {
		return nil, errMAC
	}
	dst = append(dst, body[4:]...)
	plain := dst[len(dst)-len(body[4:]):]
	s.XORKeyStream(plain, plain)
	return dst, nil
}

// bytes returns the next n bytes of the file, valid until the next call.
func (r *reader) bytes(n int64) ([]byte, error) {
	if n > r.size-r.at {
		return nil, errShort
	}
	from := r.at - r.off
	if from < 0 || from+n > int64(len(r.window)) {
		if int64(cap(r.window)) < n {
			r.window = make([]byte, max(n, smallRead))
		}
		r.window = r.window[:min(int64(cap(r.window)), r.size-r.at)]
		if m, err := r.f.ReadAt(r.window, r.at); m < len(r.window) {
			r.window = r.window[:0]
			return nil, readError(err)
		}
		r.off, from = r.at, 0
	}
	return r.window[from : from+n], nil
}

// readError makes a file that is shorter than it was what it is.
func readError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errShort
	}
	return err
}

// skip goes past a blob of n bytes without looking at it.
func (r *reader) skip(n int64) (blob, error) {
	b := blob{r.at, n, r.n}
	if n+macSize > r.size-r.at {
		return b, errShort
	}
	r.at += n + macSize
	r.n++
	return b, nil
}

// A blob is where a blob lies.
type blob struct {
	at, size int64
	n        uint32 // number of the record
}

// open returns a blob's content. Its HMAC is checked at the end: only io.EOF says that
// the bytes before it are right.
func (b blob) open(f io.ReaderAt, c *crypt) *blobReader {
	return &blobReader{r: io.NewSectionReader(f, b.at, b.size+macSize), left: b.size, s: c.stream(b.n), mac: c.blobMAC(b.n)}
}

// A blobReader opens a blob piece by piece.
type blobReader struct {
	r    io.Reader
	left int64
	s    cipher.Stream
	mac  hash.Hash
	err  error
}

// Read gives out content.
func (b *blobReader) Read(p []byte) (int, error) {
	if b.left == 0 && b.err == nil {
		b.err = b.end()
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	if err != nil {
		b.err = readError(err)
	}
	b.mac.Write(p[:n])
	b.s.XORKeyStream(p[:n], p[:n])
	b.left -= int64(n)
	return n, b.err
}

func (b *blobReader) end() error {
	var sum [macSize]byte
	if _, err := io.ReadFull(b.r, sum[:]); err != nil {
		return readError(err)
	}
	if !hmac.Equal(b.mac.Sum(nil)[:macSize], sum[:]) {
		return errMAC
	}
	return io.EOF
}

// Close does nothing: the file is the Source's.
func (b *blobReader) Close() error { return nil }
