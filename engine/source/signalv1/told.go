package signalv1

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// A told is a message's row with those that belong to it.
type told struct {
	it  engine.Item
	row row
	// By the message's number, in the order of theirs:
	attachments, mentions, reactions, receipts []row
	poll                                       *row
}

// space is which numbers name the message: those of the table sms, or of any other.
func (m *told) space() string { return spaceOf(m.row.name) }

// messages takes the rows of one moment apart.
func (c *History) messages(ctx context.Context, run []engine.Item) (all []*told, err error) {
	var others []row
	for _, it := range run {
		r, err := c.rowOf(ctx, &it)
		switch {
		case err != nil:
			return nil, err
		case r.columns == nil:
		case r.kind == messageRow:
			all = append(all, &told{it: it, row: r})
		default:
			others = append(others, r)
		}
	}
	slices.SortStableFunc(others, func(a, b row) int { return cmp.Compare(a.number(), b.number()) })
	for _, r := range others {
		c.attach(all, r)
	}
	return all, nil
}

// attach gives a row to the message that it belongs to.
func (c *History) attach(all []*told, r row) {
	id, space := r.int("message_id", "mid", "mms_id"), "message"
	if r.column("is_mms") >= 0 && r.int("is_mms") == 0 {
		space = "sms"
	}
	i := slices.IndexFunc(all, func(m *told) bool { return m.row.number() == id && m.space() == space })
	name := strings.ToLower(r.name)
	switch {
	case name == "poll_option" || name == "poll_vote": // counted with the poll
	case i < 0:
		c.leave(leftRow + name)
	case r.kind == attachmentRow:
		all[i].attachments = append(all[i].attachments, r)
	case name == "mention":
		all[i].mentions = append(all[i].mentions, r)
	case name == "reaction":
		all[i].reactions = append(all[i].reactions, r)
	case name == "group_receipts":
		all[i].receipts = append(all[i].receipts, r)
	case name == "poll":
		all[i].poll = &r
	default:
		c.leave(leftRow + name)
	}
}

// message returns the item of a message, with all its versions; keep is false if there is
// none: it is an older version, or nothing that a frame can say.
func (c *History) message(ctx context.Context, m *told) (it engine.Item, keep bool, err error) {
	if latest := latestOf(m.row); c.edited[latest] {
		return it, false, nil
	}
	out, ok := c.frame(m)
	if !ok {
		return it, false, nil
	}
	it = m.it
	it.Needs = c.needs(m)
	for _, past := range m.older(ctx, c, &err) {
		if version, ok := c.frame(past); ok {
			out.Revisions = append(out.Revisions, version)
		}
		it.Needs = append(it.Needs, c.needs(past)...)
		m.reactions = append(m.reactions, past.reactions...)
	}
	if err != nil {
		return it, false, err
	}
	c.react(&out, m)
	it.Meta, it.Inline, it.Open, it.Stamp = nil, nil, nil, nil
	signal.SetContent(&it, signal.AppendFrame(nil, signal.FrameChatItem, out.Append(nil)))
	return it, true, nil
}

