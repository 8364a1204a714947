package signal

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"iter"

	"github.com/klauspost/compress/gzip"
)

// MaxFrame is the longest frame that is read, in bytes. Signal's own are far
// shorter: a message of 128 KiB with its revisions.
const MaxFrame = 16 << 20

// A gzip member that unpacks to more than maxRatio times its size is a bomb, once
// it is longer than ratioFrom bytes. Text packs 3 to 10 times.
const (
	maxRatio  = 250
	ratioFrom = 64 << 20
)

const plainBlock = 64 << 10 // how much is unpacked at once, bytes

// Frames reads a main file of size bytes from its front and yields the Info and then
// each frame. VerifyMain has said before that the file is whole; it is checked again
// on the way, and a difference is the last thing that is yielded. The slices are not
// reused. Decryption and unpacking run ahead of the caller by a few blocks, in a
// goroutine that ends with the loop.
func (k *Keys) Frames(r io.Reader, size int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		blocks, done := make(chan block, 8), make(chan struct{})
		go func() {
			defer close(blocks)
			err := k.unpack(r, size, func(b []byte) bool { return send(blocks, done, block{plain: b}) })
			send(blocks, done, block{err: err})
		}()
		defer func() {
			close(done)
			for range blocks { // until the goroutine has ended
			}
		}()
		split(blocks, yield)
	}
}

// A block is a piece of the unpacked file, or the error that ended it (nil: its end).
type block struct {
	plain []byte
	err   error
}

func send(blocks chan<- block, done <-chan struct{}, b block) bool {
	select {
	case blocks <- b:
		return true
	case <-done:
		return false
	}
}

// unpack calls emit with piece after piece of the gzip member, and checks what
// follows it: zeros, padding, HMAC.
func (k *Keys) unpack(r io.Reader, size int64, emit func([]byte) bool) error {
	d, err := newDecrypter(r, size, k.aes, hmac.New(sha256.New, k.hmac), make([]byte, readAtOnce))
	if err != nil {
		return err
	}
	packed := bufio.NewReaderSize(d, readAtOnce)
	z, err := gzip.NewReader(packed)
	if err != nil {
		return d.blame(err)
	}
	z.Multistream(false)
	for total := int64(0); ; {
		b, n := make([]byte, plainBlock), 0
		for n < len(b) && err == nil {
			m := 0
			m, err = z.Read(b[n:])
			n += m
		}
		if total += int64(n); total > ratioFrom && total/maxRatio > size {
			return corrupt("main: unpacks to more than %d times its size", maxRatio)
		}
		if n > 0 && !emit(b[:n:n]) {
			return nil
		}
		if err == io.EOF {
			return onlyZeros(packed)
		}
		if err != nil {
			return d.blame(err)
		}
	}
}

// blame returns what ended the reading of d, if it was d, and otherwise says that
// what d decrypted is no gzip member.
func (d *decrypter) blame(err error) error {
	if d.err != nil && d.err != io.EOF {
		return d.err
	}
	return corrupt("main: gzip: %v", err)
}

// onlyZeros reads the rest of r, of which each byte must be zero.
func onlyZeros(r io.Reader) error {
	b := make([]byte, 4096)
	for {
		n, err := r.Read(b)
		if !zeros(b[:n]) {
			return corrupt("main: bytes after the archive")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// split yields the frames in blocks. Only one that lies in two blocks is copied.
func split(blocks <-chan block, yield func([]byte, error) bool) {
	s := splitter{blocks: blocks}
	for {
		n, head := binary.Uvarint(s.have)
		want := 1
		switch {
		case head < 0 || n > MaxFrame:
			yield(nil, corrupt("main: a frame of %d bytes", n))
			return
		case head > 0 && uint64(len(s.have)-head) >= n:
			end := head + int(n)
			frame := s.have[head:end:end]
			if s.have = s.have[end:]; !yield(frame, nil) {
				return
			}
			continue
		case head > 0:
			want = head + int(n) - len(s.have)
		}
		err := s.more(want)
		switch {
		case err == nil:
			continue
		case err != io.EOF:
			yield(nil, err)
		case len(s.have) > 0:
			yield(nil, corrupt("main: ends within a frame"))
		}
		return
	}
}

// A splitter holds the bytes that are to be split next.
type splitter struct {
	blocks <-chan block
	have   []byte
	rest   []byte // of the block from which the end of have was copied
}

// more adds want bytes to have, or a whole block if have is empty.
func (s *splitter) more(want int) error {
	if len(s.have) > 0 {
		s.have = append(make([]byte, 0, len(s.have)+want), s.have...)
	}
	for want > 0 {
		if len(s.rest) == 0 {
			b, ok := <-s.blocks
			if !ok || b.plain == nil {
				if b.err == nil {
					b.err = io.EOF
				}
				return b.err
			}
			s.rest = b.plain
		}
		if len(s.have) == 0 {
			s.have, s.rest = s.rest, nil
			return nil
		}
		n := min(want, len(s.rest))
		s.have, s.rest = append(s.have, s.rest[:n]...), s.rest[n:]
		want -= n
	}
	return nil
}

func appendVarint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, v) }
