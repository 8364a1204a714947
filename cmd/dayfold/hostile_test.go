package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store/local"
	"github.com/dayfold/dayfold/pack/seal"
)

// A hostile is the history of a malicious writer that holds the recovery key: items whose
// names or types would do harm where they are restored.
type hostile struct {
	name  string
	items []engine.Item
}

func (h hostile) Info() engine.SourceInfo { return engine.SourceInfo{Kind: "dir", Label: h.name} }

func (h hostile) Items(context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		for _, it := range append(h.items, file("zz-fine", "fine")) {
			if !yield(it, nil) {
				return
			}
		}
	}
}

// what is the meta of an item of a folder: type, permissions, time (engine/source/dir).
func what(kind byte, perm uint64) []byte {
	return binary.AppendUvarint(binary.AppendVarint(binary.AppendUvarint([]byte{kind}, perm), 1_700_000_000), 0)
}

func file(key, text string) engine.Item {
	return engine.Item{Key: []byte(key), Kind: engine.Other, Inline: []byte(text), Size: int64(len(text)), Meta: what('f', 0o600), Time: time.Unix(1, 0)}
}

func folder(key string) engine.Item {
	it := file(key, "")
	it.Meta = what('d', 0o700)
	return it
}

func link(key, target string) engine.Item {
	it := file(key, target)
	it.Meta = what('l', 0o777)
	return it
}

func of(it engine.Item, meta []byte) engine.Item { it.Meta = meta; return it }

var hostiles = func() (list []hostile) {
	for _, key := range []string{"..", "../victim", "a/../../victim", "a/..", "../../../../../../../../tmp/dayfold-victim", "/etc/dayfold-victim", "//victim", ".", "./victim", "a/./victim",
		"a//victim", "victim/", "a\x00b", "../victim\x00.txt", "a\nb", "\x1b[2J\x1b]0;owned\a", `..\..\victim`, `C:\victim`, "C:victim", `\\host\share\victim`, "NUL", "COM1.txt", "x:stream", "x.", "x ",
		strings.Repeat("n", 300), strings.Repeat("n/", 400) + "n", strings.Repeat("../", 300) + "victim", "\u202egnp.exe", "\xff\xfe", "\u2066\U0001f468\u200d\U0001f469", "-rf", "$(touch victim)",
		"file:" + "//victim", "~", "~/victim", "*", ".dayfold-0123456789abcdef01234567", "%2e%2e/victim", "..%2fvictim", "..;/victim", "...", ".. ", "．．/victim"} {
		list = append(list, hostile{fmt.Sprintf("%.40q", key), []engine.Item{file(key, "hostile")}})
	}
	return append(list,
		hostile{"a link up, and a file through it", []engine.Item{link("a", ".."), file("a/victim", "hostile")}},
		hostile{"a link out, and a file through it", []engine.Item{link("a", "../outside"), file("a/victim", "hostile")}},
		hostile{"a link to the root, and a file through it", []engine.Item{link("a", "/"), file("a/tmp/dayfold-victim", "hostile")}},
		hostile{"links in a chain", []engine.Item{link("a", "b"), link("b", "../outside"), file("a/victim", "hostile"), file("b/victim", "hostile")}},
		hostile{"a link within that leads out by another", []engine.Item{folder("d"), link("d/up", ".."), link("e", "d/up/../outside"), file("e/victim", "hostile")}},
		hostile{"a link to itself", []engine.Item{link("a", "a"), file("a/victim", "hostile")}},
		hostile{"a file and a folder of one name", []engine.Item{file("a", "hostile"), file("a/b", "hostile")}},
		hostile{"a folder and then a link of one name", []engine.Item{folder("a"), file("a/victim", "hostile"), link("a ", "../outside")}},
		hostile{"names in two cases", []engine.Item{link("A", "../outside"), file("a/victim", "hostile")}},
		hostile{"names in two normal forms", []engine.Item{link("\u00e4", "../outside"), file("a\u0308/victim", "hostile")}},
		hostile{"a link without a target", []engine.Item{link("a", "")}},
		hostile{"a link with NUL", []engine.Item{link("a", "../outside\x00/victim")}},
		hostile{"a link of 4,096 bytes", []engine.Item{link("a", strings.Repeat("../", 1365))}},
		hostile{"a pipe", []engine.Item{of(file("a", ""), what('p', 0o600))}},
		hostile{"a device", []engine.Item{of(file("a", ""), what('c', 0o666))}},
		hostile{"a hard link", []engine.Item{of(file("a", "../outside/victim"), what('h', 0o666))}},
		hostile{"permissions beyond all bits", []engine.Item{of(file("a", "x"), what('f', 1<<40))}},
		hostile{"a program that runs as its owner", []engine.Item{of(file("a", "x"), what('f', 0o6777))}},
		hostile{"meta cut short", []engine.Item{of(file("a", "x"), what('f', 0o600)[:2])}},
		hostile{"meta of something else", []engine.Item{of(file("a", "x"), []byte("jpg"))}},
		hostile{"a closed folder, and a file in it", []engine.Item{of(folder("a"), what('d', 0)), file("a/b", "hostile")}},
	)
}()

