package signalv1_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signalv1"
)

const (
	sample = "testdata/header-version1.backup"
	sent   = 1_780_000_000_000 // ms, when the first message of the fixtures was sent
	week   = 7 * 24 * 3600 * 1000
)

func passphrase(t testing.TB) signalv1.Passphrase {
	t.Helper()
	p, err := signalv1.ParsePassphrase("12345 67890 12345 67890 12345 67890")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A piece is a frame, or a frame and its blob.
type piece struct {
	frame []byte
	blob  []byte
}

const messageTable = `CREATE TABLE message (_id INTEGER PRIMARY KEY AUTOINCREMENT, date_sent INTEGER NOT NULL, date_received INTEGER NOT NULL,
 date_server INTEGER DEFAULT -1, thread_id INTEGER NOT NULL REFERENCES thread (_id) ON DELETE CASCADE, from_recipient_id INTEGER NOT NULL,
 to_recipient_id INTEGER NOT NULL, type INTEGER NOT NULL, body TEXT, expires_in INTEGER DEFAULT 0, expire_started INTEGER DEFAULT 0,
 view_once INTEGER DEFAULT 0, remote_deleted INTEGER DEFAULT 0, latest_revision_id INTEGER DEFAULT NULL REFERENCES message (_id) ON DELETE CASCADE,
 quote_id INTEGER DEFAULT 0, CHECK (type >= 0), UNIQUE (date_sent, from_recipient_id, thread_id))`

// row is one message of the fixtures.
type row struct {
	id, thread, from int
	body             any
	timer, started   int
	once, deleted    bool
	latest           any
	late             int // ms between sending and receipt
}

func (r row) frame() []byte {
	at := sent + r.id*60_000
	return signalv1.Row("message", r.id, at, at+100+r.late, at+50, r.thread, r.from, 1, 10485780, r.body, r.timer, r.started, r.once, r.deleted, r.latest, 0)
}

func attachment(id, message int, content string) []piece {
	return []piece{{frame: signalv1.Row("attachment", id, message, "image/jpeg", len(content), nil)},
		{frame: signalv1.Attachment(uint64(id), uint64(len(content))), blob: []byte(content)}}
}

// everything is a file with one of everything: two conversations and a group.
func everything() (all []piece) {
	add := func(frames ...[]byte) {
		for _, f := range frames {
			all = append(all, piece{frame: f})
		}
	}
	add(signalv1.Version(300),
		signalv1.Statement("CREATE TABLE recipient (_id INTEGER PRIMARY KEY, e164 TEXT UNIQUE, aci TEXT, pni TEXT, group_id TEXT, name TEXT)"),
		signalv1.Statement("CREATE TABLE groups (_id INTEGER PRIMARY KEY, group_id TEXT NOT NULL, recipient_id INTEGER, master_key BLOB)"),
		signalv1.Statement("CREATE TABLE thread (_id INTEGER PRIMARY KEY, date INTEGER, recipient_id INTEGER, snippet TEXT, snippet_type INTEGER, archived INTEGER)"),
		signalv1.Statement(messageTable),
		signalv1.Statement("CREATE TABLE attachment (_id INTEGER PRIMARY KEY, message_id INTEGER, content_type TEXT, data_size INTEGER, data_hash_end TEXT)"),
		signalv1.Statement("CREATE TABLE reaction (_id INTEGER PRIMARY KEY, message_id INTEGER NOT NULL REFERENCES message (_id), author_id INTEGER, emoji TEXT)"),
		signalv1.Statement("CREATE TABLE poll (_id INTEGER PRIMARY KEY, message_id INTEGER, question TEXT)"),
		signalv1.Statement("CREATE TABLE poll_option (_id INTEGER PRIMARY KEY, poll_id INTEGER, option_text TEXT)"),
		signalv1.Statement("CREATE TABLE drafts (_id INTEGER PRIMARY KEY, thread_id INTEGER, type TEXT, value TEXT)"),
		signalv1.Statement("CREATE TABLE msl_payload (_id INTEGER PRIMARY KEY, date_sent INTEGER, content BLOB)"),
		signalv1.Statement("CREATE TABLE sticker (_id INTEGER PRIMARY KEY, pack_id TEXT, file_length INTEGER)"),
		signalv1.Statement("CREATE TABLE extras (a REAL, b BLOB, c TEXT)"),
		signalv1.Statement("CREATE INDEX message_thread ON message (thread_id)"),
		signalv1.Row("recipient", 1, "+15550000001", "11111111-1111-1111-1111-111111111111", nil, nil, "Self"),
		signalv1.Row("recipient", 2, "+15550000002", "22222222-2222-2222-2222-222222222222", nil, nil, "Alice"),
		signalv1.Row("recipient", 3, "+15550000003", nil, "PNI:33333333-3333-3333-3333-333333333333", nil, "Bob"),
		signalv1.Row("recipient", 4, nil, nil, nil, "__signal_group__v2__!abcd", nil),
		signalv1.Row("recipient", 9, nil, nil, nil, nil, "nobody"),
		signalv1.Row("groups", 1, "__signal_group__v2__!abcd", 4, bytes.Repeat([]byte{7}, 32)),
		signalv1.Row("thread", 1, sent, 2, "photos", 20, 0), signalv1.Row("thread", 2, sent, 3, "in a week", 20, 0), signalv1.Row("thread", 3, sent, 4, nil, 20, 1),
		row{id: 1, thread: 1, from: 2, body: "hello"}.frame(),
		row{id: 2, thread: 1, from: 1, body: "photos"}.frame(),
		row{id: 3, thread: 2, from: 3, body: "in eight weeks", timer: 8 * week, started: sent + 200_000}.frame(),
		row{id: 4, thread: 2, from: 3, body: "not read yet", timer: week}.frame(),
		row{id: 5, thread: 2, from: 3, body: "in an hour, not read yet", timer: 3_600_000}.frame(),
		row{id: 6, thread: 3, from: 2, once: true}.frame(),
		row{id: 7, thread: 3, from: 2, deleted: true}.frame(),
		row{id: 8, thread: 3, from: 3, body: "first words", latest: 9}.frame(),
		row{id: 9, thread: 3, from: 3, body: "second thoughts", timer: 8 * week, started: sent + 500_000}.frame(),
		row{id: 12, thread: 3, from: 2, body: "late by a week", late: week}.frame(),
		row{id: 11, thread: 3, from: 2, body: strings.Repeat("long ", 3000)}.frame())
	for _, a := range [][]piece{attachment(1, 2, "photo one"), attachment(2, 2, strings.Repeat("photo two ", 50_000)), attachment(3, 2, "photo one"),
		{{frame: signalv1.Row("attachment", 4, 2, "image/png", 0, nil)}},
		attachment(5, 3, "photo of eight weeks"), attachment(6, 4, "photo that waits"), attachment(7, 5, "photo of an hour"),
		attachment(8, 6, "seen once"), attachment(9, -8675308, "wallpaper"), attachment(10, 8, "photo of the edited"), attachment(11, 1, "")} {
		all = append(all, a...)
	}
	add(signalv1.Row("reaction", 1, 2, 2, "x"), signalv1.Row("reaction", 2, 5, 2, "y"), signalv1.Row("reaction", 3, 6, 1, "z"),
		signalv1.Row("poll", 1, 5, "when?"), signalv1.Row("poll_option", 1, 1, "now"),
		signalv1.Row("drafts", 1, 1, "text", "unfinished"), signalv1.Row("msl_payload", 1, sent, []byte("what was sent")),
		signalv1.Row("sticker", 1, "00112233", 7))
	all = append(all, piece{frame: signalv1.Sticker(1, 7), blob: []byte("sticker")})
	add(signalv1.Row("extras", 2.5, []byte{0, 255}, "x"), signalv1.Row("extras", 2.5, []byte{0, 255}, "x"), signalv1.Row("extras", nil, nil, nil),
		signalv1.Preference("org.thoughtcrime.securesms_preferences", "pref_theme", "dark"),
		signalv1.KeyValue("account.aci_identity_private_key", bytes.Repeat([]byte{5}, 32)), signalv1.KeyValue("account.aci", "11111111-1111-1111-1111-111111111111"))
	all = append(all, piece{frame: signalv1.Avatar("2", 6), blob: []byte("avatar")}, piece{frame: signalv1.Avatar("1", 2), blob: []byte("me")})
	add([]byte{0x7a, 2, 8, 1}, signalv1.End()) // a kind of frame that nobody knows
	return all
}

// file seals pieces under a salt that n says.
func file(t testing.TB, all []piece, n byte, version uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	iv := bytes.Repeat([]byte{n}, 16)
	copy(iv, []byte{0xff, 0xff, 0xff, 0xf8}) // the counter wraps
	w := signalv1.NewFile(&b, passphrase(t), bytes.Repeat([]byte{n}, 32), iv, version)
	for _, p := range all {
		if err := w.Frame(p.frame); err != nil {
			t.Fatal(err)
		}
		if p.blob != nil {
			if err := w.Blob(bytes.NewReader(p.blob), int64(len(p.blob))); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b.Bytes()
}

func open(t testing.TB, file []byte) *signalv1.Source {
	t.Helper()
	s, err := signalv1.OpenBytes(file, passphrase(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// collect reads a file that has nothing wrong with it.
func collect(t testing.TB, file []byte) *signaltest.History {
	t.Helper()
	h, err := signaltest.Collect(open(t, file))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range h.Problems {
		t.Errorf("problem: %v", p)
	}
	return h
}

// write writes a history and returns the file.
func write(t testing.TB, h *signaltest.History) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := signalv1.WriteTo(&b, h, passphrase(t)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func records(t testing.TB, file []byte) (all []string) {
	t.Helper()
	rs, err := open(t, file).Records()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rs {
		all = append(all, fmt.Sprintf("%q %q", r.Frame, r.Blob))
	}
	return all
}
