package corpus_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/bench/corpus"
	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/export"
	"github.com/dayfold/dayfold/engine/source/signaldesktop"
	"github.com/dayfold/dayfold/engine/source/signalv1"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
)

// signals are the formats of Signal's.
var signals = []corpus.Format{corpus.SignalLocal, corpus.Export, corpus.SignalV1, corpus.SignalDesktop}

// A held is what an archive has of a history.
type held struct {
	messages map[int64][]byte    // group by time of sending, ms
	texts    map[int64]string    // what was archived of it, inline
	media    map[[32]byte]string // content to key
}

// hold reads a snapshot.
func hold(t *testing.T, v *engine.View) held {
	t.Helper()
	h := held{map[int64][]byte{}, map[int64]string{}, map[[32]byte]string{}}
	for it, err := range v.Items(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(string(it.Key), "/")
		switch {
		case it.Kind == engine.Media:
			r, err := it.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.New()
			if _, err := io.Copy(sum, r); err != nil {
				t.Fatal(err)
			}
			r.Close()
			h.media[[32]byte(sum.Sum(nil))] = string(it.Key)
		case it.Kind == engine.Message && (len(parts) == 5 || parts[5] == "message"):
			at, err := strconv.ParseInt(parts[3], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			h.messages[at], h.texts[at] = slices.Clone(it.Group), h.texts[at]+string(it.Inline)
		}
	}
	return h
}

// A want is what a rule leaves of a history.
type want struct {
	messages func(m *corpus.Message) bool // beside what no archive has
	media    func(m *corpus.Message) bool // that kept messages show
}

// lasts says whether a message may be archived at all.
func lasts(m *corpus.Message, now time.Time) bool {
	switch {
	case m.Expires == 0:
		return true
	case m.Started.IsZero():
		return m.Expires >= 24*time.Hour
	}
	return m.Started.Add(m.Expires).Sub(now) >= 24*time.Hour
}

// compare says what of a day is not in an archive as it should be.
func compare(t *testing.T, c *corpus.Corpus, d *corpus.Day, h held, w want) {
	t.Helper()
	bad, shown, hidden, often := 0, map[[32]byte]bool{}, map[[32]byte]bool{}, map[int64]int{}
	for m := range d.Messages() {
		often[m.Sent.UnixMilli()]++
	}
	for m := range d.Messages() {
		at := m.Sent.UnixMilli()
		keep := lasts(m, d.Time()) && w.messages(m)
		_, found := h.messages[at]
		whole := len(m.Edits) > 0 || m.Deleted || len(m.Text) > 2000 || strings.ContainsAny(string(m.Text), "\"\\\n<>&") || strings.Contains(h.texts[at], string(m.Text))
		if bad < 5 && !m.Once && often[at] == 1 && (found != keep || keep && !whole) {
			t.Errorf("message %d (timer %v from %v): there %t, want %t; its text %t", m.Seq, m.Expires, m.Started, found, keep, whole)
			bad++
		}
		for i := range m.Media {
			switch hash := c.Hash(&m.Media[i]); {
			case m.Once || m.Media[i].Once:
				hidden[hash] = true
			case keep && w.media(m):
				shown[hash] = true
			default:
				hidden[hash] = true
			}
		}
	}
	for hash := range shown {
		if delete(hidden, hash); h.media[hash] == "" {
			t.Errorf("media %x is missing", hash[:4])
		}
	}
	for hash := range hidden {
		if key, ok := h.media[hash]; ok {
			t.Errorf("media %x is there: %s", hash[:4], key)
		}
	}
	if len(shown) == 0 && len(h.media) > 0 {
		t.Errorf("%d media are there, want none", len(h.media))
	}
}

// In each format each flag leaves out what it says, and nothing else.
func TestRulesInEachFormat(t *testing.T) {
	c := corpus.New(5, corpus.Scale{Messages: 500, Conversations: 8, MediaBytes: 800_000})
	d := c.Day(0)
	all := func(*corpus.Message) bool { return true }
	none := func(*corpus.Message) bool { return false }
	var chat *corpus.Chat // the one that the first message with media is in
	var of int64
	for m := range d.Messages() {
		if chat == nil && len(m.Media) > 0 && !m.Once && m.Expires == 0 {
			chat, of = m.Chat, m.Sent.UnixMilli()
		}
	}
	since := d.Time().AddDate(0, 0, -100)
	young := func(m *corpus.Message) bool { return !m.Received.Before(since) }
	elsewhere := func(m *corpus.Message) bool { return m.Chat != chat }
	for _, f := range signals {
		root := t.TempDir()
		src := openFormat(t, c, f, root, 0)
		whole := hold(t, backup(t, c, 0, src, engine.Rules{}))
		compare(t, c, d, whole, want{all, all})
		for name, row := range map[string]struct {
			rules engine.Rules
			want  want
		}{
			"text only":         {engine.Rules{TextOnly: true}, want{all, none}},
			"media of 100 days": {engine.Rules{MediaDays: 100}, want{all, young}},
			"since":             {engine.Rules{Since: since}, want{young, all}},
			"without a group":   {engine.Rules{Exclude: [][]byte{whole.messages[of]}}, want{elsewhere, all}},
		} {
			t.Run(fmt.Sprint(f, " ", name), func(t *testing.T) {
				compare(t, c, d, hold(t, backup(t, c, 0, src, row.rules)), row.want)
			})
		}
	}
}

// backup archives a source as it stands on a day, in an archive of its own.
func backup(t *testing.T, c *corpus.Corpus, n int, src engine.Source, rules engine.Rules) *engine.View {
	t.Helper()
	a := archiveAt(t, func() time.Time { return c.Day(n).Time() })
	if r, err := a.Backup(t.Context(), src, engine.BackupOptions{Rules: rules}); err != nil || r.Missing > 0 {
		t.Fatalf("%v, %v", r.Problems, err)
	}
	v, err := a.View(t.Context(), "latest")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func archiveAt(t *testing.T, now func() time.Time) *engine.Archive {
	t.Helper()
	key, err := seal.NewRecoveryKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a, err := engine.Create(t.Context(), new(store.Mem), key, engine.Options{Now: now, Temp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// openFormat writes a day in a format and opens it.
func openFormat(t *testing.T, c *corpus.Corpus, f corpus.Format, root string, n int) engine.Source {
	t.Helper()
	if err := c.Write(t.Context(), root, f, n); err != nil {
		t.Fatal(err)
	}
	var src interface {
		engine.Source
		Close() error
	}
	var err error
	switch f {
	case corpus.SignalLocal:
		return openLocal(t, c, root)
	case corpus.SignalV1:
		var p signalv1.Passphrase
		if p, err = signalv1.ParsePassphrase(c.SignalPassphrase()); err == nil {
			src, err = signalv1.Open(t.Context(), root, p)
		}
	case corpus.SignalDesktop:
		src, err = signaldesktop.Open(root, signaldesktop.Options{Temp: t.TempDir()})
	case corpus.Export:
		src, err = export.Open(root)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

// Three days of each format: every message and media of a day is found, nothing that is
// excluded is, and a day uploads its new media and 3 MB. At the size of the issue:
//
//	DAYFOLD_DAYS=0.1 go test -run TestThreeDaysOfEachFormat -v -timeout 2h ./bench/corpus
func TestThreeDaysOfEachFormat(t *testing.T) {
	scale := corpus.Scale{Messages: 500, Conversations: 8, MediaBytes: 1_000_000}
	if f, err := strconv.ParseFloat(os.Getenv("DAYFOLD_DAYS"), 64); err == nil {
		scale = corpus.Full.Times(f)
		scale.MediaBytes = scale.MediaBytes * 10 / 3
	}
	c := corpus.New(8, scale)
	all := func(*corpus.Message) bool { return true }
	for _, f := range signals {
		t.Run(string(f), func(t *testing.T) {
			n, root, seen := 0, t.TempDir(), map[uint64]bool{}
			a := archiveAt(t, func() time.Time { return c.Day(n).Time() })
			for ; n < 3; n++ {
				d, fresh := c.Day(n), int64(0)
				for m := range d.Media() {
					if !seen[m.Content] {
						seen[m.Content], fresh = true, fresh+m.Size
					}
				}
				r, err := a.Backup(t.Context(), openFormat(t, c, f, root, n), engine.BackupOptions{Insist: true})
				if err != nil || r.Missing > 0 {
					t.Fatalf("day %d: %v, %v", n, r.Problems, err)
				}
				t.Logf("day %d: %d items, %d bytes of new media, %d uploaded", n, r.Items, fresh, r.BytesUploaded)
				if most := fresh + fresh/50 + 3_000_000; n > 0 && r.BytesUploaded > most {
					t.Errorf("day %d: %d bytes uploaded for %d of new media, want at most %d", n, r.BytesUploaded, fresh, most)
				}
				v, err := a.View(t.Context(), "latest")
				if err != nil {
					t.Fatal(err)
				}
				compare(t, c, d, hold(t, v), want{all, all})
			}
		})
	}
}
