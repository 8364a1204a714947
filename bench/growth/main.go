// Command growth does the same work with archives of growing histories, and prints how
// time, memory, bytes and nodes grow with them:
//
//	go run ./bench/growth -items 100000,1000000 -media 1000
//
// The histories are made up while they are read, so only the archive needs a disk.
// Every step is a process of its own: a first run, a day whose whole history is listed,
// a day as a feed of changes (Amend), the diff of the two days, forget and prune, and
// opening with a look at one item. A figure that grows as n^e has the exponent e, fitted
// over the sizes; what is bounded has 0. 10,000,000 items take an hour and 4 GB:
//
//	go run ./bench/growth -items 100000,1000000,10000000 -media 1000 -work /var/tmp
//	go run ./bench/growth -items 1000000 -media 1000,10000,100000
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/dayfold/dayfold/bench/chart"
)

// A point is what one step cost at one size.
type point struct {
	Step   string  `json:"step"`
	Items  int64   `json:"items"`
	Media  int64   `json:"media"`
	Wall   float64 `json:"wall_s"`
	CPU    float64 `json:"cpu_s"`
	Peak   int64   `json:"peak_rss_bytes"`
	Bytes  int64   `json:"uploaded_bytes"`
	Loaded int64   `json:"nodes_loaded"`
	Saved  int64   `json:"nodes_saved"`
}

var figures = []struct {
	name, unit string
	of         func(point) float64
}{
	{"time", "s", func(p point) float64 { return p.Wall }},
	{"cpu", "s", func(p point) float64 { return p.CPU }},
	{"memory", "MiB", func(p point) float64 { return float64(p.Peak) / (1 << 20) }},
	{"bytes", "MB", func(p point) float64 { return float64(p.Bytes) / 1e6 }},
	{"loaded", "nodes", func(p point) float64 { return float64(p.Loaded) }},
	{"saved", "nodes", func(p point) float64 { return float64(p.Saved) }},
}

func main() {
	items := flag.String("items", "100000,1000000", "how many messages, with commas")
	media := flag.String("media", "1000", "how many media, with commas")
	out := flag.String("out", "bench/growth/results", "folder for growth.json and the plots")
	work := flag.String("work", "", "folder for the archives; empty: a temporary one")
	one := flag.String("step", "", "do this one step in -work and say what it cost: for the process itself")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *items, *media, *out, *work, *one); err != nil {
		fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, items, media, out, work, one string) error {
	n, err := numbers(items)
	if err != nil {
		return err
	}
	m, err := numbers(media)
	if err != nil {
		return err
	}
	if one != "" {
		p, err := do(ctx, one, work, n[0], m[0])
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(p)
	}
	var points []point
	for _, size := range n {
		for _, k := range m {
			got, err := grow(ctx, work, size, k)
			points = append(points, got...)
			if err != nil {
				return err
			}
		}
	}
	along := func(p point) int64 { return p.Items }
	if len(n) == 1 && len(m) > 1 {
		along = func(p point) int64 { return p.Media }
	}
	return errors.Join(table(os.Stdout, points, along), draw(out, points, along))
}

func numbers(list string) (n []int64, err error) {
	for _, s := range strings.Split(list, ",") {
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil || v < 0 {
			return nil, fmt.Errorf("%q: want numbers with commas", list)
		}
		n = append(n, v)
	}
	return n, nil
}

// grow goes through all steps at one size, each as a process of its own.
func grow(ctx context.Context, work string, items, media int64) (points []point, err error) {
	dir, err := os.MkdirTemp(work, "growth-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for _, st := range stepNames {
		cmd := exec.CommandContext(ctx, self, "-step", st, "-work", dir, "-items", fmt.Sprint(items), "-media", fmt.Sprint(media))
		cmd.Stderr = os.Stderr
		text, err := cmd.Output()
		if err != nil {
			return points, fmt.Errorf("%s of %d items: %w", st, items, err)
		}
		var p point
		if err := json.Unmarshal(text, &p); err != nil {
			return points, fmt.Errorf("%s: %w", st, err)
		}
		p.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
		if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			p.Peak = r.Maxrss << 10
		}
		points = append(points, p)
		fmt.Fprintf(os.Stderr, "%-6s %9d items %7d media  %8.2f s  %8.2f cpu  %4d MiB\n", st, items, media, p.Wall, p.CPU, p.Peak>>20)
	}
	return points, nil
}

// exponent fits y = c·x^e by least squares of the logarithms; NaN where there are no
// two points with values.
func exponent(x, y []float64) float64 {
	var n, sx, sy, sxx, sxy float64
	for i := range x {
		if x[i] <= 0 || y[i] <= 0 {
			continue
		}
		a, b := math.Log(x[i]), math.Log(y[i])
		n, sx, sy, sxx, sxy = n+1, sx+a, sy+b, sxx+a*a, sxy+a*b
	}
	if d := n*sxx - sx*sx; n >= 2 && d > 1e-9 {
		return (n*sxy - sx*sy) / d
	}
	return math.NaN()
}

// columns are the values of one figure of one step, by size.
func columns(points []point, step string, along func(point) int64, figure func(point) float64) (x, y []float64) {
	for _, p := range points {
		if p.Step == step {
			x, y = append(x, float64(along(p))), append(y, figure(p))
		}
	}
	return x, y
}

// table prints for each step and figure the values by size, and the exponent.
func table(out io.Writer, points []point, along func(point) int64) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i, st := range stepNames {
		if x, _ := columns(points, st, along, figures[0].of); i == 0 {
			fmt.Fprint(w, "step\tfigure\t")
			for _, v := range x {
				fmt.Fprintf(w, "%.0f\t", v)
			}
			fmt.Fprintln(w, "exponent\t")
		}
		for _, f := range figures {
			x, y := columns(points, st, along, f.of)
			fmt.Fprintf(w, "%s\t%s, %s\t", st, f.name, f.unit)
			for _, v := range y {
				fmt.Fprintf(w, "%.4g\t", v)
			}
			fmt.Fprintf(w, "%.2f\t\n", exponent(x, y))
		}
	}
	return w.Flush()
}

// draw writes growth.json and a plot of each figure.
func draw(dir string, points []point, along func(point) int64) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(points, "", "\t")
	if err != nil {
		return err
	}
	errs := []error{os.WriteFile(filepath.Join(dir, "growth.json"), append(text, '\n'), 0o644)}
	for _, f := range figures {
		c := chart.Chart{Title: "Growth: " + f.name, Unit: f.unit, X: "items", Log: true}
		for _, st := range stepNames {
			x, y := columns(points, st, along, f.of)
			c.Series = append(c.Series, chart.Series{Name: fmt.Sprintf("%s (n^%.2f)", st, exponent(x, y)), X: x, Y: y})
		}
		errs = append(errs, c.Save(dir, f.name))
	}
	return errors.Join(errs...)
}

// took runs f and sets how long it took.
func took(p *point, f func() error) error {
	start := time.Now()
	err := f()
	p.Wall = time.Since(start).Seconds()
	return err
}
