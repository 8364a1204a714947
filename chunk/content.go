package chunk

import (
	"bytes"
	"unicode/utf8"
)

// HeadSize is how many bytes of a content, or all if it has fewer, decide its bounds.
const HeadSize = 4096

// Content returns the bounds for a file whose first HeadSize bytes are head: those of long
// texts for text in UTF-8, which people and programs change here and there and append to,
// and those of media for everything else.
func Content(head []byte) Bounds {
	if len(head) > 0 && bytes.IndexFunc(head, notText) < 0 && utf8.Valid(whole(head)) {
		return Text
	}
	return Media
}

// notText reports whether a rune is a control character that texts do not have.
func notText(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' || r == 0x7f
}

// whole returns head without the rune that it may end within.
func whole(head []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(head); i++ {
		if r := head[len(head)-i]; utf8.RuneStart(r) {
			if !utf8.FullRune(head[len(head)-i:]) {
				return head[:len(head)-i]
			}
			break
		}
	}
	return head
}
