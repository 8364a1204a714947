package pack_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
	"github.com/klauspost/compress/zstd"
)

var kinds = []seal.Kind{seal.Leaf, seal.Inner, seal.Media, seal.Text, seal.List}

// noise returns n bytes that no codec makes smaller.
func noise(n int) []byte {
	b := make([]byte, (n+7)/8*8)
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r.Uint64())
	}
	return b[:n]
}

// chat returns n bytes of a conversation that never was.
func chat(n int) []byte {
	words := strings.Fields("well I thought we could walk over the old bridge at seven and then eat where the lamp is green because nobody asked")
	r, b := rand.New(rand.NewPCG(3, uint64(n))), []byte(nil)
	for len(b) < n {
		b = binary.AppendUvarint(append(b, 0x0a), uint64(20+r.IntN(60)))
		for range 4 + r.IntN(12) {
			b = append(append(b, words[r.IntN(len(words))]...), ' ')
		}
		b = append(binary.LittleEndian.AppendUint32(b, r.Uint32()), 0x5a, 0x12)
	}
	return b[:n]
}

func TestCoderRoundTrip(t *testing.T) {
	c := pack.NewCoder()
	for _, kind := range kinds {
		for _, n := range []int{0, 1, 2, 30, 255, 256, 257, 4095, 4096, 65_535, 65_791, 65_792, 300_000, 3 << 20} {
			for name, plain := range map[string][]byte{"noise": noise(n), "chat": chat(n), "zeros": make([]byte, n)} {
				codec, body := c.Encode(nil, kind, plain)
				if len(body) > n || len(body) == n && codec != pack.Stored {
					t.Errorf("kind %d, %d bytes of %s: %d bytes in codec %d", kind, n, name, len(body), codec)
				}
				got, err := c.Decode(nil, codec, n, body)
				if err != nil || !bytes.Equal(got, plain) {
					t.Errorf("kind %d, %d bytes of %s: got %d bytes, %v", kind, n, name, len(got), err)
				}
			}
		}
	}
}

func TestEncodeByKind(t *testing.T) {
	c, jpeg := pack.NewCoder(), append([]byte("\xff\xd8\xff\xe0"), make([]byte, 10_000)...)
	mp4 := append([]byte("\x00\x00\x00\x18ftypmp42"), make([]byte, 10_000)...)
	video := noise(100_000)
	clear(video[1000:6000]) // little to gain, and not in the sample
	for name, r := range map[string]struct {
		kind  seal.Kind
		plain []byte
		want  byte
	}{
		"leaf":                {seal.Leaf, chat(2000), pack.ZstdDict},
		"leaf of noise":       {seal.Leaf, noise(2000), pack.Stored},
		"inner node":          {seal.Inner, make([]byte, 2000), pack.Stored},
		"list":                {seal.List, make([]byte, 2000), pack.Stored},
		"text":                {seal.Text, chat(20_000), pack.Zstd},
		"jpeg":                {seal.Media, jpeg, pack.Stored},
		"mp4":                 {seal.Media, mp4, pack.Stored},
		"middle of a video":   {seal.Media, video, pack.Stored},
		"bitmap":              {seal.Media, make([]byte, 100_000), pack.Zstd},
		"document":            {seal.Media, chat(100_000), pack.Zstd},
		"short noise":         {seal.Media, noise(1000), pack.Stored},
		"unknown kind":        {99, make([]byte, 1000), pack.Stored},
		"noise, then a table": {seal.Media, append(noise(40_000), chat(60_000)...), pack.Zstd},
	} {
		if codec, _ := c.Encode(nil, r.kind, r.plain); codec != r.want {
			t.Errorf("%s: codec %d, want %d", name, codec, r.want)
		}
	}
}

func TestCoderUsesRoom(t *testing.T) {
	c, plain := pack.NewCoder(), chat(3000)
	for _, kind := range []seal.Kind{seal.Leaf, seal.Text} {
		dst := append(make([]byte, 0, 8000), "kept"...)
		codec, body := c.Encode(dst, kind, plain)
		if &dst[:5][4] != &body[0] || string(dst) != "kept" {
			t.Errorf("kind %d: the body is not behind %q", kind, dst)
		}
		room := append(make([]byte, 0, 3004), "kept"...)
		got, err := c.Decode(room, codec, len(plain), body)
		if err != nil || &room[:5][4] != &got[0] || string(room) != "kept" || !bytes.Equal(got, plain) {
			t.Errorf("kind %d: the plaintext is not behind %q, %v", kind, room, err)
		}
		if got, err := c.Decode(room[:4:3003], codec, len(plain), body); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("kind %d, too little room: %v", kind, err)
		}
	}
}

