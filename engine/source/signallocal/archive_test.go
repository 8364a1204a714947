package signallocal_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dayfold/dayfold/bench/corpus"
	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signallocal"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
)

// archive makes an archive in memory, for which it is the given time.
func archive(t testing.TB, now *time.Time, opt engine.Options) *engine.Archive {
	t.Helper()
	key, err := seal.NewRecoveryKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	opt.Now, opt.Temp, opt.PackSize, opt.TreePackSize = func() time.Time { return *now }, t.TempDir(), 1<<20, 256<<10
	a, err := engine.Create(t.Context(), new(store.Mem), key, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// through archives the newest snapshot under root and writes it back.
func through(t testing.TB, a *engine.Archive, root string, k signal.Key) (string, signal.Written) {
	t.Helper()
	src, err := signallocal.Open(root, k, signallocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if r, err := a.Backup(t.Context(), src, engine.BackupOptions{Insist: true}); err != nil || r.Missing > 0 {
		t.Fatalf("%v, %v", err, r.Problems)
	}
	v, err := a.View(t.Context(), "latest")
	if err != nil {
		t.Fatal(err)
	}
	return write(t, v, k, signallocal.WriteOptions{})
}

// kept is a frame as an archive keeps it, nil for one that disappears within a day.
func kept(t testing.TB, frame []byte, made uint64) []byte {
	t.Helper()
	var f signal.Facts
	if err := f.Read(frame); err != nil {
		t.Fatal(err)
	}
	const day = 24 * 3600 * 1000
	if f.ExpiresIn > 0 && (f.ExpireStart == 0 && f.ExpiresIn < day || f.ExpireStart > 0 && f.ExpireStart+f.ExpiresIn < made+day) {
		return nil
	}
	return signal.WithoutOnce(frame)
}

// newest is the name of the newest snapshot under root.
func newest(t testing.TB, root string) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(root, "signal-backup-*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no snapshot: %v", err)
	}
	return filepath.Base(dirs[len(dirs)-1])
}

// same compares what was written with what was read: frames byte for byte, in order,
// and the plaintext of each media.
func same(t testing.TB, what, got, want string, k signal.Key) {
	t.Helper()
	if wrong := signaltest.Check(t, got, newest(t, got), k); len(wrong) > 0 {
		t.Errorf("%s: Signal would refuse it: %q", what, wrong)
	}
	all := frames(t, want, k)
	info, err := signal.ReadInfo(all[0])
	if err != nil {
		t.Fatal(err)
	}
	frames, n := frames(t, got, k), 0
	for i, frame := range all {
		if i > 0 {
			frame = kept(t, frame, info.TimeMs)
		}
		if frame == nil {
			continue
		}
		if n >= len(frames) || !bytes.Equal(frames[n], frame) {
			t.Fatalf("%s: frame %d of %d is not frame %d of %d", what, n, len(frames), i, len(all))
		}
		n++
	}
	if n != len(frames) {
		t.Errorf("%s: %d frames, want %d", what, len(frames), n)
	}
	a, b := contents(t, got, k), contents(t, want, k)
	for name, content := range a {
		if !bytes.Equal(content, b[name]) {
			t.Errorf("%s: media %s differs", what, name)
		}
	}
	if len(a) == 0 {
		t.Errorf("%s: no media", what)
	}
}

// contents are the plaintexts of all media that the newest snapshot under root shows.
func contents(t testing.TB, root string, k signal.Key) map[string][]byte {
	t.Helper()
	src, err := signallocal.Open(root, k, signallocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	h, err := signaltest.Collect(src)
	if err != nil || len(h.Problems) > 0 {
		t.Fatalf("%v, %v", err, h.Problems)
	}
	all := map[string][]byte{}
	for it := range h.Items(t.Context()) {
		if it.Kind == engine.Media {
			all[string(it.Key)] = h.Content(t, string(it.Key))
		}
	}
	return all
}

// From a reader through an archive and a writer to a reader again, nothing changes: not
// in the sample, not in one of everything, not in three days of a made-up history.
func TestThroughTheArchive(t *testing.T) {
	made := time.UnixMilli(signaltest.Made)
	for what, root := range map[string]string{"sample": sample, "everything": signaltest.Everything(t).Write(t, t.TempDir())} {
		a := archive(t, &made, engine.Options{})
		got, done := through(t, a, root, signaltest.Key(t))
		if done.Mended > 0 || len(done.Left) > 0 || done.Missing.Count > 0 {
			t.Errorf("%s: %+v", what, done)
		}
		same(t, what, got, root, signaltest.Key(t))
	}
	c := corpus.New(7, corpus.Scale{Messages: 2000, Conversations: 12, MediaBytes: 4 << 20})
	k, err := signal.ParseKey(c.SignalKey())
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "SignalBackups")
	now := time.Time{}
	a := archive(t, &now, engine.Options{})
	for day := range 3 {
		if err := c.Write(t.Context(), root, corpus.SignalLocal, day); err != nil {
			t.Fatal(err)
		}
		now = c.Day(day).Time()
		got, done := through(t, a, root, k)
		if done.Mended > 0 || len(done.Left) > 0 || done.Missing.Count > 0 || done.Frames < 1000 {
			t.Errorf("day %d: %+v", day, done)
		}
		same(t, fmt.Sprint("day ", day), got, root, k)
	}
}

// A frame for which Signal would refuse the whole backup is mended, or left out and
// counted, and the rest is written.
func TestWhatSignalWouldRefuse(t *testing.T) {
	const day = 24 * 3600 * 1000
	b := signaltest.Everything(t)
	b.Frames, b.Media = b.Frames[:10], append(b.Media[:2:2], b.Media[3])
	add := func(m signal.Message) {
		b.Frames = append(b.Frames, signal.AppendFrame(nil, signal.FrameChatItem, m.Append(nil)))
	}
	at := uint64(signaltest.Made - 50*day)
	in := func() signal.Message {
		at += 1000
		return signal.Message{ChatID: 10, AuthorID: 2, Sent: at - 10, Incoming: &signal.Incoming{Received: at}, Standard: &signal.Standard{Text: "x"}}
	}
	pointer := func(edit func(*signal.Locator)) []signal.Pointer {
		p := b.Media[2].Pointer("image/jpeg")
		edit(&p.Locator)
		return []signal.Pointer{p}
	}
	mended := []func(m *signal.Message){
		func(m *signal.Message) { m.ExpireStart = m.Sent },                                                    // without a length
		func(m *signal.Message) { m.ExpiresIn, m.Incoming.Read = 60*day, true },                               // read, not started
		func(m *signal.Message) { m.Revisions = []signal.Message{in()}; m.Revisions[0].ExpireStart = 5 },      // in a revision
		func(m *signal.Message) { m.Standard.Attachments = pointer(func(l *signal.Locator) { l.Key = nil }) }, // a hash, no key
		func(m *signal.Message) {
			m.Standard.Attachments = pointer(func(l *signal.Locator) { l.TransitKey = "x" })
		}, // without its number
		func(m *signal.Message) {
			m.Standard.LongText = &pointer(func(l *signal.Locator) { l.PlaintextHash = nil })[0] // a local key, no hash
		},
		func(m *signal.Message) {
			m.Incoming, m.Outgoing, m.ExpiresIn = nil, &signal.Outgoing{Received: m.Sent, Sent: []uint64{2}, At: m.Sent}, 60*day
		},
	}
	left := map[string][]func(m *signal.Message){
		"expiring": {
			func(m *signal.Message) { m.ExpiresIn, m.Incoming.Read = 50*day, true }, // mended, it has a second too little
		},
		"reference": {
			func(m *signal.Message) { m.AuthorID = 77 },
			func(m *signal.Message) { m.ChatID = 77 },
			func(m *signal.Message) { m.Standard.Reactions = []signal.Reaction{{Emoji: "x", AuthorID: 77}} },
			func(m *signal.Message) { m.Standard.Quote = &signal.Quote{AuthorID: 77} },
			func(m *signal.Message) {
				m.Incoming, m.Outgoing = nil, &signal.Outgoing{Received: m.Sent, Sent: []uint64{2, 77}, At: m.Sent}
			},
			func(m *signal.Message) { m.Revisions = []signal.Message{in()}; m.Revisions[0].AuthorID = 77 },
		},
	}
	b.Frames = append(b.Frames, signal.AppendFrame(nil, signal.FrameRecipient, signal.Recipient{ID: 2, ReleaseNotes: true}.Append(nil)),
		signal.AppendFrame(nil, signal.FrameFolder, signal.Folder{ID: []byte{9}, Included: []uint64{2, 77}}.Append(nil)))
	fine := 0
	for _, edit := range append(mended, append(left["expiring"], left["reference"]...)...) {
		m := in()
		edit(&m)
		add(m)
		add(in())
		fine++
	}
	root := b.Write(t, t.TempDir())
	if wrong := signaltest.Check(t, root, b.Snapshot, b.Key); len(wrong) < len(mended)+len(left["reference"])+3 {
		t.Errorf("as it is, Signal would refuse %d things: %q", len(wrong), wrong)
	}
	h, err := signaltest.Collect(open(t, root))
	if err != nil || len(h.Problems) > 0 {
		t.Fatal(err, h.Problems)
	}
	got, done := write(t, h, b.Key, signallocal.WriteOptions{})
	if wrong := signaltest.Check(t, got, newest(t, got), b.Key); len(wrong) > 0 {
		t.Errorf("Signal would refuse it: %q", wrong)
	}
	want := map[string]int64{"expiring": 1, "reference": int64(len(left["reference"])) + 1, "duplicate": 1}
	if fmt.Sprint(done.Left) != fmt.Sprint(want) || done.Mended != int64(len(mended)) || done.Frames != int64(10+fine+len(mended)) {
		t.Errorf("left %v, mended %d, %d frames, want %v, %d, %d", done.Left, done.Mended, done.Frames, want, len(mended), 10+fine+len(mended))
	}
}

// dying is a history that ends in the middle of a media, as a killed process would.
type dying struct {
	engine.History
	after atomic.Int64
	die   func()
}

func (d *dying) Item(ctx context.Context, key []byte) (engine.Item, error) {
	if d.after.Add(-1) == 0 {
		d.die()
	}
	return d.History.Item(ctx, key)
}

// Whatever a killed run has left behind, no reader takes it for a snapshot, and the next
// run writes one.
func TestKilledWriteLeavesNoSnapshot(t *testing.T) {
	_, h, _ := everything(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // nobody else writes at the moment of death
	for _, after := range []int64{1, 2, 5, 9, 11} {
		dir, killed := t.TempDir(), t.TempDir()
		// What lies there at the moment of death is copied: nothing cleans it up.
		d := &dying{History: h, die: func() {
			if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
		}}
		d.after.Store(after)
		if _, err := signallocal.Write(t.Context(), dir, d, signaltest.Key(t), signallocal.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		if signallocal.Is(killed) {
			t.Errorf("killed at %d: taken for a backup", after)
		}
		left, err := filepath.Glob(filepath.Join(killed, "SignalBackups", "*-tmp"))
		if err != nil || len(left) != 1 {
			t.Fatalf("killed at %d: left %v, %v", after, left, err)
		}
		if err := os.WriteFile(filepath.Join(left[0], "half"), []byte("half a media"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := signallocal.Write(t.Context(), killed, h, signaltest.Key(t), signallocal.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		root := filepath.Join(killed, "SignalBackups")
		if wrong := signaltest.Check(t, root, newest(t, root), signaltest.Key(t)); len(wrong) > 0 {
			t.Errorf("killed at %d and run again: %q", after, wrong)
		}
		names, err := filepath.Glob(filepath.Join(root, "*"))
		if slices.Sort(names); err != nil || len(names) != 2 {
			t.Errorf("killed at %d and run again: %v, %v", after, names, err)
		}
	}
}
