package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/export"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
	"github.com/dayfold/dayfold/engine/source/signallocal"
)

var _ engine.Source = (*export.Source)(nil)

// local returns what a source reads of signaltest.Everything.
func local(t testing.TB) *signaltest.History {
	t.Helper()
	src, err := signallocal.Open(signaltest.Everything(t).Write(t, t.TempDir()), signaltest.Key(t), signallocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	h, err := signaltest.Collect(src)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func write(t testing.TB, h engine.History, opt export.WriteOptions) (string, signal.Written) {
	t.Helper()
	dir := t.TempDir()
	done, err := export.Write(context.Background(), dir, h, opt)
	if err != nil {
		t.Fatal(err)
	}
	return dir, done
}

// exported is a folder with an export of signaltest.Everything.
func exported(t testing.TB) string {
	t.Helper()
	dir, done := write(t, local(t), export.WriteOptions{})
	if done.Left["unknown"] != 1 || len(done.Left) != 1 || done.Media != 11 || done.Missing.Count != 0 || done.Unknown == 0 ||
		len(done.Fields) != 1 || done.Fields["ChatItem.993"] != done.Unknown {
		t.Fatalf("Write = %+v", done)
	}
	return dir
}

func collect(t testing.TB, path string) (*signaltest.History, export.Report) {
	t.Helper()
	src, err := export.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	h, err := signaltest.Collect(src)
	if err != nil {
		t.Fatal(err)
	}
	return h, src.Report()
}

func read(t testing.TB, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// zipped packs a folder into a ZIP file.
func zipped(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "export.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	if err := errors.Join(z.AddFS(os.DirFS(dir)), z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// sameTree compares all files of two folders.
func sameTree(t testing.TB, got, want string) {
	t.Helper()
	n := 0
	err := fs.WalkDir(os.DirFS(want), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		n++
		if !bytes.Equal(read(t, got, path), read(t, want, path)) {
			t.Errorf("%s differs", path)
		}
		return nil
	})
	m := 0
	err = errors.Join(err, fs.WalkDir(os.DirFS(got), ".", func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			m++
		}
		return err
	}))
	if err != nil || n != m {
		t.Errorf("%d files, want %d: %v", m, n, err)
	}
}

func TestExportComesBack(t *testing.T) {
	dir := exported(t)
	for _, path := range []string{dir, zipped(t, dir)} {
		if !export.Is(path) {
			t.Errorf("Is(%s) = false", path)
		}
		h, r := collect(t, path)
		if len(h.Problems) > 0 || r.Media != 11 || r.Unshown.Count+r.Foreign.Count+r.Missing.Count > 0 {
			t.Errorf("%v, %+v", h.Problems, r)
		}
		again, done := write(t, h, export.WriteOptions{})
		if len(done.Left) > 0 || done.Media != 11 {
			t.Errorf("Write = %+v", done)
		}
		sameTree(t, again, dir)
	}
}

// The lines need not be as this package writes them: order, spaces, names and enums that
// are not known, and how the file ends, all come back.
func TestForeignLinesComeBack(t *testing.T) {
	main := string(read(t, exported(t), "main.jsonl"))
	lines := strings.Split(strings.TrimSuffix(main, "\n"), "\n")
	slices.Reverse(lines[2:])
	lines[3] = strings.Replace(lines[3], "{", "{ \"newThing\": [1, {\"a\": null}],\t", 1)
	lines = append(lines, `{"chatItem":{"chatId":"10","authorId":2,"dateSent":1718000000000,"updateMessage":{"simpleUpdate":{"type":"NEVER_HEARD_OF"}}},"and":"more"}`,
		`{"somethingNew":{"id":"7"}}`, `{}`, `{"adHocCall":{"callId":"18446744073709551615","recipientId":"7","callTimestamp":"18446744073709551615"}}`,
		`{"chatItem":{"dateSent":"18446744073709551615","incoming":{"dateReceived":"18446744073709551615"},"expiresInMs":"18446744073709551615"}}`,
		`{"recipient":{"id":"1","contact":{"e164":"15551234567"}}}`+"\r", `{"chatItem":{"chatId":"10"}}`, `{"chatItem":{"chatId":"10"}}`)
	for _, end := range []string{"\n", ""} {
		dir, want := t.TempDir(), strings.Join(lines, "\n")+end
		if err := os.WriteFile(filepath.Join(dir, "main.jsonl"), []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		h, r := collect(t, dir)
		if r.Unreadable != 0 {
			t.Errorf("Report = %+v, %v", r, h.Problems)
		}
		again, done := write(t, h, export.WriteOptions{})
		if got := string(read(t, again, "main.jsonl")); got != want {
			t.Errorf("main.jsonl is\n%s\nwant\n%s", got, want)
		}
		if done.Missing.Count != 11 {
			t.Errorf("Missing = %v", done.Missing)
		}
	}
}

func TestAsSignal(t *testing.T) {
	want, done := write(t, local(t), export.WriteOptions{AsSignal: true})
	if done.Left["disappearing"] != 4 {
		t.Errorf("Left = %v", done.Left)
	}
	h, _ := collect(t, exported(t))
	got, _ := write(t, h, export.WriteOptions{AsSignal: true})
	sameTree(t, got, want)
	for line := range strings.Lines(string(read(t, want, "main.jsonl"))) {
		if strings.Contains(line, "expiresInMs") {
			t.Errorf("a timer in %s", line)
		}
	}
}

func TestViewOnceIsTakenOut(t *testing.T) {
	f := signaltest.NewFile(5, 1000)
	p := func() string {
		b, err := json.Marshal(map[string]any{"pointer": map[string]any{"contentType": "image/jpeg",
			"locatorInfo": map[string]any{"size": f.Size, "plaintextHash": f.Hash[:], "localKey": f.LocalKey[:]}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}()
	dir := t.TempDir()
	info := `{"version":"1","mediaRootBackupKey":"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="}`
	line := `{"chatItem":{"chatId":"1","viewOnceMessage": {"attachment": ` + p + `, "reactions":[{"emoji":"x"}]},"revisions":[{"viewOnceMessage":{"attachment":` + p + `}}]}}`
	quote := `{"chatItem":{"chatId":"1","standardMessage":{"quote":{"attachments":[{"thumbnail":` + p + `}],"type":"VIEW_ONCE"}}}}`
	main := strings.Join([]string{info, `{"account":{}}`, line, quote}, "\n") + "\n"
	path := filepath.Join(dir, "files", filepath.FromSlash(f.Name().Path())+".jpg")
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, f.Content, 0o600),
		os.WriteFile(filepath.Join(dir, "main.jsonl"), []byte(main), 0o600)); err != nil {
		t.Fatal(err)
	}
	h, _ := collect(t, dir)
	if len(h.Once) != 1 || len(h.Keys()) != 3 || len(h.Problems) > 0 {
		t.Errorf("once %v, keys %v, problems %v", h.Once, h.Keys(), h.Problems)
	}
	again, _ := write(t, h, export.WriteOptions{})
	want := strings.Join([]string{info, `{"account":{}}`,
		`{"chatItem":{"chatId":"1","viewOnceMessage":{"reactions":[{"emoji":"x"}]},"revisions":[{"viewOnceMessage":{}}]}}`,
		`{"chatItem":{"chatId":"1","standardMessage":{"quote":{"type":"VIEW_ONCE"}}}}`}, "\n") + "\n"
	if got := string(read(t, again, "main.jsonl")); got != want {
		t.Errorf("main.jsonl is\n%s\nwant\n%s", got, want)
	}
}

func TestBadLines(t *testing.T) {
	info := `{"version":"1","mediaRootBackupKey":"q6s="}` + "\n"
	for _, c := range []struct {
		what, main string
		problems   int
		want       error // of Open
	}{
		{"empty file", "", 0, signal.ErrFormat},
		{"first line cut", info[:20], 0, signal.ErrFormat},
		{"another version", `{"version":"2"}`, 0, signal.ErrFormat},
		{"nothing but the first line", info, 0, nil},
		{"cut in the second", info + `{"account":{`, 1, nil},
		{"not UTF-8", info + "{\"account\":{\"givenName\":\"\xff\"}}\n", 1, nil},
		{"an empty line", info + "\n{}\n", 1, nil},
		{"no object", info + "[]\n7\nnull\n", 3, nil},
		{"a wrong type", info + `{"chatItem":{"dateSent":"yesterday"}}` + "\n" + `{"chatItem":7}` + "\n", 2, nil},
		{"a huge line", info + `{"a":"` + strings.Repeat("x", signal.MaxFrame) + `"}` + "\n{}\n", 1, nil},
		{"a huge last line", info + strings.Repeat("[", signal.MaxFrame+1), 1, nil},
		{"deep", info + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "\n", 1, nil},
		{"deep revisions", info + `{"chatItem":` + strings.Repeat(`{"revisions":[`, 3000) + strings.Repeat(`]}`, 3000) + "}\n", 1, nil},
		{"a huge first line", strings.Repeat(" ", 70_000) + info, 0, signal.ErrFormat},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "main.jsonl"), []byte(c.main), 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := export.Open(dir)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: Open = %v, want %v", c.what, err, c.want)
		}
		if err != nil {
			continue
		}
		h, err := signaltest.Collect(src)
		if src.Close(); err != nil || len(h.Problems) != c.problems {
			t.Errorf("%s: %v, problems %v, want %d", c.what, err, h.Problems, c.problems)
		}
	}
}

func TestBadZip(t *testing.T) {
	info := `{"version":"1"}` + "\n"
	for _, names := range [][]string{
		{"main.jsonl", "../x"}, {"main.jsonl", "/etc/passwd"}, {"main.jsonl", "files/../../x"}, {"main.jsonl", `files\x`},
		{"main.jsonl", "main.jsonl"}, {"main.jsonl", "./main.jsonl"}, {"main.jsonl", "link"}, {"other"}, {},
	} {
		path := filepath.Join(t.TempDir(), "x.zip")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		for _, name := range names {
			h := &zip.FileHeader{Name: name}
			if name == "link" {
				h.SetMode(fs.ModeSymlink | 0o777)
			}
			w, err := z.CreateHeader(h)
			if err == nil {
				_, err = w.Write([]byte(info))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(z.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := export.Open(path); !errors.Is(err, signal.ErrFormat) {
			t.Errorf("%q: Open = %v, want ErrFormat", names, err)
		}
	}
}

func TestBadMedia(t *testing.T) {
	dir := exported(t)
	files, err := filepath.Glob(filepath.Join(dir, "files", "*", "*"))
	if err != nil || len(files) != 11 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	put := func(path string, content []byte) {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	b := read(t, files[0])
	b[len(b)/2] ^= 1
	put(files[0], b)
	put(files[1], b[:1])
	if err := os.Remove(files[2]); err != nil {
		t.Fatal(err)
	}
	stray := signaltest.NewFile(77, 5)
	put(filepath.Join(dir, "files", stray.Name().Path()+".exe"), stray.Content)
	put(filepath.Join(dir, "files", stray.Name().Path()), stray.Content)
	put(filepath.Join(dir, "files", "zz", "x.jpg"), nil)
	h, r := collect(t, dir)
	if len(h.Problems) != 3 || r.Altered.Count != 2 || r.Missing.Count != 1 || r.Unshown.Count != 1 || r.Foreign.Count != 2 {
		t.Errorf("problems %v, report %+v", h.Problems, r)
	}
	again, done := write(t, h, export.WriteOptions{})
	if done.Media != 9 || done.Missing.Count != 3 {
		t.Errorf("Write = %+v", done)
	}
	if got := read(t, again, "files", stray.Name().Path()); !bytes.Equal(got, stray.Content) {
		t.Error("the file that nothing shows did not come back")
	}
	if _, err := export.Write(context.Background(), again, h, export.WriteOptions{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another export: %v, want fs.ErrExist", err)
	}
}

func TestJSONHasSignalsForm(t *testing.T) {
	dir := exported(t)
	lines := strings.Split(string(read(t, dir, "main.jsonl")), "\n")
	for i, want := range map[int]string{
		0: `{"version":"1","backupTimeMs":"1750086400000","mediaRootBackupKey":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=","currentAppVersion":"test"}`,
		2: `{"recipient":{"id":"1","self":{}}}`,
		3: `{"recipient":{"id":"2","contact":{"aci":"EREREREREREREREREREREQ==","e164":"15550001111","registered":{},"profileGivenName":"Bob"}}}`,
		5: `{"recipient":{"id":"5","releaseNotes":{}}}`,
	} {
		if lines[i] != want {
			t.Errorf("line %d is\n%s, want\n%s", i+1, lines[i], want)
		}
	}
	for i, line := range lines[:len(lines)-1] {
		if !json.Valid([]byte(line)) {
			t.Errorf("line %d is no JSON: %s", i+1, line)
		}
	}
	if got := string(read(t, dir, "metadata.json")); got != `{"version":1}` {
		t.Errorf("metadata.json is %s", got)
	}
}

func TestSameFactsInBothForms(t *testing.T) {
	var a, b signal.Facts
	for _, frame := range signaltest.Everything(t).Frames {
		if err := a.Read(frame); err != nil {
			t.Fatal(err)
		}
		line, _, err := signal.AppendJSON(nil, frame)
		if err == nil {
			err = b.ReadJSON(line)
		}
		if err != nil {
			t.Fatal(err)
		}
		if a.Kind == signal.FrameFolder || a.Kind == 99 {
			continue
		}
		if got, want := fmt.Sprintf("%+v", b), fmt.Sprintf("%+v", a); got != want {
			t.Errorf("facts of the line\n%s, of the frame\n%s", got, want)
		}
	}
}

func TestLook(t *testing.T) {
	dir := exported(t)
	d, err := export.Look(zipped(t, dir))
	if err != nil || d.Version != "1" || d.App != "test" || d.Made.UnixMilli() != signaltest.Made || d.Files != 0 {
		t.Errorf("Look = %+v, %v", d, err)
	}
	src, err := export.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := signaltest.Collect(src); err != nil {
		t.Fatal(err)
	}
	if d = src.Description(); d.Files != 11 || d.Counts["media"] != 11 || d.Counts["recipient"] != 7 || len(d.Findings) > 0 {
		t.Errorf("Description = %+v", d)
	}
}

// A local backup comes out as Signal's own exporter writes it: testdata has the form of
// the canonical file that Signal publishes (the same fields of account and recipients,
// other values), and a message with all that must come across. A program that knows
// only the tables of numbers has made the frames of the lines; that of the published
// lines has the length of the published frames.
func TestExportHasTheCanonicalForm(t *testing.T) {
	messages := [][]byte{}
	for b := read(t, "testdata", "canonical.binproto"); len(b) > 0; {
		m, n := protowire.ConsumeBytes(b)
		if n < 0 {
			t.Fatal("the frames end early")
		}
		messages, b = append(messages, m), b[n:]
	}
	photo := signaltest.NewFile(1, 777)
	b := signaltest.Backup{Key: signaltest.Key(t), Snapshot: "signal-backup-2025-06-16-15-06-40", Info: messages[0], Frames: messages[1:], Media: []signaltest.File{photo}}
	root := b.Write(t, t.TempDir())
	if wrong := signaltest.Check(t, root, b.Snapshot, b.Key); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	src, err := signallocal.Open(root, b.Key, signallocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	h, err := signaltest.Collect(src)
	if err != nil {
		t.Fatal(err)
	}
	dir, done := write(t, h, export.WriteOptions{})
	if len(done.Left) > 0 || done.Unknown > 0 || done.Missing.Count > 0 || done.Media != 1 {
		t.Errorf("Write = %+v", done)
	}
	if got, want := read(t, dir, "main.jsonl"), read(t, "testdata", "canonical.jsonl"); !bytes.Equal(got, want) {
		t.Errorf("main.jsonl is\n%s\nwant\n%s", got, want)
	}
	if got := read(t, dir, "files", photo.Name().Path()+".jpg"); !bytes.Equal(got, photo.Content) {
		t.Errorf("the photo has %d bytes, want %d", len(got), len(photo.Content))
	}
}
