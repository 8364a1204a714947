package signalv1

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// Items yields an item for each frame but the last, and checks each blob's HMAC on the
// way. What cannot be read or judged is an *engine.Problem: a damaged frame or blob, a row
// that does not fit its table, a second row of one number; so is a file that ends too
// early, as far as which it is read.
func (s *Source) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		s.altered, s.unreadable = signal.Names{}, signal.Names{}
		p := &pass{s: s, survey: s.found, buf: make([]byte, readAtOnce), defined: newTables(), begun: map[string]bool{}, taken: map[string]int{}, row: -1}
		more := true
		err := s.records(ctx, func(r *record) bool {
			if r.frame.kind == fieldEnd && r.err == nil {
				return true
			}
			it, err := p.item(ctx, r)
			if err != nil && !errors.Is(err, errSource) && ctx.Err() == nil {
				err = s.problem(r, err)
			}
			r.frame.message = nil // it is the item's
			more = yield(it, err) && !errors.Is(err, errSource) && ctx.Err() == nil
			return more
		})
		if err != nil && more {
			yield(engine.Item{}, fmt.Errorf("signal backup: %w", err))
		}
	}
}

// problem notes and returns that a record could not be read.
func (s *Source) problem(r *record, err error) error {
	name := fmt.Sprintf("frame %d", r.n)
	if r.err == nil && r.frame.size >= 0 {
		s.altered.Add(name)
	} else {
		s.unreadable.Add(name)
	}
	return &engine.Problem{Key: []byte(name), Err: err}
}

// errSource: the file itself cannot be read any more.
var errSource = errors.New("reading failed")

// A pass is the second one over the file.
type pass struct {
	s *Source
	*survey
	defined *tables
	buf     []byte
	last    place
	begun   map[string]bool // sections
	taken   map[string]int  // keys of what has no number, and how often
	owner   owner           // of the last row
	row     int64           // number of the last row; -1: its blob was there, or it could not be read
	broken  bool            // the last row could not be read or judged
	text    bool            // the last row says that its blob is the rest of a text
}

// An owner is the message that a row belongs to, if any.
type owner struct {
	of *messages
	e  *message
}

func (p *pass) item(ctx context.Context, r *record) (it engine.Item, err error) {
	f := &r.frame
	if r.err != nil {
		p.broken = true
		return it, r.err
	}
	if f.size >= 0 {
		return p.blob(ctx, r)
	}
	it.Kind = engine.Other
	switch f.kind {
	case fieldStatement:
		p.broken = true
		err = p.statement(f, &it)
		p.broken = err != nil
	case fieldPreference:
		p.counted(&it, []byte("k/"+p.s.names.Hash("preference", f.file, f.key)+"/"), sectionPreferences)
	case fieldKeyValue:
		p.counted(&it, []byte("k/"+p.s.names.Hash("key-value", f.key)+"/"), sectionKeyValues)
	default:
		p.counted(&it, []byte("u/"+p.s.names.Hash("frame", f.message)+"/"), sectionOther)
	}
	if err == nil {
		signal.SetContent(&it, f.message)
	}
	return it, err
}

// statement names and judges what is no blob.
func (p *pass) statement(f *frame, it *engine.Item) error {
	c, err := p.defined.read(f)
	if err != nil {
		return err
	}
	if c == nil {
		p.counted(it, []byte("d/"+p.s.names.Hash("statement", f.sql)+"/"), sectionSchema)
		return nil
	}
	of, e, known := p.ownerOf(c, f.params)
	if !known && p.damaged {
		return errOwner
	}
	p.owner, p.row = owner{of, e}, c.integer(f.params, c.id)
	p.text = c.kind == attachmentRow && string(c.text(f.params, c.contentType)) == signal.LongText
	section := c.section
	prefix := p.prefix(c, f, it)
	if c.id < 0 || f.params[c.id].kind != 2 || p.row < 0 {
		prefix = append(append(prefix, p.s.names.Hash("row", f.message)...), '/')
		p.counted(it, prefix, section)
		return nil
	}
	return p.numbered(it, prefix, section, uint64(p.row))
}

// errOwner: a row belongs to a message that could not be read, so nobody knows how long it may live.
var errOwner = fmt.Errorf("a row of a message that is missing: %w", signal.ErrCorrupt)

