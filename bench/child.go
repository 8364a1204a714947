package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A command is one process of a step.
type command struct {
	argv   []string
	env    []string // added to the tool's
	dir    string
	stdout string // file that its output goes to; empty: kept for an error message
}

// Usage is what a step cost, over all its processes. Wall and CPU add up; Peak is
// the largest resident memory of one of them. Read counts what its read calls
// returned, from disk, cache or pipe.
type Usage struct {
	Wall float64 `json:"wall_s"`
	CPU  float64 `json:"cpu_s"`
	Peak int64   `json:"peak_rss_bytes"`
	Read int64   `json:"read_bytes"`
}

func (u *Usage) add(v Usage) {
	u.Wall += v.Wall
	u.CPU += v.CPU
	u.Peak = max(u.Peak, v.Peak)
	u.Read += v.Read
}

// measure runs the commands of a step one after the other.
func measure(ctx context.Context, cmds []command, env []string) (Usage, error) {
	var sum Usage
	for _, c := range cmds {
		u, err := c.run(ctx, env)
		sum.add(u)
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// run runs one command under a fresh copy of this program (see helper).
func (c command) run(ctx context.Context, env []string) (u Usage, err error) {
	self, err := os.Executable()
	if err != nil {
		return u, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{helperFlag}, c.argv...)...)
	cmd.Env, cmd.Dir = append(append(os.Environ(), env...), c.env...), c.dir
	var talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &talk, &talk
	if c.stdout != "" {
		f, err := os.Create(c.stdout)
		if err != nil {
			return u, err
		}
		defer f.Close()
		cmd.Stdout = f
	}
	r, w, err := os.Pipe()
	if err != nil {
		return u, err
	}
	defer r.Close()
	cmd.ExtraFiles = []*os.File{w}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return u, err
	}
	report := json.NewDecoder(r).Decode(&u)
	if err := errors.Join(cmd.Wait(), report); err != nil {
		return u, fmt.Errorf("%s: %w: %s", strings.Join(c.argv, " "), err, lastLines(talk.String(), 3))
	}
	return u, nil
}

// helperFlag, as the first argument, makes this program run the rest as a command
// and write its Usage as JSON to descriptor 3. Linux counts into the peak memory of
// a process what its parent had when it forked: a fresh parent has next to nothing.
const helperFlag = "-run-and-report"

func helper(argv []string) int {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	unix.CloseOnExec(3)
	u, err := use(cmd)
	if err != nil && cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		return 127
	}
	if err := json.NewEncoder(os.NewFile(3, "report")).Encode(u); err != nil {
		return 126
	}
	return cmd.ProcessState.ExitCode()
}

// use runs cmd and returns what it cost.
func use(cmd *exec.Cmd) (u Usage, err error) {
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return u, err
	}
	// The process is waited for and left as a zombie, whose counters can be read.
	for unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	u.Wall = time.Since(start).Seconds()
	u.Read = readBytes(cmd.Process.Pid)
	err = cmd.Wait()
	u.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.Peak = r.Maxrss << 10
	}
	return u, err
}

// readBytes returns what the process and its children that ended have read, 0 if
// the system does not say.
func readBytes(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "rchar: ")
	line, _, _ := strings.Cut(rest, "\n")
	n, _ := strconv.ParseInt(line, 10, 64)
	return n
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], " / ")
}