// TestRestoreStaysBelowItsTarget restores what a malicious writer archived, into an empty
// folder and, where items can meet each other, once more over what is there. Nothing outside of the target changes, what
// is in the target are files, folders and links, the file without guile is there, and
// the exit code says whether something was left out.
func TestRestoreStaysBelowItsTarget(t *testing.T) {
	if len(hostiles) < 60 {
		t.Errorf("%d histories, want at least 60", len(hostiles))
	}
	base := t.TempDir()
	t.Setenv("HOME", base)
	for _, name := range []string{"XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "DAYFOLD_CONFIG"} {
		t.Setenv(name, "")
	}
	key, err := seal.NewRecoveryKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DAYFOLD_RECOVERY_KEY", key.Reveal())
	t.Setenv("DAYFOLD_REPO", filepath.Join(base, "archive"))
	st, err := local.Create(filepath.Join(base, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := engine.Create(t.Context(), st, key, engine.Options{Temp: base, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, h := range hostiles {
		t.Run(h.name, func(t *testing.T) {
			rep, err := a.Backup(t.Context(), h, engine.BackupOptions{Insist: true})
			if err != nil {
				t.Fatal(err)
			}
			h.restore(t, rep.Snapshot)
		})
	}
	if _, err := os.Lstat("/tmp/dayfold-victim"); err == nil {
		t.Error("/tmp/dayfold-victim was made")
	}
}

func (h hostile) restore(t *testing.T, snapshot string) {
	base := t.TempDir()
	target := filepath.Join(base, "in", "target")
	for _, name := range []string{"outside/victim", "in/victim", "in/target/zz-old"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(base, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(base, name), []byte("untouched"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := around(t, base, target)
	for _, overwrite := range []string{"never", "always"} {
		if overwrite == "always" && len(h.items) == 1 {
			continue // a single name meets nothing
		}
		code, talk := command("restore", snapshot, "--target", target, "--overwrite", overwrite)
		if code != 0 && code != exitPartial && !(code == exitDamage && strings.Contains(talk, "a: folder entry: ")) {
			t.Errorf("exit code %d: %s", code, talk)
		}
		if strings.ContainsAny(strings.ReplaceAll(talk, "\n", ""), "\x1b\a\x00") {
			t.Errorf("the names go to the terminal as they are: %q", talk)
		}
		if after := around(t, base, target); after != before {
			t.Errorf("outside of the target: got\n%swant\n%s", after, before)
		}
		if got, err := os.ReadFile(filepath.Join(target, "zz-fine")); string(got) != "fine" {
			t.Errorf("the file without guile: %q, %v", got, err)
		}
	}
	err := filepath.WalkDir(target, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if m := d.Type(); m&^(fs.ModeDir|fs.ModeSymlink) != 0 {
			t.Errorf("%s is %v", name, m)
		}
		info, err := d.Info()
		if err == nil && info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			t.Errorf("%s runs as its owner: %v", name, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// around lists what lies in base and not in target.
func around(t *testing.T, base, target string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(base, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == target {
			return fs.SkipDir
		}
		data, _ := os.ReadFile(name)
		fmt.Fprintf(&out, "%s %v %q\n", name, d.Type(), data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// command runs a command of dayfold in this process.
func command(args ...string) (code int, talk string) {
	var out bytes.Buffer
	c := newCLI()
	c.out, c.err = io.Discard, &out
	root := c.root()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	if err != nil {
		code = c.fail(context.Background(), err)
	}
	return code, out.String()
}
