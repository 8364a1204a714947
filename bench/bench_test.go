package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/bench/corpus"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == helperFlag {
		os.Exit(helper(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func TestMeasureCountsTheChildAlone(t *testing.T) {
	ballast := bytes.Repeat([]byte{1}, 100<<20) // which must not be taken for the child's
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, ballast[:10<<20], 0o644); err != nil {
		t.Fatal(err)
	}
	u, err := measure(t.Context(), []command{{argv: []string{"cat", "f"}, dir: dir, stdout: dir + "/out"}, {argv: []string{"cat", file}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if u.Read < 20<<20 || u.Read > 21<<20 || u.Peak > 50<<20 || u.Peak == 0 || u.Wall <= 0 {
		t.Errorf("got %+v, want 20 MiB read in little memory", u)
	}
	if err := compareFiles(file, dir+"/out"); err != nil {
		t.Error(err)
	}
	_, err = measure(t.Context(), []command{{argv: []string{"sh", "-c", "echo why >&2; exit 3"}}}, nil)
	if err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("got %v, want what the child said", err)
	}
	if _, err = measure(t.Context(), run("/no/such/program"), nil); err == nil {
		t.Error("no error for a program that is not there")
	}
}

func TestCompareTreesSeesEverything(t *testing.T) {
	fill := func(root string) {
		os.MkdirAll(root+"/d", 0o755)
		os.WriteFile(root+"/d/f", []byte("content"), 0o644)
		os.Chtimes(root+"/d/f", time.Unix(5, 6), time.Unix(5, 6))
	}
	for name, change := range map[string]func(root string){
		"": func(string) {},
		"content": func(r string) {
			os.WriteFile(r+"/d/f", []byte("Content"), 0)
			os.Chtimes(r+"/d/f", time.Unix(5, 6), time.Unix(5, 6))
		},
		"time":       func(r string) { os.Chtimes(r+"/d/f", time.Unix(5, 7), time.Unix(5, 7)) },
		"mode":       func(r string) { os.Chmod(r+"/d/f", 0o600) },
		"missing":    func(r string) { os.Remove(r + "/d/f") },
		"additional": func(r string) { os.Mkdir(r+"/e", 0o755) },
		"length": func(r string) {
			os.WriteFile(r+"/d/f", []byte("content."), 0)
			os.Chtimes(r+"/d/f", time.Unix(5, 6), time.Unix(5, 6))
		},
	} {
		a, b := t.TempDir(), t.TempDir()
		fill(a)
		fill(b)
		change(b)
		if err := compareTrees(a, b); errors.Is(err, errDiffers) != (name != "") {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

// A scenario with cp, and with a tool that gives back too little.
func TestScenario(t *testing.T) {
	c := corpus.New(1, corpus.Scale{Messages: 2000, Conversations: 10, MediaBytes: 4_000_000})
	liar := tools[1]
	liar.name = "liar"
	liar.steps = map[step]func(p place) []command{First: tools[1].steps[First], Day: tools[1].steps[Day],
		Restore: func(p place) []command { return run("mkdir", p.target) }}
	var log bytes.Buffer
	s := scenario{work: t.TempDir() + "/w", format: "dir", days: 1, runs: 1, steps: allSteps, tools: []tool{tools[1], liar},
		paths: map[string]string{},
		advance: func(ctx context.Context, source string, day int) error {
			return c.Write(ctx, source, corpus.Folder, day)
		},
		say: func(format string, args ...any) {}}
	if err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := &Results{Samples: s.samples}
	for st, want := range map[step]int{First: 1, Day: 1, Restore: 1, Message: 1, Chat: 1, File: 1, Check: 1, Rebuild: 0, Prune: 0} {
		if _, n := r.of("cp", st, wall); n != want {
			t.Errorf("cp %s: got %d samples, want %d", st, n, want)
		}
	}
	if _, n := r.of("liar", Restore, wall); n != 0 {
		t.Errorf("an empty restore counts")
	}
	for _, sample := range r.Samples {
		if sample.Step == First && (sample.Added != sample.Input || sample.Size != sample.Input) {
			t.Errorf("got %+v, want all of the input added", sample)
		}
	}
	if err := r.table(&log); err != nil || !strings.Contains(log.String(), "failed: liar restore") {
		t.Errorf("got %v\n%s", err, log.String())
	}
	out := t.TempDir()
	if err := r.write(out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"results.json", "daily.svg", "time.svg", "memory.svg", "daily.png", "time.png", "memory.png"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want spread
	}{{nil, spread{}}, {[]float64{3}, spread{3, 3, 3}}, {[]float64{4, 1, 2}, spread{1, 2, 4}}, {[]float64{4, 1, 2, 3}, spread{1, 2.5, 4}}} {
		if got := spreadOf(c.v); got != c.want {
			t.Errorf("%v: got %v, want %v", c.v, got, c.want)
		}
	}
}

func TestChooseSteps(t *testing.T) {
	if got, err := chooseSteps("check,day"); err != nil || len(got) != 3 || got[0] != First || got[1] != Day || got[2] != Check {
		t.Errorf("got %v %v", got, err)
	}
	if _, err := chooseSteps("dance"); err == nil {
		t.Error("no error for an unknown step")
	}
}

func TestGoalsAreHeldAgainstTheBestPeer(t *testing.T) {
	sample := func(tool string, st step, wall float64, added int64) Sample {
		return Sample{Tool: tool, Step: st, Usage: Usage{Wall: wall}, Added: added}
	}
	r := &Results{Samples: []Sample{
		sample("dayfold", First, 5, 0), sample("cp", First, 1, 0), sample("restic", First, 10, 0), sample("kopia", First, 8, 0),
		sample("dayfold", Day, 1, 60e6), sample("restic", Day, 4, 100e6),
		sample("dayfold", Check, 1, 0), {Tool: "restic", Step: Check, Usage: Usage{Wall: 9}, Error: "why"},
	}}
	for i := range r.Samples {
		r.Samples[i].Peak = 97 << 20 // within the best peer's, and over the number
	}
	var out bytes.Buffer
	if err := r.goals(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"first wall 5.00 8.00 kopia 0.62 ≤ 0.60 × MISSED", "day wall 1.00 4.00 restic 0.25 ≤ 0.60 × met", "day added 60.00 100.00 restic 0.60 ≤ 0.55 × MISSED",
		"first peak MiB 97.00 97.00 restic 1.00 ≤ 96 MISSED"} {
		if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "check") {
		t.Errorf("a peer that failed sets a goal:\n%s", out.String())
	}
}

func TestOneLineIsHeldAgainstTheFile(t *testing.T) {
	p := place{source: t.TempDir(), item: "f", out: filepath.Join(t.TempDir(), "out")}
	text := "{\"id\":1,\"text\":\"a\"}\n{\"id\":12,\"text\":\"b\"}\n{\"id\":13,\"text\":\"c\"}\n"
	if err := os.WriteFile(filepath.Join(p.source, p.item), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.line, err = aLine(filepath.Join(p.source, p.item)); err != nil || p.line != "{\"id\":13," {
		t.Fatalf("got %q, %v", p.line, err)
	}
	for got, ok := range map[string]bool{"{\"id\":13,\"text\":\"c\"}\n": true, "{\"id\":12,\"text\":\"b\"}\n": false, "{\"id\":13,\"text\":\"d\"}\n": false, "": false} {
		if err := os.WriteFile(p.out, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := compareLine(p); (err == nil) != ok || err != nil && !errors.Is(err, errDiffers) {
			t.Errorf("%q: got %v", got, err)
		}
	}
}
