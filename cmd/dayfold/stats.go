package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
)

func (c *cli) statsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "stats", GroupID: "care", Args: misuse(cobra.NoArgs),
		Short: "Say what the archive holds and what it takes",
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := c.open(cmd.Context())
			if err != nil {
				return err
			}
			defer a.Close()
			s, err := a.Stats(cmd.Context())
			if err != nil {
				return err
			}
			c.printStats(&s)
			return c.emit(struct {
				Type          string           `json:"message_type"`
				Snapshots     int64            `json:"snapshots"`
				Packs         int64            `json:"packs"`
				StoreBytes    int64            `json:"bytes_store"`
				TreeBytes     int64            `json:"bytes_tree"`
				DataBytes     int64            `json:"bytes_data"`
				ExpiringBytes int64            `json:"bytes_expiring"`
				Items         int64            `json:"items"`
				ItemBytes     int64            `json:"bytes"`
				ItemsByKind   map[string]int64 `json:"items_by_kind"`
				ByKind        map[string]int64 `json:"bytes_by_kind"`
				ByGroup       map[string]int64 `json:"bytes_by_group"`
				Deduplication float64          `json:"deduplication"`
				Growth        float64          `json:"growth_bytes_a_day"`
			}{"summary", s.Snapshots, s.Packs, s.StoreBytes, s.TreeBytes, s.DataBytes, s.ExpiringBytes, s.UniqueItems, s.ItemBytes,
				s.ItemsByKind, s.ByKind, s.ByGroup, s.Deduplication, s.Growth})
		},
	}
}

const mostGroups = 10 // that people are shown without -v

func (c *cli) printStats(s *engine.Stats) {
	if c.json {
		return
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	row("snapshots", "%s", count(s.Snapshots))
	row("in the store", "%s in %s", bytesOf(s.StoreBytes), plural(s.Packs, "pack"))
	row("  content", "%s sealed", bytesOf(s.DataBytes))
	row("  expiring", "%s sealed", bytesOf(s.ExpiringBytes))
	row("  tree", "%s sealed", bytesOf(s.TreeBytes))
	row("newest", "%s in %s", bytesOf(s.ItemBytes), plural(s.UniqueItems, "item"))
	for _, kind := range slices.Sorted(maps.Keys(s.ItemsByKind)) {
		row("  "+kind, "%s in %s", bytesOf(s.ByKind[kind]), plural(s.ItemsByKind[kind], "item"))
	}
	if s.Deduplication > 0 {
		row("content : sealed", "%.2f : 1", s.Deduplication)
	}
	if s.Growth > 0 {
		row("growth", "%s a day", bytesOf(int64(s.Growth)))
	}
	groups := slices.SortedFunc(maps.Keys(s.ByGroup), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.ByGroup[b], s.ByGroup[a]), cmp.Compare(a, b))
	})
	for i, g := range groups {
		if i == mostGroups && !c.verbose {
			row("  …", "%s (-v shows all)", plural(int64(len(groups)-i), "group"))
			break
		}
		row("  group "+visible(g), "%s", bytesOf(s.ByGroup[g]))
	}
	w.Flush()
}
