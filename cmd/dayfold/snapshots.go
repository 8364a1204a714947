package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
)

// A snapshotLine is a snapshot as JSON carries it.
type snapshotLine struct {
	ID       string           `json:"id"`
	Time     *string          `json:"time"`
	Source   string           `json:"source"`
	Kind     string           `json:"kind"`
	Tags     []string         `json:"tags"`
	Items    int64            `json:"items"`
	Bytes    int64            `json:"bytes"`
	Revision uint32           `json:"revision"`
	Partial  bool             `json:"partial,omitempty"`
	Excluded map[string]int64 `json:"excluded,omitempty"`
}

func lineOf(s engine.Snapshot) snapshotLine {
	return snapshotLine{s.ID, stamp(s.Time), s.Source.Label, s.Source.Kind, orEmpty(s.Tags), s.Items, s.Bytes, s.Revision, s.Partial, s.Excluded}
}

func linesOf(list []engine.Snapshot) []snapshotLine {
	lines := make([]snapshotLine, 0, len(list))
	for _, s := range list {
		lines = append(lines, lineOf(s))
	}
	return lines
}

// orEmpty makes an absent list an empty one: [] in JSON, not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (c *cli) snapshotsCommand() *cobra.Command {
	var tags []string
	cmd := &cobra.Command{
		Use: "snapshots", GroupID: "work", Args: misuse(cobra.NoArgs), Aliases: []string{"list"},
		Short: "List the snapshots, oldest first",
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := c.open(cmd.Context())
			if err != nil {
				return err
			}
			defer a.Close()
			list, err := a.Snapshots(cmd.Context())
			if err != nil {
				return err
			}
			list = slices.DeleteFunc(list, func(s engine.Snapshot) bool { return !tagged(s, tags) })
			for _, s := range list {
				if err := c.emit(lineOf(s)); err != nil {
					return err
				}
			}
			c.printSnapshots(list)
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&tags, "tag", nil, "only those with this `TAG`")
	return cmd
}

// tagged says whether a snapshot has one of the tags, if there are any to have.
func tagged(s engine.Snapshot, tags []string) bool {
	return len(tags) == 0 || slices.ContainsFunc(tags, func(t string) bool { return slices.Contains(s.Tags, t) })
}

// shortID is how many digits of a snapshot's ID people see and need to type.
const shortID = 8

func (c *cli) printSnapshots(list []engine.Snapshot) {
	if c.json {
		return
	}
	if len(list) == 0 {
		c.say("no snapshots")
		return
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tTIME\tKIND\tSOURCE\tITEMS\tSIZE\tTAGS")
	for _, s := range list {
		tags := strings.Join(s.Tags, ",")
		if s.Partial {
			tags = strings.TrimPrefix(tags+",(not finished)", ",")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.ID[:shortID], clock(s.Time), s.Source.Kind, visible(s.Source.Label), count(s.Items), bytesOf(s.Bytes), visible(tags))
	}
	w.Flush()
}
