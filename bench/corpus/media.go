package corpus

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"slices"
	"sync"
)

// A Media is one photo, video, voice message or sticker that a message shows.
type Media struct {
	Seq     int64  // the message that shows it
	Content uint64 // equal for media with equal bytes
	Size    int64  // bytes
	Once    bool   // may be seen once
	kind    uint8
}

// A mediaKind is a type of files: how often it occurs and how large it is. The
// mean over all is 0.53 MB.
type mediaKind struct {
	share         int64 // of 100
	median, sigma float64
	mime, ext     string
	magic         string
}

var mediaKinds = []mediaKind{
	{64, 260e3, 0.7, "image/jpeg", "jpg", "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"},
	{12, 28e3, 0.5, "image/webp", "webp", "RIFF\xff\xff\xff\xffWEBPVP8 "},
	{12, 90e3, 0.9, "audio/ogg", "ogg", "OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00"},
	{8, 2.2e6, 0.9, "video/mp4", "mp4", "\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41"},
	{4, 300e3, 1.2, "application/zip", "zip", "PK\x03\x04\x14\x00\x00\x00\x00\x00"},
}

// maxMedia is the longest media, bytes.
const maxMedia = 64 << 20

// Sticker says whether the media is a sticker.
func (m *Media) Sticker() bool { return mediaKinds[m.kind].ext == "webp" }

// Type is the media's content type.
func (m *Media) Type() string { return mediaKinds[m.kind].mime }

// Ext is how the name of its file ends, without the dot.
func (m *Media) Ext() string { return mediaKinds[m.kind].ext }

// showMedia makes up media of the given bytes in all, and shows them in messages
// of [from, to) that are there on day n.
func (c *Corpus) showMedia(n int, from, to int64, bytes int64) {
	r := c.rand("media", uint64(n))
	var day []Media
	most := min(maxMedia, max(1000, bytes/8))
	for left := bytes; left > 0; {
		m := c.newMedia(&r, day, most)
		if m.Size > left {
			m.Size, m.Content = left, r.next()
		}
		if m.Size < 100 && len(day) > 0 {
			break
		}
		left -= m.Size
		day = append(day, m)
	}
	var at []int64
	for i := range day {
		if i > 0 && r.oneIn(8) {
			at = append(at, at[i-1]) // an album
			continue
		}
		at = append(at, c.pick(&r, from, to, n))
	}
	slices.Sort(at)
	for i := range day {
		day[i].Seq = at[i]
		if alone := (i == 0 || at[i-1] != at[i]) && (i == len(at)-1 || at[i+1] != at[i]); alone && r.oneIn(50) {
			day[i].Once, day[i].Content = true, r.next() // nobody can forward it
		}
	}
	for len(day) > 0 && day[len(day)-1].Seq >= to { // no message to show it
		day = day[:len(day)-1]
	}
	c.media = append(c.media, day...)
}

// newMedia draws a media: three in twenty have the content of one of late.
func (c *Corpus) newMedia(r *random, day []Media, most int64) Media {
	if r.below(100) < 15 && len(c.media)+len(day) > 0 {
		i := max(0, len(c.media)+len(day)-1-int(r.logNormal(40, 1.5)))
		old := Media{}
		if i < len(c.media) {
			old = c.media[i]
		} else {
			old = day[i-len(c.media)]
		}
		if old.Size > 0 && !old.Once {
			return Media{Content: old.Content, Size: old.Size, kind: old.kind}
		}
	}
	roll, k := r.below(100), 0
	for roll >= mediaKinds[k].share {
		roll -= mediaKinds[k].share
		k++
	}
	size := int64(r.logNormal(mediaKinds[k].median, mediaKinds[k].sigma))
	return Media{Content: r.next(), Size: max(200, min(size, most)), kind: uint8(k)}
}

// shown returns a function that gives the media of each message, asked for in order.
func (c *Corpus) shown() func(seq int64) []Media {
	at := 0
	return func(seq int64) []Media {
		for at < len(c.media) && c.media[at].Seq < seq {
			at++
		}
		from := at
		for at < len(c.media) && c.media[at].Seq == seq {
			at++
		}
		return c.media[from:at:at]
	}
}

// Content returns the media's bytes: the magic of its type, then bytes that do not
// compress, from AES-CTR.
func (c *Corpus) Content(m *Media) io.Reader {
	block, err := aes.NewCipher(c.bytes("content", 0, 32))
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	var iv [16]byte
	binary.LittleEndian.PutUint64(iv[:], m.Content)
	return &content{stream: cipher.NewCTR(block, iv[:]), magic: mediaKinds[m.kind].magic, size: m.Size}
}

type content struct {
	stream cipher.Stream
	magic  string
	at     int64
	size   int64
}

// Read gives the next bytes.
func (c *content) Read(p []byte) (int, error) {
	if c.at == c.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), c.size-c.at)]
	clear(p)
	c.stream.XORKeyStream(p, p)
	if c.at < int64(len(c.magic)) {
		copy(p, c.magic[c.at:])
	}
	c.at += int64(len(p))
	return len(p), nil
}

// hashed is the hash of a content, computed once.
type hashed struct {
	once sync.Once
	sum  [32]byte
}

// Hash returns the SHA-256 of the media's bytes.
func (c *Corpus) Hash(m *Media) [32]byte {
	c.mu.Lock()
	h := c.hashes[m.Content]
	if h == nil {
		h = new(hashed)
		c.hashes[m.Content] = h
	}
	c.mu.Unlock()
	h.once.Do(func() {
		s := sha256.New()
		io.CopyBuffer(s, c.Content(m), make([]byte, 64<<10))
		s.Sum(h.sum[:0])
	})
	return h.sum
}
