package signallocal_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signallocal"
)

func mediaPath(t testing.TB, root string, n int) string {
	t.Helper()
	return filepath.Join(root, "files", filepath.FromSlash(signaltest.Everything(t).Media[n-1].Name().Path()))
}

// Each damage to the media folder costs the one media, and it is named.
func TestMediaFolderDamage(t *testing.T) {
	for _, c := range []struct {
		what    string
		corrupt func(path string) error
		want    error
		missing int64
		altered int64
	}{
		{"missing", os.Remove, fs.ErrNotExist, 1, 0},
		{"cut short", func(p string) error { return os.Truncate(p, 100) }, signal.ErrCorrupt, 0, 1},
		{"empty", func(p string) error { return os.Truncate(p, 0) }, signal.ErrCorrupt, 0, 1},
		{"one bit", flip, signal.ErrCorrupt, 0, 1},
		{"a link", func(p string) error { return errors.Join(os.Rename(p, p+"x"), os.Symlink(filepath.Base(p)+"x", p)) }, fs.ErrNotExist, 1, 0},
		{"a folder", func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) }, fs.ErrNotExist, 1, 0},
	} {
		root := signaltest.Everything(t).Write(t, t.TempDir())
		if err := c.corrupt(mediaPath(t, root, 4)); err != nil {
			t.Fatal(err)
		}
		src := open(t, root)
		h, err := signaltest.Collect(src)
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		r := src.Report()
		if len(h.Problems) != 1 || !errors.Is(h.Problems[0], c.want) || r.Missing.Count != c.missing || r.Altered.Count != c.altered {
			t.Errorf("%s: problems %v, report %+v, want %v", c.what, h.Problems, r, c.want)
		}
		if want := signaltest.Everything(t).Media[3].Name().String(); !strings.HasSuffix(string(h.Problems[0].Key), want) {
			t.Errorf("%s: problem %q does not name %s", c.what, h.Problems[0].Key, want)
		}
	}
}

func flip(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[len(b)/2] ^= 1
	return os.WriteFile(path, b, 0o600)
}

func TestFolderAndListAreCompared(t *testing.T) {
	b := signaltest.Everything(t)
	root := b.Write(t, t.TempDir())
	stray := strings.Repeat("ab", 32)
	other := signaltest.NewFile(99, 10)
	dir := filepath.Join(root, "files", "ab")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{stray, "not hex", strings.Repeat("cd", 32)} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list := signal.AppendFilesEntry(nil, other.Name())
	for _, f := range b.Media[1:] {
		list = signal.AppendFilesEntry(list, f.Name())
	}
	put := func(list []byte) {
		if err := os.WriteFile(filepath.Join(root, b.Snapshot, "files"), list, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(list)
	src := open(t, root)
	if _, err := signaltest.Collect(src); err != nil {
		t.Fatal(err)
	}
	r := src.Report()
	if r.Superfluous.Count != 3 || r.Unlisted.Count != 1 || r.Unshown.Count != 1 || r.ListDamaged || r.Missing.Count != 0 {
		t.Errorf("Report = %+v", r)
	}
	for _, bad := range [][]byte{{0x80}, {0xff, 0xff, 0x7f}, {3, 0x0a, 1, 'x'}, append([]byte{66, 0x0a, 64}, strings.Repeat("../x", 16)...)} {
		put(bad)
		src := open(t, root)
		if h, err := signaltest.Collect(src); err != nil || len(h.Problems) > 0 || !src.Report().ListDamaged {
			t.Errorf("list %q: %v, %+v", bad, err, src.Report())
		}
	}
}

func TestMainChangesWhileItIsRead(t *testing.T) {
	b := signaltest.Everything(t)
	root := b.Write(t, t.TempDir())
	src := open(t, root)
	if err := flip(filepath.Join(root, b.Snapshot, "main")); err != nil {
		t.Fatal(err)
	}
	if _, err := signaltest.Collect(src); !errors.Is(err, signal.ErrCorrupt) || errors.As(err, new(*engine.Problem)) {
		t.Errorf("Items = %v, want ErrCorrupt that ends the backup", err)
	}
	if err := os.RemoveAll(filepath.Join(root, b.Snapshot)); err != nil {
		t.Fatal(err)
	}
	if _, err := signaltest.Collect(src); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Items = %v, want fs.ErrNotExist", err)
	}
}

func TestFrameThatIsNoProtobuf(t *testing.T) {
	b := signaltest.Everything(t)
	b.Frames = append(b.Frames, []byte{0x22, 0x05, 0x08}, []byte{})
	deep := []byte{}
	for range 1000 {
		deep = append([]byte{0x32, byte(len(deep) | 0x80), byte(len(deep) >> 7)}, deep...)
	}
	b.Frames = append(b.Frames, signal.AppendFrame(nil, signal.FrameChatItem, deep))
	src := open(t, b.Write(t, t.TempDir()))
	h, err := signaltest.Collect(src)
	if err != nil || len(h.Problems) != 2 || src.Report().Unreadable != 2 {
		t.Errorf("%v, %v, want 2 problems", err, h.Problems)
	}
}

func TestItemsEndsWithTheContext(t *testing.T) {
	src := open(t, signaltest.Everything(t).Write(t, t.TempDir()))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range src.Items(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Items = %v, want context.Canceled", err)
		}
		return
	}
	t.Error("Items ended without an error")
}

func TestMetadataDamageIsNotAWrongKey(t *testing.T) {
	b := signaltest.Everything(t)
	root := b.Write(t, t.TempDir())
	for _, size := range []int64{0, 35, 5000} {
		if err := os.Truncate(filepath.Join(root, b.Snapshot, "metadata"), size); err != nil {
			t.Fatal(err)
		}
		if _, err := signallocal.Open(root, signaltest.Key(t), signallocal.Options{}); !errors.Is(err, signal.ErrFormat) {
			t.Errorf("metadata of %d bytes: %v, want ErrFormat", size, err)
		}
	}
}
