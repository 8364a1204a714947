package signal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"sync"
)

// A Media is what a locator says about one media file of a local backup.
type Media struct {
	Hash     [32]byte // SHA-256 of the plaintext; zero: not known
	LocalKey [64]byte // AES key ‖ HMAC key
	Size     uint32   // of the plaintext, bytes
}

// MediaName is the name of a media file: 64 lower-case hex digits when printed.
type MediaName [32]byte

// String returns the name as it stands in the folder.
func (n MediaName) String() string { return hex.EncodeToString(n[:]) }

// Path returns the file's place below the folder files.
func (n MediaName) Path() string { s := n.String(); return s[:2] + "/" + s }

// ParseMediaName accepts exactly 64 lower-case hex digits.
func ParseMediaName(s string) (n MediaName, err error) {
	if len(s) != 2*len(n) || s != lower(s) {
		return n, malformed("media name of %d characters", len(s))
	}
	if _, err := hex.Decode(n[:], []byte(s)); err != nil {
		return n, malformed("media name is not hex")
	}
	return n, nil
}

func lower(s string) string { return string(bytes.ToLower([]byte(s))) }

// Name returns the file's name: SHA-256(hash of the plaintext ‖ local key).
func (m *Media) Name() MediaName {
	return sha256.Sum256(append(m.Hash[:len(m.Hash):len(m.Hash)], m.LocalKey[:]...))
}

// whole is how long a sealed file may be to be opened in memory, bytes.
const whole = 2 << 20

// A Scratch keeps the memory that media were read in for the next: a buffer of at most
// 2 MiB for each that is open at a time. The zero value is ready. Its methods may be
// called from many goroutines.
type Scratch struct {
	mu   sync.Mutex
	idle [][]byte
}

// take returns n bytes, of any content.
func (s *Scratch) take(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.idle) - 1; last >= 0 {
		b := s.idle[last]
		s.idle = s.idle[:last]
		if cap(b) >= n {
			return b[:n]
		}
	}
	if n > readAtOnce {
		return make([]byte, whole)[:n] // as much as any needs, once
	}
	return make([]byte, n, readAtOnce)
}

func (s *Scratch) give(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, b)
}

// Open returns the plaintext of a media file of size bytes. The whole file's HMAC is
// checked before a byte is given out: a long file is read twice. The hash of the
// plaintext is checked before a short one is given out, and at the end of a long one.
// Damage is ErrCorrupt. The reader uses f and memory of s until it is closed; it does
// not close f.
func (m *Media) Open(f io.ReaderAt, size int64, s *Scratch) (io.ReadCloser, error) {
	if want := SealedSize(int64(m.Size)); size != want {
		return nil, corrupt("media: file of %d bytes, want %d", size, want)
	}
	buf := s.take(int(min(size, whole)))
	open := m.openLong
	if size <= whole {
		open = m.openShort
	}
	r, err := open(f, size, buf)
	if err != nil {
		s.give(buf)
		return nil, err
	}
	return &lentReader{Reader: r, s: s, buf: buf}, nil
}

// A lentReader is a reader of borrowed memory.
type lentReader struct {
	io.Reader
	s   *Scratch
	buf []byte
}

// Close gives the memory back.
func (l *lentReader) Close() error {
	if l.buf != nil {
		l.s.give(l.buf)
		l.buf = nil
		l.Reader = bytes.NewReader(nil)
	}
	return nil
}

// openShort opens a file in memory, in the buffer that it is read into.
func (m *Media) openShort(f io.ReaderAt, size int64, buf []byte) (io.Reader, error) {
	buf = buf[:size]
	if err := readFull(io.NewSectionReader(f, 0, size), buf); err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, m.LocalKey[32:])
	if mac.Write(buf[:size-macSize]); !hmac.Equal(mac.Sum(nil), buf[size-macSize:]) {
		return nil, corrupt("media: HMAC")
	}
	block, err := aes.NewCipher(m.LocalKey[:32])
	if err != nil {
		return nil, err
	}
	plain := buf[IVSize : size-macSize]
	cipher.NewCBCDecrypter(block, buf[:IVSize]).CryptBlocks(plain, plain)
	n := padding(plain)
	if n == 0 || !zeros(plain[m.Size:len(plain)-n]) {
		return nil, corrupt("media: padding")
	}
	if sha256.Sum256(plain[:m.Size]) != m.Hash {
		return nil, corrupt("media: content differs from its hash")
	}
	return bytes.NewReader(plain[:m.Size]), nil
}

