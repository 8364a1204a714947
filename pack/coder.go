package pack

import (
	"fmt"

	"github.com/dayfold/dayfold/pack/seal"
	"github.com/klauspost/compress/zstd"
)

// Codecs: how a blob's body holds its plaintext. Their numbers are part of the format.
const (
	Stored   byte = iota // as it is
	Zstd                 // one zstd frame
	ZstdDict             // one zstd frame with built-in dictionary 1
)

// windowSize bounds how far back encoding looks, and with it an encoder's memory.
const windowSize = 1 << 20

// A Coder compresses plaintexts and gives them back. It keeps its encoders and
// decoders, which are made when first used and cost about 5 MiB together; it
// starts no goroutine. It is not safe for concurrent use.
type Coder struct {
	leaves, plain       *zstd.Encoder
	fromDict, fromPlain *zstd.Decoder
}

// NewCoder returns a Coder.
func NewCoder() *Coder { return new(Coder) }

// Encode returns the body of plain and its codec, by what plain is: a leaf is
// compressed with the dictionary, a text without, a medium if it looks as if
// that helps, an inner node or a list not at all. What would not become smaller
// is stored. The body lies in dst's spare capacity if that suffices, or is plain
// itself; what is in dst stays there and is not part of it.
func (c *Coder) Encode(dst []byte, kind seal.Kind, plain []byte) (codec byte, body []byte) {
	var e *zstd.Encoder
	switch {
	case kind == seal.Leaf:
		codec, e = ZstdDict, c.leafEncoder()
	case kind == seal.Text, kind == seal.Media && !compressed(plain):
		codec, e = Zstd, c.plainEncoder()
	default:
		return Stored, plain
	}
	body = e.EncodeAll(plain, dst)[len(dst):]
	if len(body) >= len(plain) {
		return Stored, plain
	}
	return codec, body
}

// Decode returns the plaintext, which has plainLen bytes, of a body. It lies in
// dst's spare capacity if that suffices, or is body itself; what is in dst stays
// there and is not part of it. No more than plainLen bytes are allocated. The
// error wraps seal.ErrCorrupt, or seal.ErrVersion for a codec that is not known.
func (c *Coder) Decode(dst []byte, codec byte, plainLen int, body []byte) ([]byte, error) {
	if codec > ZstdDict {
		return nil, fmt.Errorf("decode: %w: codec %d", seal.ErrVersion, codec)
	}
	if plainLen < 0 || plainLen > seal.MaxPlain {
		return nil, fmt.Errorf("decode: %w: length %d", seal.ErrCorrupt, plainLen)
	}
	if codec == Stored {
		if len(body) != plainLen {
			return nil, fmt.Errorf("decode: %w: %d bytes stored for %d", seal.ErrCorrupt, len(body), plainLen)
		}
		return body, nil
	}
	if !oneFrame(body, plainLen) {
		return nil, fmt.Errorf("decode: %w: zstd frame", seal.ErrCorrupt)
	}
	d := c.decoder(codec)
	at := len(dst)
	if cap(dst)-at < plainLen {
		dst, at = make([]byte, 0, plainLen), 0
	}
	plain, err := d.DecodeAll(body, dst[at:at:at+plainLen])
	if err != nil || len(plain) != plainLen {
		return nil, fmt.Errorf("decode: %w: zstd", seal.ErrCorrupt)
	}
	return plain, nil
}

// leafEncoder is the fastest level: with a dictionary each call copies the
// tables that were made of it, and those of the next level are five times as large.
func (c *Coder) leafEncoder() *zstd.Encoder {
	if c.leaves == nil {
		c.leaves = newEncoder(zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderDictRaw(0, dictionary))
	}
	return c.leaves
}

func (c *Coder) plainEncoder() *zstd.Encoder {
	if c.plain == nil {
		c.plain = newEncoder(zstd.WithEncoderLevel(zstd.SpeedDefault))
	}
	return c.plain
}

// newEncoder panics on options that do not go together, which no input causes.
func newEncoder(options ...zstd.EOption) *zstd.Encoder {
	e, err := zstd.NewWriter(nil, append(options, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
		zstd.WithWindowSize(windowSize), zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true))...)
	if err != nil {
		panic(fmt.Sprintf("pack: %v", err))
	}
	return e
}

func (c *Coder) decoder(codec byte) *zstd.Decoder {
	if codec == ZstdDict {
		if c.fromDict == nil {
			c.fromDict = newDecoder(zstd.WithDecoderDictRaw(0, dictionary))
		}
		return c.fromDict
	}
	if c.fromPlain == nil {
		c.fromPlain = newDecoder()
	}
	return c.fromPlain
}

// newDecoder panics on options that do not go together, which no input causes.
func newDecoder(options ...zstd.DOption) *zstd.Decoder {
	d, err := zstd.NewReader(nil, append(options, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(seal.MaxPlain), zstd.WithDecoderMaxWindow(seal.MaxPlain), zstd.WithDecodeAllCapLimit(true))...)
	if err != nil {
		panic(fmt.Sprintf("pack: %v", err))
	}
	return d
}
