package signalv1_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/export"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signalv1"
)

var _ engine.History = (*signalv1.History)(nil)

// wide is a table of messages with all that an export can say.
const wide = `CREATE TABLE message (_id INTEGER PRIMARY KEY, date_sent INTEGER, date_received INTEGER, thread_id INTEGER, from_recipient_id INTEGER, to_recipient_id INTEGER,
 type INTEGER, body TEXT, read INTEGER, has_read_receipt INTEGER, story_type INTEGER, parent_story_id INTEGER, quote_id INTEGER, quote_author INTEGER, quote_body TEXT,
 quote_mentions BLOB, shared_contacts TEXT, link_previews TEXT, message_ranges BLOB, remote_deleted INTEGER, latest_revision_id INTEGER, original_message_id INTEGER, revision_number INTEGER)`

// saying is a row of that table: what is not nil stands in the columns from body on.
func saying(id int, kind int64, from, to int, more ...any) []byte {
	values := append([]any{id, sent + id, sent + id + 500, 1, from, to, kind}, more...)
	for len(values) < 23 {
		values = append(values, nil)
	}
	return signalv1.Row("message", values...)
}

const (
	in, out, failed = 0xa00014, 0xa00017, 0xa00018
)

// talk is a history with a message of every kind.
func talk() (all []piece) {
	add := func(frames ...[]byte) {
		for _, f := range frames {
			all = append(all, piece{frame: f})
		}
	}
	bold := []byte{10, 6, 8, 1, 16, 3, 32, 0} // from 1, 3 long, bold
	add(signalv1.Version(300),
		signalv1.Statement("CREATE TABLE recipient (_id INTEGER PRIMARY KEY, e164 TEXT, aci TEXT, group_id TEXT, profile_given_name TEXT, message_expiration_time INTEGER)"),
		signalv1.Statement("CREATE TABLE groups (_id INTEGER PRIMARY KEY, group_id TEXT, title TEXT, master_key BLOB)"),
		signalv1.Statement("CREATE TABLE group_membership (_id INTEGER PRIMARY KEY, group_id TEXT, recipient_id INTEGER)"),
		signalv1.Statement("CREATE TABLE thread (_id INTEGER PRIMARY KEY, recipient_id INTEGER, archived INTEGER)"),
		signalv1.Statement(wide),
		signalv1.Statement("CREATE TABLE attachment (_id INTEGER PRIMARY KEY, message_id INTEGER, content_type TEXT, data_size INTEGER, quote INTEGER, voice_note INTEGER, sticker_pack_id TEXT)"),
		signalv1.Statement("CREATE TABLE mention (_id INTEGER PRIMARY KEY, message_id INTEGER, recipient_id INTEGER, range_start INTEGER, range_length INTEGER)"),
		signalv1.Statement("CREATE TABLE reaction (_id INTEGER PRIMARY KEY, message_id INTEGER, author_id INTEGER, emoji TEXT, date_sent INTEGER, date_received INTEGER)"),
		signalv1.Statement("CREATE TABLE group_receipts (_id INTEGER PRIMARY KEY, mms_id INTEGER, recipient_id INTEGER, status INTEGER)"),
		signalv1.Statement("CREATE TABLE poll (_id INTEGER PRIMARY KEY, message_id INTEGER, question TEXT)"),
		signalv1.Statement("CREATE TABLE call (_id INTEGER PRIMARY KEY, peer INTEGER)"),
		signalv1.Statement("CREATE TABLE sticker (_id INTEGER PRIMARY KEY, pack_id TEXT, pack_key TEXT)"),
		signalv1.Row("recipient", 1, "+15550000001", "11111111-1111-1111-1111-111111111111", nil, "Me", 0),
		signalv1.Row("recipient", 2, "+15550000002", "22222222-2222-2222-2222-222222222222", nil, "Alice", 60),
		signalv1.Row("recipient", 3, nil, nil, "__signal_group__v2__!ab", nil, 0),
		signalv1.Row("groups", 1, "__signal_group__v2__!ab", "Friends", bytes.Repeat([]byte{7}, 32)), signalv1.Row("group_membership", 1, "__signal_group__v2__!ab", 2),
		signalv1.Row("thread", 1, 2, 1), signalv1.Row("thread", 2, 3, 0),
		saying(1, in, 2, 1, "hello", 1), saying(2, out, 1, 2, "read", 0, 1), saying(3, out, 1, 3, "to the group"), saying(4, failed, 1, 2, "not gone"),
		saying(5, in, 2, 1, "￼ is bold", 0, 0, 0, 0, 0, nil, nil, nil, nil, nil, bold),
		saying(6, out, 1, 2, "so?", 0, 0, 0, 0, sent+1, 2, "hello", []byte{1}), saying(7, in, 77, 1, "who", 0, 0, 0, 0, 0, nil, nil, nil, "[{\"name\":{}}]"),
		saying(8, in, 2, 1, "https://a.example", 0, 0, 0, 0, 0, nil, nil, nil, nil, `[{"url":"https://a.example","title":"A","attachmentId":{"rowId":4}}]`),
		saying(9, in, 2, 1, "first", 0, 0, 0, 0, 0, nil, nil, nil, nil, nil, nil, 0, 10), saying(10, in, 2, 1, "second", 0, 0, 0, 0, 0, nil, nil, nil, nil, nil, nil, 0, nil, 9, 1),
		saying(11, in, 2, 1, "gone", 0, 0, 0, 0, 0, nil, nil, nil, nil, nil, nil, 1), saying(12, in, 2, 1, "a story", 0, 0, 1), saying(13, in, 2, 1, "to a story", 0, 0, 0, -5),
		saying(14, 3, 2, 1), saying(15, 0x40014, 2, 1), saying(16, 4, 2, 1), saying(17, 0x600000000|in, 2, 1), saying(18, in, 2, 1, nil),
		saying(19, in, 2, 1, "older version of what is gone", 0, 0, 0, 0, 0, nil, nil, nil, nil, nil, nil, 0, 999))
	shown := func(id, message int, kind string, quote, voice int, pack any, content string) {
		add(signalv1.Row("attachment", id, message, kind, len(content), quote, voice, pack))
		if content != "" {
			all = append(all, piece{frame: signalv1.Attachment(uint64(id), uint64(len(content))), blob: []byte(content)})
		}
	}
	shown(1, 1, "image/jpeg", 0, 0, nil, "a photo")
	shown(2, 1, "audio/aac", 0, 1, nil, "a voice")
	shown(3, 6, "image/jpeg", 1, 0, nil, "a thumbnail")
	shown(4, 8, "image/png", 0, 0, nil, "a preview")
	shown(5, 9, "image/jpeg", 0, 0, nil, "a photo") // the same, of an older version
	shown(6, 2, "text/x-signal-plain", 0, 0, nil, "a long text")
	shown(7, 16, "image/jpeg", 0, 0, nil, "")
	shown(8, 5, "image/jpeg", 0, 0, nil, "") // not loaded
	shown(9, 7, "image/webp", 0, 0, "0102", "a sticker")
	add(signalv1.Row("mention", 1, 5, 2, 0, 1), signalv1.Row("reaction", 1, 9, 1, "👍", sent, sent), signalv1.Row("reaction", 2, 10, 2, "❤", sent, sent+1),
		signalv1.Row("group_receipts", 1, 3, 2, 2), signalv1.Row("poll", 1, 18, "when?"), signalv1.Row("call", 1, 2),
		signalv1.Row("sticker", 1, "0102", "aabb"), signalv1.Row("sticker", 2, "0102", "aabb"),
		signalv1.KeyValue("account.aci_identity_private_key", bytes.Repeat([]byte{5}, 32)), signalv1.KeyValue("account.aci", "11111111-1111-1111-1111-111111111111"))
	return append(all, piece{frame: signalv1.Avatar("2", 6), blob: []byte("avatar")}, piece{frame: signalv1.End()})
}

