package signaldesktop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/export"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signaldesktop"
)

// In every generation the same is kept and the same left out.
func TestGenerations(t *testing.T) {
	for _, g := range generations {
		t.Run(fmt.Sprint(g), func(t *testing.T) {
			p := newProfile(t, g)
			before := state(t, p.dir)
			v, r := p.archive(engine.BackupOptions{})
			if len(r.Problems) > 0 {
				t.Errorf("problems: %v", r.Problems)
			}
			// Of 17 messages two are gone within a day, of 10 media two may be seen once
			// and one belongs to a message that is left out.
			if want := map[string]int64{"expiring": 2, "view-once": 2, "unneeded": 1}; fmt.Sprint(r.Excluded) != fmt.Sprint(want) {
				t.Errorf("left out %v, want %v", r.Excluded, want)
			}
			all := contents(t, v)
			kinds := map[string]int{}
			whole := ""
			for key, content := range all {
				kinds[key[:2]]++
				whole += key + content
			}
			if want := map[string]int{"a/": 1, "c/": 4, "f/": 1, "h/": 1, "m/": 15, "p/": 7, "r/": 4, "s/": 1}; fmt.Sprint(kinds) != fmt.Sprint(want) {
				t.Errorf("items %v, want %v", kinds, want)
			}
			for _, want := range []string{"hello", "started", "waiting", "third", "second", "first", "in the log", "about that", "deletedForEveryone", "Alice", "Friends", "Cats",
				string(signaltest.NewFile(2, 700000).Content), string(signaltest.NewFile(3, 5000).Content), string(signaltest.NewFile(7, 900).Content)} {
				if !strings.Contains(whole, want) {
					t.Errorf("%.20q is not archived", want)
				}
			}
			for _, secret := range []string{"session secret", "account secret", "preview secret", "soon gone", "a story", "sealed4", "plain4", "sealed5", "plain5",
				string(signaltest.NewFile(4, 2500).Content), string(signaltest.NewFile(5, 2600).Content), string(signaltest.NewFile(6, 2700).Content)} {
				if strings.Contains(whole, secret) {
					t.Errorf("%.20q is archived", secret)
				}
			}
			if state(t, p.dir) != before {
				t.Error("the profile has changed")
			}
		})
	}
}

func TestKeysCarryNoNames(t *testing.T) {
	v, _ := newProfile(t, 1360).archive(engine.BackupOptions{})
	for key := range contents(t, v) {
		for _, bad := range []string{"1555", "Alice", alice[24:], "chat", "message"} {
			if strings.Contains(key, bad) {
				t.Errorf("%q in key %q", bad, key)
			}
		}
	}
	for it := range v.Items(t.Context()) {
		if !bytes.Contains(it.Key, it.Group) {
			t.Errorf("key %q does not hold its group %q", it.Key, it.Group)
		}
	}
}

func TestTimers(t *testing.T) {
	v, _ := newProfile(t, 1360).archive(engine.BackupOptions{})
	seen := 0
	for it := range v.Items(t.Context()) {
		switch content := string(it.Inline); {
		case strings.Contains(content, "started"):
			seen++
			if want := time.UnixMilli(sent).Add(4 * 24 * time.Hour); !it.Expires.Equal(want) {
				t.Errorf("started: expires %v, want %v", it.Expires, want)
			}
		case strings.Contains(content, "waiting"):
			seen++
			if !it.Expires.IsZero() || it.Timer != 7*24*time.Hour {
				t.Errorf("waiting: expires %v, timer %v, want 168 h", it.Expires, it.Timer)
			}
		}
	}
	if seen != 2 {
		t.Errorf("found %d of 2", seen)
	}
}

// A second backup of the same profile reads no media, and one of a day later only what
// is new; what is gone from the profile is gone from the snapshot.
func TestOnlyWhatIsNewIsRead(t *testing.T) {
	p := newProfile(t, 1360)
	first, err := signaltest.Collect(p.open())
	p.must(err)
	p.exec("DELETE FROM messages WHERE body = 'hello'")
	p.exec("INSERT INTO messages(rowid, id, json, sent_at, received_at_ms, conversationId, type, body) VALUES(99, 'm99', '{}', ?, ?, 'chat-a', 'outgoing', 'a day later')", sent+86400000, sent+86400000)
	p.exec("UPDATE conversations SET active_at = 8, json = json_set(json, '$.lastMessage', 'a day later')")
	p.log()
	second, err := signaltest.Collect(p.open())
	p.must(err)
	changed := 0
	for it := range second.Items(t.Context()) {
		was, err := first.Item(t.Context(), it.Key)
		switch {
		case err != nil || !bytes.Equal(was.Inline, it.Inline) || !bytes.Equal(was.Stamp, it.Stamp):
			changed++
			if !strings.Contains(string(it.Inline), "a day later") {
				t.Errorf("%s changed", it.Key)
			}
		case it.Kind == engine.Media && len(it.Stamp) == 0:
			t.Errorf("%s would be read again", it.Key)
		}
	}
	if changed != 1 || len(second.Keys()) != len(first.Keys()) {
		t.Errorf("%d items changed and %d are there, want 1 and %d", changed, len(second.Keys()), len(first.Keys()))
	}
}

