package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
)

// write puts results.json and the plots into a folder.
func (r *Results) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	errs := []error{r.save(filepath.Join(dir, "results.json"))}
	for name, c := range r.charts() {
		if len(c.groups) > 0 {
			errs = append(errs, create(filepath.Join(dir, name+".svg"), c.svg))
		}
	}
	return errors.Join(errs...)
}

func create(path string, fill func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(fill(f), f.Close())
}

// charts are the pictures: bytes added by day, time by step, memory by step.
func (r *Results) charts() map[string]chart {
	return map[string]chart{
		"daily":  r.daily(),
		"time":   r.bySteps("Time by step", "seconds", wall, true),
		"memory": r.bySteps("Peak resident memory by step", "MiB", peak, false),
	}
}

func (r *Results) daily() chart {
	c := chart{title: "Bytes added to the archive each day", unit: "MB", lines: true}
	for _, s := range r.Samples {
		if s.Step == Day && s.Day > len(c.groups) {
			c.groups = append(c.groups, fmt.Sprint(s.Day))
		}
	}
	for _, t := range r.tools() {
		values, any := make([]float64, len(c.groups)), false
		for d := range values {
			var v []float64
			for _, s := range r.Samples {
				if s.Tool == t && s.Step == Day && s.Day == d+1 && s.Error == "" {
					v = append(v, added(s))
				}
			}
			values[d] = math.NaN()
			if len(v) > 0 {
				values[d], any = spreadOf(v).median, true
			}
		}
		if any {
			c.series = append(c.series, series{t, values})
		}
	}
	return c
}

func (r *Results) bySteps(title, unit string, figure func(Sample) float64, log bool) chart {
	c := chart{title: title, unit: unit, log: log}
	var steps []step
	for _, st := range allSteps {
		for _, t := range r.tools() {
			if _, n := r.of(t, st, figure); n > 0 {
				steps, c.groups = append(steps, st), append(c.groups, string(st))
				break
			}
		}
	}
	for _, t := range r.tools() {
		s := series{name: t}
		for _, st := range steps {
			v, n := r.of(t, st, figure)
			if n == 0 {
				v.median = math.NaN()
			}
			s.values = append(s.values, v.median)
		}
		c.series = append(c.series, s)
	}
	return c
}