// wantTold are the messages of talk in an export, by brief.
const wantTold = `
1 incoming read:true 2 "hello" image/jpeg audio/aac flag:VOICE_MESSAGE
2 outgoing 2:read 1 "read" long
3 outgoing 2:read 1 "to the group"
4 outgoing 2:failed 1 "not gone"
5 incoming 2 "￼ is bold" 0+1:22222222 1+3:BOLD image/jpeg no file
6 outgoing 2:sent 1 quotes 1 of 2 "hello" image/jpeg "so?"
7 incoming 1099511627777 sticker image/webp
8 incoming 2 "https://a.example" https://a.example "A" image/png
10 incoming 2 "second" 👍❤ was 9 incoming 2 "first" image/jpeg
11 incoming 2 deleted
13 incoming 2 story "to a story"
16 update:JOINED_SIGNAL 2
17 update:MESSAGE_REQUEST_ACCEPTED 2
18 incoming 2 "when?"
19 incoming 2 "older version of what is gone"
`

// The rest of a long text is no media to rules, and nothing else is.
func TestLongTextsAreText(t *testing.T) {
	h := collect(t, file(t, talk(), 1, 1))
	texts := 0
	for it := range h.Items(t.Context()) {
		if !it.Text {
			continue
		}
		texts++
		r, err := it.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if content, err := io.ReadAll(r); err != nil || it.Kind != engine.Media || string(content) != "a long text" {
			t.Errorf("%s, %q, is text, %v", it.Key, content, err)
		}
		r.Close()
	}
	if texts != 1 {
		t.Errorf("%d long texts, want 1", texts)
	}
}

