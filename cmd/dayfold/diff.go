package main

import (
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
)

// A changeLine is a difference as JSON carries it.
type changeLine struct {
	Change string  `json:"change"` // added, changed or removed
	Key    string  `json:"key"`
	Raw    string  `json:"key_base64,omitempty"`
	Kind   string  `json:"kind"`
	Group  string  `json:"group"`
	Time   *string `json:"time"`
	Size   int64   `json:"size"`
}

// tally counts the differences of a group.
type tally struct{ added, changed, removed, bytes int64 }

func (t *tally) count(change string, size int64) {
	switch change {
	case "added":
		t.added++
		t.bytes += size
	case "changed":
		t.changed++
		t.bytes += size
	default:
		t.removed++
	}
}

func (c *cli) diffCommand() *cobra.Command {
	var stat bool
	cmd := &cobra.Command{
		Use: "diff A B", GroupID: "work", Args: misuse(cobra.ExactArgs(2)),
		Short: "Show what changed from one snapshot to another",
		Long: `Lists the items that snapshot B has and A has not (+), that both have and that differ (M),
and that only A has (-). It reads what differs and nothing else.`,
		Example: `  dayfold diff 3f2a latest
  dayfold diff 3f2a 77b0 --stat`,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := c.open(cmd.Context())
			if err != nil {
				return err
			}
			defer a.Close()
			for _, id := range args {
				if _, err := a.view(cmd.Context(), id); err != nil {
					return err
				}
			}
			groups := map[string]*tally{}
			for change, err := range a.Diff(cmd.Context(), args[0], args[1]) {
				if err != nil {
					return err
				}
				line := changeLineOf(&change)
				t := groups[line.Group]
				if t == nil {
					t = new(tally)
					groups[line.Group] = t
				}
				t.count(line.Change, line.Size)
				if stat {
					continue
				}
				c.print("%s  %-7s  %s\n", map[string]string{"added": "+", "changed": "M", "removed": "-"}[line.Change], line.Kind, visible(line.Key))
				if err := c.emit(line); err != nil {
					return err
				}
			}
			if stat {
				return c.printTallies(groups)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&stat, "stat", false, "count per group instead of listing items")
	return cmd
}

func changeLineOf(change *engine.Change) changeLine {
	what, it := "changed", change.New
	switch {
	case change.Old == nil:
		what = "added"
	case change.New == nil:
		what, it = "removed", change.Old
	}
	return changeLine{what, string(it.Key), rawKey(it.Key), it.Kind.String(), string(it.Group), stamp(it.Time), it.Size}
}

// printTallies prints the counts of each group, and their sum.
func (c *cli) printTallies(groups map[string]*tally) error {
	type line struct {
		Group   string `json:"group"`
		Added   int64  `json:"added"`
		Changed int64  `json:"changed"`
		Removed int64  `json:"removed"`
		Bytes   int64  `json:"bytes"`
	}
	sum := tally{}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "added\tchanged\tremoved\tsize\t  group")
	row := func(t *tally, name string) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t  %s\n", count(t.added), count(t.changed), count(t.removed), bytesOf(t.bytes), name)
	}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		t := groups[g]
		if err := c.emit(line{g, t.added, t.changed, t.removed, t.bytes}); err != nil {
			return err
		}
		name := visible(g)
		if g == "" {
			name = "(none)"
		}
		row(t, name)
		sum = tally{sum.added + t.added, sum.changed + t.changed, sum.removed + t.removed, sum.bytes + t.bytes}
	}
	if c.json {
		return nil
	}
	row(&sum, "all")
	return w.Flush()
}
