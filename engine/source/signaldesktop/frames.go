package signaldesktop

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// What frames have no place for (History.Left).
const (
	leftOther      = "calls, profiles and lists"
	leftPicture    = "avatars and stickers that nobody sent"
	leftStranger   = "unknown authors"
	leftAttachment = "attachments without a file"
	leftGroup      = "old groups' ids"
	leftCard       = "contact cards' details"
	leftPoll       = "polls' votes"
	leftUpdate     = "notices: "
)

func (c *History) recipient(r *row) (n uint64, body []byte) {
	p := personOf(r)
	n = c.person(p.id)
	to := signal.Recipient{ID: n}
	switch {
	case n == numberOfSelf:
		to.Self = true
	case p.group:
		to.Group = &signal.Group{MasterKey: p.masterKey, Title: r.text("name")}
		if len(p.masterKey) == 0 {
			sum := sha256.Sum256([]byte("group " + p.groupID + p.id))
			to.Group.MasterKey = sum[:]
			c.leave(leftGroup)
		}
		for _, member := range strings.Fields(r.text("members")) {
			if aci, _ := serviceID(member); aci != nil {
				to.Group.Members = append(to.Group.Members, aci)
			}
		}
	default:
		to.Contact = &signal.Contact{GivenName: r.text("profileName", "name"), FamilyName: r.text("profileFamilyName")}
		to.Contact.ACI, to.Contact.PNI = serviceID(p.service)
		to.Contact.E164, _ = strconv.ParseUint(strings.TrimPrefix(p.e164, "+"), 10, 64)
	}
	return n, to.Append(nil)
}

func (c *History) chat(r *row) (n uint64, body []byte) {
	var j struct {
		IsArchived  flag
		ExpireTimer number
	}
	if text := r.get("json"); text != nil {
		_ = unmarshal(text.text, &j)
	}
	for range personOf(r).avatars {
		c.leave(leftPicture)
	}
	n = c.person(r.text("id"))
	timer := max(int64(j.ExpireTimer), r.int("expireTimer"), 0)
	return n, signal.Chat{ID: n, RecipientID: n, Archived: bool(j.IsArchived), ExpirationTimerMs: uint64(timer) * 1000}.Append(nil)
}

func (c *History) pack(rows []row) []byte {
	id, _ := hex.DecodeString(rows[0].text("id"))
	for range rows[1:] {
		c.leave(leftPicture)
	}
	return signal.StickerPack{PackID: id, PackKey: decode64(rows[0].text("key"))}.Append(nil)
}

func (c *History) folder(r *row) []byte {
	f := signal.Folder{Name: r.text("name")}
	f.ID, _ = serviceID(r.text("id"))
	var ids []string
	_ = json.Unmarshal([]byte(r.text("includedConversationIds")), &ids)
	for _, id := range ids {
		f.Included = append(f.Included, c.person(id))
	}
	return f.Append(nil)
}

// notices are the numbers of what happened, among those that are no more than a number.
var notices = map[string]uint64{"joined-signal-notification": 1, "keychange": 2, "change-number-notification": 5,
	"chat-session-refreshed": 8, "delivery-issue": 9}

// others are the words for what happened that Left may repeat.
var others = map[string]bool{"call-history": true, "group-v2-change": true, "group-v1-migration": true, "profile-change": true, "timer-notification": true,
	"universal-timer-notification": true, "title-transition-notification": true, "phone-number-discovery": true, "conversation-merge": true,
	"contact-removed-notification": true, "message-request-response-event": true, "poll-terminate": true, "pinned-message-notification": true}

// message returns the ChatItem for the rows of a message; nil: there is none.
func (c *History) message(ctx context.Context, it *engine.Item, rows []row) ([]byte, error) {
	m := message{row: &rows[0], attached: rows[1:]}
	if err := m.parse(); err != nil {
		return nil, err
	}
	b := &m.body
	out := signal.Message{ChatID: c.person(m.conversation()), AuthorID: numberOfSelf, Sent: uint64(max(0, b.Sent)),
		ExpireStart: uint64(max(0, b.ExpirationStartTimestamp)), ExpiresIn: uint64(max(0, b.ExpireTimer)) * 1000}
	switch {
	case m.outgoing():
		out.Outgoing = c.sent(&m)
	case m.update():
		return c.notice(out, &m), nil
	default:
		out.AuthorID = out.ChatID
		if m.author() != "" {
			out.AuthorID = c.person(m.author())
		}
		out.Incoming = &signal.Incoming{Received: m.received(), ServerSent: uint64(max(0, b.ServerTimestamp)), Read: b.ReadStatus != unread}
	}
	shown := map[place]signal.Pointer{}
	m.each(func(p place, a *attachment, _ bool) { shown[p] = c.pointer(ctx, it, a) })
	c.fill(&out, &b.content, shown, -1, &m)
	return out.Append(nil), nil
}

const unread = 1 // ReadStatus

