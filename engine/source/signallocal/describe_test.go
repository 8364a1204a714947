package signallocal_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signallocal"
)

func words(d signal.Description) (all []string) {
	for _, f := range d.Findings {
		all = append(all, f.What)
	}
	return all
}

func TestDescription(t *testing.T) {
	src := open(t, signaltest.Everything(t).Write(t, t.TempDir()))
	if _, err := signaltest.Collect(src); err != nil {
		t.Fatal(err)
	}
	d := src.Description()
	if d.Version != "1" || d.App != "test" || !d.Made.Equal(time.UnixMilli(signaltest.Made)) || d.Snapshots != 1 || d.Files != 12 {
		t.Errorf("Description = %+v", d)
	}
	for what, n := range map[string]int64{"account": 1, "recipient": 7, "chat": 3, "sticker pack": 1, "chat folder": 1, "unknown": 1, "media": 12} {
		if d.Counts[what] != n {
			t.Errorf("%d of %q, want %d", d.Counts[what], what, n)
		}
	}
	if len(d.Findings) > 0 {
		t.Errorf("findings %v in a whole backup", words(d))
	}
}

// What lies in the folder is compared with the lists without any key.
func TestLook(t *testing.T) {
	root := signaltest.Everything(t).Write(t, t.TempDir())
	d, err := signallocal.Look(filepath.Dir(root))
	if err != nil || len(d.Findings) > 0 || d.Version != "1" || d.Files != 12 || d.Counts != nil {
		t.Fatalf("Look = %+v, %v", d, err)
	}
	if want := time.Date(2025, 6, 16, 15, 6, 40, 0, time.UTC); !d.Made.Equal(want) {
		t.Errorf("made %v, want %v", d.Made, want)
	}
	stray := filepath.Join(root, "files", "ab", strings.Repeat("ab", 32))
	if err := errors.Join(os.Remove(mediaPath(t, root, 1)), os.Truncate(mediaPath(t, root, 2), 100), os.MkdirAll(filepath.Dir(stray), 0o700),
		os.WriteFile(stray, make([]byte, signal.SealedSize(7)), 0o600)); err != nil {
		t.Fatal(err)
	}
	d, err = signallocal.Look(root)
	if want := []string{"missing", "altered", "superfluous"}; err != nil || !slices.Equal(words(d), want) || d.Findings[0].Count != 1 {
		t.Errorf("Look = %+v, %v, want %v", d, err, want)
	}
	if _, err := signallocal.Look(t.TempDir()); !errors.Is(err, signal.ErrFormat) {
		t.Errorf("Look = %v, want ErrFormat", err)
	}
}
