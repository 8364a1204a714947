package signallocal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
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

// sealed seals a plaintext as a media file, whatever its padding.
func sealed(t testing.TB, f signaltest.File, padded []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(f.LocalKey[:32])
	if err != nil {
		t.Fatal(err)
	}
	iv := make([]byte, 16)
	pad := 16 - len(padded)%16
	file := append(bytes.Clone(padded), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(file, file)
	mac := hmac.New(sha256.New, f.LocalKey[32:])
	mac.Write(append(iv, file...))
	return mac.Sum(append(iv, file...))
}

// Whoever can write to the folder gets nothing read from outside of it, and nothing
// believed that main does not show. What is not touched is read all the same.
func TestHostileFolder(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	replace := func(path, target string) error { return errors.Join(os.RemoveAll(path), os.Symlink(target, path)) }
	snapshot := signaltest.Everything(t).Snapshot
	photo := signaltest.Everything(t).Media[3]
	for _, c := range []struct {
		what     string
		corrupt  func(root string) error
		open     error
		problems int
		want     error
	}{
		{"main is a link", func(r string) error { return replace(r+"/"+snapshot+"/main", outside) }, signal.ErrFormat, 0, nil},
		{"metadata is a link", func(r string) error { return replace(r+"/"+snapshot+"/metadata", outside) }, signal.ErrFormat, 0, nil},
		{"the list is a link", func(r string) error { return replace(r+"/"+snapshot+"/files", outside) }, signal.ErrFormat, 0, nil},
		{"the snapshot is a link", func(r string) error {
			return errors.Join(os.Rename(r+"/"+snapshot, r+"x"), os.Symlink(r+"x", r+"/"+snapshot))
		}, signal.ErrFormat, 0, nil},
		{"the folder of media is a link to outside", func(r string) error {
			return errors.Join(os.Rename(r+"/files", r+"y"), os.Symlink(r+"y", r+"/files"))
		}, signal.ErrFormat, 0, nil},
		{"the list climbs out", func(r string) error {
			entry := append([]byte{66, 0x0a, 64}, strings.Repeat("../x", 16)...)
			return os.WriteFile(r+"/"+snapshot+"/files", entry, 0o600)
		}, nil, 0, nil},
		{"a name that is no hex", func(r string) error {
			return os.WriteFile(filepath.Dir(mediaIn(r, photo))+"/"+strings.Repeat("zz", 32), nil, 0o600)
		}, nil, 0, nil},
		{"a media is a link to outside", func(r string) error { return replace(mediaIn(r, photo), outside) }, nil, 1, fs.ErrNotExist},
		{"a media's folder is a link to outside", func(r string) error {
			dir := filepath.Dir(mediaIn(r, photo))
			return errors.Join(os.Rename(dir, r+"z"), os.Symlink(r+"z", dir))
		}, nil, 1, fs.ErrNotExist},
		{"padding that is not zero", func(r string) error {
			padded := make([]byte, signal.PaddedSize(int64(photo.Size)))
			copy(padded, photo.Content)
			padded[len(padded)-1] = 1
			return os.WriteFile(mediaIn(r, photo), sealed(t, photo, padded), 0o600)
		}, nil, 1, signal.ErrCorrupt},
		{"a content that is longer than main says", func(r string) error {
			return os.WriteFile(mediaIn(r, photo), sealed(t, photo, make([]byte, 3*photo.Size)), 0o600)
		}, nil, 1, signal.ErrCorrupt},
		{"another content under the same keys", func(r string) error {
			return os.WriteFile(mediaIn(r, photo), sealed(t, photo, make([]byte, signal.PaddedSize(int64(photo.Size)))), 0o600)
		}, nil, 1, signal.ErrCorrupt},
	} {
		root := signaltest.Everything(t).Write(t, t.TempDir())
		if err := c.corrupt(root); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		src, err := signallocal.Open(root, signaltest.Key(t), signallocal.Options{})
		if !errors.Is(err, c.open) || (err == nil) != (c.open == nil) {
			t.Errorf("%s: Open = %v, want %v", c.what, err, c.open)
		}
		if err != nil {
			continue
		}
		h, err := signaltest.Collect(src)
		src.Close()
		if err != nil || len(h.Problems) != c.problems {
			t.Errorf("%s: %v, problems %v, want %d", c.what, err, h.Problems, c.problems)
			continue
		}
		for _, p := range h.Problems {
			if !errors.Is(p, c.want) {
				t.Errorf("%s: %v, want %v", c.what, p, c.want)
			}
		}
		photos := 0
		for it := range h.Items(t.Context()) {
			if bytes.Contains(h.Content(t, string(it.Key)), []byte("secret")) {
				t.Errorf("%s: %s was read from outside", c.what, it.Key)
			}
			if it.Kind == engine.Media {
				photos++
			}
		}
		if photos != 11-c.problems {
			t.Errorf("%s: %d media, want %d", c.what, photos, 11-c.problems)
		}
	}
}

func mediaIn(root string, f signaltest.File) string {
	return filepath.Join(root, "files", filepath.FromSlash(f.Name().Path()))
}

// FuzzFolder puts any bytes where nothing is signed: the list of names, and a media.
func FuzzFolder(f *testing.F) {
	b := signaltest.Everything(f)
	f.Add([]byte{}, []byte("x"))
	f.Add(signal.AppendFilesEntry(nil, b.Media[0].Name()), sealed(f, b.Media[0], make([]byte, 600)))
	f.Add([]byte{0xff, 0xff, 0x7f}, []byte{})
	root := b.Write(f, f.TempDir())
	f.Fuzz(func(t *testing.T, list, media []byte) {
		if err := errors.Join(os.WriteFile(filepath.Join(root, b.Snapshot, "files"), list, 0o600), os.WriteFile(mediaIn(root, b.Media[0]), media, 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := signallocal.Look(root); err != nil {
			t.Fatalf("Look = %v", err)
		}
		h, err := signaltest.Collect(open(t, root))
		if err != nil {
			t.Fatalf("Items = %v", err)
		}
		for _, p := range h.Problems {
			if !errors.Is(p, signal.ErrCorrupt) {
				t.Errorf("%v, want ErrCorrupt", p)
			}
		}
		for it := range h.Items(t.Context()) {
			if content := h.Content(t, string(it.Key)); it.Kind == engine.Media && len(content) != int(it.Size) {
				t.Errorf("%s: %d bytes of %d", it.Key, len(content), it.Size)
			}
		}
	})
}
