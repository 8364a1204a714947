package signaldesktop_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signaldesktop"
)

// sealKey is Electron's safeStorage on Linux.
func sealKey(t *testing.T, prefix, secret, text string) string {
	t.Helper()
	key, err := pbkdf2.Key(sha1.New, secret, []byte("saltysalt"), 1, 16)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	pad := 16 - len(text)%16
	b := append([]byte(text), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, bytes.Repeat([]byte{0x20}, 16)).CryptBlocks(b, b)
	return hex.EncodeToString(append([]byte(prefix), b...))
}

func TestKeys(t *testing.T) {
	p := newProfile(t, 1360)
	locked := fmt.Errorf("locked: %w", signaldesktop.ErrKeyring)
	ring := func(secret string, err error) func() ([]byte, error) {
		return func() ([]byte, error) { return []byte(secret), err }
	}
	other := strings.Repeat("ab", 32)
	for _, c := range []struct {
		what, config string
		opt          signaldesktop.Options
		want         error
	}{
		{"plain", `{"key":"` + hexKey + `"}`, signaldesktop.Options{}, nil},
		{"another key", `{"key":"` + other + `"}`, signaldesktop.Options{}, signal.ErrKey},
		{"given", `{}`, signaldesktop.Options{Key: hexKey}, nil},
		{"another given", `{"key":"` + hexKey + `"}`, signaldesktop.Options{Key: other}, signal.ErrKey},
		{"given, too short", `{}`, signaldesktop.Options{Key: "abcd"}, signal.ErrKey},
		{"not hex", `{"key":"` + strings.Repeat("xy", 32) + `"}`, signaldesktop.Options{}, signal.ErrKey},
		{"no JSON", `key`, signaldesktop.Options{}, signal.ErrFormat},
		{"no key", `{"a":1}`, signaldesktop.Options{}, signal.ErrFormat},
		{"v10", `{"encryptedKey":"` + sealKey(t, "v10", "peanuts", hexKey) + `"}`, signaldesktop.Options{}, nil},
		{"v11", `{"encryptedKey":"` + sealKey(t, "v11", "from the ring", hexKey) + `"}`, signaldesktop.Options{Keyring: ring("from the ring", nil)}, nil},
		{"v11, another secret", `{"encryptedKey":"` + sealKey(t, "v11", "from the ring", hexKey) + `"}`, signaldesktop.Options{Keyring: ring("other", nil)}, signal.ErrKey},
		{"v11, locked", `{"encryptedKey":"` + sealKey(t, "v11", "from the ring", hexKey) + `"}`, signaldesktop.Options{Keyring: ring("", locked)}, signaldesktop.ErrKeyring},
		{"v12", `{"encryptedKey":"` + sealKey(t, "v12", "peanuts", hexKey) + `"}`, signaldesktop.Options{}, signal.ErrFormat},
		{"v10, cut short", `{"encryptedKey":"763130aa"}`, signaldesktop.Options{}, signal.ErrFormat},
		{"v10, nothing", `{"encryptedKey":"763130"}`, signaldesktop.Options{}, signal.ErrFormat},
		{"no prefix", `{"encryptedKey":"aa"}`, signaldesktop.Options{}, signal.ErrFormat},
		{"sealed, not hex", `{"encryptedKey":"zz"}`, signaldesktop.Options{}, signal.ErrFormat},
	} {
		p.must(os.WriteFile(filepath.Join(p.dir, "config.json"), []byte(c.config), 0o600))
		c.opt.Temp = t.TempDir()
		s, err := signaldesktop.Open(p.dir, c.opt)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: got %v, want %v", c.what, err, c.want)
		}
		if err == nil {
			p.must(s.Close())
		} else if strings.Contains(err.Error(), hexKey[:8]) || strings.Contains(err.Error(), other[:8]) {
			t.Errorf("%s: %v shows the key", c.what, err)
		}
		if left, _ := os.ReadDir(c.opt.Temp); len(left) > 0 {
			t.Errorf("%s: %d files are left", c.what, len(left))
		}
	}
}

