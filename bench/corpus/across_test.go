package corpus_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/bench/corpus"
	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/export"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signaldesktop"
	"github.com/dayfold/dayfold/engine/source/signallocal"
	"github.com/dayfold/dayfold/engine/source/signalv1"
)

// rows is what is read back of a history: items, also by the beginning of their keys.
type rows interface {
	engine.History
	Prefix(ctx context.Context, prefix []byte) iter.Seq2[engine.Item, error]
}

// One history, whichever of Signal's formats it comes in, is one export: text, sender,
// times, quotes, reactions, edits and attachments of each message.
func TestAllFormatsAreOneExport(t *testing.T) {
	c := corpus.New(5, corpus.Scale{Messages: 800, Conversations: 12, MediaBytes: 1_000_000})
	var want map[string]string
	for _, f := range []corpus.Format{corpus.SignalLocal, corpus.SignalV1, corpus.SignalDesktop} {
		src := openFormat(t, c, f, t.TempDir(), 0)
		h, err := signaltest.Collect(src)
		if err != nil || len(h.Problems) > 0 {
			t.Fatalf("%s: %v, %v", f, err, h.Problems)
		}
		got, left := toldBy(t, h)
		for what := range left {
			if !strings.HasPrefix(what, "avatars") && what != "settings" {
				t.Errorf("%s: left out %v", f, left)
			}
		}
		if want == nil {
			want = got
			continue
		}
		bad := 0
		for key, line := range want {
			once := strings.Contains(line, "viewOnce") // the other formats' rows are left out whole
			if bad < 10 && got[key] != line && !once {
				t.Errorf("%s: %s is\n%s\nwant\n%s", f, key, got[key], line)
				bad++
			}
		}
		for key := range got {
			timer := !strings.HasPrefix(got[key], "<nil> <nil>") // the app's local backup has those that last
			if _, ok := want[key]; !ok && !timer && bad < 10 {
				t.Errorf("%s: %s is there alone: %s", f, key, got[key])
				bad++
			}
		}
		if len(want) < 500 {
			t.Errorf("%d messages", len(want))
		}
	}
}

// toldBy writes a history as an export and returns its messages in one line each.
func toldBy(t *testing.T, h rows) (lines map[string]string, left map[string]int64) {
	t.Helper()
	var told engine.History = h
	var leftOut func() map[string]int64
	switch h.Info().Kind {
	case signalv1.Kind:
		v, err := signalv1.NewHistory(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		told, leftOut = v, v.Left
	case signaldesktop.Kind:
		d, err := signaldesktop.NewHistory(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		told, leftOut = d, d.Left
	}
	dir := t.TempDir()
	w, err := export.Write(t.Context(), dir, told, export.WriteOptions{})
	if err != nil || w.Missing.Count+w.Altered.Count+w.Unknown > 0 || len(w.Left) > 0 {
		t.Fatalf("%s: written %+v, %v", h.Info().Kind, w, err)
	}
	lines = linesOf(t, dir)
	if leftOut != nil {
		left = leftOut()
		again, _ := toldBy(t, asLocal(t, told))
		for key, line := range lines {
			if again[key] != line && strings.HasPrefix(line, "<nil> <nil>") { // it has no timer
				t.Fatalf("%s, by way of a local backup: %s is\n%s\nwant\n%s", h.Info().Kind, key, again[key], line)
			}
		}
	}
	return lines, left
}

// asLocal writes a history as a local backup, which must obey Signal's rules, and reads it.
func asLocal(t *testing.T, h engine.History) rows {
	t.Helper()
	key, at := signaltest.Key(t), time.Date(2026, 1, 5, 3, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	w, err := signallocal.Write(t.Context(), dir, h, key, signallocal.WriteOptions{Now: at})
	if err != nil || w.Missing.Count+w.Altered.Count > 0 || w.Frames < 500 || len(w.Left) > 1 || w.Left["expiring"] > 100 {
		t.Fatalf("%s: written as a local backup: %+v, %v", h.Info().Label, w, err)
	}
	root := filepath.Join(dir, "SignalBackups")
	for _, problem := range signaltest.Check(t, root, "signal-backup-2026-01-05-03-00-00", key) {
		t.Errorf("Signal refuses the local backup: %s", problem)
	}
	s, err := signallocal.Open(dir, key, signallocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	back, err := signaltest.Collect(s)
	if err != nil || len(back.Problems) > 0 {
		t.Fatalf("%v, %v", err, back.Problems)
	}
	if r := s.Report(); r.Unlisted.Count+r.Unshown.Count+r.Superfluous.Count > 0 {
		t.Errorf("%+v", r)
	}
	return back
}

// An object is one of an export's JSON.
type object = map[string]any

// linesOf are the messages of an export by author and time.
func linesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "main.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	files := contentsOf(t, dir)
	people, chats, lines := map[string]string{}, map[string]string{}, map[string]string{}
	for line := range strings.Lines(string(b)) {
		var o object
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		switch {
		case o["recipient"] != nil:
			r := o["recipient"].(object)
			people[fmt.Sprint(r["id"])] = personIn(r)
		case o["chat"] != nil:
			r := o["chat"].(object)
			chats[fmt.Sprint(r["id"])] = people[fmt.Sprint(r["recipientId"])]
		case o["chatItem"] != nil:
			m := o["chatItem"].(object)
			key := fmt.Sprint(chats[fmt.Sprint(m["chatId"])], " ", people[fmt.Sprint(m["authorId"])], " ", m["dateSent"])
			lines[key] += messageIn(m, people, files)
		}
	}
	return lines
}

// contentsOf are the hashes of an export's media, by name without an end.
func contentsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "files/*/*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%v: %v", names, err)
	}
	files := map[string]string{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ = strings.Cut(filepath.Base(name), ".")
		files[name] = fmt.Sprintf("%x", sha256.Sum256(b))[:8]
	}
	return files
}

