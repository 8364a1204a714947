package export_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/dayfold/dayfold/engine/source/export"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
)

// Links in a folder lead nowhere: what they point to is not read, inside or outside.
func TestHostileFolder(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte(`{"version":"1"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(outside, "secret")
	replace := func(path, target string) error { return errors.Join(os.RemoveAll(path), os.Symlink(target, path)) }
	whole := exported(t)
	photo := signaltest.Everything(t).Media[3]
	for _, c := range []struct {
		what    string
		corrupt func(dir string) error
		open    error
		missing int64
		foreign int64
	}{
		{"main.jsonl is a link", func(d string) error { return replace(d+"/main.jsonl", secret) }, signal.ErrFormat, 0, 0},
		{"metadata.json is a link", func(d string) error { return replace(d+"/metadata.json", secret) }, signal.ErrFormat, 0, 0},
		{"the folder of media is a link", func(d string) error {
			return errors.Join(os.Rename(d+"/files", outside+"/files"), os.Symlink(outside+"/files", d+"/files"))
		}, nil, 11, 0},
		{"a media is a link", func(d string) error { return replace(d+"/files/"+photo.Name().Path()+".mp4", secret) }, nil, 1, 1},
		{"a media's folder is a link", func(d string) error {
			dir := filepath.Dir(d + "/files/" + photo.Name().Path())
			return errors.Join(os.Rename(dir, outside+"/ab"), os.Symlink(outside+"/ab", dir))
		}, nil, 1, 1},
	} {
		dir := filepath.Join(t.TempDir(), "export")
		if err := errors.Join(os.CopyFS(dir, os.DirFS(whole)), c.corrupt(dir)); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		src, err := export.Open(dir)
		if !errors.Is(err, c.open) || (err == nil) != (c.open == nil) {
			t.Errorf("%s: Open = %v, want %v", c.what, err, c.open)
		}
		if err != nil {
			continue
		}
		h, err := signaltest.Collect(src)
		r := src.Report()
		src.Close()
		if err != nil || r.Missing.Count != c.missing || int64(len(h.Problems)) != c.missing || r.Foreign.Count != c.foreign {
			t.Errorf("%s: %v, %d missing, %d foreign, problems %v, want %d, %d", c.what, err, r.Missing.Count, r.Foreign.Count, h.Problems, c.missing, c.foreign)
		}
	}
}
