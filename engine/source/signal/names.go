package signal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
)

// A Namer makes the names under which items are kept. Names reach errors, logs and
// the screen, so people and conversations stand in them as keyed hashes: without
// the account's secret nobody can try phone numbers against them.
//
//	a/account                                       the owner
//	r/RECIPIENT  c/GROUP                            recipients, chats
//	m/WEEK/GROUP/TIME/AUTHOR                        messages
//	p/WEEK/NAME  p/WEEK/GROUP/NAME                  media; week of the first message that shows it
//	s/PACK  h/RECIPIENT/TIME/CALL  n/ID  f/ID       sticker packs, ad-hoc calls, profiles, folders
//	u/CONTENT                                       frames of kinds not known here
//
// WEEK and TIME are counted from 1970 in weeks and milliseconds, of the oldest
// revision's date of sending. GROUP is the hash of the chat's recipient.
type Namer struct{ mac hash.Hash }

// NewNamer returns a Namer whose hashes are keyed by secret.
func NewNamer(secret []byte) *Namer { return &Namer{hmac.New(sha256.New, secret)} }

// Hash returns 32 hex digits for the thing of this kind that parts name.
func (n *Namer) Hash(kind string, parts ...[]byte) string {
	n.mac.Reset()
	n.mac.Write([]byte(kind))
	for _, p := range parts {
		n.mac.Write(appendVarint(nil, uint64(len(p))))
		n.mac.Write(p)
	}
	return hex.EncodeToString(n.mac.Sum(nil)[:16])
}

const msPerWeek = 7 * 24 * 3600 * 1000

// Week is the number of the week of a time in ms, of four digits.
func Week(ms uint64) uint32 { return week(ms) }

func week(ms uint64) uint32 { return uint32(min(ms/msPerWeek, 9999)) }

// mediaKey is the key of a media that was first shown in the given week, in the group
// if there is one.
func mediaKey(week uint32, group, name string) string {
	if group != "" {
		group += "/"
	}
	return fmt.Sprintf("p/%04d/%s%s", week, group, name)
}

// MessageKey is the key of a message that was sent at a time in ms, in the conversation
// group, by the author of this hash.
func MessageKey(sent uint64, group []byte, author string) []byte {
	return messageKey(sent, group, author, false)
}

// messageKey is the key of a message. author is a hash of which 8 digits are used.
func messageKey(sent uint64, group []byte, author string, update bool) []byte {
	b := make([]byte, 0, 72)
	b = append(b, "m/"...)
	b = appendDigits(b, uint64(week(sent)), 4)
	b = append(append(append(b, '/'), group...), '/')
	b = append(appendDigits(b, sent, 16), '/')
	b = append(b, author[:8]...)
	if update {
		b = append(b, 'u')
	}
	return b
}

// appendDigits appends v in decimal, with zeros before it up to width.
func appendDigits(dst []byte, v uint64, width int) []byte {
	var b [20]byte
	digits := strconv.AppendUint(b[:0], v, 10)
	for range width - len(digits) {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}
