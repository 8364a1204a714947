package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// Results are all that a run of bench found out, raw.
type Results struct {
	Machine  string            `json:"machine"`
	CPUs     int               `json:"cpus"`
	Go       string            `json:"go"`
	Commit   string            `json:"commit"`
	Command  string            `json:"command"`
	Time     string            `json:"time"`
	Load     string            `json:"load_average"` // at the end; that of the bench is in it
	Format   string            `json:"format"`
	Scale    float64           `json:"scale"`
	Media    float64           `json:"media"`
	Versions map[string]string `json:"versions"`
	Missing  []string          `json:"not_on_path"`
	Samples  []Sample          `json:"samples"`
}

func (r *Results) save(path string) error {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// spread is what the repetitions of one step gave.
type spread struct{ min, median, max float64 }

func spreadOf(v []float64) spread {
	if len(v) == 0 {
		return spread{}
	}
	v = slices.Sorted(slices.Values(v))
	mid := v[len(v)/2]
	if len(v)%2 == 0 {
		mid = (v[len(v)/2-1] + mid) / 2
	}
	return spread{v[0], mid, v[len(v)-1]}
}

// spread returns that of one figure over the samples that fit and did not fail, and
// how many there are.
func (r *Results) spread(fits func(Sample) bool, figure func(Sample) float64) (spread, int) {
	var v []float64
	for _, s := range r.Samples {
		if s.Error == "" && fits(s) {
			v = append(v, figure(s))
		}
	}
	return spreadOf(v), len(v)
}

// of returns the spread of one figure of a tool's step.
func (r *Results) of(tool string, st step, figure func(Sample) float64) (spread, int) {
	return r.spread(func(s Sample) bool { return s.Tool == tool && s.Step == st }, figure)
}

func wall(s Sample) float64    { return s.Wall }
func cpu(s Sample) float64     { return s.CPU }
func peak(s Sample) float64    { return float64(s.Peak) / (1 << 20) }
func read(s Sample) float64    { return float64(s.Read) / 1e6 }
func added(s Sample) float64   { return float64(s.Added) / 1e6 }
func size(s Sample) float64    { return float64(s.Size) / 1e6 }
func objects(s Sample) float64 { return float64(s.Objects) }

// tools lists the tools in the order of the samples, Dayfold first.
func (r *Results) tools() []string {
	list := []string{"dayfold"}
	for _, s := range r.Samples {
		if !slices.Contains(list, s.Tool) {
			list = append(list, s.Tool)
		}
	}
	return list
}

// table prints a line for each step and tool: medians, the range of wall times, and
// how many times Dayfold's median that is. Failures are listed below it.
func (r *Results) table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "step\ttool\tn\twall s\t(min–max)\t× dayfold\tcpu s\tpeak MiB\tread MB\tadded MB\tfiles\tarchive MB\t")
	for _, st := range allSteps {
		ours, _ := r.of("dayfold", st, wall)
		for _, t := range r.tools() {
			s, n := r.of(t, st, wall)
			if n == 0 {
				continue
			}
			ratio := "–"
			if ours.median > 0 {
				ratio = fmt.Sprintf("%.2f", s.median/ours.median)
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%.2f\t(%.2f–%.2f)\t%s\t", st, t, n, s.median, s.min, s.max, ratio)
			for _, figure := range []func(Sample) float64{cpu, peak, read, added, objects, size} {
				s, _ := r.of(t, st, figure)
				if v := s.median; v != 0 && v < 10 && v > -10 {
					fmt.Fprintf(w, "%.2f\t", v)
				} else {
					fmt.Fprintf(w, "%.0f\t", v)
				}
			}
			fmt.Fprintln(w)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range r.Samples {
		if s.Error != "" {
			fmt.Fprintf(out, "failed: %s %s day %d run %d: %s\n", s.Tool, s.Step, s.Day, s.Run+1, s.Error)
		}
	}
	if len(r.Missing) > 0 {
		fmt.Fprintf(out, "not on PATH, not measured: %s\n", strings.Join(r.Missing, ", "))
	}
	return nil
}
