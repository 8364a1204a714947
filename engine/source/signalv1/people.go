package signalv1

import (
	"crypto/sha256"
	"strconv"
	"strings"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// What frames have no place for, or what cannot be told of rows (History.Left).
const (
	leftSetting    = "settings"
	leftUnknown    = "unknown frames"
	leftPicture    = "avatars, wallpapers and stickers that nobody sent"
	leftStranger   = "unknown authors"
	leftRow        = "rows: "
	leftGroup      = "old groups' ids"
	leftList       = "lists and call links"
	leftStory      = "stories"
	leftCard       = "contact cards"
	leftPoll       = "polls' votes"
	leftQuote      = "styles of quotes"
	leftAttachment = "attachments without a file"
	leftUpdate     = "notices: "
)

// known are the tables, beside those of messages, whose rows stand in frames of others, or
// repeat what those say.
var known = map[string]bool{"groups": true, "group_membership": true, "sticker": true, "attachment_metadata": true,
	"msl_payload": true, "msl_recipient": true, "msl_message": true}

// Numbers of those who have no row: no app has so many.
const (
	numberOfSelf     = 1<<40 + iota // the owner
	numberOfStranger                // whoever wrote a message and is not known
)

// made are the items that no row stands for: the account, and those without a row.
func (c *History) made() (all []engine.Item) {
	add := func(key string, kind signal.FrameKind, number uint64, body []byte) {
		it := engine.Item{Key: []byte(key), Kind: engine.Other, Meta: signal.PlaceMeta(kind, number)}
		signal.SetContent(&it, signal.AppendFrame(nil, kind, body))
		all = append(all, it)
	}
	if c.self.columns == nil {
		add("0/self", signal.FrameRecipient, numberOfSelf, signal.Recipient{ID: numberOfSelf, Self: true}.Append(nil))
	}
	stranger := signal.Recipient{ID: numberOfStranger, Contact: &signal.Contact{ACI: make([]byte, 16), GivenName: "?"}}
	add("0/stranger", signal.FrameRecipient, numberOfStranger, stranger.Append(nil))
	var a signal.Account
	if r := c.self; r.columns != nil {
		a.ProfileKey, a.GivenName, a.FamilyName = r.decoded("profile_key"), r.first(givenNames...), r.first(familyNames...)
	}
	add("a/account", signal.FrameAccount, 0, a.Append(nil))
	return all
}

// The columns of a recipient's names, best first.
var (
	givenNames  = []string{"profile_given_name", "signal_profile_name", "profile_joined_name", "system_given_name", "system_display_name"}
	familyNames = []string{"profile_family_name", "system_family_name"}
)

// first is the first of the columns that is not empty.
func (r row) first(names ...string) string {
	for _, name := range names {
		if s := r.text(name); s != "" {
			return s
		}
	}
	return ""
}

// number is that of a recipient.
func (c *History) number(recipient int64) uint64 {
	if _, ok := c.people[recipient]; ok && recipient > 0 {
		return uint64(recipient)
	}
	c.leave(leftStranger)
	return numberOfStranger
}

// me is the owner's number.
func (c *History) me() uint64 {
	if c.self.columns == nil {
		return numberOfSelf
	}
	return uint64(c.self.number())
}

func (c *History) recipient(r row) (signal.FrameKind, uint64, []byte) {
	to := signal.Recipient{ID: uint64(r.number())}
	groupID := r.text("group_id")
	switch {
	case to.ID == c.me():
		to.Self = true
	case r.int("distribution_list_id") > 0 || r.int("call_link_room_id") > 0:
		c.leave(leftList)
		to.Contact = &signal.Contact{ACI: make([]byte, 16)} // what refers to it stays readable
	case groupID != "":
		to.Group = c.group(groupID)
	default:
		p := &signal.Contact{ProfileKey: r.decoded("profile_key"), GivenName: r.first(givenNames...), FamilyName: r.first(familyNames...),
			Username: r.text("username"), Note: r.text("note")}
		p.ACI, p.PNI = sixteen(uuid(r.bytes("aci", "uuid"))), sixteen(uuid(r.bytes("pni")))
		p.E164, _ = strconv.ParseUint(strings.TrimPrefix(r.text("e164", "phone"), "+"), 10, 64)
		to.Contact = p
	}
	return signal.FrameRecipient, to.ID, to.Append(nil)
}

// sixteen is b if it is a UUID.
func sixteen(b []byte) []byte {
	if len(b) != 16 {
		return nil
	}
	return b
}

func (c *History) group(id string) *signal.Group {
	g := &signal.Group{}
	if r := c.groups[id]; r.columns != nil {
		g.MasterKey, g.Title = r.bytes("master_key"), r.text("title")
	}
	if len(g.MasterKey) != 32 {
		sum := sha256.Sum256([]byte("group " + id))
		g.MasterKey = sum[:]
		c.leave(leftGroup)
	}
	for _, member := range c.members[id] {
		if aci := c.people[member].aci; aci != nil {
			g.Members = append(g.Members, aci)
		}
	}
	return g
}

func (c *History) chat(r row) (signal.FrameKind, uint64, []byte) {
	recipient := r.int("recipient_id", "recipient_ids")
	chat := signal.Chat{ID: uint64(r.number()), RecipientID: c.number(recipient), Archived: r.int("archived") != 0,
		ExpirationTimerMs: max(c.timers[recipient]*1000, r.ms("expires_in"))}
	return signal.FrameChat, chat.ID, chat.Append(nil)
}