// Damage of the database is named, at the latest when what is damaged is read.
func TestDatabaseDamage(t *testing.T) {
	for _, c := range []struct {
		what    string
		corrupt func(p *profile, db []byte) []byte
		want    error
	}{
		{"whole", func(_ *profile, db []byte) []byte { return db }, nil},
		{"cut in half", func(_ *profile, db []byte) []byte { return db[:len(db)/2] }, signal.ErrCorrupt},
		{"cut by a page", func(_ *profile, db []byte) []byte { return db[:len(db)-4096] }, signal.ErrCorrupt},
		{"empty", func(*profile, []byte) []byte { return nil }, signal.ErrCorrupt},
		{"a flip in every page's HMAC but those of the log", func(_ *profile, db []byte) []byte {
			for at := 2*4096 - 1; at < len(db); at += 4096 {
				db[at] ^= 1
			}
			return db
		}, signal.ErrCorrupt},
		{"a flip in the first page", func(_ *profile, db []byte) []byte { db[50] ^= 1; return db }, signal.ErrCorrupt},
		{"a journal", func(p *profile, db []byte) []byte { p.write("sql/db.sqlite-journal", []byte("x")); return db }, signaldesktop.ErrBusy},
		{"an empty journal", func(p *profile, db []byte) []byte { p.write("sql/db.sqlite-journal", nil); return db }, nil},
		{"no database", func(p *profile, db []byte) []byte {
			p.must(os.Remove(filepath.Join(p.dir, "sql/db.sqlite")))
			return nil
		}, signal.ErrFormat},
		{"no config", func(p *profile, db []byte) []byte { p.must(os.Remove(filepath.Join(p.dir, "config.json"))); return db }, fs.ErrNotExist},
	} {
		p := newProfile(t, 1360)
		name := filepath.Join(p.dir, "sql/db.sqlite")
		db, err := os.ReadFile(name)
		p.must(err)
		db = c.corrupt(p, db)
		if _, err := os.Stat(name); err == nil {
			p.must(os.WriteFile(name, db, 0o600))
		}
		s, err := signaldesktop.Open(p.dir, signaldesktop.Options{Temp: t.TempDir()})
		if err == nil {
			_, err = signaltest.Collect(s)
			p.must(s.Close())
		}
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: got %v, want %v", c.what, err, c.want)
		}
	}
}

func TestSchemas(t *testing.T) {
	p := newProfile(t, 1360)
	p.exec("PRAGMA user_version = 99999")
	p.exec("CREATE TABLE novelties(id TEXT, note TEXT)")
	p.exec("ALTER TABLE messages ADD COLUMN novelty TEXT")
	p.exec("UPDATE messages SET novelty = 'brand new'")
	p.log()
	h, err := signaltest.Collect(p.open())
	if err != nil || len(h.Problems) > 0 {
		t.Errorf("a newer schema: %v, %v", err, h.Problems)
	}
	if all := fmt.Sprint(contents(t, h)); !strings.Contains(all, "brand new") {
		t.Error("a new column is not kept")
	}
	p.exec("CREATE TABLE message_parts(messageId TEXT, part TEXT)")
	p.log()
	n := len(h.Keys())
	if h, err = signaltest.Collect(p.open()); err != nil || len(h.Problems) != 1 || !errors.Is(h.Problems[0], signaldesktop.ErrSchema) || len(h.Keys()) != n {
		t.Errorf("a table that hangs on messages: %v, %v, %d items, want ErrSchema and %d", err, h.Problems, len(h.Keys()), n)
	}
	p.exec("ALTER TABLE messages RENAME COLUMN json TO body2")
	p.log()
	if _, err := signaldesktop.Open(p.dir, signaldesktop.Options{Temp: t.TempDir()}); !errors.Is(err, signaldesktop.ErrSchema) {
		t.Errorf("without a column: got %v, want ErrSchema", err)
	}
}

