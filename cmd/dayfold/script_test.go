package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/net/webdav"

	"github.com/dayfold/dayfold/bench/corpus"
)

// The scripts in testdata/script are the command's tests and its examples. They run
// this very binary as "dayfold", which is why this test is in package main.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dayfold": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: false,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":    code,
			"fields":  fields,
			"flip":    flip,
			"absent":  absent,
			"random":  random,
			"private": isPrivate,
			"sample":  sample, "samplev1": sampleV1, "desktop": desktop,
			"interrupt": interrupt,
			"snapshots": snapshots,
			"webdav":    webdavServer,
		},
	})
}

// setup gives each script an empty home.
func setup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("REPO", filepath.Join(home, ".local", "share", "dayfold", "archive"))
	for _, name := range []string{"XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"} {
		env.Setenv(name, "")
	}
	return os.Mkdir(home, 0o700)
}

// desktop DIR DAY makes DIR a profile of Signal Desktop as it stands on a day.
func desktop(ts *testscript.TestScript, _ bool, args []string) {
	day, err := strconv.Atoi(args[1])
	ts.Check(err)
	c := corpus.New(1, corpus.Scale{Messages: 300, Conversations: 8, MediaBytes: 400_000})
	ts.Check(c.Write(context.Background(), ts.MkAbs(args[0]), corpus.SignalDesktop, day))
}

// code N COMMAND… runs a command that must end with exit code N.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitOf(ts, ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func exitOf(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	ts.Fatalf("not run: %v", err)
	return -1
}

// fields FILE NAME… says that every line of FILE is a JSON object, that stdout or stderr
// has nothing else, and that the last one has these fields.
func fields(ts *testscript.TestScript, neg bool, args []string) {
	var last map[string]any
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		last = nil
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			ts.Fatalf("%q is no JSON: %v", line, err)
		}
	}
	for _, name := range args[1:] {
		name, want, valued := strings.Cut(name, "=")
		v, ok := last[name]
		if ok == neg || valued && fmt.Sprint(v) != want {
			ts.Fatalf("field %s is %v (there: %v) in %v", name, v, ok, last)
		}
	}
}

// matches lists the files that a pattern means.
func matches(ts *testscript.TestScript, pattern string) []string {
	names, err := filepath.Glob(ts.MkAbs(pattern))
	ts.Check(err)
	return names
}

// flip PATTERN [BYTES] flips a bit in the middle of each file that it means, if the file
// has so many bytes.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	names := matches(ts, args[0])
	if len(names) == 0 {
		ts.Fatalf("nothing to flip: %s", args[0])
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		ts.Check(err)
		if least, err := strconv.Atoi(append(args, "0")[1]); err != nil || len(data) < least {
			continue
		}
		data[len(data)/2] ^= 1
		ts.Check(os.WriteFile(name, data, 0o600))
	}
}

// absent TEXT DIR… says that no file below the folders, and no name, has the text.
func absent(ts *testscript.TestScript, neg bool, args []string) {
	files := 0
	for _, dir := range args[1:] {
		ts.Check(filepath.WalkDir(ts.MkAbs(dir), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			files++
			data, err := os.ReadFile(name)
			if bytes.Contains(data, []byte(args[0])) || strings.Contains(d.Name(), args[0]) {
				ts.Fatalf("%q stands in %s", args[0], name)
			}
			return err
		}))
	}
	if files == 0 {
		ts.Fatalf("no files below %v", args[1:])
	}
}

// random FILE BYTES makes a file that does not compress, the same in every run.
func random(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	data, x := make([]byte, n), uint64(len(args[0]))+1
	for i := range data {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		data[i] = byte(x >> 32)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

// private FILE… says that only the owner can read the files.
func isPrivate(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if info.Mode().Perm()&0o077 != 0 {
			ts.Fatalf("%s has mode %v", name, info.Mode())
		}
	}
}

// sample DIR puts the sample of a Signal local backup there. Its key is 64 times m.
func sample(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.CopyFS(ts.MkAbs(args[0]), os.DirFS(filepath.Join(testdata, "SignalBackups"))))
}

// samplev1 FILE puts the sample of a signal-….backup there. Its passphrase is 1234567890
// three times.
func sampleV1(ts *testscript.TestScript, _ bool, args []string) {
	data, err := os.ReadFile(filepath.Join(testdata, "../../../engine/source/signalv1/testdata/header-version1.backup"))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

var testdata, _ = filepath.Abs("testdata")

// interrupt N PATTERN COMMAND… starts a command, interrupts it as soon as N files of the
// pattern are there, and says that it ends with exit code 130.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	program := filepath.Join(strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator))[0], args[2])
	cmd := exec.Command(program, args[3:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "TMPDIR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	ts.Check(cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for len(matches(ts, args[1])) < n {
		select {
		case <-tick.C:
		case err := <-done:
			ts.Fatalf("ended before there was anything to interrupt: %v\n%s", err, stderr.String())
		}
	}
	ts.Check(cmd.Process.Signal(os.Interrupt))
	if got := exitOf(ts, <-done); got != exitInterrupted {
		ts.Fatalf("exit code %d, want %d\n%s", got, exitInterrupted, stderr.String())
	}
	if !strings.Contains(stderr.String(), "interrupted") {
		ts.Fatalf("stderr: %s", stderr.String())
	}
}

// snapshots N FLAG… sets $S1 … $SN to the snapshots' IDs, oldest first, and says that
// there are so many.
func snapshots(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("dayfold", append([]string{"snapshots", "--json"}, args[1:]...)...))
	var ids []string
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var s struct{ ID string }
		ts.Check(json.Unmarshal([]byte(line), &s))
		ids = append(ids, s.ID)
	}
	if fmt.Sprint(len(ids)) != args[0] {
		ts.Fatalf("%d snapshots, want %s", len(ids), args[0])
	}
	for i, id := range ids {
		ts.Setenv(fmt.Sprintf("S%d", i+1), id)
	}
	if slices.Contains(ids, "") {
		ts.Fatalf("a snapshot without ID")
	}
}

// webdav DIR starts a WebDAV server for the script, with the folder as its root, and
// sets $DAV to its address. It knows the user "me" with the password "secret".
func webdavServer(ts *testscript.TestScript, _ bool, args []string) {
	dav := &webdav.Handler{FileSystem: webdav.Dir(ts.MkAbs(args[0])), LockSystem: webdav.NewMemLS()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		dav.ServeHTTP(w, r)
	}))
	ts.Defer(server.Close)
	ts.Setenv("DAV", server.URL)
}
