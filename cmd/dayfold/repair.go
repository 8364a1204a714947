package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
)

func (c *cli) repairCommand() *cobra.Command {
	var (
		from   string
		dryRun bool
	)
	cmd := &cobra.Command{
		Use: "repair", GroupID: "care", Args: misuse(cobra.NoArgs),
		Short: "Mend damage",
		Long: `Reads every pack and puts new ones in the place of those that are damaged or gone: with
what still opens in them, and the rest from a copy of the archive. What was damaged is
put aside in the store, below quarantine/, and never deleted. What is lost is named, and
the exit code is 13.`,
		Example: `  dayfold repair
  dayfold repair --from /mnt/disk/archive`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.repair(cmd.Context(), from, dryRun) },
	}
	cmd.Flags().StringVar(&from, "from", "", "`URL` of a copy, like --repo")
	cmd.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "only say what cannot be mended")
	return cmd
}

func (c *cli) repair(ctx context.Context, from string, dryRun bool) error {
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
	r, err := a.Repair(ctx, of, dryRun)
	if err != nil {
		return err
	}
	c.warnOf(r.Problems, r.Missing)
	c.tell("%s %s, %s made, %s put aside\n", would(dryRun, "mend", "mended"), plural(r.Rewritten, "snapshot"), plural(r.Packs, "pack"),
		plural(int64(len(r.Quarantined)), "object"))
	err = c.emit(struct {
		Type        string        `json:"message_type"`
		Rewritten   int64         `json:"snapshots_rewritten"`
		Packs       int64         `json:"packs"`
		Uploaded    int64         `json:"bytes_uploaded"`
		Quarantined []string      `json:"quarantined"`
		Seconds     float64       `json:"duration_s"`
		Errors      []problemLine `json:"errors"`
	}{"summary", r.Rewritten, r.Packs, r.BytesUploaded, list(r.Quarantined), seconds(r.Duration), problemLines(r.Problems)})
	if err == nil && r.Missing > 0 {
		err = damaged("%s could not be mended", plural(r.Missing, "object"))
	}
	return err
}
