package corpus

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dayfold/dayfold/engine/source/signalv1"
)

// SignalPassphrase is the passphrase of the corpus's Signal backups in one file.
func (c *Corpus) SignalPassphrase() string {
	r := c.rand("signal passphrase", 0)
	var digits [30]byte
	for i := range digits {
		digits[i] = '0' + byte(r.below(10))
	}
	return string(digits[:])
}

// The tables of a Signal backup in one file, as far as the corpus fills them.
var signalTables = []string{
	"CREATE TABLE recipient (_id INTEGER PRIMARY KEY AUTOINCREMENT, type INTEGER DEFAULT 0, e164 TEXT UNIQUE DEFAULT NULL, aci TEXT UNIQUE DEFAULT NULL, pni TEXT UNIQUE DEFAULT NULL CHECK (pni LIKE 'PNI:%'), group_id TEXT UNIQUE DEFAULT NULL, profile_key TEXT DEFAULT NULL, profile_given_name TEXT DEFAULT NULL)",
	"CREATE TABLE groups (_id INTEGER PRIMARY KEY AUTOINCREMENT, group_id TEXT NOT NULL UNIQUE, recipient_id INTEGER NOT NULL UNIQUE REFERENCES recipient (_id) ON DELETE CASCADE, title TEXT DEFAULT NULL, master_key BLOB DEFAULT NULL)",
	"CREATE TABLE thread (_id INTEGER PRIMARY KEY AUTOINCREMENT, date INTEGER DEFAULT 0, recipient_id INTEGER NOT NULL UNIQUE REFERENCES recipient (_id) ON DELETE CASCADE, snippet TEXT, snippet_type INTEGER DEFAULT 0, expires_in INTEGER DEFAULT 0)",
	"CREATE TABLE message (_id INTEGER PRIMARY KEY AUTOINCREMENT, date_sent INTEGER NOT NULL, date_received INTEGER NOT NULL, date_server INTEGER DEFAULT -1, thread_id INTEGER NOT NULL REFERENCES thread (_id) ON DELETE CASCADE, from_recipient_id INTEGER NOT NULL REFERENCES recipient (_id) ON DELETE CASCADE, to_recipient_id INTEGER NOT NULL REFERENCES recipient (_id) ON DELETE CASCADE, type INTEGER NOT NULL, body TEXT, read INTEGER DEFAULT 0, expires_in INTEGER DEFAULT 0, expire_started INTEGER DEFAULT 0, view_once INTEGER DEFAULT 0, remote_deleted INTEGER DEFAULT 0, quote_id INTEGER DEFAULT 0, quote_author INTEGER DEFAULT 0, quote_body TEXT DEFAULT NULL, latest_revision_id INTEGER DEFAULT NULL REFERENCES message (_id) ON DELETE CASCADE, original_message_id INTEGER DEFAULT NULL REFERENCES message (_id) ON DELETE CASCADE, revision_number INTEGER DEFAULT 0)",
	"CREATE TABLE attachment (_id INTEGER PRIMARY KEY AUTOINCREMENT, message_id INTEGER, content_type TEXT, remote_key TEXT, data_file TEXT, data_size INTEGER, data_random BLOB, data_hash_end TEXT, file_name TEXT, quote INTEGER DEFAULT 0, width INTEGER DEFAULT 0, height INTEGER DEFAULT 0, blur_hash TEXT DEFAULT NULL, sticker_pack_id TEXT DEFAULT NULL, sticker_pack_key TEXT DEFAULT NULL, sticker_id INTEGER DEFAULT -1, sticker_emoji TEXT DEFAULT NULL)",
	"CREATE TABLE reaction (_id INTEGER PRIMARY KEY, message_id INTEGER NOT NULL REFERENCES message (_id) ON DELETE CASCADE, author_id INTEGER NOT NULL REFERENCES recipient (_id) ON DELETE CASCADE, emoji TEXT NOT NULL, date_sent INTEGER NOT NULL, date_received INTEGER NOT NULL, UNIQUE(message_id, author_id) ON CONFLICT REPLACE)",
	"CREATE INDEX message_thread_story_index ON message (thread_id)",
}

// The base types of messages, in the app's bits for a secure push message.
const (
	typeReceived = 0xa00014
	typeSent     = 0xa00017
)

