package signal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"io"
)

// remoteMagic begins the archives that Signal keeps on its servers. Their key is
// partly held by the server, so the 64 characters alone do not open them.
var remoteMagic = []byte("SBACKUP\x01")

// VerifyMain reads a main file of size bytes from its front and checks its HMAC, so
// that a byte of it may be believed. A wrong key is ErrKey, damage ErrCorrupt. Where
// both are possible (the first or the last blocks are damaged as well), it is ErrKey
// unless keyIsRight.
func (k *Keys) VerifyMain(r io.Reader, size int64, keyIsRight bool) error {
	if err := checkSealedSize(size); err != nil {
		return err
	}
	var w evidence
	mac := hmac.New(sha256.New, k.hmac)
	_, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(mac, &w)}, io.LimitReader(r, size-macSize), make([]byte, min(256<<10, size)))
	if err != nil {
		return err
	}
	if bytes.HasPrefix(w.head[:], remoteMagic) {
		return malformed("main: an archive from Signal's servers")
	}
	var sum [macSize]byte
	if err := readFull(r, sum[:]); err != nil {
		return err
	}
	switch {
	case hmac.Equal(sum[:], mac.Sum(nil)):
		return nil
	case keyIsRight || w.agrees(k.aes):
		return corrupt("main: HMAC")
	}
	return ErrKey
}

// evidence keeps the first two and the last two blocks of what is written to it:
// enough to decrypt the first and the last block of plaintext.
type evidence struct {
	head, tail [2 * blockSize]byte
	n          int64
}

// Write never fails.
func (e *evidence) Write(p []byte) (int, error) {
	if e.n < int64(len(e.head)) {
		copy(e.head[e.n:], p)
	}
	keep := e.tail[:]
	if len(p) >= len(keep) {
		copy(keep, p[len(p)-len(keep):])
	} else {
		copy(keep, keep[len(p):])
		copy(keep[len(keep)-len(p):], p)
	}
	e.n += int64(len(p))
	return len(p), nil
}

// agrees says whether key decrypts the first block to the start of a gzip member or
// the last one to zeros and padding. A wrong key does so once in a million at most.
func (e *evidence) agrees(key []byte) bool {
	block, err := aes.NewCipher(key)
	if err != nil {
		return false
	}
	var first, last [blockSize]byte
	cipher.NewCBCDecrypter(block, e.head[:blockSize]).CryptBlocks(first[:], e.head[blockSize:])
	if bytes.HasPrefix(first[:], []byte{0x1f, 0x8b, 8}) {
		return true
	}
	cipher.NewCBCDecrypter(block, e.tail[:blockSize]).CryptBlocks(last[:], e.tail[blockSize:])
	n := padding(last[:])
	zeros := 0
	for i := blockSize - n - 1; n > 0 && i >= 0 && last[i] == 0; i-- {
		zeros++
	}
	return n+zeros >= 4
}
