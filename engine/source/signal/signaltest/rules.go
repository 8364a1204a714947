package signaltest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// A checker reads a local backup as Signal's own validator would, by field numbers and
// with none of the code that writes: what it says is wrong, Signal refuses.
type checker struct {
	made    uint64
	people  map[uint64]bool
	chats   map[uint64]bool
	last    uint64 // received
	media   map[string]int64
	wrong   []string
	owner   bool
	message int // frames
}

func (c *checker) say(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf("frame %d: ", c.message)+fmt.Sprintf(format, args...))
}

// Check returns the rules that the snapshot in root, a folder SignalBackups, breaks:
// its parts, order and numbers of frames, locators, timers, padding, media.
func Check(t testing.TB, root, snapshot string, k signal.Key) []string {
	t.Helper()
	dir := filepath.Join(root, snapshot)
	c := &checker{people: map[uint64]bool{}, chats: map[uint64]bool{}, media: map[string]int64{}}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			c.say("%v", err)
		}
		return b
	}
	metadata, main := read("metadata"), read("main")
	id, err := signal.OpenMetadata(k, metadata)
	if err != nil || len(metadata) != 36 {
		c.say("metadata of %d bytes: %v", len(metadata), err)
	}
	keys := signal.Derive(k, id)
	if err := keys.VerifyMain(bytes.NewReader(main), int64(len(main)), true); err != nil || !signal.IsSealedSize(int64(len(main))) {
		c.say("main of %d bytes: %v", len(main), err)
	}
	for frame, err := range keys.Frames(bytes.NewReader(main), int64(len(main))) {
		if err != nil {
			c.say("%v", err)
			break
		}
		c.frame(frame)
	}
	c.files(root, read("files"))
	return c.wrong
}

// fields calls fn with each field: a number, or bytes.
func (c *checker) fields(b []byte, fn func(num int, v uint64, b []byte)) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			c.say("no protobuf")
			return
		}
		rest, m := b[n:], 0
		switch typ {
		case protowire.VarintType:
			v, l := protowire.ConsumeVarint(rest)
			m = l
			fn(int(num), v, nil)
		case protowire.BytesType:
			v, l := protowire.ConsumeBytes(rest)
			m = l
			fn(int(num), 0, v)
		default:
			m = protowire.ConsumeFieldValue(num, typ, rest)
		}
		if m < 0 {
			c.say("no protobuf")
			return
		}
		b = rest[m:]
	}
}

func (c *checker) frame(frame []byte) {
	if c.message++; c.message == 1 {
		version, root := uint64(0), 0
		c.fields(frame, func(num int, v uint64, b []byte) {
			switch num {
			case 1:
				version = v
			case 2:
				c.made = v
			case 3:
				root = len(b)
			}
		})
		if version != 1 || root != 32 || c.made == 0 {
			c.say("version %d, root key of %d bytes, made at %d", version, root, c.made)
		}
		return
	}
	c.fields(frame, func(kind int, _ uint64, b []byte) {
		if (kind == 1) == c.owner {
			c.say("of kind %d, the account is there: %t", kind, c.owner)
		}
		switch kind {
		case 1:
			c.owner = true
			c.fields(b, func(num int, _ uint64, b []byte) {
				if num == 9 {
					c.within(b, 18, func(b []byte) { c.within(b, 2, c.pointer) })
				}
			})
		case 2:
			c.recipient(b)
		case 3:
			c.chat(b)
		case 4:
			c.item(b, true)
		case 6:
			c.refer(b, 2)
		case 7:
			c.refer(b, 7)
		case 8:
			c.refer(b, 7, 8)
		}
	})
}

// within calls fn with the bytes of each field of that number.
func (c *checker) within(b []byte, field int, fn func([]byte)) {
	c.fields(b, func(num int, _ uint64, b []byte) {
		if num == field {
			fn(b)
		}
	})
}

// refer checks the recipients in the given fields, packed or not.
func (c *checker) refer(b []byte, fields ...int) {
	known := func(v uint64) {
		if !c.people[v] {
			c.say("refers to recipient %d, which does not stand before it", v)
		}
	}
	c.fields(b, func(num int, v uint64, b []byte) {
		for _, f := range fields {
			if num != f {
				continue
			}
			if b == nil {
				known(v)
			}
			for len(b) > 0 {
				v, n := protowire.ConsumeVarint(b)
				known(v)
				b = b[n:]
			}
		}
	})
}

func (c *checker) recipient(b []byte) {
	c.fields(b, func(num int, v uint64, b []byte) {
		if num == 1 {
			if c.people[v] {
				c.say("recipient %d is there twice", v)
			}
			c.people[v] = true
		}
		if num == 4 {
			c.within(b, 3, func(b []byte) { c.refer(b, 4) })
		}
	})
}

