package signaltest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// A Backup is a local backup to be written into a folder.
type Backup struct {
	Key      signal.Key
	ID       [16]byte
	Snapshot string
	Info     []byte
	Frames   [][]byte
	Media    []File
}

// File is a media and its content.
type File struct {
	signal.Media
	Content []byte
}

// NewFile returns the media of size bytes that n stands for: the same n is the same
// media under the same key.
func NewFile(n uint64, size int) File {
	seed := binary.LittleEndian.AppendUint64(nil, n)
	content := make([]byte, 0, size+32)
	for i := uint64(0); len(content) < size; i++ {
		sum := sha256.Sum256(binary.LittleEndian.AppendUint64(seed, i))
		content = append(content, sum[:]...)
	}
	f := File{Content: content[:size]}
	f.Hash, f.Size = sha256.Sum256(f.Content), uint32(size)
	a, b := sha256.Sum256(append(seed, 'a')), sha256.Sum256(append(seed, 'b'))
	copy(f.LocalKey[:], append(a[:], b[:]...))
	return f
}

// Pointer returns what a message says of the file.
func (f File) Pointer(contentType string) signal.Pointer {
	return signal.Pointer{ContentType: contentType, Locator: signal.Locator{Key: f.LocalKey[:], Size: f.Size,
		LocalKey: f.LocalKey[:], PlaintextHash: f.Hash[:]}}
}

// Key returns the key of 64 times the letter m.
func Key(t testing.TB) signal.Key {
	t.Helper()
	k, err := signal.ParseKey(strings.Repeat("m", 64))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Write writes the backup into dir/SignalBackups and returns that folder.
func (b Backup) Write(t testing.TB, dir string) string {
	t.Helper()
	root := filepath.Join(dir, "SignalBackups")
	metadata, err := signal.SealMetadata(rand.Reader, b.Key, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	b.put(t, filepath.Join(root, b.Snapshot, "metadata"), metadata)
	b.put(t, filepath.Join(root, b.Snapshot, "main"), b.main(t))
	var list []byte
	for _, f := range b.Media {
		list = signal.AppendFilesEntry(list, f.Name())
		var sealed strings.Builder
		if err := f.SealMedia(&sealed, rand.Reader, strings.NewReader(string(f.Content))); err != nil {
			t.Fatal(err)
		}
		b.put(t, filepath.Join(root, "files", filepath.FromSlash(f.Name().Path())), []byte(sealed.String()))
	}
	b.put(t, filepath.Join(root, b.Snapshot, "files"), list)
	if err := os.MkdirAll(filepath.Join(root, "files"), 0o700); err != nil {
		t.Fatal(err)
	}
	return root
}

func (b Backup) main(t testing.TB) []byte {
	t.Helper()
	var main strings.Builder
	m, err := signal.Derive(b.Key, b.ID).NewMainWriter(&main, rand.Reader)
	for _, frame := range append([][]byte{b.Info}, b.Frames...) {
		if err == nil {
			err = m.Frame(frame)
		}
	}
	if err == nil {
		err = m.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return []byte(main.String())
}

func (b Backup) put(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
