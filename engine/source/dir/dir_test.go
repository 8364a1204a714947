//go:build linux

package dir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/dir"
)

// later is a clock in whose eyes every file of a test is settled.
func later() time.Time { return time.Now().Add(time.Hour) }

// A history is a snapshot in memory.
type history struct {
	info  engine.SourceInfo
	items []engine.Item
}

func (h *history) Info() engine.SourceInfo { return h.info }

func (h *history) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		for _, it := range h.items {
			if !yield(it, ctx.Err()) {
				return
			}
		}
	}
}

func (h *history) Item(_ context.Context, key []byte) (engine.Item, error) {
	for _, it := range h.items {
		if bytes.Equal(it.Key, key) {
			return it, nil
		}
	}
	return engine.Item{}, fs.ErrNotExist
}

func content(data []byte) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
}

// read takes all of a folder into memory; problems are its Problems by key.
func read(t *testing.T, root string) (h *history, problems map[string]error) {
	t.Helper()
	s, err := dir.Open(root, dir.Options{Now: later})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h, problems = &history{info: s.Info()}, map[string]error{}
	for it, err := range s.Items(t.Context()) {
		if err == nil && it.Open != nil {
			var data []byte
			if data, err = readAll(it); err == nil {
				it.Open = content(data)
			}
		}
		var p *engine.Problem
		switch {
		case errors.As(err, &p):
			problems[string(p.Key)] = p.Err
		case err != nil:
			t.Fatal(err)
		default:
			h.items = append(h.items, it)
		}
	}
	slices.SortFunc(h.items, func(a, b engine.Item) int { return bytes.Compare(a.Key, b.Key) })
	return h, problems
}

