//go:build linux

package dir_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/dir"
)

var written = time.Unix(1_500_000_000, 500)

func fileItem(key, data string) engine.Item {
	return engine.Item{Key: []byte(key), Size: int64(len(data)), Open: content([]byte(data)), Meta: dir.AppendMeta('f', 0o640, written)}
}

func dirItem(key string) engine.Item {
	return engine.Item{Key: []byte(key), Meta: dir.AppendMeta('d', 0o750, written)}
}

func linkItem(key, target string) engine.Item {
	return engine.Item{Key: []byte(key), Inline: []byte(target), Size: int64(len(target)), Meta: dir.AppendMeta('l', 0o777, written)}
}

func items(its ...engine.Item) *history {
	return &history{info: engine.SourceInfo{Kind: dir.Kind}, items: its}
}

// The history that every layout below meets: d/f, d/sub/g, l → d/f, top.
func plain() *history {
	return items(dirItem("d"), fileItem("d/f", "new f"), dirItem("d/sub"), fileItem("d/sub/g", "new g"),
		linkItem("l", "d/f"), fileItem("top", "new top"))
}

// A layout is what lies in the target before, and what must come of it.
type layout struct {
	name string
	// prepare gets the target and a folder beside it that nothing may touch.
	prepare func(t *testing.T, in, out string)
	// What may not be written, under Never, and under IfChanged and Always.
	never, always string
	// What was there and stays, under Never.
	kept int64
}

func symlink(name, target string) func(*testing.T, string, string) {
	return func(t *testing.T, in, out string) {
		must(t, os.MkdirAll(filepath.Dir(in+"/"+name), 0o755))
		must(t, os.Symlink(strings.ReplaceAll(target, "OUT", out), in+"/"+name))
	}
}

func fifo(name string) func(*testing.T, string, string) {
	return func(t *testing.T, in, _ string) {
		must(t, os.MkdirAll(filepath.Dir(in+"/"+name), 0o755))
		must(t, syscall.Mkfifo(in+"/"+name, 0o644))
	}
}

func file(name, data string) func(*testing.T, string, string) {
	return func(t *testing.T, in, _ string) { put(t, in+"/"+name, data, 0o600, time.Unix(7, 0)) }
}

func hardlink(name string) func(*testing.T, string, string) {
	return func(t *testing.T, in, out string) {
		must(t, os.MkdirAll(filepath.Dir(in+"/"+name), 0o755))
		must(t, os.Link(out+"/victim", in+"/"+name))
	}
}

func full(name string) func(*testing.T, string, string) {
	return func(t *testing.T, in, _ string) { put(t, in+"/"+name+"/inside", "x", 0o600, time.Unix(7, 0)) }
}

func mkdir(name string, mode os.FileMode) func(*testing.T, string, string) {
	return func(t *testing.T, in, _ string) {
		must(t, os.MkdirAll(in+"/"+name, 0o755))
		must(t, os.Chmod(in+"/"+name, mode))
	}
}

const below = "d d/f d/sub d/sub/g" // all that fails when d cannot be entered

