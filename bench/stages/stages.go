package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/tools/benchmark/parse"
)

// A stage is one thing that happens to all bytes of a kind, or to all blobs.
type stage struct {
	what  string
	pkg   string
	bench string // its name, without Benchmark
	of    func(amount) float64
	ops   bool // of counts operations, not bytes
}

// An amount is what there is to do.
type amount struct {
	media  float64 // bytes
	frames float64 // bytes of messages
	main   float64 // the same, compressed
	blobs  float64 // nodes and chunks
	packs  float64
}

func media(a amount) float64  { return a.media }
func frames(a amount) float64 { return a.frames }
func packed(a amount) float64 { return a.main }
func blobs(a amount) float64  { return a.blobs }
func packs(a amount) float64  { return a.packs }

// stages are those of a first run of a Signal local backup. Leaves are taken to become as
// short as the frames of the backup itself.
var stages = []stage{
	{"decrypt and check media", "./engine/source/signal", "MediaOpen/300KiB", media, false},
	{"cut media", "./chunk", "Split/media/published", media, false},
	{"name media", "./pack/seal", "Ref/1024KiB", media, false},
	{"see that media do not compress", "./pack", "Encode/photo_2MiB", media, false},
	{"seal media", "./pack/seal", "AppendBlob/1024KiB", media, false},
	{"pack media", "./pack", "Finish/1_of_8388608", media, false},
	{"check main", "./engine/source/signal", "VerifyMain", packed, false},
	{"decrypt and unpack frames", "./engine/source/signal", "Frames", frames, false},
	{"make items of frames", "./engine/source/signal", "Ledger", frames, false},
	{"encode and cut leaves, build the tree", "./engine/tree", "Build/250", frames, false},
	{"compress leaves", "./pack", "Encode/leaf_2KiB", frames, false},
	{"name leaves", "./pack/seal", "Ref/2KiB", frames, false},
	{"seal leaves", "./pack/seal", "AppendBlob/2KiB", packed, false},
	{"pack leaves", "./pack", "Finish/1000_of_2000", packed, false},
	{"look for blobs in the index", "./index", "Lookup/miss", blobs, true},
	{"add packs to the index", "./index", "Lookup/add", packs, true},
}

// rates are what go test says of each benchmark, by package and name.
type rates map[string]*parse.Benchmark

// measure runs the benchmarks of all stages, those of a package together.
func measure(ctx context.Context, benchtime string) (rates, error) {
	names := map[string][]string{}
	var pkgs []string
	for _, s := range stages {
		if names[s.pkg] == nil {
			pkgs = append(pkgs, s.pkg)
		}
		top, _, _ := strings.Cut(s.bench, "/")
		names[s.pkg] = append(names[s.pkg], top)
	}
	r := rates{}
	for _, pkg := range pkgs {
		fmt.Fprintln(os.Stderr, "measuring", pkg)
		pattern := "^Benchmark(" + strings.Join(names[pkg], "|") + ")$"
		cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", pattern, "-benchmem", "-cpu", "1", "-benchtime", benchtime, pkg)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pkg, err)
		}
		if err := r.read(pkg, out); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// read adds what go test printed.
func (r rates) read(pkg string, out []byte) error {
	set, err := parse.ParseSet(bytes.NewReader(out))
	if err != nil {
		return fmt.Errorf("%s: %w", pkg, err)
	}
	for name, list := range set {
		r[pkg+" "+strings.TrimPrefix(name, "Benchmark")] = list[0]
	}
	return nil
}

// of returns what was measured of a stage. A benchmark that is gone is an error: the
// ceiling would be without it.
func (r rates) of(s stage) (*parse.Benchmark, error) {
	if b, ok := r[s.pkg+" "+s.bench]; ok && (s.ops || b.MBPerS > 0) {
		return b, nil
	}
	var there []string
	for name := range r {
		if rest, ok := strings.CutPrefix(name, s.pkg+" "); ok {
			there = append(there, rest)
		}
	}
	slices.Sort(there)
	return nil, fmt.Errorf("%s has no benchmark %s that says what is wanted; there are %q", s.pkg, s.bench, there)
}

// seconds is what a stage takes for that much on one processor.
func (s stage) seconds(a amount, b *parse.Benchmark) float64 {
	if s.ops {
		return s.of(a) * b.NsPerOp / 1e9
	}
	return s.of(a) / b.MBPerS / 1e6
}

// print prints each stage's rate and time, the ceiling, and the whole beside it.
func (w whole) print(out io.Writer, r rates, cpus int) error {
	sum := 0.0
	for _, s := range stages {
		b, err := r.of(s)
		if err != nil {
			return err
		}
		sum += s.seconds(w.amount, b)
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "stage\trate\tallocs/op\tamount\tcpu s\tshare\t")
	for _, s := range stages {
		b, _ := r.of(s)
		rate, much := fmt.Sprintf("%.0f MB/s", b.MBPerS), fmt.Sprintf("%.0f MB", s.of(w.amount)/1e6)
		if s.ops {
			rate, much = fmt.Sprintf("%.1f k/s", 1e6/b.NsPerOp), fmt.Sprintf("%.0f", s.of(w.amount))
		}
		took := s.seconds(w.amount, b)
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%.3f\t%.0f %%\t\n", s.what, rate, b.AllocsPerOp, much, took, 100*took/sum)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	ceiling, mb := sum/float64(cpus), (w.media+w.frames)/1e6
	_, err := fmt.Fprintf(out, `
ceiling: %.2f s of processor, %.2f s on %d of them, %.0f MB/s
whole:   %.2f s of processor, %.2f s, %.0f MB/s
The whole takes %.2f times the processor time of its stages, and %.2f times the ceiling.
`, sum, ceiling, cpus, mb/ceiling, w.cpu, w.wall, mb/w.wall, w.cpu/sum, w.wall/ceiling)
	if err == nil && w.cpu < sum {
		_, err = fmt.Fprintln(out, "A whole is no less than its stages: this machine was busy while they were measured.")
	}
	return err
}
