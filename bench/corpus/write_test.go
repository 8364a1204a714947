package corpus_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dayfold/dayfold/bench/corpus"
	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/dir"
	"github.com/dayfold/dayfold/engine/source/export"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signaldesktop"
	"github.com/dayfold/dayfold/engine/source/signallocal"
	"github.com/dayfold/dayfold/engine/source/signalv1"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
)

var tiny = corpus.Scale{Messages: 2000, Conversations: 24, MediaBytes: 3_000_000}

// tree maps each file below root to its content, and to its inode and time.
func tree(t *testing.T, root string) (content, identity map[string]string) {
	t.Helper()
	content, identity = map[string]string{}, map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name := path[len(root)+1:]
		content[name] = fmt.Sprintf("%x", sha256.Sum256(data))
		identity[name] = fmt.Sprint(info.Sys().(*syscall.Stat_t).Ino, info.ModTime())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return content, identity
}

func TestWriteInPlace(t *testing.T) {
	for _, f := range corpus.Formats() {
		t.Run(string(f), func(t *testing.T) {
			c := corpus.New(3, tiny)
			root := filepath.Join(t.TempDir(), "in place")
			var was, had map[string]string
			for n := range 4 {
				if err := c.Write(t.Context(), root, f, n); err != nil {
					t.Fatal(err)
				}
				is, has := tree(t, root)
				rewritten := 0
				for name, sum := range was {
					if is[name] == sum && has[name] != had[name] {
						rewritten++
					}
				}
				if rewritten > 0 {
					t.Errorf("day %d: %d unchanged files were rewritten", n, rewritten)
				}
				if n > 0 && fmt.Sprint(was) == fmt.Sprint(is) {
					t.Errorf("day %d: nothing changed", n)
				}
				was, had = is, has
			}
			compareFresh(t, f, was)
		})
	}
}

// compareFresh compares what four days left with day 3 written at once.
func compareFresh(t *testing.T, f corpus.Format, got map[string]string) {
	root := t.TempDir()
	if err := corpus.New(3, tiny).Write(t.Context(), root, f, 3); err != nil {
		t.Fatal(err)
	}
	want, _ := tree(t, root)
	for name, sum := range want {
		if got[name] != sum {
			t.Errorf("%s: got %s, want %s", name, got[name], sum)
		}
	}
	for name := range got {
		older := f == corpus.SignalV1 && name == "signal-2026-01-07-03-00-00.backup" || f == corpus.SignalLocal && (strings.HasPrefix(name, "files/") || strings.HasPrefix(name, "signal-backup-2026-01-07"))
		if _, ok := want[name]; !ok && !older {
			t.Errorf("%s is left over", name)
		}
	}
}

func TestWriteStopsWhenAsked(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, f := range corpus.Formats() {
		if err := corpus.New(3, tiny).Write(ctx, t.TempDir(), f, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want Canceled", f, err)
		}
	}
	if err := corpus.New(3, tiny).Write(t.Context(), t.TempDir(), "tar", 0); err == nil {
		t.Error("no error for an unknown format")
	}
}

// open reads what a source sees; none of it may be a Problem.
func open(t *testing.T, s engine.Source) (items, media int) {
	t.Helper()
	for it, err := range s.Items(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		items++
		if it.Kind == engine.Media {
			media++
			r, err := it.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, r); err != nil || n != it.Size {
				t.Errorf("%s: got %d bytes, %v; want %d", it.Key, n, err, it.Size)
			}
			r.Close()
		}
	}
	return items, media
}

