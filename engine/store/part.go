package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxObject is the longest object that is read whole, in bytes: no object of an archive
// comes near it, but an answer without end does, and a file that somebody laid there.
const MaxObject = 64 << 20

// ReadPart reads an answer of a place over the network: n bytes, or all that follow if
// n < 0, after skipping the first skip. length is how long the answer says it is, or
// negative. An answer that ends before that is [*Temporary], one that says itself that
// it is too short for n is io.ErrUnexpectedEOF, and one that does not end is cut off.
// The bytes come in buf, of n, if that is not nil; else nothing is allocated on the word
// of the length alone.
func ReadPart(r io.Reader, length, skip int64, n int, buf []byte) ([]byte, error) {
	if length >= 0 && (skip > length || int64(n) > length-skip) {
		return nil, io.ErrUnexpectedEOF
	}
	if buf != nil {
		if _, err := io.CopyN(io.Discard, r, skip); err != nil {
			return nil, cut(err, length)
		}
		if _, err := io.ReadFull(r, buf[:n]); err != nil {
			return nil, cut(err, length)
		}
		return buf[:n], nil
	}
	want := int64(n)
	if n < 0 && length >= 0 {
		want = length - skip
	}
	if want > MaxObject {
		return nil, fmt.Errorf("an answer of %d bytes is too long", want)
	}
	if _, err := io.CopyN(io.Discard, r, skip); err != nil {
		return nil, cut(err, length)
	}
	most := want
	if most < 0 {
		most = MaxObject + 1
	}
	var all bytes.Buffer
	all.Grow(int(min(max(want, 512), 16<<20)) + bytes.MinRead)
	got, err := all.ReadFrom(io.LimitReader(r, most))
	switch {
	case err != nil:
		return nil, cut(err, length)
	case got > MaxObject:
		return nil, errors.New("an answer without end")
	case got < want:
		return nil, cut(io.EOF, length)
	}
	return all.Bytes(), nil
}

// cut is the error for an answer that ended early: the object's end if the answer had
// not said how long it is, and a broken connection otherwise.
func cut(err error, length int64) error {
	if errors.Is(err, io.EOF) && length < 0 {
		return io.ErrUnexpectedEOF
	} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &Temporary{Err: errors.New("the answer was cut short")}
	}
	return &Temporary{Err: err}
}
