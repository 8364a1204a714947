package seal

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// A blob is a plaintext, coded and sealed under its own ref:
//
//	nonce 12, random │ AES-256-GCM: codec 1 │ uvarint plaintext length │ body │ tag 16
//
// The ID is associated data. The key belongs to one plaintext; the nonce is
// random because another version may code the same plaintext differently.
const (
	// BlobOverhead is what sealing adds to a body, plus the length's 1 to 4 bytes.
	BlobOverhead = nonceSize + 1 + tagSize
	// MaxPlain is the most bytes that the plaintext of a blob can have.
	MaxPlain = 16 << 20
)

// AppendBlob seals body, the plaintext of ref in some codec, and appends the
// blob to dst, in place when dst has room for BlobOverhead + 4 + len(body)
// bytes more. body may lie anywhere in dst's spare capacity. plainLen is the
// length of the plaintext. On error dst comes back as it was.
func AppendBlob(dst []byte, rand io.Reader, ref Ref, codec byte, plainLen int, body []byte) ([]byte, error) {
	if plainLen < 0 || plainLen > MaxPlain {
		return dst, fmt.Errorf("seal blob: plaintext of %d bytes", plainLen)
	}
	at := len(dst)
	start := at + nonceSize + 1 + uvarintLen(plainLen)
	buf := slices.Grow(dst, start-at+len(body)+tagSize)[:start+len(body)]
	copy(buf[start:], body) // first, as the rest may overwrite where body lay
	nonce, plain := buf[at:at+nonceSize], buf[at+nonceSize:]
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return dst, fmt.Errorf("seal blob: %w", err)
	}
	plain[0] = codec
	binary.PutUvarint(plain[1:], uint64(plainLen))
	id, key := ref.ID(), ref.key()
	return gcm(key[:]).Seal(buf[:at+nonceSize], nonce, plain, id[:]), nil
}

// BlobSize returns the size of the blob of a plaintext of plainLen bytes whose body has
// bodyLen.
func BlobSize(plainLen, bodyLen int) int { return BlobOverhead + uvarintLen(plainLen) + bodyLen }

// OpenBlob opens a blob. body is the plaintext in its codec; it lies in dst's
// spare capacity when that holds len(sealed) bytes, and in a new array
// otherwise. dst may be sealed[12:12], to open in place. The error wraps
// ErrCorrupt, also when ref is not this blob's. Having decoded body, the caller
// must find that the plaintext's ref is ref.
func OpenBlob(dst []byte, ref Ref, sealed []byte) (codec byte, plainLen int, body []byte, err error) {
	if len(sealed) < BlobOverhead+1 {
		return 0, 0, nil, fmt.Errorf("open blob: %w: %d bytes", ErrCorrupt, len(sealed))
	}
	id, key := ref.ID(), ref.key()
	plain, err := gcm(key[:]).Open(dst, sealed[:nonceSize], sealed[nonceSize:], id[:])
	if err != nil {
		return 0, 0, nil, fmt.Errorf("open blob: %w: %v does not open", ErrCorrupt, id)
	}
	plain = plain[len(dst):]
	length, n := uvarint(plain[1:])
	if n == 0 || length > MaxPlain {
		return 0, 0, nil, fmt.Errorf("open blob: %w: %v has no good length", ErrCorrupt, id)
	}
	return plain[0], int(length), plain[1+n:], nil
}

// uvarintLen returns how many bytes the varint of n has.
func uvarintLen(n int) int {
	var b [binary.MaxVarintLen64]byte
	return binary.PutUvarint(b[:], uint64(n))
}

// uvarint reads a varint in its shortest form; n is 0 when there is none.
func uvarint(b []byte) (v uint64, n int) {
	v, n = binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 {
		return 0, 0
	}
	return v, n
}
