package signalv1_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signalv1"
)

func TestKnownAnswers(t *testing.T) {
	var known struct {
		Salt   string `json:"v1_salt_hex"`
		Backup string `json:"v1_backup_key_hex"`
		Cipher string `json:"v1_cipher_key_hex"`
		MAC    string `json:"v1_mac_key_hex"`
	}
	text, err := os.ReadFile("../signal/testdata/known-answers.json")
	if err == nil {
		err = json.Unmarshal(text, &known)
	}
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	salt, version, err := signalv1.Header(file)
	if err != nil || hex.EncodeToString(salt) != known.Salt || version != 1 {
		t.Errorf("header: %x, version %d, %v", salt, version, err)
	}
	for _, c := range []struct{ what, passphrase, salt, backup, cipher, mac string }{
		{"sample", strings.Repeat("1234567890", 3), known.Salt, known.Backup, known.Cipher, known.MAC},
		{"no salt", "password", "", "c996f5b52d80d5053af9d1f6fded9c2f227f9000408637c4450ba15442b3e8a9", "", ""},
		{"short salt", "password", "00010203", "648c165f7981d0505ddf3b6c79bc5437b61edccfcef7077e08ebaf6d3c82e538",
			"44fc12038815ea4842285567353dc78574a161301af6918e04b3f2fe155a138a", "4412ded40b40145fdd2d31e8a5149cefefe672196666905f50b2c00472473b5b"},
	} {
		salt, _ := hex.DecodeString(c.salt)
		backup := signalv1.Stretch(c.passphrase, salt)
		cipher, mac := signalv1.Expand(backup)
		if got := hex.EncodeToString(backup); got != c.backup {
			t.Errorf("%s: backup key %s, want %s", c.what, got, c.backup)
		}
		if c.cipher != "" && (hex.EncodeToString(cipher) != c.cipher || hex.EncodeToString(mac) != c.mac) {
			t.Errorf("%s: cipher key %x, HMAC key %x", c.what, cipher, mac)
		}
	}
}

