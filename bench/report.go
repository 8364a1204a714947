package main

import (
	"errors"
	"math"
	"os"
	"path/filepath"

	"github.com/dayfold/dayfold/bench/chart"
)

// write puts results.json and the plots into a folder.
func (r *Results) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	errs := []error{r.save(filepath.Join(dir, "results.json"))}
	for name, c := range r.charts() {
		errs = append(errs, c.Save(dir, name))
	}
	return errors.Join(errs...)
}

// charts are the pictures: bytes added by day, time by step, memory by step.
func (r *Results) charts() map[string]chart.Chart {
	memory := r.bySteps("Peak resident memory by step", "MiB", peak)
	memory.Log = false
	return map[string]chart.Chart{
		"daily":  r.daily(),
		"time":   r.bySteps("Time by step", "seconds", wall),
		"memory": memory,
	}
}

// daily draws what each day added, for each tool a line.
func (r *Results) daily() chart.Chart {
	c := chart.Chart{Title: "Bytes added to the archive each day", Unit: "MB", X: "day"}
	for _, t := range r.tools() {
		s := chart.Series{Name: t}
		for d := 1; ; d++ {
			v, n := r.spread(func(s Sample) bool { return s.Tool == t && s.Step == Day && s.Day == d }, added)
			if n == 0 {
				break
			}
			s.X, s.Y = append(s.X, float64(d)), append(s.Y, v.median)
		}
		c.Series = append(c.Series, s)
	}
	return c
}

// bySteps draws a figure of each tool over the steps that any of them did.
func (r *Results) bySteps(title, unit string, figure func(Sample) float64) chart.Chart {
	c := chart.Chart{Title: title, Unit: unit, Log: true}
	var steps []step
	for _, st := range allSteps {
		if _, n := r.spread(func(s Sample) bool { return s.Step == st }, figure); n > 0 {
			steps, c.Names = append(steps, st), append(c.Names, string(st))
		}
	}
	for _, t := range r.tools() {
		s := chart.Series{Name: t}
		for _, st := range steps {
			v, n := r.of(t, st, figure)
			if n == 0 {
				v.median = math.NaN()
			}
			s.Y = append(s.Y, v.median)
		}
		c.Series = append(c.Series, s)
	}
	return c
}