// Each damage to a file of an attachment costs the one media, and it is named.
func TestMediaDamage(t *testing.T) {
	at := func(p *profile, name string) string {
		return filepath.Join(p.dir, "attachments.noindex", filepath.FromSlash(name))
	}
	row := func(column string, v any) func(p *profile) {
		return func(p *profile) {
			p.exec("UPDATE message_attachments SET "+column+"=? WHERE path='02/sealed2'", v)
			p.log()
		}
	}
	file := func(fn func(name string) error) func(p *profile) {
		return func(p *profile) { p.must(fn(at(p, "02/sealed2"))) }
	}
	flip := func(name string) error {
		b, err := os.ReadFile(name)
		b[len(b)/2] ^= 1
		return errors.Join(err, os.WriteFile(name, b, 0o600))
	}
	for _, c := range []struct {
		what    string
		corrupt func(p *profile)
		want    error
	}{
		{"missing", file(os.Remove), fs.ErrNotExist},
		{"cut short", file(func(n string) error { return os.Truncate(n, 1000) }), signal.ErrCorrupt},
		{"empty", file(func(n string) error { return os.Truncate(n, 0) }), signal.ErrCorrupt},
		{"one bit", file(flip), signal.ErrCorrupt},
		{"a link", file(func(n string) error { return errors.Join(os.Rename(n, n+"x"), os.Symlink(filepath.Base(n)+"x", n)) }), fs.ErrNotExist},
		{"a folder", file(func(n string) error { return errors.Join(os.Remove(n), os.Mkdir(n, 0o700)) }), fs.ErrNotExist},
		{"another size", row("size", 650000), signal.ErrCorrupt},
		{"a size a little off", row("size", 699999), signal.ErrCorrupt},
		{"another hash", row("plaintextHash", strings.Repeat("11", 32)), signal.ErrCorrupt},
		{"another key", row("localKey", strings.Repeat("QUFB", 21)+"QQ=="), signal.ErrCorrupt},
		{"a path that climbs out", row("path", "../config.json"), signal.ErrFormat},
		{"a path that climbs far out", row("path", "../../../../etc/passwd"), signal.ErrFormat},
		{"a path that climbs out with backslashes", row("path", `..\..\config.json`), signal.ErrFormat},
		{"an absolute path", row("path", "/etc/passwd"), signal.ErrFormat},
		{"a path with a zero", row("path", "02/\x00"), signal.ErrFormat},
	} {
		p := newProfile(t, 1360)
		c.corrupt(p)
		s := p.open()
		h, err := signaltest.Collect(s)
		if err != nil || len(h.Problems) != 1 || !errors.Is(h.Problems[0], c.want) {
			t.Errorf("%s: %v, problems %v, want one, %v", c.what, err, h.Problems, c.want)
			continue
		}
		if d := s.Description(); len(d.Findings) != 1 || d.Findings[0].Count != 1 {
			t.Errorf("%s: found %v", c.what, d.Findings)
		}
		for _, secret := range []string{"Alice", "config", "passwd", p.dir} {
			if strings.Contains(h.Problems[0].Error(), secret) {
				t.Errorf("%s: %v", c.what, h.Problems[0])
			}
		}
	}
	// A plain file whose hash is known is checked as well.
	p := newProfile(t, 1360)
	p.exec("UPDATE message_attachments SET plaintextHash=? WHERE path='03/plain3'", strings.Repeat("ab", 32))
	p.log()
	if h, err := signaltest.Collect(p.open()); err != nil || len(h.Problems) != 1 || !errors.Is(h.Problems[0], signal.ErrCorrupt) {
		t.Errorf("plain: %v, %v", err, h.Problems)
	}
}

func TestRowDamage(t *testing.T) {
	p := newProfile(t, 1360)
	for i, j := range []string{"", "{", "nonsense", `{"attachments":`, "\xff\xfe"} {
		p.exec("UPDATE messages SET json=? WHERE rowid=?", j, i+1)
	}
	for i, j := range []string{`{"attachments":5,"quote":[1],"reactions":{"a":1},"editHistory":"x","sendStateByConversationId":[]}`, `[]`, `null`,
		`{"sent_at":"1e999","expireTimer":-5,"quote":{"attachments":[null,{"thumbnail":7}]}}`, `{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`} {
		p.exec("UPDATE messages SET json=?, expireTimer=-9 WHERE rowid=?", j, i+11)
	}
	p.log()
	h, err := signaltest.Collect(p.open())
	if err != nil || len(h.Problems) != 4 {
		t.Fatalf("%v, %d problems: %v, want 4", err, len(h.Problems), h.Problems)
	}
	for _, problem := range h.Problems {
		if !errors.Is(problem, signal.ErrFormat) {
			t.Errorf("%v: want ErrFormat", problem)
		}
	}
	if c, err := signaldesktop.NewHistory(t.Context(), h); err != nil {
		t.Error(err)
	} else {
		contents(t, c)
	}
}

// checkpoint moves the pages of the log into the database, as the app does, and begins
// the log anew if it is asked to.
func (p *profile) checkpoint(anew bool) {
	name := filepath.Join(p.dir, "sql/db.sqlite")
	wal, err := os.ReadFile(name + "-wal")
	p.must(err)
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	p.must(err)
	for at := 32; at+4120 <= len(wal); at += 4120 {
		number := int64(wal[at+2])<<8 | int64(wal[at+3])
		_, err := f.WriteAt(wal[at+24:at+4120], (number-1)*4096)
		p.must(err)
	}
	p.must(f.Close())
	if anew {
		wal = bytes.Clone(wal)
		wal[19]++ // its salt; the frames of the old log do not count
		p.must(os.WriteFile(name+"-wal", wal, 0o600))
	}
}