func TestPassphrase(t *testing.T) {
	p := passphrase(t)
	for _, text := range []string{"123456789012345678901234567890", " 12345\n67890 12345\t67890 12345 67890 "} {
		if q, err := signalv1.ParsePassphrase(text); err != nil || q != p {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", strings.Repeat("1", 29), strings.Repeat("1", 31), strings.Repeat("x", 30)} {
		if _, err := signalv1.ParsePassphrase(text); err == nil || len(text) > 0 && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if got := p.Reveal(); got != "12345 67890 12345 67890 12345 67890" {
		t.Errorf("revealed as %q", got)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if s := fmt.Sprintf(verb, p); strings.Contains(s, "123") || strings.Contains(s, "313233") {
			t.Errorf("%s prints %s", verb, s)
		}
	}
	if b, err := json.Marshal(p); err != nil || strings.Contains(string(b), "123") {
		t.Errorf("JSON %s, %v", b, err)
	}
	q, err := signalv1.NewPassphrase(bytes.NewReader(bytes.Repeat([]byte{0x13, 0x57, 0x90}, 100)))
	if err != nil || len(q.Reveal()) != 35 {
		t.Errorf("drawn: %d characters, %v", len(q.Reveal()), err)
	}
}

func TestSampleComesBack(t *testing.T) {
	b, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	h := collect(t, b)
	again := write(t, h)
	got, want := records(t, again), records(t, b)
	want = slices.DeleteFunc(want, func(r string) bool { return strings.Contains(r, "INSERT INTO thread ") })
	got = slices.DeleteFunc(got, func(r string) bool { return strings.Contains(r, "INSERT INTO thread ") })
	if len(h.Once) != 1 || len(got) != len(want)-1 {
		t.Errorf("%d records come back of %d, %d seen once", len(got), len(want), len(h.Once))
	}
	same(t, collect(t, again), h)
}

// same compares two histories, item for item.
func same(t *testing.T, got, want *signaltest.History) {
	t.Helper()
	if !slices.Equal(got.Keys(), want.Keys()) {
		t.Fatalf("keys are\n%s\nwant\n%s", strings.Join(got.Keys(), "\n"), strings.Join(want.Keys(), "\n"))
	}
	for _, key := range want.Keys() {
		a, _ := got.Item(t.Context(), []byte(key))
		b, _ := want.Item(t.Context(), []byte(key))
		a.Open, b.Open, a.Inline, b.Inline = nil, nil, nil, nil
		if fmt.Sprint(a) != fmt.Sprint(b) || !bytes.Equal(got.Content(t, key), want.Content(t, key)) {
			t.Errorf("%s is %v, want %v", key, a, b)
		}
	}
	if a, b := got.Info(), want.Info(); a.Kind != b.Kind || a.Label != b.Label || !bytes.Equal(a.Data, b.Data) {
		t.Errorf("info is %v, want %v", a, b)
	}
}

// Reader, archive, writer, reader is the identity: on frames and blobs, and on their
// order, whatever the version of the header.
func TestEverythingComesBack(t *testing.T) {
	for version := range uint64(2) {
		b := file(t, everything(), 1, version)
		h := collect(t, b)
		again := write(t, h)
		got, want := records(t, again), records(t, b)
		gone := func(all, other []string) (kept []string, gone int) {
			kept = slices.DeleteFunc(slices.Clone(all), func(r string) bool { return !slices.Contains(other, r) })
			return kept, len(all) - len(kept)
		}
		kept, left := gone(want, got)
		back, changed := gone(got, want)
		if !slices.Equal(kept, back) {
			t.Errorf("version %d: the records come back in another order", version)
		}
		// A message that may be seen once, its attachment's row and blob, and a reaction are
		// left out; two conversations lose the preview of what disappears.
		if left != 6 || changed != 2 {
			t.Errorf("version %d: %d records are missing, %d new, want 6 and 2", version, left, changed)
		}
		same(t, collect(t, again), h)
	}
}

// A file that is written has a salt and an IV of its own, and one name only once.
func TestWriteIsFresh(t *testing.T) {
	h := collect(t, file(t, everything(), 1, 1))
	dir := t.TempDir()
	opt := signalv1.WriteOptions{Now: time.Date(2026, 1, 5, 3, 0, 0, 0, time.UTC)}
	done, err := signalv1.Write(t.Context(), dir, h, passphrase(t), opt)
	if err != nil || done.Media != 12 || done.Missing.Count > 0 || len(done.Left) > 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := signalv1.Write(t.Context(), dir, h, passphrase(t), opt); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second time: %v", err)
	}
	opt.Now = opt.Now.Add(time.Second)
	if _, err := signalv1.Write(t.Context(), dir, h, passphrase(t), opt); err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(names) != 2 {
		t.Fatalf("%v", names)
	}
	var heads [2][]byte
	for i, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		info, _ := os.Stat(name)
		if heads[i] = b[:60]; info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
	}
	if bytes.Equal(heads[0], heads[1]) {
		t.Error("two files have one salt and one IV")
	}
}

func TestTwoDaysShareAll(t *testing.T) {
	a, b := collect(t, file(t, everything(), 1, 1)), collect(t, file(t, everything(), 2, 1))
	same(t, b, a)
}