// older returns the older versions of a message, oldest first.
func (m *told) older(ctx context.Context, c *History, err *error) (all []*told) {
	for _, key := range c.revisions[m.row.number()] {
		if m.space() != "message" {
			break
		}
		moment, e := c.moment(ctx, momentOf([]byte(key)))
		if e != nil {
			*err = e
			return nil
		}
		for _, past := range moment {
			if string(past.it.Key) == key {
				all = append(all, past)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *told) int {
		return cmp.Or(cmp.Compare(a.row.int("revision_number"), b.row.int("revision_number")), cmp.Compare(a.it.Time.UnixMilli(), b.it.Time.UnixMilli()))
	})
	return all
}

// needs are the keys here of what the message shows.
func (c *History) needs(m *told) (keys [][]byte) {
	for _, key := range m.it.Needs {
		row, _ := attachmentOf(key)
		if f := c.files[row]; f.there {
			keys = append(keys, []byte(c.keyOf(key, &f)))
		} else {
			keys = append(keys, key)
		}
	}
	return keys
}

// frame is one version of a message, without its reactions; ok is false if there is none.
func (c *History) frame(m *told) (out signal.Message, ok bool) {
	r := m.row
	out = signal.Message{ChatID: uint64(max(0, r.int("thread_id"))), AuthorID: c.me(), Sent: r.ms("date_sent", "date"),
		ExpireStart: r.ms("expire_started"), ExpiresIn: r.ms("expires_in"), SMS: m.space() == "sms" && r.int("type")&pushMessage == 0}
	received := r.ms("date_received", "date", "date_sent")
	kind := r.int("type", "msg_box")
	update, word := updateOf(kind)
	switch base := kind & baseType; {
	case r.int("story_type") != 0 || r.int("parent_story_id") > 0: // a group's answer lives a day, too
		c.leave(leftStory)
		return out, false
	case word != "":
		c.leave(leftUpdate + word)
		return out, false
	case update != 0:
		out.AuthorID, out.Update, out.ExpireStart, out.ExpiresIn = c.number(r.int("from_recipient_id", "recipient_id", "address")), update, 0, 0
		return out, true
	case base >= outbox && base <= lastOutgoing:
		out.Outgoing = c.sent(m, received, base)
	default:
		out.AuthorID = c.number(r.int("from_recipient_id", "recipient_id", "address"))
		out.Incoming = &signal.Incoming{Received: received, ServerSent: r.ms("date_server"), Read: r.int("read") != 0}
	}
	c.fill(&out, m)
	return out, true
}

// sent says how a message went out.
func (c *History) sent(m *told, received uint64, base int64) *signal.Outgoing {
	out := &signal.Outgoing{Received: received, At: received}
	put := func(recipient, status int64) {
		switch n := c.number(recipient); {
		case n == c.me():
		case base == sendingFailed:
			out.Failed = append(out.Failed, n)
		case status >= receiptRead:
			out.Read = append(out.Read, n)
		default:
			out.Sent = append(out.Sent, n)
		}
	}
	for _, r := range m.receipts {
		put(r.int("recipient_id", "address"), r.int("status"))
	}
	if to := m.row.int("to_recipient_id", "recipient_id", "address"); len(m.receipts) == 0 && to > 0 && !c.people[to].group {
		put(to, receiptRead*min(1, m.row.int("has_read_receipt", "read_receipt_count")))
	}
	return out
}

// receiptRead is the least status of a receipt that says that a message was read.
const receiptRead = 2

// fill sets what the message shows.
func (c *History) fill(out *signal.Message, m *told) {
	r := m.row
	switch {
	case r.int("remote_deleted") != 0 || r.int("deleted_by") != 0:
		out.Deleted = true
		return
	case r.int("view_once", "reveal_duration") > 0:
		out.ViewOnce = &signal.ViewOnce{}
		return
	}
	standard := &signal.Standard{Text: r.text("body"), Ranges: c.ranges(m)}
	if m.poll != nil {
		c.leave(leftPoll)
		standard.Text = cmp.Or(standard.Text, m.poll.text("question"))
	}
	if hasList(r.bytes("shared_contacts")) {
		c.leave(leftCard)
	}
	preview := c.preview(standard, r)
	if q := r.ms("quote_id"); q != 0 {
		standard.Quote = c.quote(m, q)
	}
	for _, a := range m.attachments {
		switch p := c.pointer(m, a); {
		case a.text("sticker_pack_id") != "" && a.int("quote") == 0:
			out.Sticker = &signal.Sticker{PackID: a.hex("sticker_pack_id"), PackKey: a.hex("sticker_pack_key"), ID: uint32(a.ms("sticker_id")),
				Emoji: a.text("sticker_emoji"), Data: &p}
		case a.int("quote") != 0:
			if standard.Quote != nil {
				standard.Quote.Thumbnails = append(standard.Quote.Thumbnails, p)
			}
		case preview != 0 && a.number() == preview:
			standard.LinkImage = &p
		case p.ContentType == signal.LongText:
			standard.LongText = &p
		default:
			standard.Attachments = append(standard.Attachments, p)
		}
	}
	switch {
	case out.Sticker != nil:
	case r.int("parent_story_id") < 0:
		out.Story = standard
	default:
		out.Standard = standard
	}
}

// hasList says whether a column holds a list in JSON that is not empty.
func hasList(text []byte) bool {
	var list []json.RawMessage
	return json.Unmarshal(text, &list) == nil && len(list) > 0
}

// preview sets the link that the message shows, and returns the attachment's row of its
// picture; 0: it has none.
func (c *History) preview(s *signal.Standard, r row) (picture int64) {
	var list []struct {
		URL, Title   string
		AttachmentID struct{ RowID int64 }
	}
	if json.Unmarshal(r.bytes("link_previews", "previews"), &list) == nil && len(list) > 0 {
		s.LinkURL, s.LinkTitle, picture = list[0].URL, list[0].Title, list[0].AttachmentID.RowID
	}
	return picture
}

func (c *History) quote(m *told, target uint64) *signal.Quote {
	r := m.row
	if len(r.bytes("quote_mentions")) > 0 {
		c.leave(leftQuote)
	}
	q := &signal.Quote{TargetSent: target, AuthorID: c.number(r.int("quote_author")), Text: r.text("quote_body"), Type: 1}
	switch r.int("quote_type") {
	case 1:
		q.Type = 2 // a gift
	case 2:
		q.Type = 4 // a poll
	}
	return q
}

// ranges are the mentions and the styles of the text.
func (c *History) ranges(m *told) (out []signal.Range) {
	for _, r := range m.mentions {
		to := signal.Range{Start: uint32(r.ms("range_start")), Length: uint32(r.ms("range_length")), Mention: c.people[r.int("recipient_id")].aci}
		if to.Mention != nil {
			out = append(out, to)
		} else {
			c.leave(leftStranger)
		}
	}
	_ = signal.Fields(m.row.bytes("message_ranges"), func(list signal.Field) error {
		to, styled := signal.Range{}, false
		err := signal.Fields(list.Bytes, func(f signal.Field) error {
			switch f.Number {
			case 1:
				to.Start = uint32(f.Uint)
			case 2:
				to.Length = uint32(f.Uint)
			case 4:
				to.Style, styled = f.Uint+1, true
			}
			return nil
		})
		if styled {
			out = append(out, to)
		}
		return err
	}) // what is no list of ranges is none
	return out
}

// react sets the reactions, in the order in which they came.
func (c *History) react(out *signal.Message, m *told) {
	slices.SortStableFunc(m.reactions, func(a, b row) int { return cmp.Compare(a.int("date_received"), b.int("date_received")) })
	var all []signal.Reaction
	for i, r := range m.reactions {
		all = append(all, signal.Reaction{Emoji: r.text("emoji"), AuthorID: c.number(r.int("author_id")), Sent: r.ms("date_sent"), SortOrder: uint64(i + 1)})
	}
	switch {
	case out.Standard != nil:
		out.Standard.Reactions = all
	case out.ViewOnce != nil:
		out.ViewOnce.Reactions = all
	}
}

// pointer says where the file of an attachment lies in the backup.
func (c *History) pointer(m *told, r row) signal.Pointer {
	p := signal.Pointer{ContentType: r.text("content_type", "ct"), FileName: r.text("file_name"), Width: uint32(r.ms("width")), Height: uint32(r.ms("height")),
		Caption: r.text("caption"), BlurHash: r.text("blur_hash")}
	switch {
	case r.int("voice_note") != 0:
		p.Flag = 1
	case r.int("borderless") != 0:
		p.Flag = 2
	case r.int("video_gif") != 0:
		p.Flag = 3
	}
	l := &p.Locator
	if l.Key = r.decoded("remote_key"); len(l.Key) != 64 {
		l.Key = nil
	}
	l.Size = uint32(r.ms("data_size"))
	f := c.files[r.number()]
	if !f.there {
		f.hash, f.there = c.absent(m, r)
	} else {
		l.Size = uint32(f.size)
	}
	if !f.there {
		c.leave(leftAttachment)
		l.Key = nil
		return p
	}
	l.LocalKey, l.PlaintextHash = c.localKey[:], f.hash[:]
	if len(l.Key) == 0 {
		l.Key = c.localKey[:] // the copy on the server is not known, and a locator has a key
	}
	return p
}

// absent returns the hash of a file that the message shows and the history does not have,
// if its row says it.
func (c *History) absent(m *told, r row) (hash [32]byte, known bool) {
	shown := slices.ContainsFunc(m.it.Needs, func(key []byte) bool {
		row, ok := attachmentOf(key)
		return ok && row == r.number()
	})
	b := r.decoded("data_hash_end")
	if known = shown && len(b) == len(hash); known {
		hash = [32]byte(b)
	}
	return hash, known
}
