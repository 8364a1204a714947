package sqlcipher

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Sizes in bytes, and what a log begins with.
const (
	logHead   = 32
	frameHead = 24
	frameSize = frameHead + pageSize
	logMagic  = 0x377f0682 // | 1: checksums over big-endian words
	logFormat = 3007000
)

// A log is what counts of a write-ahead log.
type log struct {
	r     io.ReaderAt
	at    map[uint32]int64 // where the newest version of a page stands
	pages uint32           // in the database after the last commit; 0: nothing was committed
}

// readLog reads the log up to its last commit. A log that counts nothing is no error.
func readLog(r io.ReaderAt, size int64) (*log, error) {
	l := &log{r: r, at: map[uint32]int64{}}
	head := make([]byte, logHead)
	if size < logHead {
		return l, nil
	}
	if err := readAt(r, head, 0); err != nil {
		return nil, err
	}
	sum, ok := checkHead(head)
	if !ok {
		return l, nil
	}
	pending := map[uint32]int64{}
	frames := io.NewSectionReader(r, logHead, size-logHead)
	frame := make([]byte, frameSize)
	for at := int64(logHead); at+frameSize <= size; at += frameSize {
		if _, err := io.ReadFull(frames, frame); err != nil {
			return nil, err
		}
		sum.add(frame[:8])
		sum.add(frame[frameHead:])
		number, commit := binary.BigEndian.Uint32(frame), binary.BigEndian.Uint32(frame[4:])
		if number == 0 || !bytes.Equal(frame[8:16], head[16:24]) || !sum.is(frame[16:24]) {
			break
		}
		if pending[number] = at + frameHead; commit == 0 {
			continue
		}
		for number, at := range pending {
			l.at[number] = at
		}
		clear(pending)
		l.pages = commit
	}
	return l, nil
}

// checkHead says whether a log begins with head, and returns the checksum so far.
func checkHead(head []byte) (*checksum, bool) {
	magic := binary.BigEndian.Uint32(head)
	sum := &checksum{order: binary.LittleEndian}
	if magic&1 != 0 {
		sum.order = binary.BigEndian
	}
	sum.add(head[:24])
	return sum, magic&^1 == logMagic && binary.BigEndian.Uint32(head[4:]) == logFormat &&
		binary.BigEndian.Uint32(head[8:]) == pageSize && sum.is(head[24:32])
}

// LogHead returns what tells one log from the next that is written over it: nil for
// none. It is compared to see whether a log was begun anew meanwhile.
func LogHead(r io.ReaderAt) []byte {
	head := make([]byte, logHead)
	if readAt(r, head, 0) != nil {
		return nil
	}
	return head
}

// A checksum is SQLite's: two sums that feed each other.
type checksum struct {
	order binary.ByteOrder
	a, b  uint32
}

// add takes a multiple of 8 bytes.
func (c *checksum) add(p []byte) {
	a, b := c.a, c.b
	if c.order == binary.LittleEndian {
		for ; len(p) >= 8; p = p[8:] {
			a += binary.LittleEndian.Uint32(p) + b
			b += binary.LittleEndian.Uint32(p[4:]) + a
		}
	}
	for ; len(p) >= 8; p = p[8:] {
		a += binary.BigEndian.Uint32(p) + b
		b += binary.BigEndian.Uint32(p[4:]) + a
	}
	c.a, c.b = a, b
}

func (c *checksum) is(want []byte) bool {
	return binary.BigEndian.Uint32(want) == c.a && binary.BigEndian.Uint32(want[4:]) == c.b
}

func (c *checksum) put(dst []byte) {
	binary.BigEndian.PutUint32(dst, c.a)
	binary.BigEndian.PutUint32(dst[4:], c.b)
}

// readAt fills b, or says that the file ends before.
func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		err = corrupt("the file ends early")
	}
	return err
}
