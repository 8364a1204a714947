package tree

import (
	"bytes"
	"encoding/binary"
)

// Keys and groups are mostly hashes and times in digits. A packed text has two
// hexadecimal digits in a byte:
//
//	0                               the empty text
//	run │ run │ …                   any other, and a run is, with a varint in front:
//	4·n + 2·hex + more │ bytes      n characters; more: 1 if a run follows
//
// A hex run is n of the digits 0-9 and a-f, the first in the upper half of the
// first byte; if n is odd, the last half is 0. Any other run is n bytes as they
// are. A text has one packed form: each stretch of at least minHex digits, as
// long as it is, is a hex run, and all between two of them is one other run.
const (
	minHex    = 4 // three digits and the head of a run would not be shorter
	moreRuns  = 1
	hexRun    = 2
	runLength = 2 // bits below the length
)

const hexDigits = "0123456789abcdef"

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c && c <= 'f' }

// half returns what a hexadecimal digit says.
func half(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c - 'a' + 10
}

// firstRun returns the length of the first run of a text, and whether it is a hex run.
func firstRun(text []byte) (n int, hex bool) {
	digits := 0 // the last ones of text[:n]
	for n < len(text) {
		if isHex(text[n]) {
			digits++
		} else if digits >= minHex {
			break
		} else {
			digits = 0
		}
		n++
	}
	if digits < minHex {
		return n, false
	}
	if digits < n {
		return n - digits, false
	}
	return n, true
}

// appendPacked appends the packed form of a text.
func appendPacked(dst, text []byte) []byte {
	if len(text) == 0 {
		return append(dst, 0)
	}
	for len(text) > 0 {
		n, hex := firstRun(text)
		head := uint64(n) << runLength
		if hex {
			head |= hexRun
		}
		if n < len(text) {
			head |= moreRuns
		}
		dst = binary.AppendUvarint(dst, head)
		if hex {
			dst = appendHalves(dst, text[:n])
		} else {
			dst = append(dst, text[:n]...)
		}
		text = text[n:]
	}
	return dst
}

func appendHalves(dst, digits []byte) []byte {
	for ; len(digits) > 1; digits = digits[2:] {
		dst = append(dst, half(digits[0])<<4|half(digits[1]))
	}
	if len(digits) == 1 {
		dst = append(dst, half(digits[0])<<4)
	}
	return dst
}

// packed reads a packed text of at most limit bytes and appends it to dst.
func (p *parser) packed(dst []byte, limit int) []byte {
	from, at := p.rest, len(dst)
	for head := uint64(moreRuns); head&moreRuns != 0 && !p.bad; {
		head = p.uvarint()
		n := int(min(head>>runLength, MaxNode))
		switch {
		case len(dst)+n > at+limit:
			p.fail()
		case head&hexRun == 0:
			dst = append(dst, p.take(n)...)
		default:
			if halves := p.take((n + 1) / 2); !p.bad {
				dst = appendDigits(dst, halves)[:len(dst)+n]
			}
		}
	}
	var again [128]byte
	if !p.bad && !bytes.Equal(appendPacked(again[:0], dst[at:]), from[:len(from)-len(p.rest)]) {
		p.fail()
	}
	return dst
}

// appendDigits appends the two digits of each byte.
func appendDigits(dst, halves []byte) []byte {
	for _, b := range halves {
		dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
	}
	return dst
}
