package signalv1

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// A cast is what must be known of a whole history before a message of it can be told.
type cast struct {
	*tables
	owner     []byte             // the account's ACI
	self      row                // of the recipient that is the owner; without columns: there is none
	people    map[int64]who      // recipients
	timers    map[int64]uint64   // seconds after which new messages disappear, by recipient
	groups    map[string]row     // by group id
	members   map[string][]int64 // of groups, recipients
	polls     map[int64]int64    // to messages
	packs     map[string]string  // sticker packs, to the key of the row that stands for each
	edited    map[int64]bool     // messages that are the newest version of one
	revisions map[int64][]string // keys of the rows of older versions, by the newest
	files     map[int64]file     // by the attachment's row
	original  map[string]int64   // key of a media here to the attachment's row
	newest    time.Time          // when the last message was received
}

// A who is a recipient.
type who struct {
	aci   []byte // nil: it has none
	group bool
}

// A file is an attachment's blob.
type file struct {
	hash  [32]byte
	size  int64
	ext   string // of its name in clear
	there bool   // in the history
}

func newCast() cast {
	return cast{tables: newTables(), people: map[int64]who{}, timers: map[int64]uint64{}, groups: map[string]row{}, members: map[string][]int64{},
		polls: map[int64]int64{}, packs: map[string]string{}, edited: map[int64]bool{}, revisions: map[int64][]string{},
		files: map[int64]file{}, original: map[string]int64{}}
}

// meet learns from one item that is no media.
func (c *cast) meet(ctx context.Context, it *engine.Item) error {
	if it.Key[0] == 'k' {
		return c.meetSetting(ctx, it)
	}
	r, err := c.rowOf(ctx, it)
	if err != nil || r.columns == nil {
		return err
	}
	switch r.kind {
	case messageRow:
		c.meetMessage(it, r)
	case recipientRow:
		c.people[r.number()] = who{sixteen(uuid(r.bytes("aci", "uuid"))), r.text("group_id") != ""}
		c.timers[r.number()] = r.ms("message_expiration_time", "expire_messages")
		if len(c.owner) > 0 && bytes.Equal(uuid(r.bytes("aci", "uuid")), c.owner) {
			c.self = r
		}
	case groupRow:
		c.groups[r.text("group_id")] = r
		for id := range strings.SplitSeq(r.text("members"), ",") {
			if n, err := strconv.ParseInt(id, 10, 64); err == nil {
				c.join(r.text("group_id"), n)
			}
		}
	case attachmentRow:
		f := c.files[r.number()]
		f.ext = signal.Extension(r.text("content_type", "ct"), r.text("file_name"))
		c.files[r.number()] = f
	}
	switch strings.ToLower(r.name) {
	case "poll":
		c.polls[r.number()] = r.int("message_id")
	case "group_membership":
		c.join(r.text("group_id"), r.int("recipient_id"))
	case "sticker":
		if id := r.text("pack_id"); id != "" && c.packs[id] == "" {
			c.packs[id] = string(it.Key)
		}
	}
	return nil
}

func (c *cast) join(group string, recipient int64) {
	c.members[group] = append(c.members[group], recipient)
}

// meetSetting learns whose history this is.
func (c *cast) meetSetting(ctx context.Context, it *engine.Item) error {
	content, err := signal.Content(ctx, it)
	if err != nil {
		return err
	}
	var f frame
	if err := f.parse(content); err != nil {
		return err
	}
	if key := string(f.key); key == "account.aci" || key == "pref_local_uuid" && c.owner == nil {
		c.owner = uuid(f.value)
	}
	return nil
}

// meetMessage notes which rows are versions of one message.
func (c *cast) meetMessage(it *engine.Item, r row) {
	if it.Time.After(c.newest) {
		c.newest = it.Time
	}
	if latest := latestOf(r); latest != 0 {
		c.revisions[latest] = append(c.revisions[latest], string(it.Key))
	}
	if r.int("original_message_id") != 0 || r.int("revision_number") != 0 {
		c.edited[r.number()] = true
	}
}

// latestOf is the row of the newest version of an edited message; 0: this is it.
func latestOf(r row) int64 {
	if latest := r.int("latest_revision_id"); latest > 0 && latest != r.number() {
		return latest
	}
	return 0
}