// notice returns the ChatItem for something that happened, or nil.
func (c *History) notice(out signal.Message, m *message) []byte {
	out.AuthorID = out.ChatID
	out.Update = notices[m.body.Type]
	if m.body.Type == "verified-change" {
		out.Update = 4
		if m.body.Verified {
			out.Update = 3
		}
	}
	if out.Update != 0 {
		return out.Append(nil)
	}
	if word := m.body.Type; others[word] {
		c.leave(leftUpdate + word)
	} else {
		c.leave(leftUpdate + "other")
	}
	return nil
}

// sent says how a message went out.
func (c *History) sent(m *message) *signal.Outgoing {
	out := &signal.Outgoing{Received: m.received()}
	for id, state := range m.body.SendStateByConversationID {
		out.At = max(out.At, uint64(max(0, state.UpdatedAt)))
		n := c.person(id)
		switch {
		case n == numberOfSelf:
		case state.Status == "Read" || state.Status == "Viewed":
			out.Read = append(out.Read, n)
		default:
			out.Sent = append(out.Sent, n)
		}
	}
	slices.Sort(out.Read)
	slices.Sort(out.Sent)
	return out
}

// fill sets what the message shows, and its earlier versions.
func (c *History) fill(out *signal.Message, s *content, shown map[place]signal.Pointer, edit int64, m *message) {
	reactions := c.reactions(m)
	pointer := func(kind string, order int64) *signal.Pointer {
		if p, ok := shown[place{edit, kind, order}]; ok {
			return &p
		}
		return nil
	}
	switch {
	case bool(m.body.DeletedForEveryone):
		out.Deleted = true
		return
	case bool(m.body.IsViewOnce):
		out.ViewOnce = &signal.ViewOnce{Reactions: reactions}
		return
	case s.Sticker != nil:
		id, _ := hex.DecodeString(s.Sticker.PackID)
		out.Sticker = &signal.Sticker{PackID: id, PackKey: decode64(s.Sticker.PackKey), ID: uint32(max(0, s.Sticker.StickerID)),
			Emoji: s.Sticker.Emoji, Data: pointer("sticker", 0)}
		return
	case len(s.Contact) > 0:
		c.leave(leftCard)
		if out.Card = pointer("contact", 0); out.Card != nil {
			return
		}
	}
	standard := c.standard(s, pointer)
	standard.Reactions = reactions
	if m.body.StoryID != "" {
		out.Story = standard
		return
	}
	out.Standard = standard
	if edit >= 0 || len(m.body.EditHistory) < 2 {
		return
	}
	history := m.body.EditHistory
	for i := len(history) - 1; i > 0; i-- {
		past := *out
		past.Revisions, past.Sent = nil, uint64(max(0, history[i].Timestamp))
		c.fill(&past, &history[i].content, shown, int64(i), m)
		out.Revisions = append(out.Revisions, past)
	}
	if history[0].Timestamp > 0 {
		out.Sent = uint64(history[0].Timestamp)
	}
}

func (c *History) standard(s *content, pointer func(string, int64) *signal.Pointer) *signal.Standard {
	out := &signal.Standard{Text: s.Body, Ranges: ranges(s.BodyRanges), LongText: pointer("long-message", 0)}
	if s.Poll != nil {
		c.leave(leftPoll)
		out.Text = s.Poll.Question
	}
	for i := range int64(maxShown) {
		p := pointer("attachment", i)
		if p == nil {
			break
		}
		out.Attachments = append(out.Attachments, *p)
	}
	if len(s.Preview) > 0 {
		out.LinkURL, out.LinkImage = s.Preview[0].URL, pointer("preview", 0)
	}
	if q := s.Quote; q != nil {
		out.Quote = &signal.Quote{TargetSent: uint64(max(0, q.ID)), Text: q.Text, AuthorID: c.person(q.AuthorACI, q.AuthorUUID, q.Author)}
		for i := range q.Attachments {
			if p := pointer("quote", int64(i)); p != nil {
				out.Quote.Thumbnails = append(out.Quote.Thumbnails, *p)
			}
		}
		if q.IsViewOnce {
			out.Quote.Type, out.Quote.Thumbnails = 3, nil
		}
	}
	return out
}

const maxShown = 4096 // attachments of one message

func ranges(list []bodyRange) (out []signal.Range) {
	for _, r := range list {
		to := signal.Range{Start: uint32(max(0, r.Start)), Length: uint32(max(0, r.Length))}
		if who := r.MentionACI + r.MentionUUID; who != "" {
			to.Mention, _ = serviceID(who)
		} else {
			to.Style = uint64(max(0, r.Style))
		}
		out = append(out, to)
	}
	return out
}

func (c *History) reactions(m *message) (out []signal.Reaction) {
	for i, r := range m.body.Reactions {
		if r.Emoji != "" {
			out = append(out, signal.Reaction{Emoji: r.Emoji, AuthorID: c.person(r.FromID), Sent: uint64(max(0, r.Timestamp)), SortOrder: uint64(i + 1)})
		}
	}
	return out
}

func decode64(text string) []byte {
	b, _ := base64.StdEncoding.DecodeString(text)
	return b
}

// bytes64 decodes what must be a key of 64 bytes, or nothing.
func bytes64(text string) []byte {
	if b := decode64(text); len(b) == 64 {
		return b
	}
	return nil
}
