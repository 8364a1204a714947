package corpus

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/dayfold/dayfold/engine/source/signaldesktop/sqlcipher"
)

// desktopSchema is what the app's database has of the tables that are read, in the
// generation that has a table of attachments.
const desktopSchema = `
CREATE TABLE items(id TEXT PRIMARY KEY, json TEXT) STRICT;
CREATE TABLE conversations(id TEXT PRIMARY KEY, json TEXT, active_at INTEGER, type TEXT, members TEXT, name TEXT, profileName TEXT,
	profileFamilyName TEXT, profileFullName TEXT, e164 TEXT, serviceId TEXT, groupId TEXT, expireTimerVersion INTEGER) STRICT;
CREATE TABLE messages(rowid INTEGER PRIMARY KEY ASC, id TEXT UNIQUE, json TEXT, readStatus INTEGER, expires_at INTEGER, sent_at INTEGER, conversationId TEXT,
	received_at INTEGER, hasAttachments INTEGER, hasVisualMediaAttachments INTEGER, expireTimer INTEGER, expirationStartTimestamp INTEGER, type TEXT, body TEXT,
	sourceServiceId TEXT, isErased INTEGER, isViewOnce INTEGER, seenStatus INTEGER, storyId TEXT, timestamp INTEGER, received_at_ms INTEGER, serverTimestamp INTEGER,
	expiresAt INTEGER GENERATED ALWAYS AS (ifnull(expirationStartTimestamp + expireTimer * 1000, 9007199254740991)) VIRTUAL) STRICT;
CREATE INDEX messages_conversation ON messages(conversationId, received_at, sent_at);
CREATE TABLE message_attachments(messageId TEXT NOT NULL, editHistoryIndex INTEGER NOT NULL, attachmentType TEXT NOT NULL, orderInMessage INTEGER NOT NULL,
	conversationId TEXT NOT NULL, sentAt INTEGER NOT NULL, size INTEGER NOT NULL, contentType TEXT NOT NULL, path TEXT, plaintextHash TEXT, localKey TEXT,
	fileName TEXT, blurHash TEXT, height INTEGER, width INTEGER, key TEXT, version INTEGER, isViewOnce INTEGER,
	PRIMARY KEY (messageId, editHistoryIndex, attachmentType, orderInMessage)) STRICT;
CREATE TABLE sessions(id TEXT PRIMARY KEY, record TEXT) STRICT;
PRAGMA user_version = 1360;`

// DesktopKey is the key of the corpus's database of Signal Desktop, in hex.
func (c *Corpus) DesktopKey() string { return hex.EncodeToString(c.bytes("desktop key", 0, 32)) }

// writeDesktop writes the media that are missing, and the database anew: what the day
// brought stands in its log, as in a profile that the app has open.
func writeDesktop(ctx context.Context, d *Day, root string) error {
	unique, times := d.unique()
	d.c.hashAll(unique)
	config := func(w io.Writer) error {
		return json.NewEncoder(w).Encode(map[string]string{"key": d.c.DesktopKey()})
	}
	files, keep := []file{{"config.json", d.c.scale.Begin, config}}, map[string]bool{}
	for i := range unique {
		m := unique[i]
		path := d.c.desktopPath(&m)
		keep[path] = true
		fill := d.c.contentOf(m)
		if !d.c.desktopLegacy(&m) {
			fill = func(w io.Writer) error {
				at := d.c.signalMedia(&m)
				return at.SealMedia(w, d.c.stream("media iv", m.Content), d.c.Content(&m))
			}
		}
		files = append(files, file{"attachments.noindex/" + path, times[i], fill})
	}
	if err := os.MkdirAll(filepath.Join(root, "sql"), 0o755); err != nil {
		return err
	}
	return errors.Join(keepOnly(filepath.Join(root, "attachments.noindex"), keep), writeFiles(ctx, root, files), d.writeDatabase(ctx, filepath.Join(root, "sql/db.sqlite")))
}

// desktopLegacy says whether a media lies there as older versions of the app have it: in
// clear, its hash unknown.
func (c *Corpus) desktopLegacy(m *Media) bool { return m.Content%16 == 3 }

func (c *Corpus) desktopPath(m *Media) string {
	name := hex.EncodeToString(c.bytes("desktop path", m.Content, 32))
	return name[:2] + "/" + name
}

func (d *Day) writeDatabase(ctx context.Context, path string) (err error) {
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			os.Remove(f.Name())
		}
	}()
	db, err := sqlcipher.Create(f, sqlcipher.Key(d.c.bytes("desktop key", 0, 32)), [16]byte(d.c.bytes("desktop salt", uint64(d.n), 16)))
	if err != nil {
		return err
	}
	defer db.Close()
	w := &desktopWriter{Day: d, ctx: ctx, db: db, last: map[uint64]string{}}
	if err := w.fill(); err != nil {
		return db.Cause(err)
	}
	return errors.Join(
		writeFile(path+"-wal", d.Time(), db.WriteLog),
		os.Chtimes(f.Name(), d.Time(), d.Time()),
		os.Rename(f.Name(), path))
}

