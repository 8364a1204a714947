package signalv1

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"strconv"
	"strings"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// localKind is the kind of histories that consist of frames of a local backup.
const localKind = "signal-local"

// Rows is the history of a file as an archive has it: one whose parts are found by the
// beginning of their keys.
type Rows interface {
	engine.History
	Prefix(ctx context.Context, prefix []byte) iter.Seq2[engine.Item, error]
}

// A History is the history of a file as one of a local backup: its items are frames. What
// frames have no place for is left out and counted.
type History struct {
	h    Rows
	info engine.SourceInfo
	cast
	localKey [64]byte // of all media: the file has none
	left     map[string]int64
}

// meetFile notes the blob of an attachment. Its stamp is the hash of its content.
func (c *History) meetFile(it *engine.Item) {
	row, ok := attachmentOf(it.Key)
	if !ok || len(it.Stamp) != sha256.Size {
		return
	}
	f := c.files[row]
	f.hash, f.size, f.there = [32]byte(it.Stamp), it.Size, true
	c.files[row] = f
	if key := c.keyOf(it.Key, &f); c.original[key] == 0 {
		c.original[key] = row
	}
}

// NewHistory goes over h, which a Source of this package has yielded, once, to learn who
// is in it and what belongs together: some 200 bytes for each attachment.
func NewHistory(ctx context.Context, h Rows) (*History, error) {
	info := h.Info()
	if info.Kind != Kind {
		return nil, fmt.Errorf("signal backup: a history of kind %q: %w", info.Kind, signal.ErrFormat)
	}
	c := &History{h: h, cast: newCast()}
	copy(c.localKey[:], derive(info.Label, "media", len(c.localKey)))
	// Tables are defined under d/, the account is under k/; the rest needs the tables.
	for _, prefix := range []string{"d/", "k/", "r/", "t/", "m/", "p/"} {
		for it, err := range h.Prefix(ctx, []byte(prefix)) {
			switch {
			case err != nil:
			case it.Kind == engine.Media:
				c.meetFile(&it)
			default:
				err = c.meet(ctx, &it)
			}
			if err != nil {
				return nil, fmt.Errorf("signal backup: %w", err)
			}
		}
	}
	root := derive(info.Label, "media root", 32)
	made := signal.Info{Version: 1, TimeMs: uint64(max(0, c.newest.UnixMilli())), MediaRootKey: root}
	data, err := signal.Origin{Info: made.Append(nil)}.Data()
	c.info = engine.SourceInfo{Kind: localKind, Label: info.Label, Data: data}
	return c, err
}

// derive is a secret that follows from the label, which is the same in every backup of the
// account and which strangers do not know. It fails only for lengths that no caller asks for.
func derive(label, what string, n int) []byte {
	b, err := hkdf.Key(sha256.New, []byte(label), nil, "dayfold 1 signal v1 "+what, n)
	if err != nil {
		panic("signalv1: hkdf: " + err.Error())
	}
	return b
}

// Info says that the history is one of a local backup.
func (c *History) Info() engine.SourceInfo { return c.info }

// Left says how many things the last pass over Items left out, by what they are.
func (c *History) Left() map[string]int64 { return maps.Clone(c.left) }

func (c *History) leave(what string) { c.left[what]++ }

// Items yields the frames in the order of their keys, and then the media.
func (c *History) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		c.left = map[string]int64{}
		for _, it := range c.made() {
			if !yield(it, nil) {
				return
			}
		}
		var run []engine.Item // the rows that belong to one message, or to several of one moment
		for it, err := range c.h.Items(ctx) {
			if len(run) > 0 && (err != nil || !bytes.HasPrefix(it.Key, momentOf(run[0].Key))) {
				if !c.tell(ctx, run, yield) {
					return
				}
				run = run[:0]
			}
			if err == nil && momentOf(it.Key) != nil {
				run = append(run, it)
				continue
			}
			keep := true
			if err == nil {
				it, keep, err = c.item(ctx, it)
			}
			if keep && !yield(it, err) {
				return
			}
		}
		c.tell(ctx, run, yield)
	}
}

// tell yields the messages of a run, and says whether to go on.
func (c *History) tell(ctx context.Context, run []engine.Item, yield func(engine.Item, error) bool) bool {
	told, err := c.messages(ctx, run)
	if err != nil {
		return yield(engine.Item{}, err)
	}
	for _, m := range told {
		it, keep, err := c.message(ctx, m)
		if (keep || err != nil) && !yield(it, err) {
			return false
		}
	}
	return true
}

// momentOf is the beginning of a key that all rows of a message share,
// m/WEEK/GROUP/TIME/; nil: the row belongs to none.
func momentOf(key []byte) []byte {
	if !bytes.HasPrefix(key, []byte("m/")) {
		return nil
	}
	end := 0
	for range 4 {
		i := bytes.IndexByte(key[end:], '/')
		if i < 0 {
			return nil
		}
		end += i + 1
	}
	return key[:end]
}