// prefix returns the key of a row without its end, and sets what follows from what the row
// belongs to.
func (p *pass) prefix(c *columns, f *frame, it *engine.Item) []byte {
	switch {
	case c.kind == resendRow:
		it.Expires = signal.Moment(0) // within a day
	case c.kind == messageRow:
		p.owner.of = p.messages[spaceOf(c.name)]
		if p.owner.e = p.owner.of.find(p.row); p.owner.e == nil { // a number that no app gives
			it.ViewOnce = c.integer(f.params, c.once) > 0
			signal.SetTimer(it, uint64(max(0, c.integer(f.params, c.started))), uint64(max(0, c.integer(f.params, c.timer))))
			return []byte("t/")
		}
		p.live(it)
		it.Needs = p.needs(p.row, c)
		hash := ""
		if author := p.people[c.integer(f.params, c.author)]; author != nil {
			hash = author.hash
		} else {
			hash = p.s.names.Hash("number", fmt.Append(nil, c.integer(f.params, c.author)))
		}
		return append(signal.MessageKey(uint64(p.owner.e.sent), it.Group, hash), '/')
	case p.owner.e != nil:
		p.live(it)
		e := p.owner.e
		return fmt.Appendf(nil, "m/%04d/%s/%016d/", signal.Week(uint64(e.sent)), it.Group, e.sent)
	case c.kind == recipientRow:
		return []byte("r/" + p.people[p.row].hash + "/")
	case c.kind == threadRow:
		t := p.threads[p.thread(p.row)]
		it.Group = t.group
		if t.fleeting {
			f.message = withoutSnippet(c, f.message)
		}
		return append(append([]byte("c/"), t.group...), '/')
	case c.thread >= 0:
		if i, ok := p.threadOf[c.integer(f.params, c.thread)]; ok {
			it.Group = p.threads[i].group
			return append(append([]byte("c/"), it.Group...), '/')
		}
	}
	return []byte("t/")
}

// live gives an item the life and the conversation of the message that it belongs to.
func (p *pass) live(it *engine.Item) {
	e := p.owner.e
	s := p.owner.of.life(e)
	it.Kind, it.Group, it.Time = engine.Message, p.threads[s.thread].group, signal.Moment(uint64(e.received))
	it.ViewOnce = s.once
	signal.SetTimer(it, uint64(s.started), uint64(s.timer))
}

// needs returns the keys of the blobs that a message shows.
func (p *pass) needs(id int64, c *columns) (keys [][]byte) {
	if spaceOf(c.name) == "sms" || p.messages["message"].life(p.owner.e).once {
		return nil
	}
	i, _ := slices.BinarySearchFunc(p.shown, shown{id, math.MinInt64}, func(a, b shown) int {
		return cmp.Or(cmp.Compare(a.message, b.message), cmp.Compare(a.row, b.row))
	})
	for ; i < len(p.shown) && p.shown[i].message == id; i++ {
		keys = append(keys, fmt.Appendf(p.mediaPrefix(p.owner), "%s/%d", sectionBlobs, p.shown[i].row))
	}
	return keys
}

// mediaPrefix begins the key of a blob that a message shows, if any.
func (p *pass) mediaPrefix(o owner) []byte {
	if o.e == nil {
		return []byte("p/0000/")
	}
	prefix := fmt.Appendf(nil, "p/%04d/", signal.Week(uint64(o.e.sent)))
	if group := p.mediaGroup(o); len(group) > 0 {
		prefix = append(append(prefix, group...), '/')
	}
	return prefix
}

// mediaGroup is the group of a blob that a message shows: none, unless conversations are
// kept apart.
func (p *pass) mediaGroup(o owner) []byte {
	if !p.s.strict {
		return nil
	}
	return p.threads[o.of.life(o.e).thread].group
}

// numbered ends the key of a row with its number. A second row of that number is an error.
func (p *pass) numbered(it *engine.Item, prefix []byte, section string, n uint64) error {
	if seen, odd := p.odd[section][n]; seen {
		return errTwice
	} else if odd {
		p.odd[section][n] = true
	}
	name, alone := p.keyName(section), string(prefix) == "t/"
	it.Key = append(append(prefix, name...), '/')
	if alone {
		it.Key = fmt.Appendf(it.Key, "%016d", n)
	} else {
		it.Key = strconv.AppendUint(it.Key, n, 10)
	}
	p.settle(it, name, place{section: section, number: n}, true, nil)
	return nil
}