func readAll(it engine.Item) ([]byte, error) {
	r, err := it.Open(context.Background())
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// list describes all of a folder: names, types, permissions, times, contents.
func list(t *testing.T, root string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data := ""
		switch info.Mode().Type() {
		case 0:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			data = fmt.Sprintf("%d %x", len(b), b[:min(len(b), 16)])
		case fs.ModeSymlink:
			data, err = os.Readlink(path)
		}
		fmt.Fprintf(&out, "%s %v %d %s\n", path[len(root):], info.Mode(), info.ModTime().UnixNano(), data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func put(t *testing.T, path string, data string, mode fs.FileMode, at time.Time) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(data), 0o600))
	must(t, os.Chmod(path, mode))
	must(t, os.Chtimes(path, at, at))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sample makes a folder with one of everything that is kept.
func sample(t *testing.T) string {
	root := t.TempDir()
	at := time.Unix(1_600_000_000, 123_456_789)
	put(t, root+"/empty", "", 0o644, at)
	put(t, root+"/one", "1", 0o600, time.Unix(-86400, 5))
	put(t, root+"/a-b", "between a and a/", 0o640, at)
	put(t, root+"/a/deep/er/file", strings.Repeat("x", 4096), 0o444, at)
	put(t, root+"/a/big", strings.Repeat("0123456789abcdef", 200_000), 0o755, at)
	put(t, root+"/bad\xffname\\with\nall", "odd", 0o644, at)
	must(t, os.Symlink("one", root+"/a/link"))
	must(t, os.Symlink("/etc/passwd", root+"/absolute"))
	must(t, os.Symlink("../../nowhere/"+strings.Repeat("y", 3000), root+"/a/dangling"))
	must(t, os.Symlink(".", root+"/a/loop"))
	must(t, os.MkdirAll(root+"/nothing", 0o700))
	must(t, os.Chtimes(root+"/nothing", at, at.Add(time.Nanosecond)))
	must(t, os.Chmod(root+"/a/deep", 0o555|fs.ModeSticky))
	return root
}

func TestWriteGivesBackWhatWasRead(t *testing.T) {
	root := sample(t)
	h, problems := read(t, root)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, overwrite := range []dir.Overwrite{dir.Never, dir.IfChanged, dir.Always} {
		target := filepath.Join(t.TempDir(), "not/there/yet")
		for run := range 2 {
			r, err := dir.Write(t.Context(), target, h, dir.WriteOptions{Overwrite: overwrite})
			if err != nil || r.Missing > 0 {
				t.Fatalf("got %v %v", err, r.Problems)
			}
			if got, want := list(t, target), list(t, root); got != want {
				t.Errorf("overwrite %d, run %d: got\n%swant\n%s", overwrite, run, got, want)
			}
			if r.Files+r.Dirs+r.Links+r.Kept != int64(len(h.items)) {
				t.Errorf("got %+v, want a total of %d", r, len(h.items))
			}
		}
	}
}

func TestStampIsThatOfTheContent(t *testing.T) {
	root := sample(t)
	stamps := func() map[string]string {
		h, _ := read(t, root)
		m := map[string]string{}
		for _, it := range h.items {
			if len(it.Stamp) == 0 {
				t.Errorf("%q has no stamp", it.Key)
			}
			m[string(it.Key)] = string(it.Stamp)
		}
		return m
	}
	before := stamps()
	info, err := os.Stat(root + "/one")
	must(t, err)
	must(t, os.WriteFile(root+"/one", []byte("2"), 0))
	must(t, os.Chtimes(root+"/one", info.ModTime(), info.ModTime())) // as if nothing had been
	after := stamps()
	for key := range before {
		if same := before[key] == after[key]; same != (key != "one") {
			t.Errorf("%q: the stamp is the same: %v", key, same)
		}
	}
}

func TestFreshFileHasNoStamp(t *testing.T) {
	root := t.TempDir()
	put(t, root+"/f", "x", 0o644, time.Now())
	info, err := os.Stat(root + "/f")
	must(t, err)
	changed := time.Unix(info.Sys().(*syscall.Stat_t).Ctim.Unix())
	for after, want := range map[time.Duration]bool{0: false, time.Millisecond: false, -time.Hour: false, 3 * time.Second: true} {
		s, err := dir.Open(root, dir.Options{Now: func() time.Time { return changed.Add(after) }})
		must(t, err)
		for it, err := range s.Items(t.Context()) {
			must(t, err)
			if got := len(it.Stamp) > 0; got != want {
				t.Errorf("%v after the change: stamp %v, want %v", after, got, want)
			}
		}
		s.Close()
	}
}

func TestChangeWhileReadIsAProblem(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for name, change := range map[string]func(f string){
		"grown":       func(f string) { must(t, os.WriteFile(f, []byte(long+"y"), 0)) },
		"shrunk":      func(f string) { must(t, os.Truncate(f, 50_000)) },
		"emptied":     func(f string) { must(t, os.Truncate(f, 0)) },
		"rewritten":   func(f string) { must(t, os.WriteFile(f, []byte(strings.Repeat("y", 100_000)), 0)) },
		"gone":        func(f string) { must(t, os.Remove(f)) },
		"replaced":    func(f string) { must(t, os.Remove(f)); put(t, f, long, 0o644, time.Unix(1, 0)) },
		"now a pipe":  func(f string) { must(t, os.Remove(f)); must(t, syscall.Mkfifo(f, 0o644)) },
		"now a link":  func(f string) { must(t, os.Rename(f, f+"2")); must(t, os.Symlink("f2", f)) },
		"a directory": func(f string) { must(t, os.Remove(f)); must(t, os.Mkdir(f, 0o755)) },
	} {
		for _, early := range []bool{true, false} {
			root := t.TempDir()
			put(t, root+"/f", long, 0o644, time.Unix(1, 0))
			err := readAcross(t, root, early, change)
			var p *engine.Problem
			removed := name == "gone" || name == "replaced" || strings.HasPrefix(name, "now") || name == "a directory"
			if !early && removed {
				// The open file is still the one that was listed, but for its links.
				if err != nil && !errors.Is(err, dir.ErrChanged) {
					t.Errorf("%s while open: got %v", name, err)
				}
				continue
			}
			if !errors.As(err, &p) || string(p.Key) != "f" {
				t.Errorf("%s, early %v: got %v, want a Problem", name, early, err)
			}
		}
	}
}

// readAcross reads the one file f, which changes before or after it is opened.
func readAcross(t *testing.T, root string, early bool, change func(string)) error {
	s, err := dir.Open(root, dir.Options{})
	must(t, err)
	defer s.Close()
	for it, err := range s.Items(t.Context()) {
		must(t, err)
		if early {
			change(root + "/f")
		}
		r, err := it.Open(t.Context())
		if err != nil {
			return err
		}
		defer r.Close()
		if !early {
			if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
				return err
			}
			change(root + "/f")
		}
		// A caller who knows the size may stop at it: he must hear of the change too.
		_, err = io.ReadFull(r, make([]byte, it.Size-int64(map[bool]int{false: 1000}[early])))
		return err
	}
	return nil
}

func TestWhatIsNoFileIsAProblem(t *testing.T) {
	root := t.TempDir()
	put(t, root+"/fine", "x", 0o644, time.Unix(1, 0))
	must(t, syscall.Mkfifo(root+"/pipe", 0o644))
	l, err := net.Listen("unix", root+"/socket")
	must(t, err)
	defer l.Close()
	h, problems := read(t, root)
	if len(h.items) != 1 || len(problems) != 2 {
		t.Fatalf("got %d items and %v", len(h.items), problems)
	}
	for _, key := range []string{"pipe", "socket"} {
		if !errors.Is(problems[key], dir.ErrSpecial) {
			t.Errorf("%s: got %v, want ErrSpecial", key, problems[key])
		}
	}
}