func TestDecodeCorrupt(t *testing.T) {
	c, plain := pack.NewCoder(), chat(3000)
	for _, kind := range []seal.Kind{seal.Leaf, seal.Text} {
		codec, good := c.Encode(nil, kind, plain)
		skippable := []byte("\x50\x2a\x4d\x18\x04\x00\x00\x00abcd")
		for name, r := range map[string]struct {
			length  int
			corrupt func([]byte) []byte
		}{
			"nothing":               {3000, func(b []byte) []byte { return nil }},
			"shorter by its header": {2999, nil},
			"longer by its header":  {3001, nil},
			"length 0":              {0, nil},
			"negative":              {-1, nil},
			"over the cap":          {seal.MaxPlain + 1, nil},
			"two frames":            {3000, func(b []byte) []byte { return append(b, b...) }},
			"two frames, twice":     {6000, func(b []byte) []byte { return append(b, b...) }},
			"skippable before":      {3000, func(b []byte) []byte { return append(skippable, b...) }},
			"skippable behind":      {3000, func(b []byte) []byte { return append(b, skippable...) }},
			"one byte more":         {3000, func(b []byte) []byte { return append(b, 0) }},
			"one byte less":         {3000, func(b []byte) []byte { return b[:len(b)-1] }},
			"plain":                 {3000, func(b []byte) []byte { return plain }},
			"checksum flag":         {3000, set(4, good[4]|4)},
			"reserved flag":         {3000, set(4, good[4]|8)},
			"unused flag":           {3000, set(4, good[4]|16)},
			"dictionary ID":         {3000, set(4, good[4]|1)},
			"no single segment":     {3000, set(4, good[4]&^32)},
			"not the last block":    {3000, set(7, good[7]&^1)},
			"reserved block":        {3000, set(7, good[7]|6)},
			"other length":          {3000 + 256, set(6, good[6]+1)},
		} {
			bad := bytes.Clone(good)
			if r.corrupt != nil {
				bad = r.corrupt(bad)
			}
			if got, err := c.Decode(nil, codec, r.length, bad); !errors.Is(err, seal.ErrCorrupt) || got != nil {
				t.Errorf("codec %d, %s: got %d bytes, %v, want %v", codec, name, len(got), err, seal.ErrCorrupt)
			}
		}
		if _, err := c.Decode(nil, 3, 3000, good); !errors.Is(err, seal.ErrVersion) {
			t.Errorf("codec 3: got %v, want %v", err, seal.ErrVersion)
		}
	}
	if _, err := c.Decode(nil, pack.Stored, 2, []byte("abc")); !errors.Is(err, seal.ErrCorrupt) {
		t.Errorf("stored: got %v, want %v", err, seal.ErrCorrupt)
	}
}

// A frame that would grow to a gigabyte gets no more than the length it was declared with.
func TestDecodeBomb(t *testing.T) {
	e := must[*zstd.Encoder](t)(zstd.NewWriter(nil, zstd.WithSingleSegment(true), zstd.WithEncoderCRC(false)))
	bomb := e.EncodeAll(make([]byte, 64<<20), nil)
	short := bytes.Clone(bomb)
	binary.LittleEndian.PutUint32(short[5:], 1<<20) // declared as 1 MiB, in 4 bytes
	c, before := pack.NewCoder(), new(runtime.MemStats)
	runtime.ReadMemStats(before)
	for length, body := range map[int][]byte{64 << 20: bomb, seal.MaxPlain: bomb, 1 << 20: short} {
		if _, err := c.Decode(nil, pack.Zstd, length, body); !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("%d bytes: got %v, want %v", length, err, seal.ErrCorrupt)
		}
	}
	after := new(runtime.MemStats)
	runtime.ReadMemStats(after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d bytes were allocated for a declared length of 1 MiB", n)
	}
}

// The dictionary must earn its place: against none, on a leaf that is not in its lists.
func TestDictionaryHelps(t *testing.T) {
	c, line := pack.NewCoder(), []byte(`{"chatItem":{"chatId":"7","authorId":"9","dateSent":"1691234567890","incoming":{"dateReceived":"1691234568001",`+
		`"dateServerSent":"1691234567999","read":true,"sealedSender":true},"standardMessage":{"text":{"body":"shall we see the film together?"}}}}`)
	_, with := c.Encode(nil, seal.Leaf, line)
	_, without := c.Encode(nil, seal.Text, line)
	if len(with) > len(without)*6/10 {
		t.Errorf("%d bytes, without the dictionary %d, plain %d", len(with), len(without), len(line))
	}
}

func FuzzDecode(f *testing.F) {
	c := pack.NewCoder()
	for _, kind := range kinds {
		codec, body := c.Encode(nil, kind, chat(500))
		f.Add(codec, uint32(500), body)
	}
	f.Add(byte(1), uint32(5), []byte("\x28\xb5\x2f\xfd\x20\x05\x2b\x00\x00a"))
	f.Fuzz(func(t *testing.T, codec byte, length uint32, body []byte) {
		if length > 1<<20 {
			length %= 1 << 20
		}
		plain, err := c.Decode(nil, codec, int(length), body)
		if err != nil {
			sentinel(t, err)
		} else if len(plain) != int(length) {
			t.Errorf("got %d bytes, want %d", len(plain), length)
		}
		for _, kind := range kinds {
			codec, coded := c.Encode(nil, kind, body)
			if plain, err := c.Decode(nil, codec, len(body), coded); err != nil || !bytes.Equal(plain, body) {
				t.Errorf("kind %d: %x comes back as %x, %v", kind, body, plain, err)
			}
		}
	})
}