// writeSignalV1 does as Signal for Android does: a new file under a salt of its own with
// the whole history, and only the two newest stay.
func writeSignalV1(ctx context.Context, d *Day, root string) error {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	unique, _ := d.unique()
	d.c.hashAll(unique)
	name := filepath.Join(root, d.Time().Format("signal-2006-01-02-15-04-05.backup"))
	err := writeFile(name, d.Time(), func(w io.Writer) error { return d.writeV1(ctx, w) })
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(root, "signal-*.backup")) // sorted
	for ; err == nil && len(files) > 2; files = files[1:] {
		err = os.Remove(files[0])
	}
	return err
}

// v1 is a file that is being written. The first error sticks.
type v1 struct {
	*signalv1.FileWriter
	d   *Day
	err error
}

func (v *v1) frame(f []byte) {
	if v.err == nil {
		v.err = v.Frame(f)
	}
}

func (v *v1) row(table string, values ...any) { v.frame(signalv1.Row(table, values...)) }

func (d *Day) writeV1(ctx context.Context, w io.Writer) error {
	p, err := signalv1.ParsePassphrase(d.c.SignalPassphrase())
	if err != nil {
		return err
	}
	f, err := signalv1.NewFileWriter(w, p, d.c.stream("v1 salt", uint64(d.n)), 1)
	if err != nil {
		return err
	}
	v := &v1{FileWriter: f, d: d}
	v.frame(signalv1.Version(290))
	for _, sql := range signalTables {
		v.frame(signalv1.Statement(sql))
	}
	v.people()
	for _, table := range []func(context.Context) error{v.messages, v.attachments, v.reactions} {
		if err := table(ctx); err != nil {
			return err
		}
	}
	v.settings()
	v.frame(signalv1.End())
	return v.err
}

func (c *Corpus) owner() string { return uuid(c.bytes("aci", ^uint64(0), 16)) }

// people writes the recipients, groups and conversations.
func (v *v1) people() {
	c := v.d.c
	v.row("recipient", 1, 0, "+491500000000", c.owner(), nil, nil, base64.StdEncoding.EncodeToString(c.bytes("profile", 0, 32)), "Corpus")
	for i, p := range c.people.person {
		v.row("recipient", p.ID, 0, fmt.Sprintf("+%d", p.Number), uuid(p.ACI), nil, nil, base64.StdEncoding.EncodeToString(c.bytes("profile", uint64(i+1), 32)), p.Name)
	}
	groupID := func(chat *Chat) string {
		return fmt.Sprintf("__signal_group__v2__!%x", c.bytes("group id", chat.ID, 32))
	}
	for i := range c.people.chats {
		if chat := &c.people.chats[i]; chat.Group {
			v.row("recipient", chat.Recipient, 3, nil, nil, nil, groupID(chat), nil, nil)
		}
	}
	for i := range c.people.chats {
		if chat := &c.people.chats[i]; chat.Group {
			v.row("groups", chat.ID, groupID(chat), chat.Recipient, chat.Title, chat.MasterKey)
		}
	}
	last := make([]time.Time, len(c.people.chats))
	snippets := make([]string, len(c.people.chats))
	for m := range v.d.Messages() {
		last[m.Chat.ID-1], snippets[m.Chat.ID-1] = m.Received, string(m.Text)
	}
	for i := range c.people.chats {
		chat := &c.people.chats[i]
		v.row("thread", chat.ID, ms(last[i]), chat.Recipient, snippets[i], typeReceived, uint64(chat.Timer.Milliseconds()))
	}
}

// rowID is the number of a message's row.
func (c *Corpus) rowID(seq int64) uint64 { return uint64(seq - c.oldest + 1) }

// editID is the number of the row of a message's n-th edit, counted from 0.
func (c *Corpus) editID(seq int64, n int) uint64 { return 1<<31 + 8*c.rowID(seq) + uint64(n) }

// exported says whether the app would export a message.
func (d *Day) exported(m *Message) bool {
	return m.Started.IsZero() || m.Expires == 0 || m.Started.Add(m.Expires).Sub(d.Time()) > day
}

