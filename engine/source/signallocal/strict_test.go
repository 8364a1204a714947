package signallocal_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/export"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signallocal"
)

// forwarded is a backup with one photo in two conversations, and twice in the second.
func forwarded(t testing.TB) signaltest.Backup {
	b := signaltest.Everything(t)
	b.Frames, b.Media = b.Frames[:10], []signaltest.File{b.Media[0], b.Media[1], signaltest.NewFile(50, 300_000)}
	for i, chat := range []uint64{10, 11, 11} {
		at := uint64(signaltest.Made - 9e9 + 1e6*i)
		m := signal.Message{ChatID: chat, AuthorID: 2, Sent: at, Incoming: &signal.Incoming{Received: at}, Standard: &signal.Standard{
			Text: fmt.Sprint(i), Attachments: []signal.Pointer{b.Media[2].Pointer("image/jpeg")}}}
		b.Frames = append(b.Frames, signal.AppendFrame(nil, signal.FrameChatItem, m.Append(nil)))
	}
	return b
}

// source is what the tests below archive: either reader.
type source interface {
	engine.Source
	PerGroup(bool)
	Close() error
}

// In strict scope two conversations with the same photo share no byte of it, so nobody
// who sends it learns that the other has it; by default they share all.
func TestStrictScopeKeepsConversationsApart(t *testing.T) {
	b := forwarded(t)
	root := b.Write(t, t.TempDir())
	photo, wallpaper, own := int64(b.Media[2].Size), int64(b.Media[1].Size), int64(b.Media[0].Size)
	h, err := signaltest.Collect(open(t, root))
	if err != nil {
		t.Fatal(err)
	}
	exported := t.TempDir()
	if _, err := export.Write(t.Context(), exported, h, export.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, reader := range []func() (source, error){
		func() (source, error) { return signallocal.Open(root, b.Key, signallocal.Options{}) },
		func() (source, error) { return export.Open(exported) },
	} {
		for strict, want := range map[bool]int64{false: photo + wallpaper + own, true: 2*photo + wallpaper + own} {
			now := time.UnixMilli(signaltest.Made)
			a := archive(t, &now, engine.Options{Strict: strict})
			src, err := reader()
			if err != nil {
				t.Fatal(err)
			}
			src.PerGroup(a.Strict())
			r, err := a.Backup(t.Context(), src, engine.BackupOptions{})
			if err != nil || r.BytesNew != want || r.Missing > 0 {
				t.Errorf("%s, strict %t: %d new bytes, want %d: %v, %v", src.Info().Kind, strict, r.BytesNew, want, r.Problems, err)
			}
			again, err := a.Backup(t.Context(), src, engine.BackupOptions{})
			if err != nil || !again.Unchanged || again.BytesRead > 0 {
				t.Errorf("%s, strict %t, once more: %+v, %v", src.Info().Kind, strict, again, err)
			}
			src.Close()
			v, err := a.View(t.Context(), "latest")
			if err != nil {
				t.Fatal(err)
			}
			photos := 0
			for it, err := range v.Items(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if it.Kind != engine.Media || it.Size != photo {
					continue
				}
				photos++
				if content, err := signal.Content(t.Context(), &it); err != nil || !bytes.Equal(content, b.Media[2].Content) {
					t.Errorf("%s, strict %t: %d bytes, %v", it.Key, strict, len(content), err)
				}
			}
			if want := map[bool]int{false: 1, true: 2}[strict]; photos != want {
				t.Errorf("strict %t: %d items of the photo, want %d", strict, photos, want)
			}
			back(t, v, strict, root, exported, b.Key)
		}
	}
}

// back writes a history in its own form and compares it.
func back(t testing.TB, v *engine.View, strict bool, root, exported string, k signal.Key) {
	t.Helper()
	if v.Info().Kind == signallocal.Kind {
		got, done := write(t, v, k, signallocal.WriteOptions{})
		if done.Media != 3 || done.Missing.Count > 0 {
			t.Errorf("strict %t: %+v", strict, done)
		}
		same(t, fmt.Sprint("strict ", strict), got, root, k)
		return
	}
	dir := t.TempDir()
	done, err := export.Write(t.Context(), dir, v, export.WriteOptions{})
	if err != nil || done.Media != 3 || done.Missing.Count > 0 {
		t.Errorf("strict %t: %+v, %v", strict, done, err)
	}
	got, err1 := os.ReadFile(dir + "/main.jsonl")
	want, err2 := os.ReadFile(exported + "/main.jsonl")
	if err1 != nil || err2 != nil || !bytes.Equal(got, want) {
		t.Errorf("strict %t: main.jsonl differs: %v, %v", strict, err1, err2)
	}
}

// A file that is missing is one, however many conversations show it.
func TestReportCountsFilesInStrictScope(t *testing.T) {
	b := forwarded(t)
	root := b.Write(t, t.TempDir())
	if err := os.Remove(root + "/files/" + b.Media[2].Name().Path()); err != nil {
		t.Fatal(err)
	}
	src := open(t, root)
	src.PerGroup(true)
	h, err := signaltest.Collect(src)
	if r := src.Report(); err != nil || r.Missing.Count != 1 || r.Media != 3 || len(h.Problems) != 2 {
		t.Errorf("%d of %d missing, problems %v, %v", r.Missing.Count, r.Media, h.Problems, err)
	}
}