var layouts = []layout{
	{"nothing", func(*testing.T, string, string) {}, "", "", 0},
	{"a link out for a directory", symlink("d", "OUT"), below, "", 0},
	{"a link within for a directory", func(t *testing.T, in, _ string) {
		must(t, os.Mkdir(in+"/other", 0o755))
		must(t, os.Symlink("other", in+"/d"))
	}, below, "", 0},
	{"a link to the target itself", symlink("d", "."), below, "", 0},
	{"a link up", symlink("d", ".."), below, "", 0},
	{"a link out and back", symlink("d", "../in/top"), below, "", 0},
	{"a dangling link for a directory", symlink("d", "nowhere"), below, "", 0},
	{"a link to itself for a directory", symlink("d", "d"), below, "", 0},
	{"a link to the root of the system", symlink("d", "/"), below, "", 0},
	{"a link out for a nested directory", symlink("d/sub", "OUT"), "d/sub d/sub/g", "", 1},
	{"a link up for a nested directory", symlink("d/sub", "../.."), "d/sub d/sub/g", "", 1},
	{"a link beside for a nested directory", symlink("d/sub", "../d"), "d/sub d/sub/g", "", 1},
	{"a link out for a file", symlink("top", "OUT/victim"), "top", "", 0},
	{"a dangling link out for a file", symlink("top", "OUT/made"), "top", "", 0},
	{"a link within for a file", symlink("top", "d/f"), "top", "", 0},
	{"a link to itself for a file", symlink("top", "top"), "top", "", 0},
	{"a link to a directory for a file", symlink("top", "OUT"), "top", "", 0},
	{"a link out for a nested file", symlink("d/sub/g", "OUT/victim"), "d/sub/g", "", 2},
	{"a link to a device for a file", symlink("top", "/dev/full"), "top", "", 0},
	{"a link to a process's memory", symlink("top", "/proc/self/mem"), "top", "", 0},
	{"another link for a link", symlink("l", "OUT/victim"), "", "", 1},
	{"the same link", symlink("l", "d/f"), "", "", 1},
	{"a file for a link", file("l", "old"), "l", "", 0},
	{"a directory for a link", mkdir("l", 0o755), "l", "l", 0},
	{"a full directory for a link", full("l"), "l", "l", 0},
	{"a pipe for a link", fifo("l"), "l", "", 0},
	{"a pipe for a file", fifo("top"), "top", "", 0},
	{"a pipe for a nested file", fifo("d/f"), "d/f", "", 1},
	{"a pipe for a directory", fifo("d"), below, "", 0},
	{"a socket for a file", func(t *testing.T, in, _ string) {
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		must(t, err)
		defer syscall.Close(fd)
		t.Chdir(in) // a socket's path is short
		must(t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: "top"}))
	}, "top", "", 0},
	{"a file for a directory", file("d", "old"), below, "", 0},
	{"a file for a nested directory", file("d/sub", "old"), "d/sub d/sub/g", "", 1},
	{"a directory for a file", mkdir("top", 0o755), "top", "top", 0},
	{"a full directory for a file", full("top"), "top", "top", 0},
	{"a directory for a nested file", mkdir("d/f", 0o755), "d/f", "d/f", 1},
	{"an old file", file("top", "old"), "", "", 1},
	{"an old file of that length", file("top", "old top"), "", "", 1},
	{"a longer file", file("top", strings.Repeat("old", 1000)), "", "", 1},
	{"an empty file", file("top", ""), "", "", 1},
	{"a file that may not be written", func(t *testing.T, in, _ string) { put(t, in+"/top", "old", 0, time.Unix(7, 0)) }, "", "", 1},
	{"a hard link to a file outside", hardlink("top"), "", "", 1},
	{"a nested hard link to a file outside", hardlink("d/sub/g"), "", "", 3},
	{"a directory closed to its owner", mkdir("d", 0), "", "", 1},
	{"a nested directory closed to its owner", mkdir("d/sub", 0), "", "", 2},
	{"a directory open to all", mkdir("d", 0o1777), "", "", 1},
	{"other names in the directories", func(t *testing.T, in, out string) {
		file("d/other", "x")(t, in, out)
		file("d/sub/other", "x")(t, in, out)
	}, "", "", 2},
	{"names in other case", func(t *testing.T, in, out string) {
		file("TOP", "x")(t, in, out)
		symlink("D", "OUT")(t, in, out)
		fifo("L")(t, in, out)
	}, "", "", 0},
	{"leftovers of an earlier run", func(t *testing.T, in, out string) {
		file(".dayfold-0123456789abcdef01234567", "x")(t, in, out)
		symlink("d/.dayfold-0123456789abcdef01234568", "OUT/victim")(t, in, out)
	}, "", "", 1},
}

func TestHostileTargets(t *testing.T) {
	if len(layouts) < 40 {
		t.Errorf("%d layouts, want at least 40", len(layouts))
	}
	for _, l := range layouts {
		for overwrite, fails := range map[dir.Overwrite]string{dir.Never: l.never, dir.IfChanged: l.always, dir.Always: l.always} {
			t.Run(fmt.Sprintf("%s/%d", l.name, overwrite), func(t *testing.T) { l.check(t, overwrite, fails) })
		}
	}
}