// personIn is who a recipient is, whatever its number.
func personIn(r object) string {
	for _, kind := range []string{"contact", "group"} {
		if c, ok := r[kind].(object); ok {
			return fmt.Sprint(c["aci"], c["masterKey"])
		}
	}
	return "self"
}

// messageIn is what a message, or a version of one, says and shows.
func messageIn(m object, people, files map[string]string) string {
	var b strings.Builder
	for _, name := range []string{"expireStartDate", "expiresInMs"} {
		fmt.Fprintf(&b, "%v ", m[name])
	}
	if in, ok := m["incoming"].(object); ok {
		fmt.Fprint(&b, "in ", in["dateReceived"], " ")
	}
	if out, ok := m["outgoing"].(object); ok {
		fmt.Fprint(&b, "out ", out["dateReceived"], " ")
	}
	var reactions []any
	for _, kind := range []string{"standardMessage", "stickerMessage", "viewOnceMessage", "remoteDeletedMessage"} {
		if o, ok := m[kind].(object); ok {
			fmt.Fprint(&b, kind, " ")
			reactions, _ = o["reactions"].([]any)
			delete(o, "reactions")
			b.WriteString(shownIn(o, people, files))
		}
	}
	var faces []string
	for _, r := range reactions {
		o := r.(object)
		faces = append(faces, fmt.Sprint(" ", people[fmt.Sprint(o["authorId"])], o["emoji"], o["sentTimestamp"]))
	}
	slices.Sort(faces)
	fmt.Fprint(&b, faces)
	past, _ := m["revisions"].([]any)
	for _, r := range past {
		fmt.Fprint(&b, "\n  was ", r.(object)["dateSent"], " ", messageIn(r.(object), people, files))
	}
	return b.String()
}

// shownIn is the text, the quote and the media of what a message holds.
func shownIn(o object, people, files map[string]string) string {
	var b strings.Builder
	if text, ok := o["text"].(object); ok {
		fmt.Fprintf(&b, "%q ", text["body"])
	}
	if q, ok := o["quote"].(object); ok {
		fmt.Fprint(&b, "quotes ", q["targetSentTimestamp"], people[fmt.Sprint(q["authorId"])], q["text"])
	}
	list, _ := o["attachments"].([]any)
	for _, a := range list {
		b.WriteString(mediaIn(a.(object)["pointer"].(object), files))
	}
	if s, ok := o["sticker"].(object); ok {
		fmt.Fprint(&b, s["packId"], s["packKey"], s["stickerId"], s["emoji"], mediaIn(s["data"].(object), files))
	}
	return b.String()
}

// mediaIn is what a pointer shows, by its content.
func mediaIn(p object, files map[string]string) string {
	l, _ := p["locatorInfo"].(object)
	text, _ := json.Marshal([]any{l["plaintextHash"], l["localKey"]})
	var named [2][]byte
	if json.Unmarshal(text, &named) != nil {
		return " media without a name"
	}
	content, ok := files[fmt.Sprintf("%x", sha256.Sum256(slices.Concat(named[:]...)))]
	return fmt.Sprint(" media ", content, ok, p["contentType"], l["size"])
}
