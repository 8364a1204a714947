package signallocal_test

import (
	"bytes"
	"context"
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
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signallocal"
)

var _ engine.Source = (*signallocal.Source)(nil)

const sample = "../signal/testdata/SignalBackups"

func open(t testing.TB, dir string) *signallocal.Source {
	t.Helper()
	src, err := signallocal.Open(dir, signaltest.Key(t), signallocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

// everything returns the folder of signaltest.Everything and what a source reads there.
func everything(t testing.TB) (string, *signaltest.History, signallocal.Report) {
	t.Helper()
	root := signaltest.Everything(t).Write(t, t.TempDir())
	src := open(t, root)
	h, err := signaltest.Collect(src)
	if err != nil {
		t.Fatal(err)
	}
	return root, h, src.Report()
}

func find(t testing.TB, h *signaltest.History, text string) engine.Item {
	t.Helper()
	for it := range h.Items(context.Background()) {
		if it.Kind == engine.Message && bytes.Contains(h.Content(t, string(it.Key)), []byte(text)) {
			return it
		}
	}
	t.Fatalf("no message with %q", text)
	return engine.Item{}
}

func TestSampleIsRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "SignalBackups"), os.DirFS(sample)); err != nil {
		t.Fatal(err)
	}
	renamed := filepath.Join(t.TempDir(), "other name")
	if err := os.CopyFS(renamed, os.DirFS(sample)); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, path := range []string{sample, dir, renamed} {
		src := open(t, path)
		h, err := signaltest.Collect(src)
		if err != nil || len(h.Problems) > 0 {
			t.Fatalf("%s: %v, %v", path, err, h.Problems)
		}
		if r := src.Report(); r.Snapshot != "signal-backup-2025-06-16-15-06-40" || r.Media != 3 || r.Superfluous.Count > 0 {
			t.Errorf("Report = %+v", r)
		}
		if want == nil {
			want = h.Keys()
		}
		if !slices.Equal(h.Keys(), want) {
			t.Errorf("%s: other keys", path)
		}
	}
	if info := open(t, sample).Info(); info.Kind != "signal-local" || len(info.Label) != 32 {
		t.Errorf("Info = %+v", info)
	}
}

func TestUnfinishedSnapshotsAreSkipped(t *testing.T) {
	root := filepath.Join(t.TempDir(), "SignalBackups")
	if err := os.CopyFS(root, os.DirFS(sample)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"signal-backup-2025-06-18-00-00-00-tmp", "signal-backup-2025-06-17-00-00-00"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	src := open(t, root)
	r := src.Report()
	if r.Snapshot != "signal-backup-2025-06-16-15-06-40" || len(r.Unfinished) != 2 {
		t.Errorf("Report = %+v", r)
	}
	h, err := signaltest.Collect(src)
	if err != nil || len(h.Problems) != 1 || string(h.Problems[0].Key) != "signal-backup-2025-06-17-00-00-00" || len(h.Keys()) == 0 {
		t.Errorf("problems %v, %v, want the newer snapshot that lacks its files", h.Problems, err)
	}
}

func TestKeysCarryNoNames(t *testing.T) {
	_, h, _ := everything(t)
	prefixes := map[string]int{}
	for it := range h.Items(context.Background()) {
		key := string(it.Key)
		prefixes[key[:2]]++
		for _, bad := range []string{"1555", "Bob", "Eve", strings.Repeat("11", 8), strings.Repeat("22", 8)} {
			if strings.Contains(key, bad) {
				t.Errorf("%q in key %q", bad, key)
			}
		}
		if len(it.Group) > 0 && !strings.Contains(key, string(it.Group)) {
			t.Errorf("key %q does not hold its group %q", key, it.Group)
		}
	}
	for _, p := range []string{"a/", "r/", "c/", "m/", "p/", "s/", "f/", "u/"} {
		if prefixes[p] == 0 {
			t.Errorf("no key begins with %q", p)
		}
	}
}

// What differs between two backups of one history is in the Info, not in the items.
func TestSecondBackupHasTheSameItems(t *testing.T) {
	_, first, _ := everything(t)
	b := signaltest.Everything(t)
	b.Info = signal.WithTime(b.Info, signaltest.Made+86400000)
	b.Snapshot = "signal-backup-2025-06-17-15-06-40"
	src := open(t, b.Write(t, t.TempDir()))
	second, err := signaltest.Collect(src)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first.Keys(), second.Keys()) {
		t.Fatal("other keys")
	}
	for it := range first.Items(context.Background()) {
		other, _ := second.Item(context.Background(), it.Key)
		it.Open, other.Open = nil, nil
		if fmt.Sprintf("%+v", it) != fmt.Sprintf("%+v", other) {
			t.Errorf("item %q differs", it.Key)
		}
	}
	if src.Info().Label != first.Info().Label {
		t.Error("other label")
	}
}

func TestTimers(t *testing.T) {
	_, h, _ := everything(t)
	started, waiting, hello := find(t, h, "started"), find(t, h, "waiting"), find(t, h, "hello")
	if want := time.UnixMilli(signaltest.Made).Add(3 * 24 * time.Hour); !started.Expires.Equal(want) || started.Timer != 0 {
		t.Errorf("started: %v, %v, want %v", started.Expires, started.Timer, want)
	}
	if !waiting.Expires.IsZero() || waiting.Timer != 7*24*time.Hour {
		t.Errorf("waiting: %v, %v, want 168 h", waiting.Expires, waiting.Timer)
	}
	if !hello.Expires.IsZero() || hello.Timer != 0 {
		t.Errorf("no timer: %v, %v", hello.Expires, hello.Timer)
	}
}