func TestRules(t *testing.T) {
	p := newProfile(t, 1360)
	v, _ := p.archive(engine.BackupOptions{})
	var group []byte
	for it := range v.Items(t.Context()) {
		if strings.Contains(string(it.Inline), "hi all") {
			group = bytes.Clone(it.Group)
		}
	}
	for _, c := range []struct {
		what  string
		rules engine.Rules
		gone  string
		count map[string]int64
	}{
		{"text only", engine.Rules{TextOnly: true}, string(signaltest.NewFile(1, 2000).Content), map[string]int64{"text-only": 7}},
		{"no media older than a day", engine.Rules{MediaDays: 1}, string(signaltest.NewFile(70, 3000).Content), nil},
		{"since", engine.Rules{Since: time.UnixMilli(sent + 150000)}, "look", map[string]int64{"since": 2}},
		{"without the group", engine.Rules{Exclude: [][]byte{group}}, "hi all", map[string]int64{"group": 2}},
	} {
		v, r := p.archive(engine.BackupOptions{Rules: c.rules})
		for reason, n := range c.count {
			if r.Excluded[reason] < n {
				t.Errorf("%s: left out %v, want %v", c.what, r.Excluded, c.count)
			}
		}
		long := string(signaltest.NewFile(8, 9000).Content)
		kept := false
		for key, content := range contents(t, v) {
			kept = kept || content == long
			if strings.Contains(content, c.gone) {
				t.Errorf("%s: %s is there", c.what, key)
			}
		}
		if !kept && c.rules.TextOnly {
			t.Errorf("%s: a long text is cut off", c.what)
		}
	}
}

// In strict scope two conversations with the same photo share no byte of it; by default
// they share all. Either way the export has it, and a file that is missing is one.
func TestStrictScopeKeepsConversationsApart(t *testing.T) {
	p := newProfile(t, 1360)
	const size = 300_000
	photo := p.file(50, size, true)
	for _, chat := range []string{"chat-a", "chat-b", "chat-b"} {
		p.message(chat, alice, object{"body": "forwarded", "attachments": []object{photo}})
	}
	p.log()
	_, plain := p.archive(engine.BackupOptions{})
	for strict, want := range map[bool]int64{false: plain.BytesNew, true: plain.BytesNew + size} {
		v, r := p.archiveIn(engine.Options{Strict: strict}, engine.BackupOptions{})
		if r.BytesNew != want || r.Missing > 0 {
			t.Errorf("strict %t: %d new bytes, want %d: %v", strict, r.BytesNew, want, r.Problems)
		}
		h, err := signaldesktop.NewHistory(t.Context(), v)
		p.must(err)
		w, err := export.Write(t.Context(), t.TempDir(), h, export.WriteOptions{})
		if err != nil || w.Missing.Count > 0 || w.Media != 6 {
			t.Errorf("strict %t: written %+v, %v", strict, w, err)
		}
	}
	p.must(os.Remove(filepath.Join(p.dir, "attachments.noindex", fmt.Sprint(photo["path"]))))
	s := p.open()
	s.PerGroup(true)
	h, err := signaltest.Collect(s)
	p.must(err)
	if d := s.Description(); len(d.Findings) != 1 || d.Findings[0].Count != 1 || len(h.Problems) != 2 {
		t.Errorf("found %+v, problems %v", d.Findings, h.Problems)
	}
}

// exported writes the profile's history as Signal's plaintext export and returns its lines.
func exported(t *testing.T, p *profile) (dir string, lines []map[string]any, left map[string]int64) {
	t.Helper()
	v, _ := p.archive(engine.BackupOptions{})
	h, err := signaldesktop.NewHistory(t.Context(), v)
	p.must(err)
	dir = t.TempDir()
	w, err := export.Write(t.Context(), dir, h, export.WriteOptions{})
	p.must(err)
	if w.Missing.Count > 0 || w.Unknown > 0 || len(w.Left) > 0 || w.Media != 5 {
		t.Errorf("written: %+v", w)
	}
	b, err := os.ReadFile(filepath.Join(dir, "main.jsonl"))
	p.must(err)
	for line := range strings.Lines(string(b)) {
		var m map[string]any
		p.must(json.Unmarshal([]byte(line), &m))
		lines = append(lines, m)
	}
	return dir, lines, h.Left()
}

