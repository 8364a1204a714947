package export_test

import (
	"archive/zip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/dayfold/dayfold/engine/source/export"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
)

// zeros is a reader of zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestZipBomb(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	w, err := z.Create("main.jsonl")
	if err == nil {
		_, err = io.Copy(w, io.LimitReader(zeros{}, 65<<20))
	}
	if err := errors.Join(err, z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := export.Open(path); !errors.Is(err, signal.ErrFormat) {
		t.Errorf("Open = %v, want ErrFormat", err)
	}
}

// A ZIP is damaged anywhere: never more is read than was written, and the error says so.
func TestZipDamage(t *testing.T) {
	path := zipped(t, exported(t))
	b := read(t, path)
	bad := filepath.Join(t.TempDir(), "bad.zip")
	for n := 0; n < len(b); n += 1 + len(b)/120 {
		for _, damaged := range [][]byte{b[:n], append(append(append([]byte(nil), b[:n]...), b[n]^0x10), b[n+1:]...)} {
			if err := os.WriteFile(bad, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			src, err := export.Open(bad)
			if err == nil {
				_, err = signaltest.Collect(src)
				src.Close()
			}
			if err != nil && !errors.Is(err, signal.ErrFormat) && !errors.Is(err, signal.ErrCorrupt) {
				t.Errorf("byte %d: %v, want ErrFormat or ErrCorrupt", n, err)
			}
		}
	}
}