// A desktopWriter fills one database.
type desktopWriter struct {
	*Day
	ctx  context.Context
	db   *sqlcipher.Writer
	last map[uint64]string // text of the newest message, by chat

	message, attachment *sqlite3.Stmt
}

// fill writes all but the last day's messages, and then those into the log.
func (w *desktopWriter) fill() (err error) {
	if err := w.db.Exec(desktopSchema + "BEGIN"); err != nil {
		return err
	}
	if w.message, _, err = w.db.Prepare(`INSERT INTO messages(rowid, id, json, readStatus, sent_at, conversationId, received_at, hasAttachments, expireTimer,
		expirationStartTimestamp, type, body, sourceServiceId, isErased, isViewOnce, timestamp, received_at_ms, serverTimestamp) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`); err != nil {
		return err
	}
	defer w.message.Close()
	if w.attachment, _, err = w.db.Prepare(`INSERT INTO message_attachments VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`); err != nil {
		return err
	}
	defer w.attachment.Close()
	if err := w.people(); err != nil {
		return err
	}
	logged := false
	for m := range w.Messages() {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if !logged && m.Seq >= int64(w.n-1)*w.c.perDay {
			logged = true
			if err := w.db.Exec("COMMIT"); err != nil {
				return err
			}
			w.db.BeginLog()
			if err := w.db.Exec("BEGIN"); err != nil {
				return err
			}
		}
		if err := w.row(m); err != nil {
			return err
		}
	}
	for _, chat := range slices.Sorted(maps.Keys(w.last)) {
		if err := w.exec("UPDATE conversations SET json = json_set(json, '$.lastMessage', ?) WHERE id = ?", w.last[chat], w.conversation(chat)); err != nil {
			return err
		}
	}
	return w.db.Exec("COMMIT")
}

// exec runs a statement with the given values, nil for NULL.
func (w *desktopWriter) exec(sql string, args ...any) error {
	q, _, err := w.db.Prepare(sql)
	if err != nil {
		return err
	}
	return errors.Join(run(q, args...), q.Close())
}

func run(q *sqlite3.Stmt, args ...any) (err error) {
	for i, arg := range args {
		switch v := arg.(type) {
		case nil:
			err = q.BindNull(i + 1)
		case string:
			err = q.BindText(i+1, v)
		case int64:
			err = q.BindInt64(i+1, v)
		default:
			err = fmt.Errorf("argument %d: %T", i+1, arg)
		}
		if err != nil {
			return err
		}
	}
	return q.Exec()
}

// people writes the owner and the conversations. Everybody has one, in a group or not.
func (w *desktopWriter) people() error {
	owner := w.service(nil)
	if err := w.exec("INSERT INTO items VALUES('uuid_id', ?)", jsonText(map[string]any{"id": "uuid_id", "value": owner + ".2"})); err != nil {
		return err
	}
	if err := w.exec("INSERT INTO sessions VALUES('1', 'session secret')"); err != nil {
		return err
	}
	const insert = "INSERT INTO conversations(id, json, active_at, type, members, name, profileName, profileFullName, e164, serviceId, groupId) VALUES(?,?,?,?,?,?,?,?,?,?,?)"
	if err := w.exec(insert, w.conversation(1), jsonText(map[string]any{"id": w.conversation(1), "serviceId": owner}), nil, "private", nil, nil, "Corpus", "Corpus", nil, owner, nil); err != nil {
		return err
	}
	timer := map[uint64]time.Duration{}
	for _, chat := range w.c.people.chats {
		timer[chat.Recipient] = chat.Timer
		if !chat.Group {
			continue
		}
		id, members := w.conversation(chat.Recipient), ""
		for i, n := range chat.Members {
			if i > 0 {
				members += " "
			}
			members += w.service(&w.c.people.person[n])
		}
		group := base64.StdEncoding.EncodeToString(w.c.bytes("group id", chat.ID, 32))
		j := jsonText(map[string]any{"id": id, "masterKey": base64.StdEncoding.EncodeToString(chat.MasterKey), "groupId": group, "expireTimer": int64(chat.Timer.Seconds())})
		if err := w.exec(insert, id, j, int64(ms(w.Time())), "group", members, chat.Title, nil, nil, nil, nil, group); err != nil {
			return err
		}
	}
	for i := range w.c.people.person {
		p := &w.c.people.person[i]
		id, number := w.conversation(p.ID), fmt.Sprintf("+%d", p.Number)
		j := jsonText(map[string]any{"id": id, "e164": number, "serviceId": w.service(p), "expireTimer": int64(timer[p.ID].Seconds())})
		if err := w.exec(insert, id, j, int64(ms(w.Time())), "private", nil, nil, p.Name, p.Name, number, w.service(p), nil); err != nil {
			return err
		}
	}
	return nil
}