// errTwice: the row's number, which must be unique, was there before.
var errTwice = fmt.Errorf("two rows have one number, the first is kept: %w", signal.ErrCorrupt)

// counted ends the key of what has no number of its own: equal keys are counted.
func (p *pass) counted(it *engine.Item, prefix []byte, section string) {
	name := p.keyName(section)
	key := append(append(prefix, name...), '/')
	count := p.taken[string(key)]
	p.taken[string(key)] = count + 1
	it.Key = strconv.AppendInt(key, int64(count), 10)
	p.settle(it, name, place{section: section}, false, nil)
}

// keyName is a section's name in keys.
func (p *pass) keyName(section string) string {
	if len(section) > 64 || strings.ContainsAny(section, "/") {
		return p.s.names.Hash("table", []byte(section))
	}
	return section
}

// settle gives an item its place: at, if that is natural and behind the last one, else
// right behind the last one. name is the section in its key.
func (p *pass) settle(it *engine.Item, name string, at place, natural bool, frame []byte) {
	first := !p.begun[at.section]
	if first {
		p.begun[at.section] = true
		p.last = place{section: at.section}
	}
	if natural && at.section == p.last.section && (first || at.after(p.last)) {
		p.last = at
		if name == at.section && frame == nil {
			return
		}
	} else {
		p.last.count++
	}
	it.Meta = appendPlace(nil, p.last, name != p.last.section, frame)
}

// blob returns the item of an attachment, avatar or sticker. Its frame is in Meta.
func (p *pass) blob(ctx context.Context, r *record) (it engine.Item, err error) {
	f := &r.frame
	it = engine.Item{Kind: engine.Media, Size: f.size}
	section, name, id := p.last.section, sectionBlobs, strconv.FormatUint(f.row, 10)
	prefix := p.mediaPrefix(owner{})
	switch {
	case f.kind == fieldAvatar:
		section, name = sectionAvatars, sectionAvatars
		id = p.s.names.Hash("avatar", f.who)
	case p.broken || int64(f.row) != p.row:
		return it, errOwner
	case f.kind == fieldSticker:
		name = "sticker"
	case p.owner.e != nil:
		p.live(&it)
		it.Kind, it.Group, it.Text = engine.Media, p.mediaGroup(p.owner), p.text
		prefix = p.mediaPrefix(p.owner)
	}
	if f.kind != fieldAvatar {
		p.row = -1
	}
	it.Key = fmt.Appendf(prefix, "%s/%s", name, id)
	if it.ViewOnce {
		return it, nil
	}
	if it.Stamp, err = p.check(ctx, r.blob); err != nil {
		return it, err
	}
	p.settle(&it, name, place{section: section}, false, f.message)
	at, c, file := r.blob, &p.s.crypt, p.s.f
	it.Open = func(context.Context) (io.ReadCloser, error) { return at.open(file, c), nil }
	return it, nil
}

// check reads a blob to its HMAC and returns the SHA-256 of its content.
func (p *pass) check(ctx context.Context, b blob) ([]byte, error) {
	sum, r := sha256.New(), b.open(p.s.f, &p.s.crypt)
	for {
		n, err := r.Read(p.buf)
		sum.Write(p.buf[:n])
		switch {
		case err == io.EOF:
			return sum.Sum(nil), nil
		case err == nil:
			err = ctx.Err()
		case !errors.Is(err, signal.ErrCorrupt):
			err = fmt.Errorf("%w: %w", errSource, err)
		}
		if err != nil {
			return nil, err
		}
	}
}

// withoutSnippet returns the row of a conversation without the preview of its last message.
func withoutSnippet(c *columns, message []byte) []byte {
	null := []byte{5<<3 | byte(protowire.VarintType), 1}
	return signal.Rewrite(message, func(f signal.Field) ([]byte, bool) {
		if f.Number != fieldStatement || f.Type != protowire.BytesType {
			return nil, false
		}
		i := -1
		return signal.Rewrite(f.Bytes, func(f signal.Field) ([]byte, bool) {
			if f.Number != 2 {
				return nil, false
			}
			i++
			return null, strings.HasPrefix(strings.ToLower(c.columns[i]), "snippet")
		}), true
	})
}
