package signal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
)

// A Media is what a locator says about one media file of a local backup.
type Media struct {
	Hash     [32]byte // SHA-256 of the plaintext
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

// Open returns the plaintext of a media file of size bytes. The whole file's HMAC is
// checked before a byte is given out: a long file is read twice. At the end of the
// plaintext its length and hash are checked as well. Damage is ErrCorrupt.
func (m *Media) Open(f io.ReaderAt, size int64) (io.Reader, error) {
	if want := SealedSize(int64(m.Size)); size != want {
		return nil, corrupt("media: file of %d bytes, want %d", size, want)
	}
	mac := hmac.New(sha256.New, m.LocalKey[32:])
	file := io.NewSectionReader(f, 0, size)
	if size <= whole {
		b := make([]byte, size)
		if err := readFull(file, b); err != nil {
			return nil, err
		}
		if mac.Write(b[:size-macSize]); !hmac.Equal(mac.Sum(nil), b[size-macSize:]) {
			return nil, corrupt("media: HMAC")
		}
		return m.plaintext(bytes.NewReader(b), size)
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{mac}, struct{ io.Reader }{io.LimitReader(file, size-macSize)}, make([]byte, readAtOnce)); err != nil {
		return nil, err
	}
	var sum [macSize]byte
	if err := readFull(file, sum[:]); err != nil {
		return nil, err
	}
	if !hmac.Equal(mac.Sum(nil), sum[:]) {
		return nil, corrupt("media: HMAC")
	}
	return m.plaintext(io.NewSectionReader(f, 0, size), size)
}

func (m *Media) plaintext(r io.Reader, size int64) (io.Reader, error) {
	d, err := newDecrypter(r, size, m.LocalKey[:32], nil)
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
	if !bytes.Equal(r.sum.Sum(nil), r.want[:]) {
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
	sum := sha256.New()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(sum, e)}, struct{ io.Reader }{content}, make([]byte, readAtOnce))
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
