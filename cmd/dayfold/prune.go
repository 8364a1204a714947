package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
)

const defaultMaxUnused = 5 // percent

func (c *cli) pruneCommand() *cobra.Command {
	opt := engine.PruneOptions{MaxUnused: defaultMaxUnused}
	receipt := ""
	cmd := &cobra.Command{
		Use: "prune", GroupID: "care", Args: misuse(cobra.NoArgs),
		Short: "Free the bytes that no snapshot needs",
		Long: `Deletes packs that no snapshot needs, and rewrites others, those of which most is dead
first, until no more than --max-unused percent of the archive is dead. Backups may run
meanwhile.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.MaxUnused < 0 || opt.MaxUnused > 100 {
				return misused("--max-unused: %v is no percentage", opt.MaxUnused)
			}
			s, err := c.pruneHere(cmd.Context(), opt)
			if err == nil {
				err = writeReceipt(receipt, s.receipt)
			}
			if err != nil {
				return err
			}
			s.Missed, err = c.everywhere(cmd.Context(), func(t *cli) error {
				_, err := t.pruneHere(cmd.Context(), opt)
				return err
			})
			return errors.Join(c.emit(s), err)
		},
	}
	f := cmd.Flags()
	f.Float64Var(&opt.MaxUnused, "max-unused", defaultMaxUnused, "percent of the archive that may be dead; 0: nothing")
	f.StringVar(&receipt, "receipt", "", receiptUsage)
	f.BoolVarP(&opt.DryRun, "dry-run", "n", false, "only say what would go")
	f.BoolVar(&opt.Insist, "insist", false, "even if more than 20 % of the store would go")
	return cmd
}

// A pruneSummary is what JSON says of a prune.
type pruneSummary struct {
	Type           string  `json:"message_type"`
	Deleted        int64   `json:"packs_deleted"`
	Rewritten      int64   `json:"packs_rewritten"`
	Kept           int64   `json:"packs_kept"`
	BytesFreed     int64   `json:"bytes_freed"`
	BytesRewritten int64   `json:"bytes_rewritten"`
	BytesLive      int64   `json:"bytes_live"`
	BytesDead      int64   `json:"bytes_dead"`
	BytesWaiting   int64   `json:"bytes_waiting"`
	Oldest         float64 `json:"oldest_unerased_s"`
	Snapshots      int64   `json:"snapshots_rewritten"`
	DryRun         bool    `json:"dry_run"`
	Seconds        float64 `json:"duration_s"`

	Missed  []string `json:"not_reached,omitempty"`
	receipt []byte
}

// pruneHere prunes one place.
func (c *cli) pruneHere(ctx context.Context, opt engine.PruneOptions) (*pruneSummary, error) {
	a, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	return c.prune(ctx, a, opt)
}

// prune prunes and says what came of it.
func (c *cli) prune(ctx context.Context, a *archive, opt engine.PruneOptions) (*pruneSummary, error) {
	r, err := a.Prune(ctx, opt)
	if err != nil {
		return nil, err
	}
	c.tell("%s %s, %s, %s: %s freed; %s live, %s dead\n", would(opt.DryRun, "prune", "pruned"),
		plural(r.PacksDeleted, "pack")+" deleted", count(r.PacksRewritten)+" rewritten", count(r.PacksKept)+" kept",
		bytesOf(r.BytesFreed), bytesOf(r.BytesLive), bytesOf(r.BytesDead))
	if r.BytesWaiting > 0 {
		c.tell("%s more may go at the next prune\n", bytesOf(r.BytesWaiting))
	}
	if r.OldestUnerased > 0 {
		c.tell("the oldest deletion whose bytes are still there: %s ago\n", lasting(r.OldestUnerased.Round(time.Second)))
	}
	return &pruneSummary{"summary", r.PacksDeleted, r.PacksRewritten, r.PacksKept, r.BytesFreed, r.BytesRewritten, r.BytesLive, r.BytesDead,
		r.BytesWaiting, seconds(r.OldestUnerased), r.SnapshotsRewritten, opt.DryRun, seconds(r.Duration), nil, r.Receipt}, nil
}