func TestViewOnceIsNeverKept(t *testing.T) {
	root, h, _ := everything(t)
	secret := signaltest.Everything(t).Media[7]
	if len(h.Once) != 1 || !strings.HasSuffix(h.Once[0], secret.Name().String()) {
		t.Errorf("seen once: %q, want media %s", h.Once, secret.Name())
	}
	for _, key := range h.Keys() {
		content := h.Content(t, key)
		if bytes.Contains(content, secret.Hash[:]) || bytes.Contains(content, secret.LocalKey[:]) || bytes.Equal(content, secret.Content) {
			t.Errorf("item %q holds what may be seen once", key)
		}
	}
	// Its file may be missing: nobody wants it.
	if err := os.Remove(filepath.Join(root, "files", secret.Name().Path())); err != nil {
		t.Fatal(err)
	}
	if h, err := signaltest.Collect(open(t, root)); err != nil || len(h.Problems) > 0 {
		t.Errorf("%v, %v", err, h.Problems)
	}
	if it := find(t, h, "gone"); !bytes.HasSuffix(h.Content(t, string(it.Key)), []byte("\x8a\x3e\x02ok")) {
		t.Error("an unknown field did not survive")
	}
}

// A photo that is also shown in an ordinary message is kept, by that message.
func TestOnceAndThenForever(t *testing.T) {
	b := signaltest.Everything(t)
	p := b.Media[7].Pointer("image/jpeg")
	m := signal.Message{ChatID: 10, AuthorID: 2, Sent: signaltest.Made, Standard: &signal.Standard{Attachments: []signal.Pointer{p}}}
	b.Frames = append(b.Frames, signal.AppendFrame(nil, signal.FrameChatItem, m.Append(nil)))
	h, err := signaltest.Collect(open(t, b.Write(t, t.TempDir())))
	if err != nil || len(h.Once) != 0 {
		t.Fatalf("seen once: %v, %v", h.Once, err)
	}
	for it := range h.Items(t.Context()) {
		for _, need := range it.Needs {
			if strings.HasSuffix(string(need), b.Media[7].Name().String()) {
				if it.Time.UnixMilli() != signaltest.Made || len(h.Content(t, string(need))) != len(b.Media[7].Content) {
					t.Errorf("item %q needs it", it.Key)
				}
				return
			}
		}
	}
	t.Error("nothing needs the photo")
}

// What happened and what was written at one time by one person are told apart by what
// they are, so that the key of neither depends on the other.
func TestUpdatesHaveTheirOwnKeys(t *testing.T) {
	_, h, _ := everything(t)
	n := 0
	for _, key := range h.Keys() {
		if strings.HasPrefix(key, "m/") && strings.HasSuffix(key, "u") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d keys of updates, want 1", n)
	}
}

func TestEditKeepsTheKey(t *testing.T) {
	_, h, _ := everything(t)
	it := find(t, h, "third")
	sent := it.Time.UnixMilli() - 3*3600*1000
	if want := fmt.Sprintf("/%016d/", sent); !strings.Contains(string(it.Key), want) {
		t.Errorf("key %q does not have the first revision's time %s", it.Key, want)
	}
	if len(it.Needs) != 1 {
		t.Errorf("%d needs, want the photo of the second revision", len(it.Needs))
	}
}

func TestEachMediaIsNeeded(t *testing.T) {
	_, h, r := everything(t)
	needed := map[string]int{}
	for it := range h.Items(context.Background()) {
		for _, n := range it.Needs {
			needed[string(n)]++
		}
	}
	media := 0
	for it := range h.Items(context.Background()) {
		if it.Kind != engine.Media {
			continue
		}
		if media++; needed[string(it.Key)] == 0 {
			t.Errorf("nothing needs %q", it.Key)
		}
	}
	if media != 11 || len(needed) != 11 || r.Media != 12 {
		t.Errorf("%d media, %d needed, %d shown, want 11, 11, 12", media, len(needed), r.Media)
	}
}

func TestWrongKey(t *testing.T) {
	wrong, err := signal.ParseKey(strings.Repeat("n", 64))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{sample, signaltest.Everything(t).Write(t, t.TempDir())} {
		if _, err := signallocal.Open(dir, wrong, signallocal.Options{}); !errors.Is(err, signal.ErrKey) {
			t.Errorf("Open = %v, want ErrKey", err)
		}
	}
}

func TestNoBackupThere(t *testing.T) {
	dir := t.TempDir()
	if signallocal.Is(dir) || !signallocal.Is(sample) {
		t.Error("Is is wrong")
	}
	if _, err := signallocal.Open(dir, signaltest.Key(t), signallocal.Options{}); !errors.Is(err, signal.ErrFormat) {
		t.Errorf("Open = %v, want ErrFormat", err)
	}
	if _, err := signallocal.Open(filepath.Join(dir, "x"), signaltest.Key(t), signallocal.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open = %v, want fs.ErrNotExist", err)
	}
}
