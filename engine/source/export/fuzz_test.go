package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/dayfold/dayfold/engine/source/export"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
)

// FuzzZip reads any bytes as a ZIP file with an export.
func FuzzZip(f *testing.F) {
	file := signaltest.NewFile(1, 20)
	for _, name := range []string{"main.jsonl", "metadata.json", "files/" + file.Name().Path() + ".jpg", "../x"} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range []string{"main.jsonl", name} {
			w, err := z.Create(name)
			if err == nil {
				_, err = io.WriteString(w, "{\"version\":\"1\"}\n{\"account\":{}}\n")
			}
			if err != nil {
				f.Fatal(err)
			}
		}
		z.Close()
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) { fuzz(t, "x.zip", b) })
}

// FuzzMainJSONL reads any bytes as a main.jsonl, and writes it back.
func FuzzMainJSONL(f *testing.F) {
	f.Add([]byte("{\"version\":\"1\"}\n{\"account\":{}}\n{\"chatItem\":{\"dateSent\":\"7\"}}\n{}"))
	f.Add([]byte("{\"version\":1,\"mediaRootBackupKey\":\"AAAA\"}\n\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h := fuzz(t, "main.jsonl", b)
		if h == nil || len(h.Problems) > 0 {
			return
		}
		dir := t.TempDir()
		if _, err := export.Write(context.Background(), dir, h, export.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		got, want := read(t, dir, "main.jsonl"), b
		if bytes.Count(b, []byte("\n")) == 0 {
			want = append(bytes.Clone(b), '\n')
		}
		if !bytes.Equal(got, want) && !bytes.Contains(b, []byte("nce")) {
			t.Errorf("main.jsonl is %q, want %q", got, want)
		}
	})
}

// fuzz reads a file that may be anything. It returns nil if it is no export.
func fuzz(t *testing.T, name string, b []byte) *signaltest.History {
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if name == "main.jsonl" {
		path = dir
	}
	src, err := export.Open(path)
	if err != nil {
		return nil
	}
	defer src.Close()
	h, err := signaltest.Collect(src)
	if err != nil && !errors.Is(err, signal.ErrCorrupt) {
		t.Fatalf("Items = %v, want ErrCorrupt", err)
	}
	if err != nil {
		return nil
	}
	return h
}