func (l layout) check(t *testing.T, overwrite dir.Overwrite, fails string) {
	base := t.TempDir()
	in, out := base+"/in", base+"/out"
	must(t, os.Mkdir(in, 0o755))
	put(t, out+"/victim", "untouched", 0o644, time.Unix(9, 0))
	must(t, os.Chtimes(out, time.Unix(9, 0), time.Unix(9, 0)))
	l.prepare(t, in, out)
	outside, before := list(t, out), lines(list(t, in))
	r, err := dir.Write(t.Context(), in, plain(), dir.WriteOptions{Overwrite: overwrite})
	if err != nil {
		t.Fatal(err)
	}
	if got := list(t, out); got != outside {
		t.Errorf("outside: got\n%swant\n%s", got, outside)
	}
	failed := map[string]bool{}
	for _, p := range r.Problems {
		failed[string(p.Key)] = true
		if !errors.Is(p.Err, dir.ErrInTheWay) {
			t.Errorf("%s: got %v, want ErrInTheWay", p.Key, p.Err)
		}
	}
	for _, key := range strings.Fields(fails) {
		if !failed[key] {
			t.Errorf("%s is no problem", key)
		}
	}
	if len(failed) != len(strings.Fields(fails)) {
		t.Errorf("got problems %v, want %q", failed, fails)
	}
	after := lines(list(t, in))
	if overwrite == dir.Never {
		if r.Kept != l.kept {
			t.Errorf("got %d kept, want %d", r.Kept, l.kept)
		}
		for name, was := range before {
			if now := after[name]; now != was && !strings.HasPrefix(was, "d") {
				t.Errorf("%s: got %q, want %q", name, now, was)
			}
		}
		return
	}
	for name, want := range map[string]string{"/d/f": "new f", "/d/sub/g": "new g", "/top": "new top"} {
		got, err := os.ReadFile(in + name)
		if !failed[name[1:]] && (err != nil || string(got) != want || !strings.HasPrefix(after[name], "-rw-r-----")) {
			t.Errorf("%s: got %q %v %s, want %q", name, got, err, after[name], want)
		}
	}
	if got, _ := os.Readlink(in + "/l"); got != "d/f" && !failed["l"] {
		t.Errorf("l: got %q", got)
	}
}

// lines splits what list returns into names and what they are.
func lines(s string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(s) {
		name, what, _ := strings.Cut(line, " ")
		m[name] = what
	}
	return m
}

func TestHostileHistory(t *testing.T) {
	for name, it := range map[string]engine.Item{
		"up":            fileItem("../victim", "x"),
		"up within":     fileItem("a/../../victim", "x"),
		"absolute":      fileItem("/etc/dayfold", "x"),
		"empty":         fileItem("", "x"),
		"dot":           fileItem(".", "x"),
		"NUL":           fileItem("a\x00b", "x"),
		"name too long": fileItem(strings.Repeat("n", 300), "x"),
		"no meta":       {Key: []byte("a")},
		"no target":     linkItem("a", ""),
		"NUL in target": linkItem("a", "b\x00c"),
		"too short":     {Key: []byte("a"), Size: 5, Open: content([]byte("four")), Meta: dir.AppendMeta('f', 0o600, written)},
		"too long":      {Key: []byte("a"), Size: 3, Open: content([]byte("four")), Meta: dir.AppendMeta('f', 0o600, written)},
		"inline short":  {Key: []byte("a"), Size: 5, Inline: []byte("four"), Meta: dir.AppendMeta('f', 0o600, written)},
		"unreadable":    {Key: []byte("a"), Size: 5, Open: failing(errors.New("damaged")), Meta: dir.AppendMeta('f', 0o600, written)},
	} {
		target := t.TempDir()
		r, err := dir.Write(t.Context(), target, items(it, fileItem("fine", "x")), dir.WriteOptions{})
		if err != nil || r.Missing != 1 || r.Files != 1 {
			t.Errorf("%s: got %+v, %v; want one problem, one file", name, r, err)
		}
		if names, _ := os.ReadDir(target); len(names) != 1 {
			t.Errorf("%s: got %v, want one name", name, names)
		}
	}
	_, err := dir.Write(t.Context(), t.TempDir(), &history{info: engine.SourceInfo{Kind: "signal-local"}}, dir.WriteOptions{})
	if !errors.Is(err, dir.ErrKind) {
		t.Errorf("got %v, want ErrKind", err)
	}
}

