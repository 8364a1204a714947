package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
)

func (c *cli) repairCommand() *cobra.Command {
	var (
		from           string
		giveUp, dryRun bool
	)
	cmd := &cobra.Command{
		Use: "repair", GroupID: "care", Args: misuse(cobra.NoArgs),
		Short: "Mend damage",
		Long: `Reads every pack and puts new ones in the place of those that are damaged or gone: with
what still opens in them or lies in other packs, and the rest from a copy of the archive.
What was damaged is put aside in the store, below quarantine/, and never deleted. What is
lost is named, and the exit code is 13: "dayfold backup --repair" brings back what the
source still has. With --give-up the snapshots go on without the rest: each item is
named, and the exit code is 3.`,
		Example: `  dayfold repair
  dayfold repair --from /mnt/disk/archive
  dayfold backup --repair ~/SignalBackups
  dayfold repair --give-up`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.repair(cmd.Context(), from, giveUp, dryRun) },
	}
	cmd.Flags().StringVar(&from, "from", "", "`URL` of a copy, like --repo")
	cmd.Flags().BoolVar(&giveUp, "give-up", false, "leave what is lost out of the snapshots")
	cmd.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "only say what cannot be mended")
	return cmd
}

func (c *cli) repair(ctx context.Context, from string, giveUp, dryRun bool) error {
	a, err := c.openWith(ctx, uncached)
	if err != nil {
		return err
	}
	defer a.Close()
	var of *engine.Archive
	if from != "" {
		b, err := c.at(from).openWith(ctx, uncached)
		if err != nil {
			return err
		}
		defer b.Close()
		of = b.Archive
	}
	r, err := c.mend(ctx, a, of, giveUp, dryRun)
	if err != nil {
		return err
	}
	err = c.emit(struct {
		Type        string        `json:"message_type"`
		Rewritten   int64         `json:"snapshots_rewritten"`
		Packs       int64         `json:"packs"`
		Uploaded    int64         `json:"bytes_uploaded"`
		Quarantined []string      `json:"quarantined"`
		Missing     int64         `json:"missing"`
		GivenUp     int64         `json:"items_given_up"`
		Seconds     float64       `json:"duration_s"`
		Errors      []problemLine `json:"errors"`
	}{"summary", r.Rewritten, r.Packs, r.BytesUploaded, list(r.Quarantined), r.Missing, r.Removed, seconds(r.Duration), problemLines(r.Problems)})
	if err == nil && r.Missing > 0 && giveUp {
		err = partial("%s lost: left out of the snapshots", plural(r.Removed, "item"))
	} else if err == nil {
		err = unmended(&r)
	}
	return err
}

// mend repairs, and says what came of it.
func (c *cli) mend(ctx context.Context, a *archive, from *engine.Archive, giveUp, dryRun bool) (engine.Report, error) {
	r, err := a.Repair(ctx, from, giveUp, dryRun)
	if err != nil {
		return r, err
	}
	c.warnOf(r.Problems, r.Missing)
	c.tell("%s %s, %s made, %s put aside\n", would(dryRun, "mend", "mended"), plural(r.Rewritten, "snapshot"), plural(r.Packs, "pack"),
		plural(int64(len(r.Quarantined)), "object"))
	return r, nil
}

func unmended(r *engine.Report) error {
	if r.Missing == 0 {
		return nil
	}
	return damaged("%s could not be mended", plural(r.Missing, "object"))
}
