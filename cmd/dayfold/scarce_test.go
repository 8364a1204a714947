//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A home is a folder for everything that the command writes, with a few documents in it.
type home struct {
	t    *testing.T
	dir  string
	docs string
}

func newHome(t *testing.T, dir string) *home {
	h := &home{t: t, dir: dir, docs: t.TempDir()}
	for i := range 4 {
		data := make([]byte, 200_000)
		_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(data)
		if err := os.WriteFile(filepath.Join(h.docs, fmt.Sprint("photo", i)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// run runs the command as a process of its own, below a limit of the shell's if there is one.
func (h *home) run(limit string, args ...string) (code int, stderr string) {
	h.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Args = append([]string{"dayfold"}, args...)
	if limit != "" {
		link := filepath.Join(h.docs, "..", "dayfold")
		if err := os.Symlink(os.Args[0], link); err != nil && !errors.Is(err, os.ErrExist) {
			h.t.Fatal(err)
		}
		cmd = exec.Command("sh", append([]string{"-c", "ulimit " + limit + "; exec \"$0\" \"$@\"", link}, args...)...)
	}
	cmd.Env = []string{"HOME=" + h.dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + h.dir}
	var out bytes.Buffer
	cmd.Stderr = &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// must runs the command, which has to succeed.
func (h *home) must(args ...string) {
	h.t.Helper()
	if code, stderr := h.run("", args...); code != 0 {
		h.t.Fatalf("%v: exit code %d: %s", args, code, stderr)
	}
}

// survives fails when a command that ran out of something did more than fail by name, or
// when what was archived before it is not whole, or when it does not work once there is
// enough again.
func (h *home) survives(what string, code int, stderr string, enough func()) {
	h.t.Helper()
	if code != 0 && code != exitFailed && code != exitPartial || strings.Contains(stderr, "goroutine ") || code != 0 && strings.Count(stderr, "dayfold: ") != 1 {
		h.t.Errorf("%s: exit code %d: %.500s", what, code, stderr)
	}
	enough()
	h.must("check", "--read-data")
	h.must("backup", h.docs)
	h.must("check", "--read-data")
	back := h.t.TempDir()
	h.must("restore", "--target", back)
	for i := range 4 {
		want, _ := os.ReadFile(filepath.Join(h.docs, fmt.Sprint("photo", i)))
		if got, err := os.ReadFile(filepath.Join(back, fmt.Sprint("photo", i))); err != nil || !bytes.Equal(got, want) {
			h.t.Errorf("%s: photo%d is not what was archived: %v", what, i, err)
		}
	}
}

// TestDiskThatFills archives into a file system that is full after so many more bytes,
// for each number of them in steps, with archive, cache, spills and device file all in
// it. The command fails and says why; nothing is lost, and with more room it goes on.
//
// In steps of 4 KiB: DAYFOLD_STEP=4096 go test -run TestDiskThatFills -timeout 2h ./cmd/dayfold
func TestDiskThatFills(t *testing.T) {
	dir, step := t.TempDir(), 256<<10
	if n, err := fmt.Sscan(os.Getenv("DAYFOLD_STEP"), &step); n == 1 && err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		step = 512 << 10
	}
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).Run(); err != nil {
		t.Logf("no small file system to be had: %v", err) // without the right to mount
		return
	}
	defer exec.Command("umount", dir).Run()
	size := func(n int) {
		t.Helper()
		if out, err := exec.Command("mount", "-o", fmt.Sprintf("remount,size=%d", n), dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	full, worked := 0, 0
	for room := 0; worked < 2 && !t.Failed(); room += step {
		size(64 << 20)
		if err := exec.Command("sh", "-c", "rm -rf "+dir+"/.[a-z]* "+dir+"/*").Run(); err != nil {
			t.Fatal(err)
		}
		h := newHome(t, dir)
		few := t.TempDir()
		if err := os.WriteFile(filepath.Join(few, "one"), bytes.Repeat([]byte("x"), 5000), 0o600); err != nil {
			t.Fatal(err)
		}
		h.must("init")
		h.must("backup", few)
		used, err := exec.Command("sh", "-c", "df -B1 --output=used "+dir+" | tail -1").Output()
		if err != nil {
			t.Fatal(err)
		}
		var n int
		fmt.Sscan(string(used), &n)
		size(n + room + 4096)
		code, stderr := h.run("", "backup", h.docs)
		if code == 0 {
			worked++
		} else {
			full++
		}
		h.survives(fmt.Sprintf("with %d bytes left", room), code, stderr, func() { size(64 << 20) })
	}
	t.Logf("full %d times", full)
	if full < 2 {
		t.Errorf("the disk was full %d times", full)
	}
}

// TestFewFileHandles archives with as many file handles as the shell allows, from just
// enough for the runtime to more than anything needs.
func TestFewFileHandles(t *testing.T) {
	counts := []int{9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 40, 64}
	if testing.Short() {
		counts = []int{9, 15, 64}
	}
	failed, worked := 0, 0
	for _, n := range counts {
		h := newHome(t, t.TempDir())
		h.must("init")
		code, stderr := h.run(fmt.Sprintf("-n %d", n), "backup", h.docs)
		if code == 0 {
			worked++
		} else {
			failed++
		}
		h.survives(fmt.Sprintf("with %d file handles", n), code, stderr, func() {})
	}
	t.Logf("failed %d times, worked %d times", failed, worked)
	if failed == 0 || worked == 0 {
		t.Errorf("failed %d times and worked %d times: the limit is none", failed, worked)
	}
}