func TestFolderOpens(t *testing.T) {
	root := t.TempDir()
	if err := corpus.New(3, tiny).Write(t.Context(), root, corpus.Folder, 0); err != nil {
		t.Fatal(err)
	}
	s, err := dir.Open(root, dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	content, _ := tree(t, root)
	if items, _ := open(t, s); items <= len(content) {
		t.Errorf("got %d items for %d files", items, len(content))
	}
}

// expected counts the messages and the different media of a day.
func expected(c *corpus.Corpus, n int) (messages, media int) {
	unique := map[uint64]bool{}
	for range c.Day(n).Messages() {
		messages++
	}
	for m := range c.Day(n).Media() {
		unique[m.Content] = true
	}
	return messages, len(unique)
}

func openLocal(t *testing.T, c *corpus.Corpus, root string) *signallocal.Source {
	t.Helper()
	key, err := signal.ParseKey(c.SignalKey())
	if err != nil {
		t.Fatal(err)
	}
	s, err := signallocal.Open(root, key, signallocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSignalLocalOpens(t *testing.T) {
	c := corpus.New(3, tiny)
	root := t.TempDir()
	for n := range 2 {
		if err := c.Write(t.Context(), root, corpus.SignalLocal, n); err != nil {
			t.Fatal(err)
		}
	}
	s := openLocal(t, c, root)
	messages, unique := expected(c, 1)
	items, media := open(t, s)
	if r := s.Report(); r.Missing.Count+r.Altered.Count+r.Unlisted.Count+r.Unshown.Count+r.Superfluous.Count > 0 {
		t.Errorf("got %+v", r)
	}
	if media != unique || items-media < messages {
		t.Errorf("got %d items and %d media, want %d messages and %d media", items-media, media, messages, unique)
	}
}

// A history of text alone is a backup as well.
func TestSignalLocalOpensWithoutMedia(t *testing.T) {
	c := corpus.New(3, corpus.Scale{Messages: 200, Conversations: 6})
	root := t.TempDir()
	if err := c.Write(t.Context(), root, corpus.SignalLocal, 0); err != nil {
		t.Fatal(err)
	}
	s := openLocal(t, c, root)
	messages, _ := expected(c, 0)
	if items, media := open(t, s); media != 0 || items < messages {
		t.Errorf("got %d items and %d media, want %d messages", items, media, messages)
	}
}

func TestExportOpens(t *testing.T) {
	c := corpus.New(3, tiny)
	root := t.TempDir()
	for n := range 2 {
		if err := c.Write(t.Context(), root, corpus.Export, n); err != nil {
			t.Fatal(err)
		}
	}
	s, err := export.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	messages, unique := expected(c, 1)
	if items, media := open(t, s); media != unique || items-media < messages {
		t.Errorf("got %d items and %d media, want %d messages and %d media", items-media, media, messages, unique)
	}
}

func TestSignalDesktopOpens(t *testing.T) {
	c := corpus.New(3, tiny)
	root := t.TempDir()
	for n := range 2 {
		if err := c.Write(t.Context(), root, corpus.SignalDesktop, n); err != nil {
			t.Fatal(err)
		}
	}
	s, err := signaldesktop.Open(root, signaldesktop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	messages, unique := expected(c, 1)
	found := 0
	items, media := open(t, s)
	for it, err := range s.Items(t.Context()) {
		if err == nil && it.Kind == engine.Message {
			found++
		}
	}
	if media != unique || found != messages || items-media < messages {
		t.Errorf("got %d items, %d messages and %d media, want %d messages and %d media", items, found, media, messages, unique)
	}
}

// A day's file under other keys is a day's items: what is not new or changed has the
// key, the stamp and the content of the day before.
func TestSignalV1Opens(t *testing.T) {
	c := corpus.New(3, tiny)
	root := t.TempDir()
	p, err := signalv1.ParsePassphrase(c.SignalPassphrase())
	if err != nil {
		t.Fatal(err)
	}
	var was map[string]string
	for n := range 2 {
		if err := c.Write(t.Context(), root, corpus.SignalV1, n); err != nil {
			t.Fatal(err)
		}
		s, err := signalv1.Open(t.Context(), root, p)
		if err != nil {
			t.Fatal(err)
		}
		messages, is := 0, map[string]string{}
		for it, err := range s.Items(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			is[string(it.Key)] = fmt.Sprintf("%x %x %v %v", it.Stamp, it.Inline, it.Expires, it.Timer)
			if _, row, ok := strings.Cut(string(it.Key), "/message/"); ok && len(row) < len("2147483648") { // no later version
				messages++
			}
		}
		s.Close()
		want := 0
		for m := range c.Day(n).Messages() {
			if m.Started.IsZero() || m.Started.Add(m.Expires).Sub(c.Day(n).Time()) > 24*time.Hour || m.Expires == 0 {
				want++
			}
		}
		if messages != want {
			t.Errorf("day %d: %d messages, want %d", n, messages, want)
		}
		changed := 0
		for key, content := range was {
			if there, ok := is[key]; ok && there != content {
				changed++
			}
		}
		if changed > 40 {
			t.Errorf("day %d: %d items of %d changed", n, changed, len(was))
		}
		was = is
	}
}

// A day of Signal's backup in one file costs what is new in it, though each day's file is
// sealed under other keys.
func TestSignalV1DayUploadsItsOwn(t *testing.T) {
	c, root := corpus.New(3, tiny), t.TempDir()
	p, err := signalv1.ParsePassphrase(c.SignalPassphrase())
	if err != nil {
		t.Fatal(err)
	}
	key, err := seal.NewRecoveryKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Time{}
	a, err := engine.Create(t.Context(), new(store.Mem), key, engine.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	seen := map[uint64]bool{}
	for n := range 3 {
		now = c.Day(n).Time()
		fresh := int64(0)
		for m := range c.Day(n).Media() {
			if !seen[m.Content] {
				seen[m.Content], fresh = true, fresh+m.Size
			}
		}
		if err := c.Write(t.Context(), root, corpus.SignalV1, n); err != nil {
			t.Fatal(err)
		}
		s, err := signalv1.Open(t.Context(), root, p)
		if err != nil {
			t.Fatal(err)
		}
		r, err := a.Backup(t.Context(), s, engine.BackupOptions{Insist: true})
		s.Close()
		if err != nil || r.Missing > 0 {
			t.Fatalf("day %d: %v, %d missing", n, err, r.Missing)
		}
		if most := fresh + fresh/50 + 400_000; n > 0 && r.BytesUploaded > most {
			t.Errorf("day %d: %d bytes uploaded for %d of new media, want at most %d", n, r.BytesUploaded, fresh, most)
		}
	}
}
