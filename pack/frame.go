package pack

import "encoding/binary"

// The only shape of zstd frame (RFC 8878) that a body has: one segment, whose
// header says the length of the content; no checksum, for the seal is one; no
// dictionary ID, for the codec says it; nothing behind it.
const (
	frameMagic    = 0xfd2fb528
	singleSegment = 1 << 5 // of the frame header descriptor, whose top two bits say how the length is coded
	blockRLE      = 1
	blockReserved = 3
)

// oneFrame tells whether body is one frame of that shape, by its own word of
// plainLen bytes. Whether its blocks can be decoded is another matter.
func oneFrame(body []byte, plainLen int) bool {
	if len(body) < 5 || binary.LittleEndian.Uint32(body) != frameMagic || body[4]&0x3f != singleSegment {
		return false
	}
	length, n := contentSize(body[5:], body[4]>>6)
	if n == 0 || length != uint64(plainLen) {
		return false
	}
	for rest := body[5+n:]; len(rest) >= 3; {
		header := uint32(rest[0]) | uint32(rest[1])<<8 | uint32(rest[2])<<16
		last, kind, size := header&1 == 1, header>>1&3, int(header>>3)
		if kind == blockRLE {
			size = 1
		}
		if kind == blockReserved || size > len(rest)-3 {
			return false
		}
		if rest = rest[3+size:]; last {
			return len(rest) == 0
		}
	}
	return false
}

// contentSize reads the length of a frame's content and says in how many bytes
// it is coded, 0 if they are not there.
func contentSize(b []byte, flag byte) (length uint64, n int) {
	if n = 1 << flag; len(b) < n {
		return 0, 0
	}
	switch flag {
	case 0:
		length = uint64(b[0])
	case 1:
		length = uint64(binary.LittleEndian.Uint16(b)) + 256
	case 2:
		length = uint64(binary.LittleEndian.Uint32(b))
	default:
		length = binary.LittleEndian.Uint64(b)
	}
	return length, n
}
