package signal

import (
	"crypto/aes"
	"crypto/cipher"
	"io"
)

// OpenMetadata returns the BackupID that a snapshot's metadata file holds. There is
// nothing in it to tell a wrong key by: main's HMAC does. The file is
//
//	{1: version = 1, 2: {1: IV 12, 2: AES-256-CTR(BackupID) 16}}
//
// and anything else is ErrFormat.
func OpenMetadata(k Key, file []byte) (id [16]byte, err error) {
	version, iv, sealed, err := parseMetadata(file)
	if err != nil {
		return id, err
	}
	if version != 1 {
		return id, malformed("metadata: version %d", version)
	}
	if len(iv) != 12 || len(sealed) != len(id) {
		return id, malformed("metadata: IV of %d and id of %d bytes", len(iv), len(sealed))
	}
	metadataCipher(k, iv).XORKeyStream(id[:], sealed)
	return id, nil
}

// MetadataVersion returns the version of a metadata file, for which no key is needed.
func MetadataVersion(file []byte) (uint64, error) {
	version, _, _, err := parseMetadata(file)
	return version, err
}

// SealMetadata returns a metadata file for id, with an IV from rand.
func SealMetadata(rand io.Reader, k Key, id [16]byte) ([]byte, error) {
	iv := make([]byte, 12)
	if _, err := io.ReadFull(rand, iv); err != nil {
		return nil, err
	}
	sealed := make([]byte, len(id))
	metadataCipher(k, iv).XORKeyStream(sealed, id[:])
	inner := appendBytes(appendBytes(nil, 1, iv), 2, sealed)
	return appendMessage(appendUint(nil, 1, 1), 2, inner), nil
}

func metadataCipher(k Key, iv []byte) cipher.Stream {
	block, err := aes.NewCipher(metadataKey(k))
	if err != nil {
		panic("signal: aes: " + err.Error()) // the key is 32 bytes
	}
	return cipher.NewCTR(block, append(iv[:12:12], 0, 0, 0, 0))
}

func parseMetadata(file []byte) (version uint64, iv, sealed []byte, err error) {
	err = each(wire(file), func(c *cursor) error {
		switch {
		case c.isUint(1):
			version = c.uint
		case c.is(2):
			return each(c.sub(), func(c *cursor) error {
				switch {
				case c.is(1):
					iv = c.bytes
				case c.is(2):
					sealed = c.bytes
				}
				return nil
			})
		}
		return nil
	})
	return version, iv, sealed, err
}