// The app may move pages from the log into the database, and begin the log anew, while
// both are copied.
func TestCopyWhileTheAppWrites(t *testing.T) {
	defer signaldesktop.SetCopying(func() {})
	for _, c := range []struct {
		what string
		app  func(p *profile, call int)
		want error
	}{
		{"a checkpoint", func(p *profile, call int) { p.checkpoint(false) }, nil},
		{"a checkpoint and a new log", func(p *profile, call int) {
			if call == 1 {
				p.checkpoint(true)
			}
		}, nil},
		{"always a new log", func(p *profile, call int) { p.checkpoint(true) }, signaldesktop.ErrBusy},
		{"the log is gone", func(p *profile, call int) {
			if call == 1 {
				p.checkpoint(false)
				p.must(os.Remove(filepath.Join(p.dir, "sql/db.sqlite-wal")))
			}
		}, nil},
	} {
		p, calls := newProfile(t, 1360), 0
		signaldesktop.SetCopying(func() { calls++; c.app(p, calls) })
		s, err := signaldesktop.Open(p.dir, signaldesktop.Options{Temp: t.TempDir()})
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: got %v, want %v", c.what, err, c.want)
		}
		if err != nil {
			continue
		}
		h, err := signaltest.Collect(s)
		p.must(s.Close())
		if err != nil || len(h.Problems) > 0 || !strings.Contains(fmt.Sprint(contents(t, h)), "in the log") {
			t.Errorf("%s: %v, %v", c.what, err, h.Problems)
		}
	}
}

// The copy of the database is sealed, is nobody else's, and goes with Close.
func TestNothingIsLeftOnTheDisk(t *testing.T) {
	p, temp := newProfile(t, 1360), t.TempDir()
	seen := 0
	defer signaldesktop.SetCopying(func() {})
	signaldesktop.SetCopying(func() {
		for name, content := range files(t, temp) {
			seen++
			if bytes.Contains(content, []byte("hello")) || bytes.Contains(content, []byte("SQLite")) {
				t.Errorf("%s is in clear", name)
			}
		}
		dirs, _ := os.ReadDir(temp)
		for _, d := range dirs {
			if info, err := d.Info(); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the folder's mode is %v, %v", info.Mode(), err)
			}
		}
	})
	s, err := signaldesktop.Open(p.dir, signaldesktop.Options{Temp: temp})
	p.must(err)
	_, err = signaltest.Collect(s)
	p.must(errors.Join(err, s.Close()))
	if left := files(t, temp); seen == 0 || len(left) > 0 {
		t.Errorf("saw %d files, %d are left", seen, len(left))
	}
}

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all[path], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestItemsEndsWithTheContext(t *testing.T) {
	p := newProfile(t, 1360)
	n := 0
	for range p.open().Items(t.Context()) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("left after %d items, want 3", n)
	}
	if signaldesktop.Is(t.TempDir()) || !signaldesktop.Is(p.dir) {
		t.Error("Is is wrong")
	}
	if _, err := signaldesktop.NewHistory(t.Context(), other{}); !errors.Is(err, signal.ErrFormat) {
		t.Errorf("a history of another kind: %v, want ErrFormat", err)
	}
}

type other struct{ engine.History }

func (other) Info() engine.SourceInfo { return engine.SourceInfo{Kind: "dir"} }

// What may be seen once never survives in a message's JSON, and the rest stays JSON.
func FuzzOnceFree(f *testing.F) {
	f.Add([]byte(`{"body":"x","attachments":[{"path":"a"}],"quote":{"isViewOnce":true,"attachments":[{"thumbnail":{"path":"SECRET"}}]}}`), false)
	f.Add([]byte(`{"editHistory":[{"attachments":[{"path":"SECRET"}]}],"bodyAttachment":{"path":"SECRET"}}`), true)
	f.Add([]byte(`{"attachments":[`), true)
	f.Fuzz(func(t *testing.T, text []byte, whole bool) {
		out := signaldesktop.OnceFree(text, whole)
		if !json.Valid(text) || len(text) == 0 || bytes.TrimSpace(text)[0] != '{' {
			return
		}
		if !json.Valid(out) {
			t.Fatalf("%q became %q", text, out)
		}
		var m map[string]json.RawMessage
		if json.Unmarshal(out, &m) == nil && whole && m["attachments"] != nil {
			t.Fatalf("%q still has attachments", out)
		}
	})
}