// messages writes the rows of messages, and then those of their later versions.
func (v *v1) messages(ctx context.Context) error {
	var later [][]byte
	for m := range v.d.Messages() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !v.d.exported(m) {
			continue
		}
		latest := any(nil)
		if n := len(m.Edits); n > 0 {
			latest = v.d.c.editID(m.Seq, n-1)
		}
		v.frame(v.message(m, v.d.c.rowID(m.Seq), m.Sent, m.Text, latest, nil, 0))
		for i, e := range m.Edits {
			if i == len(m.Edits)-1 {
				latest = nil
			}
			later = append(later, v.message(m, v.d.c.editID(m.Seq, i), e.At, e.Text, latest, v.d.c.rowID(m.Seq), i+1))
		}
	}
	for _, row := range later {
		v.frame(row)
	}
	return v.err
}

func (v *v1) message(m *Message, row uint64, sent time.Time, text []byte, latest, original any, revision int) []byte {
	kind, from, to := typeReceived, id(m.Author), uint64(1)
	if m.Author == nil {
		kind, to = typeSent, m.Chat.Recipient
	}
	var body, quoted any
	if len(text) > 0 && !m.Deleted {
		body = string(text)
	}
	var quoteSent, quoteAuthor uint64
	if m.Quote != nil {
		quoteSent, quoteAuthor, quoted = ms(m.Quote.Sent), id(m.Quote.Author), string(m.Quote.Text)
	}
	return signalv1.Row("message", row, ms(sent), ms(m.Received), ms(sent)+90, m.Chat.ID, from, to, kind, body, m.Read,
		uint64(m.Expires.Milliseconds()), ms(m.Started), m.Once, m.Deleted, quoteSent, quoteAuthor, quoted, latest, original, revision)
}

// attachments writes the rows of media, each with its content behind it, as often as it
// is shown.
func (v *v1) attachments(ctx context.Context) error {
	next, c := v.d.c.shown(), v.d.c
	row := uint64(0)
	for seq := c.oldest; seq < int64(v.d.n)*c.perDay; seq++ {
		shown := next(seq)
		first := row + 1
		if row += uint64(len(shown)); len(shown) == 0 {
			continue
		}
		b := c.basics(seq)
		if !v.d.has(seq, &b) {
			continue
		}
		var m Message
		if v.d.message(&m, &b, shown); !v.d.exported(&m) {
			continue
		}
		for i := range shown {
			if err := ctx.Err(); err != nil {
				return err
			}
			v.attachment(&shown[i], first+uint64(i), c.rowID(seq))
		}
	}
	return v.err
}

func (v *v1) attachment(m *Media, row, message uint64) {
	c := v.d.c
	hash := c.Hash(m)
	var pack, packKey, emoji any
	sticker := -1
	if m.Sticker() {
		n := m.Content % 50
		pack, packKey = fmt.Sprintf("%x", c.bytes("pack", n, 16)), fmt.Sprintf("%x", c.bytes("pack key", n, 32))
		sticker, emoji = int(m.Content>>60), faces[1]
	}
	p := v.d.pointer(m)
	v.row("attachment", row, message, m.Type(), base64.StdEncoding.EncodeToString(p.Locator.Key), fmt.Sprintf("/data/parts/part%d.mms", row), m.Size,
		c.bytes("data random", row, 32), base64.StdEncoding.EncodeToString(hash[:]), p.FileName, 0, uint64(p.Width), uint64(p.Height), p.BlurHash, pack, packKey, sticker, emoji)
	v.frame(signalv1.Attachment(row, uint64(m.Size)))
	if v.err == nil {
		v.err = v.Blob(c.Content(m), m.Size)
	}
}

func (v *v1) reactions(ctx context.Context) error {
	for m := range v.d.Messages() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !v.d.exported(m) {
			continue
		}
		for i, r := range m.Reactions {
			v.row("reaction", 4*v.d.c.rowID(m.Seq)+uint64(i), v.d.c.rowID(m.Seq), id(r.Author), r.Face, ms(r.At), ms(r.At)+500)
		}
	}
	return v.err
}

// settings writes what is in no table.
func (v *v1) settings() {
	v.frame(signalv1.Preference("org.thoughtcrime.securesms_preferences", "pref_theme", "dark"))
	v.frame(signalv1.KeyValue("account.aci", v.d.c.owner()))
	v.frame(signalv1.KeyValue("account.aci_identity_private_key", v.d.c.bytes("identity", 0, 32)))
}