// A file goes out as Signal's plaintext export; what that has no place for is counted.
func TestExport(t *testing.T) {
	rows := collect(t, file(t, talk(), 1, 1))
	h, err := signalv1.NewHistory(t.Context(), rows)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	w, err := export.Write(t.Context(), dir, h, export.WriteOptions{})
	if err != nil || w.Missing.Count > 0 || w.Unknown > 0 || len(w.Left) > 0 || w.Media != 6 {
		t.Errorf("written: %+v, %v", w, err)
	}
	want := "map[attachments without a file:1 avatars, wallpapers and stickers that nobody sent:1 contact cards:1 notices: call:1 notices: timer:1 " +
		"polls' votes:1 rows: call:1 settings:2 stories:1 styles of quotes:1 unknown authors:1]"
	for range h.Items(t.Context()) { // once more, which counts once
	}
	if got := fmt.Sprint(h.Left()); got != want {
		t.Errorf("left out %s\nwant %s", got, want)
	}
	b, err := os.ReadFile(filepath.Join(dir, "main.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`{"account":{"givenName":"Me"}}`, `"profileGivenName":"Alice"`, `"title":{"title":"Friends"}`, `"archived":true`, `"expirationTimerMs":"60000"`, `"packKey":"qrs="`} {
		if !bytes.Contains(b, []byte(line)) {
			t.Errorf("no %s in\n%s", line, b)
		}
	}
	var told []string
	for line := range strings.Lines(string(b)) {
		var o struct{ ChatItem map[string]any }
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		if o.ChatItem != nil {
			told = append(told, brief(o.ChatItem))
		}
	}
	if got := "\n" + strings.Join(told, "\n") + "\n"; got != wantTold {
		t.Errorf("messages are%s\nwant%s", got, wantTold)
	}
	s, err := export.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if again, err := signaltest.Collect(s); err != nil || len(again.Problems) > 0 {
		t.Errorf("read back: %v, %v", err, again.Problems)
	}
}

// Each item is the same by its key as in the order of all.
func TestHistoryByKey(t *testing.T) {
	for name, all := range map[string][]piece{"talk": talk(), "everything": everything()} {
		rows := collect(t, file(t, all, 1, 1))
		h, err := signalv1.NewHistory(t.Context(), rows)
		if err != nil {
			t.Fatal(err)
		}
		last := ""
		for it, err := range h.Items(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got, err := h.Item(t.Context(), it.Key)
			a, err1 := signal.Content(t.Context(), &it)
			b, err2 := signal.Content(t.Context(), &got)
			it.Open, got.Open, it.Inline, got.Inline = nil, nil, nil, nil
			if err = errors.Join(err, err1, err2); err != nil || fmt.Sprint(it) != fmt.Sprint(got) || !bytes.Equal(a, b) {
				t.Errorf("%s: %s is %v, %v", name, it.Key, got, err)
			}
			if it.Kind != engine.Media && last >= string(it.Key) {
				t.Errorf("%s: %s comes after %s", name, it.Key, last)
			}
			last = string(it.Key)
		}
	}
}

// brief is a message of an export in one line.
func brief(m map[string]any) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, " "+format, args...) }
	if d, ok := m["incoming"].(map[string]any); ok {
		if say("incoming"); d["read"] != nil {
			say("read:%v", d["read"])
		}
	}
	if d, ok := m["outgoing"].(map[string]any); ok {
		say("outgoing")
		list, _ := d["sendStatus"].([]any)
		for _, s := range list {
			for key := range s.(map[string]any) {
				if key != "recipientId" && key != "timestamp" {
					say("%v:%s", s.(map[string]any)["recipientId"], key)
				}
			}
		}
	}
	if u, ok := m["updateMessage"].(map[string]any); ok {
		say("update:%v", u["simpleUpdate"].(map[string]any)["type"])
	}
	say("%v", m["authorId"])
	if o, ok := m["standardMessage"].(map[string]any); ok {
		standard(say, o)
	}
	if o, ok := m["stickerMessage"].(map[string]any); ok {
		say("sticker")
		pointer(say, o["sticker"].(map[string]any)["data"].(map[string]any))
	}
	if m["remoteDeletedMessage"] != nil {
		say("deleted")
	}
	if o, ok := m["directStoryReplyMessage"].(map[string]any); ok {
		say("story %q", o["textReply"].(map[string]any)["text"].(map[string]any)["body"])
	}
	past, _ := m["revisions"].([]any)
	for _, r := range past {
		say("was %s", brief(r.(map[string]any)))
	}
	return minutes(m["dateSent"]) + b.String()
}

