package signaldesktop_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signaldesktop"
	"github.com/dayfold/dayfold/engine/source/signaldesktop/sqlcipher"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
)

var _ engine.Source = (*signaldesktop.Source)(nil)
var _ engine.History = (*signaldesktop.History)(nil)

const (
	owner = "00000000-0000-4000-8000-000000000001"
	alice = "00000000-0000-4000-8000-00000000000a"
	bob   = "00000000-0000-4000-8000-00000000000b"
	sent  = int64(1750000000000) // the first message's time, ms; the others follow by the minute
)

// now is when the tests back up.
var now = time.UnixMilli(sent).Add(24 * time.Hour)

// generations are the versions of the schema whose tables differ.
var generations = []int{19, 23, 88, 1270, 1360}

// A profile is one of a generation, in the making.
type profile struct {
	t          testing.TB
	dir        string
	generation int
	db         *sqlcipher.Writer
	rows       int64
}

type object = map[string]any

// newProfile makes a profile with a message of every kind.
func newProfile(t testing.TB, generation int) *profile {
	t.Helper()
	p := &profile{t: t, dir: t.TempDir(), generation: generation}
	p.must(os.MkdirAll(filepath.Join(p.dir, "sql"), 0o700))
	p.must(os.WriteFile(filepath.Join(p.dir, "config.json"), []byte(`{"key":"`+hexKey+`","other":1}`), 0o600))
	f, err := os.Create(filepath.Join(p.dir, "sql/db.sqlite"))
	p.must(err)
	t.Cleanup(func() { f.Close() })
	p.db, err = sqlcipher.Create(f, dbKey, [16]byte{9})
	p.must(err)
	t.Cleanup(func() { p.db.Close() })
	p.tables()
	p.people()
	p.messages()
	return p
}

var dbKey = sqlcipher.Key{1, 2, 3, 31: 32}
var hexKey = hex.EncodeToString(dbKey[:])

func (p *profile) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *profile) exec(sql string, args ...any) {
	p.t.Helper()
	q, _, err := p.db.Prepare(sql)
	p.must(err)
	for i, arg := range args {
		switch v := arg.(type) {
		case nil:
		case string:
			p.must(q.BindText(i+1, v))
		case int:
			p.must(q.BindInt64(i+1, int64(v)))
		case int64:
			p.must(q.BindInt64(i+1, v))
		}
	}
	p.must(q.Exec())
	p.must(q.Close())
}

func (p *profile) tables() {
	messages := "rowid INTEGER PRIMARY KEY ASC, id TEXT UNIQUE, json TEXT, sent_at INTEGER, conversationId TEXT, received_at INTEGER, type TEXT, body TEXT, expireTimer INTEGER, expirationStartTimestamp INTEGER, isViewOnce INTEGER"
	conversations := "id TEXT PRIMARY KEY ASC, json TEXT, active_at INTEGER, type TEXT, members TEXT, name TEXT, profileName TEXT"
	if p.generation >= 20 {
		conversations += ", e164 TEXT, " + p.serviceColumn() + " TEXT, groupId TEXT, profileFamilyName TEXT"
		messages += ", source TEXT, isErased INTEGER"
	}
	if p.generation >= 23 {
		messages += ", " + map[bool]string{false: "sourceUuid", true: "sourceServiceId"}[p.generation >= 88] + " TEXT"
	}
	if p.generation >= 1270 {
		messages += ", received_at_ms INTEGER, serverTimestamp INTEGER, timestamp INTEGER, readStatus INTEGER, storyId TEXT, new_column REAL, expiresAt INTEGER GENERATED ALWAYS AS (sent_at + 1) VIRTUAL"
	}
	for _, sql := range []string{
		"CREATE TABLE items(id TEXT PRIMARY KEY, json TEXT)", "CREATE TABLE sessions(id TEXT, record TEXT)",
		"CREATE TABLE messages(" + messages + ")", "CREATE TABLE conversations(" + conversations + ")",
		"CREATE TABLE sticker_packs(id TEXT PRIMARY KEY, key TEXT, title TEXT)",
		"CREATE TABLE stickers(id INTEGER, packId TEXT, isCoverOnly INTEGER, path TEXT, PRIMARY KEY (id, packId))",
		"CREATE TABLE chatFolders(id TEXT PRIMARY KEY, name TEXT, includedConversationIds TEXT)",
		"CREATE TABLE callsHistory(callId TEXT, peerId TEXT, timestamp INTEGER)",
	} {
		p.exec(sql)
	}
	if p.generation >= 1360 {
		p.exec(`CREATE TABLE message_attachments(messageId TEXT NOT NULL, editHistoryIndex INTEGER NOT NULL, attachmentType TEXT NOT NULL, orderInMessage INTEGER NOT NULL,
			size INTEGER, contentType TEXT, path TEXT, plaintextHash TEXT, localKey TEXT, fileName TEXT, version INTEGER,
			PRIMARY KEY (messageId, editHistoryIndex, attachmentType, orderInMessage)) WITHOUT ROWID`)
	}
	p.exec(fmt.Sprintf("PRAGMA user_version = %d", p.generation))
}

