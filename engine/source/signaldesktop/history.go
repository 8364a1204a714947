package signaldesktop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// localKind is the kind of histories that consist of frames.
const localKind = "signal-local"

// A History is the history of a profile as one of a local backup: its items are frames.
// What frames have no place for is left out and counted.
type History struct {
	h       engine.History
	info    engine.SourceInfo
	standIn [64]byte
	people  map[string]uint64 // numbers, by conversation, service id and phone number
	self    string            // service id
	left    map[string]int64
	learnt  *learnt
}

// learnt is what is known of media without a known hash. Many goroutines may learn.
type learnt struct {
	mu     sync.Mutex
	hashed map[string]hashed // by their key in the profile's history
	origin map[string]string // from their key here to that
}

func (l *learnt) of(key []byte) (hashed, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.hashed[string(key)]
	return known, ok
}

// was returns the key in the profile's history of what has a key here.
func (l *learnt) was(key []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if was, ok := l.origin[string(key)]; ok {
		return []byte(was)
	}
	return key
}

func (l *learnt) keep(key []byte, known hashed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hashed[string(key)], l.origin[known.key] = known, string(key)
}

// hashed is what was learnt of a media by reading it: it is read once.
type hashed struct {
	key  string // here
	sum  [32]byte
	size uint32
}

// NewHistory goes over h, which a Source of this package has yielded, once, to learn
// who is in it.
func NewHistory(ctx context.Context, h engine.History) (*History, error) {
	info := h.Info()
	origin, err := signal.ParseOrigin(info.Data)
	if err != nil || info.Kind != Kind || len(origin.Metadata) != 64 {
		return nil, fmt.Errorf("signal desktop: a history of kind %q: %w", info.Kind, signal.ErrFormat)
	}
	c := &History{h: h, standIn: [64]byte(origin.Metadata), people: map[string]uint64{}, learnt: &learnt{hashed: map[string]hashed{}, origin: map[string]string{}}}
	data, err := signal.Origin{Name: origin.Name, Info: origin.Info}.Data()
	if err != nil {
		return nil, err
	}
	c.info = engine.SourceInfo{Kind: localKind, Label: info.Label, Data: data}
	for it, err := range h.Items(ctx) {
		if err == nil && (it.Key[0] == 'a' || it.Key[0] == 'r') && it.Key[1] == '/' {
			err = c.meet(ctx, &it)
		}
		if err != nil {
			return nil, fmt.Errorf("signal desktop: %w", err)
		}
	}
	return c, nil
}

// meet gives a number to whom a row is about.
func (c *History) meet(ctx context.Context, it *engine.Item) error {
	rows, err := rowsOf(ctx, it)
	if err != nil {
		return err
	}
	if it.Key[0] == 'a' {
		for i := range rows {
			if rows[i].text("id") == "uuid_id" {
				c.self = owner(&rows[i])
			}
		}
		return nil
	}
	for i := range rows {
		p := personOf(&rows[i])
		number := uint64(len(c.people) + numberOfSelf + 2)
		if c.self != "" && p.service == c.self {
			number = numberOfSelf
		}
		for _, name := range []string{p.id, p.service, p.e164} {
			if name != "" {
				c.people[name] = number
			}
		}
	}
	return nil
}

func rowsOf(ctx context.Context, it *engine.Item) ([]row, error) {
	content, err := signal.Content(ctx, it)
	if err != nil {
		return nil, err
	}
	rows, err := parseRows(content)
	if err == nil && len(rows) == 0 && it.Key[0] != 'a' {
		err = errRow
	}
	return rows, err
}

// Info says that the history is one of a local backup.
func (c *History) Info() engine.SourceInfo { return c.info }

// Left says how many things the last pass over Items left out, by what they are.
func (c *History) Left() map[string]int64 { return maps.Clone(c.left) }

func (c *History) leave(what string) { c.left[what]++ }

// Items yields the frames and the media in the order of their keys.
func (c *History) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		c.left = map[string]int64{}
		if stranger := c.stranger(); !yield(stranger, nil) {
			return
		}
		for it, err := range c.h.Items(ctx) {
			keep := true
			if err == nil {
				it, keep, err = c.item(ctx, it)
			}
			if keep && !yield(it, err) {
				return
			}
		}
	}
}

// Item returns one of them. It may be called from many goroutines, and counts nothing.
func (c *History) Item(ctx context.Context, key []byte) (engine.Item, error) {
	if string(key) == strangerKey {
		return c.stranger(), nil
	}
	it, err := c.h.Item(ctx, c.learnt.was(key))
	if err != nil {
		return it, err
	}
	alone := *c
	alone.left = map[string]int64{}
	it, keep, err := alone.item(ctx, it)
	if err == nil && !keep {
		err = fs.ErrNotExist
	}
	return it, err
}

// numberOfStranger is that of whoever wrote a message and is nobody's conversation.
const (
	numberOfStranger = numberOfSelf + 1
	strangerKey      = "0/stranger"
)