// openLong checks a file's HMAC, and opens it for a second reading.
func (m *Media) openLong(f io.ReaderAt, size int64, buf []byte) (io.Reader, error) {
	mac := hmac.New(sha256.New, m.LocalKey[32:])
	file := io.NewSectionReader(f, 0, size)
	if _, err := io.CopyBuffer(struct{ io.Writer }{mac}, struct{ io.Reader }{io.LimitReader(file, size-macSize)}, buf[:readAtOnce]); err != nil {
		return nil, err
	}
	var sum [macSize]byte
	if err := readFull(file, sum[:]); err != nil {
		return nil, err
	}
	if !hmac.Equal(mac.Sum(nil), sum[:]) {
		return nil, corrupt("media: HMAC")
	}
	d, err := newDecrypter(io.NewSectionReader(f, 0, size), size, m.LocalKey[:32], nil, buf[:readAtOnce])
	if err != nil {
		return nil, err
	}
	return &mediaReader{d: d, left: int64(m.Size), want: m.Hash, sum: sha256.New()}, nil
}

// A mediaReader gives out the plaintext without its padding.
type mediaReader struct {
	d    *decrypter
	left int64
	want [32]byte
	sum  hash.Hash
	err  error
}

// Read gives out plaintext, and checks it at its end.
func (r *mediaReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.left == 0 {
		r.err = r.end()
		return 0, r.err
	}
	n, err := r.d.Read(p[:min(int64(len(p)), r.left)])
	r.sum.Write(p[:n])
	r.left -= int64(n)
	if err == io.EOF {
		err = corrupt("media: ends early")
	}
	r.err = err
	return n, err
}

// end checks the hash, and that nothing but zeros follows.
func (r *mediaReader) end() error {
	if r.want != [32]byte{} && !bytes.Equal(r.sum.Sum(nil), r.want[:]) {
		return corrupt("media: content differs from its hash")
	}
	if err := onlyZeros(r.d); err != nil {
		return err
	}
	return io.EOF
}

// SealMedia writes the file of a media to w, with an IV from rand. content must be
// m.Size bytes and have m.Hash, or the error is ErrCorrupt and what was written is void.
func (m *Media) SealMedia(w io.Writer, rand io.Reader, content io.Reader) error {
	e, err := newEncrypter(w, rand, m.LocalKey[:32], m.LocalKey[32:])
	if err != nil {
		return err
	}
	sum, piece := sha256.New(), pieces.Get().(*[readAtOnce]byte)
	defer pieces.Put(piece)
	n, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(sum, e)}, struct{ io.Reader }{content}, piece[:])
	if err != nil {
		return err
	}
	if n != int64(m.Size) || !bytes.Equal(sum.Sum(nil), m.Hash[:]) {
		return corrupt("media: content of %d bytes is not what the message shows", n)
	}
	return e.Close()
}

// AppendFilesEntry appends one name to the content of a snapshot's list "files".
func AppendFilesEntry(dst []byte, name MediaName) []byte {
	return AppendDelimited(dst, appendText(nil, 1, name.String()))
}

// ParseFilesEntry reads one entry of that list, without its length.
func ParseFilesEntry(entry []byte) (name MediaName, err error) {
	text := ""
	err = each(wire(entry), func(c *cursor) error {
		if c.is(1) {
			text = string(c.bytes)
		}
		return nil
	})
	if err != nil {
		return name, err
	}
	return ParseMediaName(text)
}
