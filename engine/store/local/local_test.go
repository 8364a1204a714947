//go:build unix

package local_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/local"
	"github.com/dayfold/dayfold/engine/store/storetest"
)

func open(t *testing.T, dir string) *local.Store {
	t.Helper()
	s, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestLocal(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, t.TempDir()) })
}

func TestOpenAndCreate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if _, err := local.Open(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open of nothing: %v", err)
	}
	for range 2 {
		s, err := local.Create(dir)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("created %v, error %v; want mode 0700", info.Mode(), err)
	}
}

func TestModesAndNoLeftOvers(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Put(t.Context(), "packs/ab/x", []byte("data")); err != nil {
		t.Fatal(err)
	}
	s.Put(t.Context(), "packs/ab/x", []byte("data"))
	var got []string
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if info, err := d.Info(); err == nil && path != dir {
			got = append(got, strings.TrimPrefix(path, dir)+" "+info.Mode().String())
		}
		return nil
	})
	want := "/packs drwx------ /packs/ab drwx------ /packs/ab/x -rw-------"
	if g := strings.Join(got, " "); g != want {
		t.Errorf("got  %s\nwant %s", g, want)
	}
}

// What lies in the folder and is no object is neither listed nor followed.
func TestForeignThings(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	s := open(t, dir)
	os.WriteFile(filepath.Join(out, "secret"), []byte("secret"), 0o600)
	os.Mkdir(filepath.Join(dir, "packs"), 0o700)
	for name, target := range map[string]string{"link": filepath.Join(out, "secret"), "packs/aa": out, "up": "..", "loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(dir, "Upper"), nil, 0o600)
	os.WriteFile(filepath.Join(dir, ".hidden"), nil, 0o600)
	os.Mkdir(filepath.Join(dir, "lost+found"), 0o700)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for info, err := range s.List(t.Context(), "") {
		t.Errorf("listed %v, error %v", info, err)
	}
	for _, name := range []string{"link", "packs/aa/secret", "up/secret", "pipe"} {
		if got, err := s.Get(t.Context(), name, 0, -1); err == nil {
			t.Errorf("get %s: %q", name, got)
		}
		if err := s.Put(t.Context(), name, []byte("x")); err == nil {
			t.Errorf("put %s succeeded", name)
		}
	}
	if err := s.Put(t.Context(), "packs/aa/new", nil); err == nil {
		t.Error("put through a link succeeded")
	}
	s.Delete(t.Context(), "packs/aa/secret")
	if entries, _ := os.ReadDir(out); len(entries) != 1 {
		t.Errorf("the folder outside has %d files, want its 1", len(entries))
	}
}

func TestUnfinishedFilesAreSweptAfterADay(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Put(t.Context(), "packs/aa/x", nil); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{".tmp-old": 25 * time.Hour, ".tmp-new": 23 * time.Hour} {
		name = filepath.Join(dir, "packs/aa", name)
		os.WriteFile(name, []byte("half"), 0o600)
		os.Chtimes(name, time.Time{}, time.Now().Add(-age))
	}
	n := 0
	for info, err := range s.List(t.Context(), "") {
		if n++; err != nil || info.Name != "packs/aa/x" {
			t.Errorf("listed %v, error %v", info, err)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, "packs/aa/.tmp-*"))
	if n != 1 || len(left) != 1 || filepath.Base(left[0]) != ".tmp-new" {
		t.Errorf("listed %d objects, left %v; want 1 and the young file", n, left)
	}
}

// A folder that another process removed while it was empty is made again.
func TestFolderRemovedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for range 2 {
		if err := s.Put(t.Context(), "packs/aa/x", []byte("x")); err != nil {
			t.Fatal(err)
		}
		os.RemoveAll(filepath.Join(dir, "packs"))
	}
}

func TestNoSpace(t *testing.T) {
	dir := t.TempDir()
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", dir).Run(); err != nil {
		// Without the right to mount, a limit on the size of files is the nearest thing.
		t.Logf("no small file system to be had: %v", err)
		return
	}
	defer exec.Command("umount", dir).Run()
	s, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var kept []string
	for i := range 5 {
		name := fmt.Sprintf("packs/aa/%d", i)
		err := s.Put(t.Context(), name, storetest.Bytes(600_000, byte(i)))
		if err == nil {
			kept = append(kept, name)
		} else if !errors.Is(err, store.ErrNoSpace) || store.IsTemporary(err) {
			t.Errorf("put %d: %v, want no space", i, err)
		}
	}
	if len(kept) != 3 {
		t.Errorf("kept %v, want three", kept)
	}
	for i, name := range kept {
		if got, err := s.Get(t.Context(), name, 0, -1); err != nil || !bytes.Equal(got, storetest.Bytes(600_000, byte(i))) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "packs/aa/.tmp-*")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
	if err := s.Delete(t.Context(), kept[0]); err != nil {
		t.Errorf("delete on a full disk: %v", err)
	}
	if err := s.Put(t.Context(), kept[0], storetest.Bytes(600_000, 9)); err != nil {
		t.Errorf("put after making room: %v", err)
	}
}

// A file of 10 GiB that somebody laid there is no object, and costs no memory.
func TestHugeFilesAreNotRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte("begins"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "config"), 10<<30); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if got, err := s.Get(t.Context(), "config", 0, -1); err == nil || store.IsTemporary(err) {
		t.Errorf("%d bytes, %v; want an error", len(got), err)
	}
	if got, err := s.Get(t.Context(), "config", 10<<30-9, -1); err != nil || len(got) != 9 {
		t.Errorf("the end: %q, %v", got, err)
	}
	if got, err := s.Get(t.Context(), "config", 0, 6); err != nil || string(got) != "begins" {
		t.Errorf("the beginning: %q, %v", got, err)
	}
}

// Writers in several processes: this test runs itself as those.
func TestProcessesRace(t *testing.T) {
	const env = "DAYFOLD_TEST_RACE_DIR"
	if dir := os.Getenv(env); dir != "" {
		won := 0
		s := open(t, dir)
		for i := range 50 {
			err := s.Put(t.Context(), fmt.Sprintf("gc/fence/%d", i), []byte("mine"))
			if err == nil {
				won++
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		}
		fmt.Printf("won=%d\n", won)
		return
	}
	dir := t.TempDir()
	var cmds []*exec.Cmd
	var outs []*bytes.Buffer
	for range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestProcessesRace$")
		cmd.Env = append(os.Environ(), env+"="+dir)
		out := new(bytes.Buffer)
		cmd.Stdout = out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds, outs = append(cmds, cmd), append(outs, out)
	}
	total := 0
	for i, cmd := range cmds {
		err := cmd.Wait()
		won := 0
		fmt.Sscanf(outs[i].String(), "won=%d", &won)
		if total += won; err != nil {
			t.Errorf("writer: %v\n%s", err, outs[i])
		}
	}
	if total != 50 {
		t.Errorf("50 names were won %d times", total)
	}
}

func BenchmarkPut(b *testing.B) {
	for _, n := range []int{8 << 20, 4 << 10} {
		b.Run(fmt.Sprintf("%dKiB", n>>10), func(b *testing.B) {
			s, err := local.Open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			data := storetest.Bytes(n, 1)
			b.SetBytes(int64(n))
			i := 0
			for b.Loop() {
				if err := s.Put(b.Context(), fmt.Sprintf("packs/%02x/%d", i%16, i), data); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}