// Item returns one of them. It may be called from many goroutines, and counts nothing.
func (c *History) Item(ctx context.Context, key []byte) (engine.Item, error) {
	alone := *c
	alone.left = map[string]int64{}
	return alone.one(ctx, key)
}

func (c *History) one(ctx context.Context, key []byte) (engine.Item, error) {
	for _, it := range c.made() {
		if bytes.Equal(it.Key, key) {
			return it, nil
		}
	}
	if moment := momentOf(key); moment != nil {
		return c.messageAt(ctx, moment, key)
	}
	if row, ok := c.original[string(key)]; ok {
		name := len(key) - 2*sha256.Size
		key = fmt.Appendf(bytes.Clone(key[:name]), "%s/%d", sectionBlobs, row)
	}
	it, err := c.h.Item(ctx, key)
	if err != nil {
		return it, err
	}
	it, keep, err := c.item(ctx, it)
	if err == nil && !keep {
		err = fs.ErrNotExist
	}
	return it, err
}

// messageAt returns the message of a key.
func (c *History) messageAt(ctx context.Context, moment, key []byte) (it engine.Item, err error) {
	told, err := c.moment(ctx, moment)
	if err != nil {
		return it, err
	}
	for _, m := range told {
		if bytes.Equal(m.it.Key, key) {
			it, keep, err := c.message(ctx, m)
			if err == nil && !keep {
				err = fs.ErrNotExist
			}
			return it, err
		}
	}
	return it, fs.ErrNotExist
}

// moment returns the messages whose keys begin so.
func (c *History) moment(ctx context.Context, prefix []byte) ([]*told, error) {
	var run []engine.Item
	for it, err := range c.h.Prefix(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		run = append(run, it)
	}
	return c.messages(ctx, run)
}

// item turns what belongs to no message into a frame, or a media.
func (c *History) item(ctx context.Context, it engine.Item) (engine.Item, bool, error) {
	if it.Kind == engine.Media {
		keep := c.media(&it)
		return it, keep, nil
	}
	r, err := c.rowOf(ctx, &it)
	if err != nil {
		return it, true, err
	}
	kind, number, body := signal.FrameKind(0), uint64(0), []byte(nil)
	switch {
	case r.columns == nil:
		c.leaveOther(&it)
	case r.kind == recipientRow:
		kind, number, body = c.recipient(r)
	case r.kind == threadRow:
		kind, number, body = c.chat(r)
	case c.packs[r.text("pack_id")] == string(it.Key):
		kind, body = signal.FrameStickerPack, signal.StickerPack{PackID: r.hex("pack_id"), PackKey: r.hex("pack_key")}.Append(nil)
	case known[strings.ToLower(r.name)]:
	default:
		c.leave(leftRow + strings.ToLower(r.name))
	}
	if body == nil {
		return it, false, nil
	}
	it.Meta, it.Inline, it.Open, it.Stamp = signal.PlaceMeta(kind, number), nil, nil, nil
	signal.SetContent(&it, signal.AppendFrame(nil, kind, body))
	return it, true, nil
}

// leaveOther counts what is no row: the statements that make the tables and the database's
// version are not missed.
func (c *History) leaveOther(it *engine.Item) {
	switch it.Key[0] {
	case 'k':
		c.leave(leftSetting)
	case 'u':
		if !bytes.HasPrefix(it.Inline, Version(0)[:1]) {
			c.leave(leftUnknown)
		}
	}
}

// media gives a media the name that a local backup would, and says whether it is shown.
func (c *History) media(it *engine.Item) bool {
	row, ok := attachmentOf(it.Key)
	f := c.files[row]
	if !ok || !f.there {
		c.leave(leftPicture)
		return false
	}
	key := c.keyOf(it.Key, &f)
	it.Key, it.Meta = []byte(key), []byte(f.ext)
	return c.original[key] == row // the same photo once a week
}

// attachmentOf is the number of the row whose blob lies under a key.
func attachmentOf(key []byte) (row int64, ok bool) {
	i := bytes.LastIndexByte(key, '/')
	if i < 0 || !bytes.HasSuffix(key[:i], []byte("/"+sectionBlobs)) {
		return 0, false
	}
	row, err := strconv.ParseInt(string(key[i+1:]), 10, 64)
	return row, err == nil
}

// keyOf is the key here of the media that lies under a key in the archive.
func (c *History) keyOf(key []byte, f *file) string {
	return string(key[:bytes.LastIndex(key, []byte(sectionBlobs))]) + c.mediaOf(f).String()
}

func (c *History) mediaOf(f *file) signal.MediaName {
	m := signal.Media{Hash: f.hash, LocalKey: c.localKey}
	return m.Name()
}