// What Desktop has goes out as an export, in every generation, and comes in again.
func TestExport(t *testing.T) {
	for _, g := range generations {
		t.Run(fmt.Sprint(g), func(t *testing.T) {
			p := newProfile(t, g)
			dir, lines, left := exported(t, p)
			if want := map[string]int64{"avatars and stickers that nobody sent": 2, "calls, profiles and lists": 1, "notices: call-history": 1}; fmt.Sprint(left) != fmt.Sprint(want) {
				t.Errorf("left out %v, want %v", left, want)
			}
			var items []string
			people := map[string]string{}
			for _, l := range lines {
				if r, ok := l["recipient"].(map[string]any); ok {
					people[fmt.Sprint(r["id"])] = nameOf(r)
				}
				if m, ok := l["chatItem"].(map[string]any); ok {
					items = append(items, brief(m, people))
				}
			}
			want := strings.Split(strings.TrimSpace(wantItems), "\n")
			for i := range max(len(items), len(want)) {
				got := append(items, make([]string, len(want))...)[i]
				if i >= len(want) || got != want[i] {
					t.Errorf("message %d: got %s, want %s", i, got, append(want, make([]string, len(items))...)[i])
				}
			}
			s, err := export.Open(dir)
			p.must(err)
			defer s.Close()
			h, err := signaltest.Collect(s)
			if err != nil || len(h.Problems) > 0 {
				t.Errorf("read back: %v, %v", err, h.Problems)
			}
		})
	}
}

// wantItems are the messages as brief writes them: minutes after the first.
const wantItems = `
1 from Alice "hello" +❤
2 from Alice "look" 2 files
3 from me "old file" 1 files
4 from Alice once
5 from me "about that" quotes 4
6 from Alice "started" expires
7 from Alice "waiting" expires
9 from Alice deleted
90 from Alice "third" after "first" "second"+1
11 from Bob "￼ hi all" quotes 1 1 ranges
14 from Alice update
15 from Alice "begin of a long" and long
16 from Alice "not loaded" 1 files
17 from Bob "in the log"
`

// nameOf is what a recipient of an export is called.
func nameOf(r map[string]any) string {
	if c, ok := r["contact"].(map[string]any); ok {
		return fmt.Sprint(c["profileGivenName"])
	}
	if _, ok := r["self"]; ok {
		return "me"
	}
	return "group"
}

// brief is a message of an export in one line.
func brief(m map[string]any, people map[string]string) string {
	minutes := func(v any) string {
		var n int64
		fmt.Sscan(fmt.Sprint(v), &n)
		return fmt.Sprint((n - sent) / 60000)
	}
	author := "from " + people[fmt.Sprint(m["authorId"])]
	out := minutes(m["dateSent"]) + " " + author
	for key, v := range m {
		if o, ok := v.(map[string]any); ok {
			switch key {
			case "viewOnceMessage":
				out += " once"
				if len(o) > 0 {
					out += fmt.Sprint(o)
				}
			case "remoteDeletedMessage":
				out += " deleted"
			case "updateMessage":
				out += " update"
			case "standardMessage":
				out += standard(o, minutes)
			}
		}
	}
	if m["expiresInMs"] != nil {
		out += " expires"
	}
	if past, ok := m["revisions"].([]any); ok {
		out += " after"
		for _, r := range past {
			s := r.(map[string]any)["standardMessage"].(map[string]any)
			out += fmt.Sprintf(" %q", s["text"].(map[string]any)["body"])
			if list, ok := s["attachments"].([]any); ok && len(list) > 0 {
				out += fmt.Sprintf("+%d", len(list))
			}
		}
	}
	return out
}

func standard(o map[string]any, minutes func(any) string) (out string) {
	t, _ := o["text"].(map[string]any)
	out = fmt.Sprintf(" %q", t["body"])
	if list, ok := o["attachments"].([]any); ok && len(list) > 0 {
		out += fmt.Sprintf(" %d files", len(list))
	}
	if q, ok := o["quote"].(map[string]any); ok {
		out += " quotes " + minutes(q["targetSentTimestamp"])
	}
	if list, ok := t["bodyRanges"].([]any); ok && len(list) > 0 {
		out += fmt.Sprintf(" %d ranges", len(list))
	}
	if list, ok := o["reactions"].([]any); ok {
		for _, r := range list {
			out += " +" + fmt.Sprint(r.(map[string]any)["emoji"])
		}
	}
	if o["longText"] != nil {
		out += " and long"
	}
	return out
}