func TestLongPathIsOneProblem(t *testing.T) {
	root := t.TempDir()
	part := strings.Repeat("d", 200)
	deep := root
	d, err := os.OpenRoot(root)
	must(t, err)
	for range 7 { // 1,406 bytes
		must(t, d.Mkdir(part, 0o755))
		d, err = d.OpenRoot(part)
		must(t, err)
		deep += "/" + part
	}
	must(t, d.WriteFile("f", nil, 0o644))
	h, problems := read(t, root)
	if len(h.items) != 5 || len(problems) != 1 {
		t.Errorf("got %d items and %d problems, want 5 and 1", len(h.items), len(problems))
	}
	for key, err := range problems {
		if !errors.Is(err, dir.ErrTooLong) || len(key) > 1024 {
			t.Errorf("got %v", err)
		}
	}
}

func TestSkipLeavesOutWhatLiesBelow(t *testing.T) {
	root := sample(t)
	s, err := dir.Open(root, dir.Options{Skip: func(key string, _ fs.FileInfo) bool { return key == "a" }})
	must(t, err)
	defer s.Close()
	for it, err := range s.Items(t.Context()) {
		must(t, err)
		if key := string(it.Key); key == "a" || strings.HasPrefix(key, "a/") {
			t.Errorf("got %q", key)
		}
	}
}

func TestErrorsKeepPathsOutOfTheCause(t *testing.T) {
	root := t.TempDir()
	put(t, root+"/secret-name", "x", 0o644, time.Unix(1, 0))
	s, err := dir.Open(root, dir.Options{})
	must(t, err)
	defer s.Close()
	for it := range s.Items(t.Context()) {
		must(t, os.Remove(root+"/secret-name"))
		_, err := it.Open(t.Context())
		var p *engine.Problem
		if !errors.As(err, &p) || !errors.Is(err, fs.ErrNotExist) || strings.Contains(p.Err.Error(), "secret") {
			t.Errorf("got %v", err)
		}
	}
}

// TestUnprivileged holds what root does not feel. As root it runs itself as nobody.
func TestUnprivileged(t *testing.T) {
	if os.Geteuid() == 0 {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestUnprivileged$", "-test.v")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.Env, cmd.Dir = append(os.Environ(), "TMPDIR=/tmp"), "/"
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("--- PASS: TestUnprivileged")) {
			t.Errorf("as nobody: %v\n%s", err, out)
		}
		return
	}
	root := sample(t)
	h, _ := read(t, root)
	must(t, os.Chmod(root+"/one", 0))
	must(t, os.Chmod(root+"/a", 0))
	_, problems := read(t, root)
	must(t, os.Chmod(root+"/one", 0o600))
	must(t, os.Chmod(root+"/a", 0o755))
	if len(problems) != 2 || !errors.Is(problems["one"], fs.ErrPermission) || !errors.Is(problems["a"], fs.ErrPermission) {
		t.Errorf("unreadable: got %v", problems)
	}
	for _, overwrite := range []dir.Overwrite{dir.Never, dir.Always} {
		target := t.TempDir()
		must(t, os.MkdirAll(target+"/a/deep", 0o755))
		must(t, os.Chmod(target+"/a/deep", 0o555))
		must(t, os.Chmod(target+"/a", 0o500))
		r, err := dir.Write(t.Context(), target, h, dir.WriteOptions{Overwrite: overwrite})
		must(t, err)
		if ok := r.Missing == 0; ok != (overwrite == dir.Always) {
			t.Errorf("read-only directories, overwrite %d: got %d problems", overwrite, r.Missing)
		}
		if overwrite == dir.Always && list(t, target) != list(t, root) {
			t.Errorf("got\n%swant\n%s", list(t, target), list(t, root))
		}
		must(t, os.Chmod(target+"/a", 0o755))
		must(t, os.Chmod(target+"/a/deep", 0o755))
	}
	must(t, os.Chmod(root+"/a/deep", 0o755))
	target := t.TempDir()
	must(t, os.Chmod(target, 0o555))
	r, err := dir.Write(t.Context(), target, h, dir.WriteOptions{})
	if err != nil || r.Missing != int64(len(h.items)) {
		t.Errorf("read-only target: got %v and %d problems, want %d", err, r.Missing, len(h.items))
	}
}
