package signallocal_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
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

// frames returns the frames of the newest snapshot under root.
func frames(t testing.TB, root string, k signal.Key) [][]byte {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(root, "signal-backup-*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no snapshot: %v", err)
	}
	dir := dirs[len(dirs)-1]
	metadata, err := os.ReadFile(filepath.Join(dir, "metadata"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := signal.OpenMetadata(k, metadata)
	if err != nil {
		t.Fatal(err)
	}
	main, err := os.ReadFile(filepath.Join(dir, "main"))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for frame, err := range signal.Derive(k, id).Frames(bytes.NewReader(main), int64(len(main))) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, frame)
	}
	return all
}

func write(t testing.TB, h engine.History, k signal.Key, opt signallocal.WriteOptions) (string, signal.Written) {
	t.Helper()
	dir := t.TempDir()
	done, err := signallocal.Write(context.Background(), dir, h, k, opt)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "SignalBackups"), done
}

func TestSampleComesBack(t *testing.T) {
	h, err := signaltest.Collect(open(t, sample))
	if err != nil {
		t.Fatal(err)
	}
	root, done := write(t, h, signaltest.Key(t), signallocal.WriteOptions{})
	if len(done.Left) > 0 || done.Missing.Count > 0 || done.Media != 3 {
		t.Errorf("Write = %+v", done)
	}
	want, got := frames(t, sample, signaltest.Key(t)), frames(t, root, signaltest.Key(t))
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%d frames differ from the %d that were read", len(got), len(want))
	}
	second, err := signaltest.Collect(open(t, root))
	if err != nil || len(second.Problems) > 0 || !slices.Equal(second.Keys(), h.Keys()) {
		t.Errorf("read again: %v, %v", err, second.Problems)
	}
	err = filepath.WalkDir(filepath.Join(root, "files"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if want, err := os.Stat(filepath.Join(sample, rel)); err != nil || want.Size() != info.Size() {
			t.Errorf("%s: %v, %d bytes", rel, err, info.Size())
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v", rel, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEverythingComesBack(t *testing.T) {
	root, h, _ := everything(t)
	again, done := write(t, h, signaltest.Key(t), signallocal.WriteOptions{})
	if done.Left["expiring"] != 2 || done.Left["reference"] != 0 || done.Missing.Count != 0 || done.Media != 11 {
		t.Errorf("Write = %+v", done)
	}
	var want [][]byte
	for i, frame := range frames(t, root, signaltest.Key(t)) {
		if i == 0 {
			want = append(want, frame)
		} else if !bytes.Contains(frame, []byte("gone soon")) && !bytes.Contains(frame, []byte("short")) {
			want = append(want, signal.WithoutOnce(frame))
		}
	}
	got := frames(t, again, signaltest.Key(t))
	if len(got) != len(want) {
		t.Fatalf("%d frames, want %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("frame %d is\n%q, want\n%q", i, got[i], want[i])
		}
	}
}

func TestAnotherKeyAndTime(t *testing.T) {
	_, h, _ := everything(t)
	k, err := signal.ParseKey(strings.Repeat("q", 64))
	if err != nil {
		t.Fatal(err)
	}
	now := time.UnixMilli(signaltest.Made).Add(5 * 24 * time.Hour)
	root, done := write(t, h, k, signallocal.WriteOptions{Now: now})
	if done.Left["expiring"] != 3 {
		t.Errorf("Left = %v, want the started message to be gone as well", done.Left)
	}
	info, err := signal.ReadInfo(frames(t, root, k)[0])
	if err != nil || info.TimeMs != uint64(now.UnixMilli()) || len(info.MediaRootKey) != 32 {
		t.Errorf("Info = %+v, %v", info, err)
	}
	if _, err := signallocal.Open(root, signaltest.Key(t), signallocal.Options{}); !errors.Is(err, signal.ErrKey) {
		t.Errorf("the old key: %v, want ErrKey", err)
	}
	src, err := signallocal.Open(root, k, signallocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := signaltest.Collect(src); err != nil || src.Info().Label == h.Info().Label {
		t.Errorf("%v, label %s", err, src.Info().Label)
	}
}

func TestReferencesAreWhole(t *testing.T) {
	_, h, _ := everything(t)
	for _, key := range h.Keys() {
		if strings.HasPrefix(key, "c/") && bytes.HasPrefix(h.Content(t, key), []byte("\x1a\x04\x08\x0c\x10\x03")) {
			h.Remove(key) // the chat with Eve
			break
		}
	}
	_, done := write(t, h, signaltest.Key(t), signallocal.WriteOptions{})
	if done.Left["reference"] != 1 {
		t.Errorf("Left = %v, want the message in the chat that is gone", done.Left)
	}
	h.Remove("a/account")
	if _, err := signallocal.Write(context.Background(), t.TempDir(), h, signaltest.Key(t), signallocal.WriteOptions{}); !errors.Is(err, signal.ErrFormat) {
		t.Errorf("without an account: %v, want ErrFormat", err)
	}
}

func TestMissingMediaIsNamed(t *testing.T) {
	_, h, _ := everything(t)
	var gone string
	for _, key := range h.Keys() {
		if strings.HasPrefix(key, "p/") {
			gone = key
		}
	}
	h.Remove(gone)
	root, done := write(t, h, signaltest.Key(t), signallocal.WriteOptions{})
	if done.Missing.Count != 1 || !strings.HasSuffix(gone, done.Missing.Names[0]) {
		t.Errorf("Missing = %v, want the one of %s", done.Missing, gone)
	}
	if r := open(t, root).Report(); r.Unlisted.Count != 0 {
		t.Errorf("Report = %+v", r)
	}
}

func TestWriteTwice(t *testing.T) {
	_, h, _ := everything(t)
	dir := t.TempDir()
	opt := signallocal.WriteOptions{}
	if _, err := signallocal.Write(context.Background(), dir, h, signaltest.Key(t), opt); err != nil {
		t.Fatal(err)
	}
	if _, err := signallocal.Write(context.Background(), dir, h, signaltest.Key(t), opt); !errors.Is(err, fs.ErrExist) {
		t.Errorf("same name: %v, want fs.ErrExist", err)
	}
	opt.Now = time.UnixMilli(signaltest.Made).Add(time.Hour)
	if _, err := signallocal.Write(context.Background(), dir, h, signaltest.Key(t), opt); err != nil {
		t.Errorf("beside it, with the same media: %v", err)
	}
	name := filepath.Join(dir, "SignalBackups", "files", signaltest.Everything(t).Media[0].Name().Path())
	if err := os.WriteFile(name, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	opt.Now = opt.Now.Add(time.Hour)
	if _, err := signallocal.Write(context.Background(), dir, h, signaltest.Key(t), opt); !errors.Is(err, signal.ErrCorrupt) {
		t.Errorf("with another file in the place of a media: %v, want ErrCorrupt", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "SignalBackups", "*-tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// needless is a history whose items do not say what they need.
type needless struct{ engine.History }

func (n needless) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		for it, err := range n.History.Items(ctx) {
			if it.Needs = nil; !yield(it, err) {
				return
			}
		}
	}
}

func (n needless) Item(ctx context.Context, key []byte) (engine.Item, error) {
	it, err := n.History.Item(ctx, key)
	it.Needs = nil
	return it, err
}

// No photo is lost without a word: what a frame shows is written or named as missing.
func TestEachShownMediaIsWrittenOrMissing(t *testing.T) {
	_, h, _ := everything(t)
	_, done := write(t, needless{h}, signaltest.Key(t), signallocal.WriteOptions{})
	if done.Media+done.Missing.Count != 11 || done.Missing.Count == 0 {
		t.Errorf("Write = %+v, want 11 media written or missing", done)
	}
}