func failing(err error) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("part"), errReader{err})), nil
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// What was written in this run is never written over: a link made by an item
// leads no later item anywhere, and a twin is named.
func TestItemsDoNotMeet(t *testing.T) {
	target := t.TempDir()
	r, err := dir.Write(t.Context(), target, items(linkItem("a", "b"), fileItem("a/x", "1"), dirItem("b")), dir.WriteOptions{Overwrite: dir.Always})
	must(t, err)
	if names, _ := os.ReadDir(target + "/b"); len(names) != 0 || r.Missing != 1 {
		t.Errorf("got %v and %+v", names, r)
	}
	for _, overwrite := range []dir.Overwrite{dir.Never, dir.IfChanged, dir.Always} {
		r, err = dir.Write(t.Context(), t.TempDir(), items(fileItem("a", "1"), fileItem("a", "2")), dir.Folding(dir.WriteOptions{Overwrite: overwrite, Workers: 1}))
		if err != nil || r.Missing != 1 || r.Files != 1 || !errors.Is(r.Problems[0], dir.ErrTwin) {
			t.Errorf("got %+v, %v", r, err)
		}
	}
}

func TestFullDiskEndsTheRun(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, context.Canceled} {
		h := items(fileItem("a", "x"), engine.Item{Key: []byte("b"), Size: 5, Open: failing(&os.PathError{Err: cause}), Meta: dir.AppendMeta('f', 0o600, written)})
		for i := range 1000 {
			h.items = append(h.items, fileItem(fmt.Sprintf("c%d", i), "x"))
		}
		target := t.TempDir()
		r, err := dir.Write(t.Context(), target, h, dir.WriteOptions{Workers: 2})
		if !errors.Is(err, cause) || r.Files > 900 {
			t.Errorf("got %v after %d files, want %v", err, r.Files, cause)
		}
		if _, err := os.Lstat(target + "/b"); err == nil {
			t.Errorf("half a file stays")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := dir.Write(ctx, t.TempDir(), plain(), dir.WriteOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Canceled", err)
	}
}

func TestIfChangedGoesBySizeAndTime(t *testing.T) {
	target := t.TempDir()
	put(t, target+"/top", "xxxxxxx", 0o600, written)
	for _, c := range []struct {
		overwrite dir.Overwrite
		want      string
	}{{dir.Never, "xxxxxxx"}, {dir.IfChanged, "xxxxxxx"}, {dir.Always, "new top"}} {
		_, err := dir.Write(t.Context(), target, plain(), dir.WriteOptions{Overwrite: c.overwrite})
		must(t, err)
		if got, _ := os.ReadFile(target + "/top"); string(got) != c.want {
			t.Errorf("overwrite %d: got %q, want %q", c.overwrite, got, c.want)
		}
	}
}

func TestSetIDOnlyOnRequest(t *testing.T) {
	it := fileItem("s", "x")
	it.Meta = dir.AppendMeta('f', 0o6755, written)
	for set, want := range map[bool]os.FileMode{false: 0o755, true: 0o755 | os.ModeSetuid | os.ModeSetgid} {
		target := t.TempDir()
		_, err := dir.Write(t.Context(), target, items(it), dir.WriteOptions{SetID: set})
		must(t, err)
		if info, err := os.Stat(target + "/s"); err != nil || info.Mode() != want {
			t.Errorf("got %v %v, want %v", info.Mode(), err, want)
		}
	}
}
