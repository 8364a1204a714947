package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// A goal bounds a figure of Dayfold's by the best that any peer has in the same run, or
// by a number.
type goal struct {
	step   step
	what   string
	figure func(Sample) float64
	bound  float64 // times the best peer's
	most   float64 // if set: the number instead
}

// copies are no archives, so no goal is set by them.
var copies = map[string]bool{"cp": true}

var goalList = []goal{
	{First, "wall", wall, 0.6, 0},
	{Unchanged, "wall", wall, 0.5, 0},
	{Day, "wall", wall, 0.6, 0},
	{Day, "added", added, 0.55, 0},
	{Restore, "wall", wall, 0.7, 0},
	{Message, "wall", wall, 0.3, 0},
	{File, "wall", wall, 0.3, 0},
	{Check, "wall", wall, 0.6, 0},
	{Prune, "wall", wall, 0.5, 0},
	{First, "peak MiB", peak, 0, 96},
}

// goals prints for each goal Dayfold's figure beside the best of the peers, and
// whether the bound holds. What was not measured is left out.
func (r *Results) goals(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\ngoal\tfigure\tdayfold\tbest peer\t\tratio\tgoal\t\t")
	for _, g := range goalList {
		ours, n := r.of("dayfold", g.step, g.figure)
		best, who := math.Inf(1), ""
		for _, t := range r.tools()[1:] {
			if v, n := r.of(t, g.step, g.figure); n > 0 && !copies[t] && v.median < best {
				best, who = v.median, t
			}
		}
		if n == 0 || who == "" || best <= 0 {
			continue
		}
		most, bound := g.most, fmt.Sprintf("≤ %.0f", g.most)
		if most == 0 {
			most, bound = g.bound*best, fmt.Sprintf("≤ %.2f ×", g.bound)
		}
		verdict := "met"
		if ours.median > most {
			verdict = "MISSED"
		}
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%.2f\t%s\t%.2f\t%s\t%s\t\n", g.step, g.what, ours.median, best, who, ours.median/best, bound, verdict)
	}
	return w.Flush()
}
