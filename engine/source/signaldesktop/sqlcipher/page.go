package sqlcipher

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha512"
	"encoding/binary"
	"hash"
)

// Sizes in bytes.
const (
	pageSize = 4096
	saltSize = 16
	ivSize   = 16
	macSize  = sha512.Size
	used     = pageSize - ivSize - macSize // of a page, by SQLite
)

// Places in page 1.
const (
	atVersion  = 18 // write and read version of the file: 1 journal, 2 log
	atReserved = 20 // bytes at the end of each page that SQLite leaves alone
)

const magic = "SQLite format 3\x00"

// A codec opens and seals the pages of one database. It is for one caller at a time.
type codec struct {
	salt  [saltSize]byte
	block cipher.Block
	mac   hash.Hash
	sum   [macSize]byte
}

func newCodec(key Key, salt [saltSize]byte) (*codec, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	masked := salt
	for i := range masked {
		masked[i] ^= 0x3a
	}
	macKey, err := pbkdf2.Key(sha512.New, string(key[:]), masked[:], 2, len(key))
	if err != nil {
		return nil, err
	}
	return &codec{salt: salt, block: block, mac: hmac.New(sha512.New, macKey)}, nil
}

// head is how many bytes of a page stand in clear.
func head(number uint32) int {
	if number == 1 {
		return saltSize
	}
	return 0
}

// authenticate computes c.sum for a sealed page.
func (c *codec) authenticate(page []byte, number uint32) {
	var le [4]byte
	binary.LittleEndian.PutUint32(le[:], number)
	c.mac.Reset()
	c.mac.Write(page[head(number) : pageSize-macSize])
	c.mac.Write(le[:])
	c.mac.Sum(c.sum[:0])
}

// open turns a sealed page into SQLite's, in place. False: it is not one under this key.
// Page 1 comes out as that of a database without a log, since the log is below.
func (c *codec) open(page []byte, number uint32) bool {
	c.authenticate(page, number)
	if !hmac.Equal(c.sum[:], page[pageSize-macSize:]) {
		return isZero(page)
	}
	body := page[head(number):used]
	cipher.NewCBCDecrypter(c.block, page[used:used+ivSize]).CryptBlocks(body, body)
	if number == 1 {
		copy(page, magic)
		page[atVersion], page[atVersion+1] = 1, 1
	}
	return true
}

func isZero(page []byte) bool {
	for _, b := range page {
		if b != 0 {
			return false
		}
	}
	return true
}

// seal is the way back. The IV is a keyed hash of the page, so that equal databases are
// equal files; page 1 becomes that of a database with a log.
func (c *codec) seal(page []byte, number uint32) {
	if number == 1 {
		copy(page, c.salt[:])
		page[atVersion], page[atVersion+1] = 2, 2
	}
	clear(page[used:])
	c.authenticate(page, number)
	iv := page[used : used+ivSize]
	copy(iv, c.sum[:])
	body := page[head(number):used]
	cipher.NewCBCEncrypter(c.block, iv).CryptBlocks(body, body)
	c.authenticate(page, number)
	copy(page[pageSize-macSize:], c.sum[:])
}