func (c *History) stranger() engine.Item {
	r := signal.Recipient{ID: numberOfStranger, Contact: &signal.Contact{ACI: make([]byte, 16), GivenName: "?"}}
	it := engine.Item{Key: []byte(strangerKey), Kind: engine.Other, Meta: signal.PlaceMeta(signal.FrameRecipient, numberOfStranger)}
	signal.SetContent(&it, signal.AppendFrame(nil, signal.FrameRecipient, r.Append(nil)))
	return it
}

// item turns an item of the profile into that of a frame.
func (c *History) item(ctx context.Context, it engine.Item) (engine.Item, bool, error) {
	kind, body, err := signal.FrameKind(0), []byte(nil), error(nil)
	number := uint64(0)
	switch prefix := string(it.Key[:min(2, len(it.Key))]); prefix {
	case "p/":
		if known, ok := c.learnt.of(it.Key); ok {
			it.Key = []byte(known.key)
		}
		return it, true, nil
	case "a/":
		kind, body = signal.FrameAccount, signal.Account{}.Append(nil)
	case "r/", "c/", "m/", "s/", "f/":
		var rows []row
		if rows, err = rowsOf(ctx, &it); err != nil {
			return it, true, err
		}
		switch prefix {
		case "r/":
			number, body = c.recipient(&rows[0])
			kind = signal.FrameRecipient
		case "c/":
			number, body = c.chat(&rows[0])
			kind = signal.FrameChat
		case "s/":
			kind, body = signal.FrameStickerPack, c.pack(rows)
		case "f/":
			kind, body = signal.FrameFolder, c.folder(&rows[0])
		case "m/":
			kind = signal.FrameChatItem
			body, err = c.message(ctx, &it, rows)
		}
	default:
		c.leave(leftOther)
		return it, false, nil
	}
	if err != nil || body == nil && kind == signal.FrameChatItem {
		return it, err != nil, err
	}
	if kind != signal.FrameChatItem {
		it.Meta = signal.PlaceMeta(kind, number)
	}
	it.Inline, it.Open, it.Stamp = nil, nil, nil
	signal.SetContent(&it, signal.AppendFrame(nil, kind, body))
	return it, true, nil
}

// person returns the number of somebody.
func (c *History) person(names ...string) uint64 {
	for _, name := range names {
		if n, ok := c.people[name]; ok {
			return n
		}
	}
	c.leave(leftStranger)
	return numberOfStranger
}

// pointer says where the file of an attachment lies in the export.
func (c *History) pointer(ctx context.Context, it *engine.Item, a *attachment) signal.Pointer {
	p := signal.Pointer{ContentType: a.ContentType, FileName: a.FileName, Width: uint32(max(0, a.Width)), Height: uint32(max(0, a.Height)),
		Caption: a.Caption, BlurHash: a.BlurHash}
	l := &p.Locator
	l.Key, l.Size = bytes64(a.Key), uint32(max(0, a.Size))
	if a.Path == "" {
		l.EncryptedDigest = decode64(a.Digest)
		return p
	}
	m, exact := a.media(&c.standIn)
	if !exact {
		hash, size, err := c.hash(ctx, it, &m)
		if err != nil {
			c.leave(leftAttachment)
			return p
		}
		m.Hash, l.Size = hash, size
	}
	l.LocalKey, l.PlaintextHash = m.LocalKey[:], m.Hash[:]
	if len(l.Key) == 0 {
		l.Key = m.LocalKey[:] // the copy on the server is not known, and a locator has a key
	}
	return p
}

// hash returns hash and size of a media whose hash the profile does not know, and gives it
// the name that follows from it, in what the item needs as well.
func (c *History) hash(ctx context.Context, it *engine.Item, m *signal.Media) (sum [32]byte, size uint32, err error) {
	name := []byte(m.Name().String())
	i := slices.IndexFunc(it.Needs, func(key []byte) bool { return bytes.HasSuffix(key, name) })
	if i < 0 {
		return sum, 0, fs.ErrNotExist
	}
	key := it.Needs[i]
	known, ok := c.learnt.of(key)
	if !ok {
		if known.sum, known.size, err = c.read(ctx, key); err != nil {
			return sum, 0, err
		}
		m := *m
		m.Hash = known.sum
		known.key = string(key[:len(key)-len(name)]) + m.Name().String()
		c.learnt.keep(key, known)
	}
	it.Needs = slices.Clone(it.Needs) // which is the history's
	it.Needs[i] = []byte(known.key)
	return known.sum, known.size, nil
}

// read reads a media and returns its hash and size.
func (c *History) read(ctx context.Context, key []byte) (sum [32]byte, size uint32, err error) {
	media, err := c.h.Item(ctx, key)
	if err != nil {
		return sum, 0, err
	}
	r, err := signal.Reader(ctx, &media)
	if err != nil {
		return sum, 0, err
	}
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return sum, 0, err
	}
	h.Sum(sum[:0])
	return sum, uint32(n), nil
}
