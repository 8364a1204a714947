package signal_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// known is testdata/known-answers.json.
type known struct {
	AEP   string `json:"v2_aep"`
	ACI   string `json:"v2_aci_hex"`
	ID    string `json:"v2_backup_id_hex"`
	Media []struct {
		Name  string `json:"name"`
		Hash  string `json:"plaintext_sha256"`
		Local string `json:"local_key_hex"`
		Size  uint32 `json:"plaintext_size"`
	} `json:"v2_media"`
}

func answers(t testing.TB) (k known) {
	t.Helper()
	if err := json.Unmarshal(read(t, "testdata/known-answers.json"), &k); err != nil {
		t.Fatal(err)
	}
	return k
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func key(t testing.TB, s string) signal.Key {
	t.Helper()
	k, err := signal.ParseKey(s)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const sample = "testdata/SignalBackups/"

var snapshots = []string{sample + "signal-backup-2025-06-15-15-06-40/", sample + "signal-backup-2025-06-16-15-06-40/"}

func TestKnownKeys(t *testing.T) {
	for _, c := range []struct{ aep, aci, id string }{
		{strings.Repeat("m", 64), "11111111111111111111111111111111", "687b4288aab129fd7dcb3941aa3c7e39"},
		{"dtjs858asj6tv0jzsqrsmj0ubp335pisj98e9ssnss8myoc08drhtcktyawvx45l", "659aa5f4a28dfcc11ea1b997537a3d95", "8a624fbc45379043f39f1391cddc5fe8"},
	} {
		id := signal.BackupID(key(t, c.aep), [16]byte(unhex(t, c.aci)))
		if got := hex.EncodeToString(id[:]); got != c.id {
			t.Errorf("BackupID = %s, want %s", got, c.id)
		}
	}
}

func TestSampleOpens(t *testing.T) {
	a := answers(t)
	for _, dir := range snapshots {
		id, err := signal.OpenMetadata(key(t, a.AEP), read(t, dir+"metadata"))
		if err != nil || hex.EncodeToString(id[:]) != a.ID {
			t.Fatalf("OpenMetadata = %x, %v, want %s", id, err, a.ID)
		}
		keys, main := signal.Derive(key(t, a.AEP), id), read(t, dir+"main")
		if err := keys.VerifyMain(bytes.NewReader(main), int64(len(main)), false); err != nil {
			t.Fatal(err)
		}
		n := 0
		for frame, err := range keys.Frames(bytes.NewReader(main), int64(len(main))) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; !signal.Valid(frame) {
				t.Errorf("frame %d is no protobuf", n)
			}
		}
		if n < 10 {
			t.Errorf("%d frames", n)
		}
	}
}

func TestSampleMediaOpen(t *testing.T) {
	for _, c := range answers(t).Media {
		m := signal.Media{Hash: [32]byte(unhex(t, c.Hash)), LocalKey: [64]byte(unhex(t, c.Local)), Size: c.Size}
		if got := m.Name().String(); got != c.Name {
			t.Errorf("Name = %s, want %s", got, c.Name)
		}
		file := read(t, sample+"files/"+m.Name().Path())
		r, err := m.Open(bytes.NewReader(file), int64(len(file)), new(signal.Scratch))
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil || len(content) != int(c.Size) {
			t.Fatalf("%d bytes, %v, want %d", len(content), err, c.Size)
		}
		var again bytes.Buffer
		if err := m.SealMedia(&again, bytes.NewReader(file[:16]), bytes.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), file) {
			t.Error("sealed again under the same IV, the file differs")
		}
	}
}

func TestMetadataRoundTrip(t *testing.T) {
	k, id := key(t, strings.Repeat("a", 64)), [16]byte{1, 2, 3}
	file, err := signal.SealMetadata(rand.Reader, k, id)
	if err != nil || len(file) != 36 {
		t.Fatalf("%d bytes, %v, want 36", len(file), err)
	}
	if got, err := signal.OpenMetadata(k, file); got != id || err != nil {
		t.Errorf("OpenMetadata = %x, %v", got, err)
	}
	for i := range file {
		if _, err := signal.OpenMetadata(k, file[:i]); !errors.Is(err, signal.ErrFormat) {
			t.Errorf("cut to %d bytes: %v, want ErrFormat", i, err)
		}
	}
}

func TestPaddedSize(t *testing.T) {
	for n, want := range map[int64]int64{0: 541, 1: 541, 541: 541, 542: 568, 600: 626, 1000: 1020, 10000: 10110,
		65536: 67789, 1_000_000: 1_041_743, 104_857_600: 107_335_738} {
		if got := signal.PaddedSize(n); got != want {
			t.Errorf("PaddedSize(%d) = %d, want %d", n, got, want)
		}
	}
	for n := int64(0); n < 200_000; n++ {
		p := signal.PaddedSize(n)
		if p < n || signal.PaddedSize(p) != p {
			t.Fatalf("PaddedSize(%d) = %d, and of that %d", n, p, signal.PaddedSize(p))
		}
	}
}

// Of a thousand sizes a few can be a media file's, and each real one can.
func TestSealedSizesAreFew(t *testing.T) {
	for n := int64(0); n < 100_000; n += 37 {
		if size := signal.SealedSize(n); !signal.IsSealedSize(size) || signal.IsSealedSize(size+1) || signal.IsSealedSize(size-1) {
			t.Errorf("%d bytes, of a media of %d", size, n)
		}
	}
	few := 0
	for size := int64(-100); size < 100_000; size++ {
		if signal.IsSealedSize(size) {
			few++
		}
	}
	if few < 100 || few > 120 {
		t.Errorf("%d sizes below 100,000, want one for each power of 1.05", few)
	}
}