// minutes is which message of talk was sent then.
func minutes(v any) string {
	var n int
	fmt.Sscan(fmt.Sprint(v), &n)
	return fmt.Sprint(n - sent)
}

func standard(say func(string, ...any), o map[string]any) {
	if q, ok := o["quote"].(map[string]any); ok {
		say("quotes %s of %v %q", minutes(q["targetSentTimestamp"]), q["authorId"], q["text"].(map[string]any)["body"])
		for _, a := range q["attachments"].([]any) {
			pointer(say, a.(map[string]any)["thumbnail"].(map[string]any)["pointer"].(map[string]any))
		}
	}
	if t, ok := o["text"].(map[string]any); ok {
		say("%q", t["body"])
		list, _ := t["bodyRanges"].([]any)
		for _, r := range list {
			o := r.(map[string]any)
			what := fmt.Sprint(o["style"])
			if text, ok := o["mentionAci"].(string); ok {
				var aci []byte
				_ = json.Unmarshal([]byte(`"`+text+`"`), &aci)
				what = fmt.Sprintf("%x", aci)[:8]
			}
			start, ok := o["start"]
			if !ok {
				start = 0
			}
			say("%v+%v:%s", start, o["length"], what)
		}
	}
	list, _ := o["linkPreview"].([]any)
	for _, l := range list {
		p := l.(map[string]any)
		say("%v %q", p["url"], p["title"])
		pointer(say, p["image"].(map[string]any))
	}
	list, _ = o["attachments"].([]any)
	for _, a := range list {
		if pointer(say, a.(map[string]any)["pointer"].(map[string]any)); a.(map[string]any)["flag"] != nil {
			say("flag:%v", a.(map[string]any)["flag"])
		}
	}
	if o["longText"] != nil {
		say("long")
	}
	faces := ""
	list, _ = o["reactions"].([]any)
	for _, r := range list {
		faces += fmt.Sprint(r.(map[string]any)["emoji"])
	}
	if faces != "" {
		say("%s", faces)
	}
}

func pointer(say func(string, ...any), p map[string]any) {
	say("%v", p["contentType"])
	if l, _ := p["locatorInfo"].(map[string]any); l["plaintextHash"] == nil {
		say("no file")
	}
}
