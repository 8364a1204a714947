package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine/store"
)

func (c *cli) storeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "store", GroupID: "care", Args: misuse(cobra.NoArgs),
		Short: "Look at the place where archives lie",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "probe [URL]", Args: misuse(cobra.MaximumNArgs(1)),
		Short: "Find out what a store can do and what it keeps",
		Long: `Puts, reads, lists and deletes some 70 small objects in a store, which need not hold an
archive, and says what it found: whether of many writers of one name exactly one wins,
whether a listing shows what was just put, whether what is deleted stays there in some
form, how long names may be, and how far its clock is from this machine's.

"dayfold init" does the same, and the archive remembers what was found.`,
		Example: `  dayfold store probe s3:https://s3.example.org/bucket/archive`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				c.repo = args[0]
			}
			return c.probe(cmd.Context())
		},
	}, c.loginCommand(), c.logoutCommand())
	return cmd
}

func (c *cli) probe(ctx context.Context) error {
	st, closeStore, err := c.openStore(ctx, false)
	if err != nil {
		return err
	}
	defer closeStore()
	r, err := store.Probe(ctx, st)
	if err != nil {
		return fmt.Errorf("%s: %w", c.place(), err)
	}
	if !c.json {
		w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
		yes := map[bool]string{true: "yes", false: "no"}
		for _, row := range [][2]string{
			{"one winner for a name", yes[r.CreateIfAbsent]}, {"lists what was just put", yes[r.ConsistentList]},
			{"on stable storage", yes[r.Durable]}, {"keeps old versions", r.Versions.String()}, {"can lock objects", r.Locks.String()},
			{"has a trash", r.Trash.String()}, {"longest name", fmt.Sprintf("%d bytes", r.LongestName)}, {"its clock", clockOf(&r)},
		} {
			fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	c.cautions(&r)
	return c.emit(struct {
		Type string `json:"message_type"`
		Repo string `json:"repo"`
		*storeLine
	}{"summary", c.place(), storeLineOf(&r)})
}

// skewed is how far a place's clock may be off before people hear of it.
const skewed = 5 * time.Minute

func clockOf(r *store.Report) string {
	switch {
	case r.Clock.IsZero():
		return "unknown"
	case r.Skew == 0:
		return "as here"
	case r.Skew > 0:
		return r.Skew.String() + " ahead"
	}
	return (-r.Skew).String() + " behind"
}

// cautions says what of a store people have to know.
func (c *cli) cautions(r *store.Report) {
	if !r.SafeCollection() {
		c.warn("%s cannot tell two pruners apart: the first device that prunes is its only pruner, and space comes free a day later", c.place())
	}
	if r.Keeps() == store.Yes {
		c.warn("%s keeps what is deleted (%s): what is forgotten stays there until its owner ends that", c.place(), keeping(r))
	}
	if r.Skew.Abs() > skewed {
		c.warn("the clock of %s is %s: one of the two machines has the wrong time", c.place(), clockOf(r))
	}
}

func keeping(r *store.Report) string {
	switch store.Yes {
	case r.Versions:
		return "old versions"
	case r.Trash:
		return "a trash"
	}
	return "locks"
}

// A storeLine is what programs are told of a store.
type storeLine struct {
	CreateIfAbsent bool    `json:"create_if_absent"`
	ConsistentList bool    `json:"consistent_list"`
	Durable        bool    `json:"durable"`
	SafeCollection bool    `json:"safe_collection"`
	Versions       string  `json:"versions"`
	Locks          string  `json:"object_lock"`
	Trash          string  `json:"trash"`
	LongestName    int     `json:"longest_name"`
	Skew           float64 `json:"clock_ahead_s"`
}

func storeLineOf(r *store.Report) *storeLine {
	return &storeLine{r.CreateIfAbsent, r.ConsistentList, r.Durable, r.SafeCollection(),
		r.Versions.String(), r.Locks.String(), r.Trash.String(), r.LongestName, r.Skew.Seconds()}
}
