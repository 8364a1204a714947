// Command bench does the same work with Dayfold and with what people would use
// instead, and prints what each step cost:
//
//	go run ./bench -scale 0.1 -days 3 -runs 3 -peers restic,borg,kopia,plakar,cp
//
// It builds the command, the generator of package corpus, and restic and kopia in the
// versions that the nested module bench/peers pins; borg and plakar are taken from PATH.
// It makes up a history, and runs whole processes over it: a first backup, the same
// once more, days of changes, a full restore, one message, one conversation, one file,
// a check of all data, a rebuild of the index, and forgetting all but the newest
// snapshot. The tools take turns within each step. Whatever is restored is compared with
// the history; a step that gives back anything else has failed. What comes out is a
// table, the goals and how far they are, results.json and plots, in the folder -out.
//
// Of a history in Signal's formats a peer gives back files only: it takes no part in
// the steps for one message and one conversation.
//
// Every process is warm: the history lies in the page cache. Figures of a machine
// that does other work at the same time are good for ratios at best.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == helperFlag {
		os.Exit(helper(os.Args[2:]))
	}
	var o options
	flag.StringVar(&o.format, "format", "dir", "of the history: dir, signal-local or signal-export")
	flag.Float64Var(&o.scale, "scale", 0.05, "1: a million messages, 3 GB of media")
	flag.Float64Var(&o.media, "media", 1, "share of the scale's media; 0: text only")
	flag.IntVar(&o.days, "days", 3, "how many days of changes")
	flag.IntVar(&o.runs, "runs", 1, "how often all of it is done")
	flag.StringVar(&o.peers, "peers", "cp,restic,borg,kopia,kopia-zstd,plakar", "who is measured beside dayfold")
	flag.StringVar(&o.steps, "steps", "", "only these steps, with commas (first always): "+fmt.Sprint(allSteps))
	flag.StringVar(&o.out, "out", "bench/results", "folder for results.json and the plots")
	flag.StringVar(&o.work, "work", "", "folder for histories and archives; empty: a temporary one")
	flag.StringVar(&o.dayfold, "dayfold", "", "binary to measure; empty: built from ./cmd/dayfold")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.bench(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	format, peers, steps, out, work, dayfold string
	scale, media                             float64
	days, runs                               int
}

// bench sets the stage, runs the scenario and writes what came of it, also if it
// was interrupted.
func (o options) bench(ctx context.Context) error {
	steps, err := chooseSteps(o.steps)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp(o.work, "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	gen, dayfold := filepath.Join(work, "gen"), o.dayfold
	if err := build(ctx, "./bench/corpus/gen", gen); err != nil {
		return err
	}
	if dayfold == "" {
		dayfold = filepath.Join(work, "dayfold")
		if err := build(ctx, "./cmd/dayfold", dayfold); err != nil {
			return err
		}
	}
	pinned := filepath.Join(work, "peers")
	if err := buildPeers(ctx, o.peers, pinned); err != nil {
		return err
	}
	tools, paths, missing := find(strings.Split(o.peers, ","), dayfold, pinned)
	s := scenario{
		work: filepath.Join(work, "run"), format: o.format, days: o.days, runs: max(1, o.runs), steps: steps,
		tools: tools, paths: paths, key: filepath.Join(work, "signal-key"),
		say: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	}
	begin := time.Now().Format(time.DateOnly) // a day later would be another history
	s.advance = func(ctx context.Context, source string, day int) error {
		return quietly(exec.CommandContext(ctx, gen, "-format", o.format, "-scale", fmt.Sprint(o.scale), "-media", fmt.Sprint(o.media), "-begin", begin, "-day", fmt.Sprint(day), "-out", source, "-key-file", s.key))
	}
	failed := s.run(ctx)
	r := o.results(&s, missing)
	return errors.Join(failed, r.table(os.Stdout), r.goals(os.Stdout), r.write(o.out))
}

func chooseSteps(list string) ([]step, error) {
	if list == "" {
		return allSteps, nil
	}
	chosen := []step{First}
	for _, name := range strings.Split(list, ",") {
		if !slices.Contains(allSteps, step(name)) {
			return nil, fmt.Errorf("no step %q; there are %v", name, allSteps)
		}
		if step(name) != First {
			chosen = append(chosen, step(name))
		}
	}
	slices.SortFunc(chosen, func(a, b step) int { return slices.Index(allSteps, a) - slices.Index(allSteps, b) })
	return chosen, nil
}

// buildPeers builds those of the peers that are wanted and that bench/peers pins.
func buildPeers(ctx context.Context, wanted, to string) error {
	var pkgs []string
	for name, pkg := range map[string]string{"restic": "github.com/restic/restic/cmd/restic", "kopia": "github.com/kopia/kopia"} {
		if strings.Contains(wanted, name) {
			pkgs = append(pkgs, pkg)
		}
	}
	if len(pkgs) == 0 {
		return nil
	}
	fmt.Fprintln(os.Stderr, "building", strings.Join(pkgs, " "))
	return quietly(exec.CommandContext(ctx, "go", append([]string{"build", "-C", "bench/peers", "-o", to + "/"}, pkgs...)...))
}

func build(ctx context.Context, pkg, to string) error {
	return quietly(exec.CommandContext(ctx, "go", "build", "-o", to, pkg))
}

// quietly runs a command and shows what it says only if it fails.
func quietly(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", cmd.Args[0], err, lastLines(string(out), 5))
	}
	return nil
}

func (o options) results(s *scenario, missing []string) *Results {
	r := &Results{
		Machine: machine(), CPUs: runtime.NumCPU(), Go: runtime.Version(), Command: strings.Join(os.Args, " "),
		Time: time.Now().UTC().Format(time.RFC3339), Load: loadAverage(), Format: o.format, Scale: o.scale, Media: o.media,
		Versions: map[string]string{}, Missing: missing, Samples: s.samples,
	}
	if commit, err := exec.Command("git", "rev-parse", "HEAD").Output(); err == nil {
		r.Commit = strings.TrimSpace(string(commit))
	}
	for _, t := range s.tools {
		r.Versions[t.name] = versionOf(t, s.paths[t.name])
	}
	return r
}

// machine names the processor and the kernel.
func machine() string {
	model := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := bytes.Cut(b, []byte("model name\t: ")); ok {
			line, _, _ := bytes.Cut(rest, []byte("\n"))
			model = string(line)
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease") // empty where there is none
	return strings.TrimSpace(model + ", " + runtime.GOOS + " " + string(kernel))
}

// loadAverage is that of 1, 5 and 15 minutes, empty where the system does not say.
func loadAverage() string {
	b, _ := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(b))
	return strings.Join(fields[:min(3, len(fields))], " ")
}