// uuid writes 16 bytes as one.
func uuid(b []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// service is the service id of a person; nil: the owner.
func (w *desktopWriter) service(p *Person) string {
	if p == nil {
		return uuid(w.c.bytes("aci", ^uint64(0), 16))
	}
	return uuid(p.ACI)
}

// conversation is the id of the conversation with a recipient.
func (w *desktopWriter) conversation(recipient uint64) string {
	return uuid(w.c.bytes("desktop conversation", recipient, 16))
}

// jsonText is v as JSON. It fails for nothing that is written here.
func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// row writes a message and its attachments.
func (w *desktopWriter) row(m *Message) error {
	id := uuid(w.c.bytes("desktop message", uint64(m.Seq), 16))
	chat := w.conversation(m.Chat.Recipient)
	kind, source, read := "outgoing", any(nil), int64(0)
	if m.Author != nil {
		kind, source = "incoming", w.service(m.Author)
	}
	if !m.Read {
		read = 1
	}
	body := string(m.Text)
	if len(m.Edits) > 0 {
		body = string(m.Edits[len(m.Edits)-1].Text)
	}
	if !m.Once {
		w.last[m.Chat.Recipient] = body
	}
	var timer, start any
	if m.Expires > 0 {
		timer = int64(m.Expires.Seconds())
		if !m.Started.IsZero() {
			start = int64(ms(m.Started))
		}
	}
	seq := m.Seq - w.c.oldest + 1
	erased, once, sent, received := number(m.Deleted), number(m.Once), int64(ms(m.Sent)), int64(ms(m.Received))
	err := run(w.message, seq, id, jsonText(w.json(m, id, chat)), read, sent, chat, seq, number(len(m.Media) > 0), timer, start, kind, body, source, erased, once, sent, received, sent+90)
	for i := range m.Media {
		for edit := int64(-1); edit <= int64(len(m.Edits)); edit++ {
			if err == nil && (edit < 0 || len(m.Edits) > 0) {
				err = w.attach(m, i, edit, id, chat)
			}
		}
	}
	return err
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// attach writes the row of an attachment, in the message as it is (-1) or an earlier version.
func (w *desktopWriter) attach(m *Message, i int, edit int64, id, chat string) error {
	media := &m.Media[i]
	at := w.c.signalMedia(media)
	hash, local, version := any(hex.EncodeToString(at.Hash[:])), any(base64.StdEncoding.EncodeToString(at.LocalKey[:])), int64(2)
	if w.c.desktopLegacy(media) {
		hash, local, version = nil, nil, 1
	}
	kind, order := "attachment", int64(i)
	if sticker(m) {
		kind = "sticker"
	}
	name := any(nil)
	if media.Ext() == "zip" {
		name = fmt.Sprintf("papers-%d.zip", media.Content%1000)
	}
	return run(w.attachment, id, edit, kind, order, chat, int64(ms(m.Sent)), media.Size, media.Type(), w.c.desktopPath(media), hash, local,
		name, nil, int64(1200), int64(1600), base64.StdEncoding.EncodeToString(w.c.bytes("remote key", media.Content, 64)), version, number(m.Once))
}

func sticker(m *Message) bool { return len(m.Media) == 1 && m.Media[0].Sticker() && !m.Once }

// json is what a message's row has in no column.
func (w *desktopWriter) json(m *Message, self, chat string) map[string]any {
	j := map[string]any{"id": self, "conversationId": chat}
	if m.Deleted {
		j["deletedForEveryone"] = true
	}
	if m.Author == nil {
		j["sendStateByConversationId"] = map[string]any{chat: map[string]any{"status": "Read", "updatedAt": ms(m.Received) + 800}}
	}
	if q := m.Quote; q != nil {
		j["quote"] = map[string]any{"id": ms(q.Sent), "authorAci": w.service(q.Author), "text": string(q.Text), "attachments": []any{}}
	}
	var reactions []any
	for _, r := range m.Reactions {
		reactions = append(reactions, map[string]any{"emoji": r.Face, "fromId": w.conversation(id(r.Author)), "timestamp": ms(r.At), "targetTimestamp": ms(m.Sent)})
	}
	if reactions != nil {
		j["reactions"] = reactions
	}
	if sticker(m) {
		pack := m.Media[0].Content % 50
		j["sticker"] = map[string]any{"packId": hex.EncodeToString(w.c.bytes("pack", pack, 16)), "packKey": base64.StdEncoding.EncodeToString(w.c.bytes("pack key", pack, 32)),
			"stickerId": m.Media[0].Content >> 60, "emoji": faces[1]}
	}
	if len(m.Edits) > 0 {
		history := []any{map[string]any{"body": string(m.Text), "timestamp": ms(m.Sent)}}
		for _, e := range m.Edits {
			history = append([]any{map[string]any{"body": string(e.Text), "timestamp": ms(e.At)}}, history...)
		}
		j["editHistory"] = history
		j["editMessageTimestamp"] = ms(m.Edits[len(m.Edits)-1].At)
	}
	return j
}