// serviceColumn is what the column of service ids is named.
func (p *profile) serviceColumn() string {
	if p.generation < 88 {
		return "uuid"
	}
	return "serviceId"
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (p *profile) people() {
	p.exec("INSERT INTO items VALUES('uuid_id', ?)", text(object{"id": "uuid_id", "value": owner + ".2"}))
	p.exec("INSERT INTO items VALUES('storageKey', 'account secret')")
	p.exec("INSERT INTO sessions VALUES('1', 'session secret')")
	avatar := p.file(70, 3000, p.generation >= 88)
	for _, c := range []struct{ id, service, e164, name string }{{"self", owner, "+15550001", "Me"}, {"chat-a", alice, "+15550002", "Alice"}, {"chat-b", bob, "+15550003", "Bob"}} {
		j := object{"id": c.id, "uuid": c.service, "e164": c.e164, "lastMessage": "preview secret", "lastMessageAuthor": "x", "expireTimer": 60}
		if c.id == "chat-a" {
			j["profileAvatar"] = avatar
		}
		p.exec("INSERT INTO conversations(id, json, type, name, profileName, active_at) VALUES(?,?,'private',?,?,7)", c.id, text(j), c.name, c.name)
		if p.generation >= 20 {
			p.exec("UPDATE conversations SET e164=?, "+p.serviceColumn()+"=? WHERE id=?", c.e164, c.service, c.id)
		}
	}
	p.exec("INSERT INTO conversations(id, json, type, name, members) VALUES('group-1', ?, 'group', 'Friends', ?)",
		text(object{"masterKey": base64.StdEncoding.EncodeToString(make([]byte, 32)), "groupId": "Z3JvdXA="}), alice+" "+bob)
	p.exec("INSERT INTO sticker_packs VALUES('0102', 'AQI=', 'Cats')")
	p.exec("INSERT INTO stickers VALUES(1, '0102', 0, ?)", p.plain("stickers.noindex", 60, 900))
	p.exec("INSERT INTO chatFolders VALUES(?, 'Close', '[\"chat-a\"]')", bob)
	p.exec("INSERT INTO callsHistory VALUES('1', 'chat-a', ?)", sent)
}

// plain writes a file that is not sealed and returns its path.
func (p *profile) plain(dir string, n uint64, size int) string {
	path := fmt.Sprintf("%02x/plain%d", n, n)
	p.write(dir+"/"+path, signaltest.NewFile(n, size).Content)
	return path
}

func (p *profile) write(name string, content []byte) {
	name = filepath.Join(p.dir, filepath.FromSlash(name))
	p.must(os.MkdirAll(filepath.Dir(name), 0o700))
	p.must(os.WriteFile(name, content, 0o600))
}

// file writes an attachment and returns what a message's JSON says of it: sealed as
// version 2, or in clear and without a hash.
func (p *profile) file(n uint64, size int, sealed bool) object {
	f := signaltest.NewFile(n, size)
	if !sealed {
		return object{"path": p.plain("attachments.noindex", n, size), "size": size, "contentType": "image/jpeg"}
	}
	var b strings.Builder
	p.must(f.SealMedia(&b, strings.NewReader(strings.Repeat("i", 16)), strings.NewReader(string(f.Content))))
	path := fmt.Sprintf("%02x/sealed%d", n, n)
	p.write("attachments.noindex/"+path, []byte(b.String()))
	return object{"path": path, "size": size, "contentType": "image/jpeg", "version": 2, "plaintextHash": hex.EncodeToString(f.Hash[:]),
		"localKey": base64.StdEncoding.EncodeToString(f.LocalKey[:])}
}

// message writes a row: what j has goes into columns where the generation has them, and
// attachments into their table.
func (p *profile) message(chat, from string, j object) {
	p.rows++
	at := sent + p.rows*60000
	id := fmt.Sprintf("message-%d", p.rows)
	if j["type"] == nil {
		j["type"] = map[bool]string{true: "outgoing", false: "incoming"}[from == owner]
	}
	j["id"], j["conversationId"], j["sent_at"], j["received_at"], j["received_at_ms"] = id, chat, at, at+500, at+500
	if from != owner {
		j["source"], j["sourceUuid"] = map[string]string{alice: "+15550002", bob: "+15550003"}[from], from
	}
	if p.generation >= 1360 {
		p.attach(id, -1, j)
	}
	columns := object{}
	if p.generation >= 1270 {
		for from, to := range map[string]string{"body": "body", "type": "type", "expireTimer": "expireTimer", "expirationStartTimestamp": "expirationStartTimestamp",
			"received_at_ms": "received_at_ms", "isViewOnce": "isViewOnce", "sourceUuid": "sourceServiceId", "storyId": "storyId"} {
			if v, ok := j[from]; ok {
				columns[to] = v
				delete(j, from)
			}
		}
		delete(j, "source")
		delete(j, "sent_at")
	} else if p.generation < 23 {
		delete(j, "sourceUuid")
	}
	p.exec("INSERT INTO messages(rowid, id, json, sent_at, conversationId, received_at) VALUES(?,?,?,?,?,?)", p.rows, id, text(j), at, chat, p.rows)
	for name, v := range columns {
		if b, ok := v.(bool); ok {
			v = map[bool]int{true: 1}[b]
		}
		p.exec("UPDATE messages SET "+name+"=? WHERE rowid=?", v, p.rows)
	}
}

// attach moves the attachments of j into their table.
func (p *profile) attach(id string, edit int, j object) {
	put := func(kind string, order int, a object) {
		p.exec("INSERT INTO message_attachments VALUES(?,?,?,?,?,?,?,?,?,?,?)", id, edit, kind, order, a["size"], a["contentType"], a["path"], a["plaintextHash"], a["localKey"], nil, a["version"])
	}
	if list, ok := j["attachments"].([]object); ok {
		for i, a := range list {
			put("attachment", i, a)
		}
		delete(j, "attachments")
	}
	if a, ok := j["bodyAttachment"].(object); ok {
		put("long-message", 0, a)
		delete(j, "bodyAttachment")
	}
	if q, ok := j["quote"].(object); ok {
		if list, ok := q["attachments"].([]object); ok {
			for i, a := range list {
				put("quote", i, a["thumbnail"].(object))
				delete(a, "thumbnail")
			}
		}
	}
	if history, ok := j["editHistory"].([]object); ok {
		for i, e := range history {
			p.attach(id, i, e)
		}
	}
}

func (p *profile) messages() {
	old := p.generation < 1000 // attachments in clear, hashes unknown
	in, out := alice, owner
	p.message("chat-a", in, object{"body": "hello", "reactions": []object{{"emoji": "❤", "fromId": "self", "timestamp": sent}}})
	p.message("chat-a", in, object{"body": "look", "attachments": []object{p.file(1, 2000, !old), p.file(2, 700000, !old)}})
	p.message("chat-a", out, object{"body": "old file", "attachments": []object{p.file(3, 5000, false)}})
	p.message("chat-a", in, object{"isViewOnce": true, "attachments": []object{p.file(4, 2500, !old)}})
	p.message("chat-a", out, object{"body": "about that", "quote": object{"id": sent + 4*60000, "authorAci": alice, "authorUuid": alice, "isViewOnce": true, "text": "",
		"attachments": []object{{"thumbnail": p.file(5, 2600, !old)}}}})
	p.message("chat-a", in, object{"body": "started", "expireTimer": 3 * 86400, "expirationStartTimestamp": sent + 86400000})
	p.message("chat-a", in, object{"body": "waiting", "expireTimer": 7 * 86400})
	p.message("chat-a", in, object{"body": "soon gone", "expireTimer": 86400, "expirationStartTimestamp": sent + 3600000, "attachments": []object{p.file(6, 2700, !old)}})
	p.message("chat-a", in, object{"deletedForEveryone": true})
	p.message("chat-a", in, object{"body": "third", "editHistory": []object{
		{"body": "third", "timestamp": sent + 90*60000}, {"body": "second", "timestamp": sent + 80*60000, "attachments": []object{p.file(7, 900, !old)}}, {"body": "first", "timestamp": sent + 10*60000}}})
	p.message("group-1", bob, object{"body": "\ufffc hi all", "bodyRanges": []object{{"start": 0, "length": 1, "mentionAci": alice}}, "quote": object{"id": sent + 60000, "authorAci": alice, "text": "hello"}})
	p.message("chat-a", in, object{"type": "story", "body": "a story"})
	p.message("chat-a", in, object{"type": "call-history"})
	p.message("chat-a", in, object{"type": "keychange"})
	long := p.file(8, 9000, !old)
	long["contentType"] = signal.LongText
	p.message("chat-a", in, object{"body": "begin of a long", "bodyAttachment": long})
	p.message("chat-a", in, object{"body": "not loaded", "attachments": []object{{"size": 10, "contentType": "image/png"}}})
	p.db.BeginLog()
	p.message("chat-b", bob, object{"body": "in the log"})
	p.log()
}

// log writes the database's log.
func (p *profile) log() {
	f, err := os.Create(filepath.Join(p.dir, "sql/db.sqlite-wal"))
	p.must(err)
	p.must(p.db.WriteLog(f))
	p.must(f.Close())
}

func (p *profile) open() *signaldesktop.Source {
	p.t.Helper()
	s, err := signaldesktop.Open(p.dir, signaldesktop.Options{Temp: p.t.TempDir()})
	p.must(err)
	p.t.Cleanup(func() { s.Close() })
	return s
}

// archive backs the profile up into a new archive and returns what is in it.
func (p *profile) archive(opt engine.BackupOptions) (*engine.View, engine.Report) {
	p.t.Helper()
	return p.archiveIn(engine.Options{}, opt)
}

// archiveIn is archive with options of the archive.
func (p *profile) archiveIn(in engine.Options, opt engine.BackupOptions) (*engine.View, engine.Report) {
	p.t.Helper()
	in.Now, in.Temp = func() time.Time { return now }, p.t.TempDir()
	key, err := seal.NewRecoveryKey(strings.NewReader(strings.Repeat("0123456789abcdef", 64)))
	p.must(err)
	a, err := engine.Create(p.t.Context(), new(store.Mem), key, in)
	p.must(err)
	p.t.Cleanup(func() { a.Close() })
	s := p.open()
	s.PerGroup(a.Strict())
	r, err := a.Backup(p.t.Context(), s, opt)
	p.must(err)
	v, err := a.View(p.t.Context(), "latest")
	p.must(err)
	return v, r
}

// state is the bytes and the times of all files below a folder.
func state(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content, _ := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %v %v %x\n", path, info.Mode(), info.ModTime().UnixNano(), sha256.Sum256(content))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// contents is everything that an archive holds.
func contents(t testing.TB, h engine.History) map[string]string {
	t.Helper()
	all := map[string]string{}
	for it, err := range h.Items(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		content := string(it.Inline)
		if it.Open != nil {
			r, err := it.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err = errors.Join(err, r.Close()); err != nil {
				t.Fatal(err)
			}
			content = string(b)
		}
		all[string(it.Key)] = content
	}
	return all
}
