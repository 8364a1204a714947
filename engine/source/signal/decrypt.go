package signal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"io"
)

// Sizes in bytes of the parts of a sealed file: IV │ AES-256-CBC, PKCS#7 │ HMAC.
const (
	IVSize     = 16 // of a sealed file, and what is drawn for one
	blockSize  = 16
	macSize    = sha256.Size
	minSealed  = IVSize + blockSize + macSize
	readAtOnce = 64 << 10
)

// A decrypter reads the plaintext of a sealed file from its front. It gives out
// plaintext before it has seen the HMAC: whoever uses it has checked it before, and
// it is checked again at the end (unless mac is nil).
type decrypter struct {
	r     io.Reader
	left  int64 // ciphertext bytes not yet read
	mode  cipher.BlockMode
	mac   hash.Hash
	buf   []byte
	plain []byte // of buf, not yet given out
	err   error
}

// newDecrypter reads the IV. size is that of the whole file; key is 32 bytes; buf, of
// readAtOnce bytes, is the decrypter's own while it is used.
func newDecrypter(r io.Reader, size int64, key []byte, mac hash.Hash, buf []byte) (*decrypter, error) {
	if err := checkSealedSize(size); err != nil {
		return nil, err
	}
	var iv [IVSize]byte
	if err := readFull(r, iv[:]); err != nil {
		return nil, err
	}
	if mac != nil {
		mac.Write(iv[:])
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return &decrypter{r: r, left: size - IVSize - macSize, mode: cipher.NewCBCDecrypter(block, iv[:]), mac: mac, buf: buf}, nil
}

func checkSealedSize(size int64) error {
	if size < minSealed || (size-IVSize-macSize)%blockSize != 0 {
		return corrupt("%d bytes are no sealed file", size)
	}
	return nil
}

// Read gives out plaintext.
func (d *decrypter) Read(p []byte) (int, error) {
	for len(d.plain) == 0 {
		if d.err == nil && len(p) >= len(d.buf) && d.left > int64(len(d.buf)) { // without a copy
			n := len(d.buf)
			if d.err = d.piece(p[:n]); d.err != nil {
				return 0, d.err
			}
			return n, nil
		}
		if d.err == nil {
			d.err = d.fill()
		}
		if len(d.plain) == 0 && d.err != nil {
			return 0, d.err
		}
	}
	n := copy(p, d.plain)
	d.plain = d.plain[n:]
	return n, nil
}

// fill decrypts the next piece. With the last one it returns io.EOF, or an error if
// the padding or the HMAC is not as it must be.
func (d *decrypter) fill() error {
	if d.left == 0 {
		return io.EOF
	}
	b := d.buf[:min(int64(len(d.buf)), d.left)]
	if err := d.piece(b); err != nil {
		return err
	}
	if d.left > 0 {
		d.plain = b
		return nil
	}
	n := padding(b)
	if d.mac != nil {
		var sum [macSize]byte
		if err := readFull(d.r, sum[:]); err != nil {
			return err
		}
		if !hmac.Equal(sum[:], d.mac.Sum(nil)) {
			return corrupt("HMAC")
		}
	}
	if n == 0 {
		return corrupt("padding of the last block")
	}
	d.plain = b[:len(b)-n]
	return io.EOF
}

// piece decrypts the next bytes into b.
func (d *decrypter) piece(b []byte) error {
	if err := readFull(d.r, b); err != nil {
		return err
	}
	if d.mac != nil {
		d.mac.Write(b)
	}
	d.mode.CryptBlocks(b, b)
	d.left -= int64(len(b))
	return nil
}

// padding returns the length of the PKCS#7 padding at the end of b, or 0 if it is wrong.
func padding(b []byte) int {
	n := int(b[len(b)-1])
	if n == 0 || n > blockSize {
		return 0
	}
	for _, c := range b[len(b)-n:] {
		if int(c) != n {
			return 0
		}
	}
	return n
}

// readFull is io.ReadFull, to which a short file is damage.
func readFull(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return corrupt("cut short")
	}
	return err
}