func (c *checker) chat(b []byte) {
	c.refer(b, 2)
	c.fields(b, func(num int, v uint64, b []byte) {
		if num == 1 {
			if c.chats[v] {
				c.say("chat %d is there twice", v)
			}
			c.chats[v] = true
		}
		if num == 9 {
			c.within(b, 2, c.pointer)
		}
	})
}

const leastLife = 24 * hour

func (c *checker) item(b []byte, outer bool) {
	var chat, start, in, received uint64
	var started, begun bool
	c.refer(b, 2)
	c.fields(b, func(num int, v uint64, b []byte) {
		switch num {
		case 1:
			chat = v
		case 4:
			start, started = v, true
		case 5:
			in = v
		case 6:
			c.item(b, false)
		case 8:
			c.fields(b, func(num int, v uint64, _ []byte) {
				if num == 1 {
					received = v
				}
				begun = begun || num == 3 && v != 0
			})
		case 9:
			begun = true
			c.fields(b, func(num int, v uint64, b []byte) {
				if num == 2 {
					received = v
				}
				if num == 1 {
					c.refer(b, 1)
					c.fields(b, func(num int, _ uint64, _ []byte) { begun = begun && num != 3 && num != 9 })
				}
			})
		default:
			c.content(num, b)
		}
	})
	switch {
	case !c.chats[chat]:
		c.say("in chat %d, which does not stand before it", chat)
	case started && in == 0:
		c.say("a timer that started and has no length")
	case in > 0 && start == 0 && begun:
		c.say("a timer that must have started")
	case in > 0 && start > 0 && start+in < c.made+leastLife, in > 0 && start == 0 && in < leastLife:
		c.say("disappears within a day")
	case outer && received > 0 && received < c.last:
		c.say("received before the one before it")
	}
	if outer {
		c.last = max(c.last, received)
	}
}

// content looks into what a message is made of.
func (c *checker) content(num int, b []byte) {
	attachment := func(b []byte) { c.within(b, 1, c.pointer) }
	reactions := func(field int) { c.within(b, field, func(b []byte) { c.refer(b, 2) }) }
	switch num {
	case 11:
		c.within(b, 1, func(b []byte) {
			c.refer(b, 2)
			c.within(b, 4, func(b []byte) { c.within(b, 3, attachment) })
		})
		c.within(b, 3, attachment)
		c.within(b, 4, func(b []byte) { c.within(b, 3, c.pointer) })
		c.within(b, 5, c.pointer)
		reactions(6)
	case 12:
		c.within(b, 1, func(b []byte) { c.within(b, 6, c.pointer) })
		reactions(2)
	case 13:
		c.within(b, 1, func(b []byte) { c.within(b, 5, c.pointer) })
		reactions(2)
	case 18:
		c.within(b, 1, func([]byte) { c.say("shows what may be seen once") })
		reactions(2)
	case 19:
		c.within(b, 1, func(b []byte) { c.within(b, 2, c.pointer) })
		reactions(3)
	case 20:
		c.within(b, 3, func(b []byte) { c.within(b, 2, func(b []byte) { c.refer(b, 1) }) })
		reactions(5)
	case 22:
		c.refer(b, 1)
	}
}

func (c *checker) pointer(b []byte) { c.within(b, 13, c.locator) }

func (c *checker) locator(b []byte) {
	have := map[int]bool{}
	var m signal.Media
	c.fields(b, func(num int, v uint64, b []byte) {
		have[num] = num != 1 || len(b) > 0
		switch num {
		case 3:
			m.Size = uint32(v)
		case 9:
			copy(m.LocalKey[:], b)
		case 10:
			copy(m.Hash[:], b)
		}
	})
	if have[1] != (have[4] || have[10]) || have[4] != have[5] || have[6] && !have[4] || (have[7] || have[9]) && !have[10] {
		c.say("a locator with the fields %v", have)
	}
	if have[9] && have[10] {
		c.media[m.Name().String()] = signal.SealedSize(int64(m.Size))
	}
}

// files checks that the list and the folder have exactly what the frames show.
func (c *checker) files(root string, list []byte) {
	listed := map[string]bool{}
	for len(list) > 0 {
		entry, n := protowire.ConsumeBytes(list)
		if n < 0 {
			c.say("the list of files ends early")
			return
		}
		list = list[n:]
		c.within(entry, 1, func(b []byte) { listed[string(b)] = true })
	}
	for name := range listed {
		size, ok := c.media[name]
		info, err := os.Stat(filepath.Join(root, "files", name[:2], name))
		if _, hexErr := hex.DecodeString(name); !ok || err != nil || hexErr != nil || info.Size() != size {
			c.say("%s is listed: shown %t, %v", name, ok, err)
		}
	}
	if len(listed) != len(c.media) {
		c.say("%d media are listed, %d shown", len(listed), len(c.media))
	}
}