// someMessages are what rows of messages have as JSON, in several generations.
var someMessages = []string{`{"type":"incoming","body":"hello","sent_at":1750000000000,"received_at":1750000000500,"reactions":[{"emoji":"x","fromId":"a","timestamp":5}]}`,
	`{"type":"outgoing","body":"b","quote":{"id":1,"authorAci":"00000000-0000-4000-8000-00000000000a","text":"t","attachments":[{"thumbnail":{"path":"a/b","size":3}}]},"sendStateByConversationId":{"c":{"status":"Read","updatedAt":9}}}`,
	`{"type":"incoming","attachments":[{"path":"a/b","size":5,"localKey":"QUFB","version":2,"plaintextHash":"00"}],"editHistory":[{"body":"2","timestamp":2},{"body":"1","timestamp":1,"bodyRanges":[{"start":0,"length":1,"style":1}]}]}`,
	`{"type":"story"}`, `{"type":"keychange"}`, `{"isViewOnce":true,"deletedForEveryone":1,"sticker":{"packId":"00","data":{"path":"x"}},"contact":[{}],"preview":[{"url":"u"}],"poll":{"question":"q"}}`,
	`{"sent_at":"1e999","expireTimer":-5,"quote":{"attachments":[null,{"thumbnail":7}]}}`}

// Whatever stands in a row of messages, it is refused or becomes a frame that is read and
// has a form in the export.
func FuzzMessage(f *testing.F) {
	for _, json := range someMessages {
		f.Add(json, "1", "incoming")
	}
	f.Fuzz(func(t *testing.T, json, at, kind string) {
		frame, err := signaldesktop.Told(signaldesktop.Row("messages", "json", json, "received_at_ms", at, "expireTimer", at, "type", kind))
		if err != nil {
			if !errors.Is(err, signal.ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if frame == nil {
			return
		}
		var facts signal.Facts
		if err := facts.Read(frame); err != nil || facts.Kind != signal.FrameChatItem {
			t.Fatalf("%q became %x: %v", json, frame, err)
		}
		line, unknown, err := signal.AppendJSON(nil, frame)
		if err != nil || unknown > 0 || facts.ReadJSON(line) != nil {
			t.Fatalf("%q became %s, %d fields unknown: %v", json, line, unknown, err)
		}
	})
}

// Rows that are read are written the same way, and nothing makes the reader panic.
func FuzzRows(f *testing.F) {
	for _, json := range someMessages {
		f.Add(append(signaldesktop.Row("messages", "id", "1", "json", json), signaldesktop.Row("message_attachments", "path", "aa/b", "attachmentType", "attachment")...))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		once, err := signaldesktop.Rows(content)
		if err != nil {
			if !errors.Is(err, signal.ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if twice, err := signaldesktop.Rows(once); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%x became %x, then %x, %v", content, once, twice, err)
		}
	})
}

// A file gives out what the message shows, or an error; never more, and nothing before
// its HMAC was right.
func FuzzAttachment(f *testing.F) {
	file := signaltest.NewFile(1, 700)
	var sealed bytes.Buffer
	if err := file.SealMedia(&sealed, strings.NewReader(strings.Repeat("i", 16)), bytes.NewReader(file.Content)); err != nil {
		f.Fatal(err)
	}
	f.Add(sealed.Bytes(), uint32(700), uint16(0), byte(0))
	f.Add(sealed.Bytes(), uint32(700), uint16(100), byte(1))
	f.Add(sealed.Bytes(), uint32(701), uint16(0), byte(0))
	f.Add(sealed.Bytes()[:64], uint32(0), uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, size uint32, at uint16, flip byte) {
		b = bytes.Clone(b)
		if int(at) < len(b) {
			b[at] ^= flip
		}
		m := file.Media
		m.Hash, m.Size = [32]byte{}, size // as of an attachment whose hash is not known
		r, err := m.Open(bytes.NewReader(b), int64(len(b)), new(signal.Scratch))
		var got []byte
		if err == nil {
			got, err = io.ReadAll(r)
			r.Close()
		}
		switch {
		case err != nil && !errors.Is(err, signal.ErrCorrupt):
			t.Fatal(err)
		case err == nil && (uint32(len(got)) != size || !bytes.HasPrefix(file.Content, got)):
			t.Fatalf("%d bytes, want the first %d of the file", len(got), size)
		case err != nil && len(got) > 0 && !bytes.Equal(b, sealed.Bytes()):
			t.Fatalf("%d bytes of a file that was changed", len(got))
		}
	})
}