// find returns the only item whose content holds text.
func find(t *testing.T, h *signaltest.History, text string) engine.Item {
	t.Helper()
	var found []engine.Item
	for _, key := range h.Keys() {
		if bytes.Contains(h.Content(t, key), []byte(text)) {
			it, _ := h.Item(t.Context(), []byte(key))
			found = append(found, it)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d items hold %q", len(found), text)
	}
	return found[0]
}

func TestLivesFollowTheMessage(t *testing.T) {
	h := collect(t, file(t, everything(), 1, 1))
	eight := time.UnixMilli(sent + 200_000 + 8*week)
	for _, c := range []struct {
		text    string
		kind    engine.Kind
		expires time.Time
		timer   time.Duration
		grouped bool
	}{
		{"hello", engine.Message, time.Time{}, 0, true},
		{"in eight weeks", engine.Message, eight, 0, true},
		{"photo of eight weeks", engine.Media, eight, 0, false},
		{"photo that waits", engine.Media, time.Time{}, week * time.Millisecond, false},
		{"in an hour", engine.Message, time.Time{}, time.Hour, true},
		{"photo of an hour", engine.Media, time.Time{}, time.Hour, false},
		{"when?", engine.Message, time.Time{}, time.Hour, true},
		{"\x03now", engine.Message, time.Time{}, time.Hour, true},
		{"first words", engine.Message, time.UnixMilli(sent + 500_000 + 8*week), 0, true},
		{"second thoughts", engine.Message, time.UnixMilli(sent + 500_000 + 8*week), 0, true},
		{"photo of the edited", engine.Media, time.UnixMilli(sent + 500_000 + 8*week), 0, false},
		{"unfinished", engine.Other, time.Time{}, 0, true},
		{"what was sent", engine.Other, time.UnixMilli(0), 0, false},
		{"wallpaper", engine.Media, time.Time{}, 0, false},
	} {
		it := find(t, h, c.text)
		if it.Kind != c.kind || !it.Expires.Equal(c.expires) || it.Timer != c.timer || len(it.Group) > 0 != c.grouped {
			t.Errorf("%q: %v, expires %v, timer %v, group %s", c.text, it.Kind, it.Expires, it.Timer, it.Group)
		}
	}
	if once := strings.Join(h.Once, "\n"); len(h.Once) != 4 || strings.Count(once, "reaction") != 1 {
		t.Errorf("seen once: %s", once)
	}
	for _, key := range h.Keys() {
		if c := h.Content(t, key); bytes.Contains(c, []byte("seen once")) || bytes.Contains(c, []byte("in a week")) {
			t.Errorf("%s holds what it must not", key)
		}
	}
	if !bytes.Contains(find(t, h, "INSERT INTO thread VALUES (?,?,?,?,?,?)\x12\x02\x10\x01").Inline, []byte("photos")) {
		t.Error("a preview of what stays is gone")
	}
}

func TestMessagesNeedTheirPhotos(t *testing.T) {
	h := collect(t, file(t, everything(), 1, 1))
	it := find(t, h, "\x06photos\x12\x02\x10\x00")
	if len(it.Needs) != 3 {
		t.Fatalf("%d needs", len(it.Needs))
	}
	var stamps []string
	for _, key := range it.Needs {
		media, err := h.Item(t.Context(), key)
		if err != nil || media.Kind != engine.Media {
			t.Fatalf("%s: %v", key, err)
		}
		stamps = append(stamps, string(media.Stamp))
	}
	if slices.Sort(stamps); len(slices.Compact(stamps)) != 2 {
		t.Error("one photo twice and another have not two stamps")
	}
}

func TestOldTablesAreRead(t *testing.T) {
	all := []piece{{frame: signalv1.Version(120)},
		{frame: signalv1.Statement("CREATE TABLE `sms` (_id INTEGER PRIMARY KEY, thread_id INTEGER, address INTEGER, date INTEGER, date_sent INTEGER, body TEXT, expires_in INTEGER, expire_started INTEGER)")},
		{frame: signalv1.Statement(`CREATE TABLE "mms" ("_id" INTEGER PRIMARY KEY, thread_id INTEGER, date INTEGER, date_received INTEGER, address INTEGER, body TEXT, expires_in INTEGER, expire_started INTEGER, reveal_duration INTEGER)`)},
		{frame: signalv1.Statement("CREATE TABLE part (_id INTEGER PRIMARY KEY, mid INTEGER, ct TEXT, unique_id INTEGER)")},
		{frame: signalv1.Statement("CREATE TABLE thread (_id INTEGER PRIMARY KEY, recipient_ids INTEGER)")},
		{frame: signalv1.Statement("CREATE TABLE recipient (_id INTEGER PRIMARY KEY, uuid TEXT, phone TEXT)")},
		{frame: signalv1.Statement("CREATE TABLE reaction (_id INTEGER PRIMARY KEY, message_id INTEGER, is_mms INTEGER, emoji TEXT)")},
		{frame: signalv1.Row("part", 3, 1, "image/jpeg", 77)}, {frame: signalv1.Attachment(3, 5), blob: []byte("early")}, // before its message
		{frame: signalv1.Row("sms", 1, 1, 2, sent+5, sent, "an sms", 0, 0)},
		{frame: signalv1.Row("mms", 1, 1, sent+10, sent+20, "2", "an mms", 3*week, sent+20, 0)},
		{frame: signalv1.Row("mms", 2, 1, sent+30, sent+40, "2", nil, 0, 0, 1)},
		{frame: signalv1.Row("thread", 1, 2)}, {frame: signalv1.Row("recipient", 2, nil, "+15550000002")},
		{frame: signalv1.Row("reaction", 1, 1, 0, "to the sms")}, {frame: signalv1.Row("reaction", 2, 1, 1, "to the mms")},
		{frame: signalv1.End()}}
	b := file(t, all, 1, 0)
	h := collect(t, b)
	for text, lasts := range map[string]bool{"an sms": true, "an mms": false, "to the sms": true, "to the mms": false, "early": false} {
		it := find(t, h, text)
		if it.Expires.IsZero() != lasts {
			t.Errorf("%s expires %v", text, it.Expires)
		}
	}
	sms, mms := find(t, h, "an sms"), find(t, h, "an mms")
	if !bytes.Equal(sms.Group, mms.Group) || sms.Time != time.UnixMilli(sent+5).UTC() || mms.Time != time.UnixMilli(sent+20).UTC() || len(mms.Needs) != 1 || len(sms.Needs) != 0 {
		t.Errorf("sms %v\nmms %v", sms, mms)
	}
	if len(h.Once) != 1 {
		t.Errorf("%d seen once", len(h.Once))
	}
	same(t, collect(t, write(t, h)), h)
}

func TestKeysNameNobody(t *testing.T) {
	h := collect(t, file(t, everything(), 1, 1))
	for _, key := range h.Keys() {
		for _, name := range []string{"5550000", "1111111", "2222222", "Alice", "abcd", "theme", "identity"} {
			if strings.Contains(key, name) {
				t.Errorf("key %s holds %s", key, name)
			}
		}
	}
}

func TestParseTable(t *testing.T) {
	for sql, want := range map[string]string{
		"CREATE TABLE a (x INTEGER PRIMARY KEY, y TEXT DEFAULT 'a, b)', z)":                               "a [x y z] 0",
		"create  table IF NOT EXISTS \"b c\" ([_id] TEXT, `x``y` INT, FOREIGN KEY (x) REFERENCES q(_id))": "b c [_id x`y] 0",
		"CREATE TABLE d (p INT CHECK (p > (1)), q NUMERIC(3,4), PRIMARY KEY (p, q)) WITHOUT ROWID":        "d [p q] -1",
		"CREATE TABLE e (-- a comment, with (\n a INT /* , b */, c)":                                      "e [a c] -1",
	} {
		name, columns, id, err := signalv1.ParseTable(sql)
		if got := fmt.Sprint(name, " ", columns, " ", id); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", sql, got, err, want)
		}
	}
	for _, sql := range []string{"", "CREATE TABLE", "CREATE TABLE a", "CREATE TABLE a (", "CREATE TABLE a (x", "CREATE TABLE a ()", "CREATE TABLE a (x,)",
		"CREATE TABLE a (x, X)", "CREATE TABLE a AS SELECT 1", "CREATE TABLE ' (x)", "CREATE VIEW a (x)", "CREATE TABLE a (x TEXT DEFAULT 'open)"} {
		if name, columns, _, err := signalv1.ParseTable(sql); err == nil {
			t.Errorf("%s: %s %v", sql, name, columns)
		}
	}
}

func TestNewestFileOfAFolder(t *testing.T) {
	dir := t.TempDir()
	b := file(t, everything(), 1, 1)
	for _, name := range []string{"signal-2026-01-05-03-00-00.backup", "signal-2026-01-06-02-00-00.backup", "signal-2026-01-07-02-00-00.backup.tmp", "signal-x.backup"} {
		content := b
		if !strings.Contains(name, "06") {
			content = []byte("another")
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !signalv1.Is(dir) || !signalv1.Is(filepath.Join(dir, "signal-2026-01-06-02-00-00.backup")) || signalv1.Is(filepath.Join(dir, "signal-x.backup")) || signalv1.Is(t.TempDir()) {
		t.Error("Is does not tell backups from others")
	}
	s, err := signalv1.Open(t.Context(), dir, passphrase(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := signaltest.Collect(s); err != nil {
		t.Error(err)
	}
	if s.Info().Kind != signalv1.Kind || s.Info().Label == "" {
		t.Errorf("info %v", s.Info())
	}
}
