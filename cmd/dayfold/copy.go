package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
)

func (c *cli) copyCommand() *cobra.Command {
	var to []string
	cmd := &cobra.Command{
		Use: "copy [SNAPSHOT…] --to URL", GroupID: "care",
		Short: "Bring snapshots into another store",
		Long: `Copies all snapshots, or those that are named, into another place. What lies there
already is not sent again, and nothing is decrypted on the way. The copy is an archive of
its own with the same recovery key: it can be read, written to and copied back.

What was forgotten in the copy stays forgotten there, and what was erased here is erased
there by the next copy. Forgetting does not travel: forget with --repo for each place.`,
		Example: `  dayfold copy --to /mnt/disk/archive
  dayfold copy latest --to sftp:me@nas:/srv/dayfold`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(to) == 0 {
				to = c.copies
			}
			if len(to) == 0 {
				return misused("copy where? Give --to URL, or a further --repo")
			}
			a, err := c.open(cmd.Context())
			if err != nil {
				return err
			}
			defer a.Close()
			for _, repo := range to {
				if s, e := c.copyTo(cmd.Context(), a, repo, args); e != nil {
					err = errors.Join(err, e)
				} else {
					err = errors.Join(err, c.emit(s), s.problem())
				}
			}
			return err
		},
	}
	cmd.Flags().StringArrayVar(&to, "to", nil, "`URL` of the copy's place, like --repo")
	return cmd
}

// A copySummary is what JSON says of a copy.
type copySummary struct {
	Type      string        `json:"message_type"`
	To        string        `json:"to"`
	ID        string        `json:"archive_id"`
	Copied    []string      `json:"snapshots"`
	Behind    []string      `json:"forgotten_here"`
	Rewritten int64         `json:"snapshots_rewritten"`
	Uploaded  int64         `json:"bytes_uploaded"`
	Packs     int64         `json:"packs"`
	Seconds   float64       `json:"duration_s"`
	Errors    []problemLine `json:"errors"`
}

// copyTo copies to one place and says what came of it.
func (c *cli) copyTo(ctx context.Context, a *archive, repo string, snapshots []string) (*copySummary, error) {
	t := c.at(repo)
	b, err := t.openCopy(ctx, a)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if err := c.remember(repo); err != nil { // before: a part may lie there whatever comes
		return nil, err
	}
	if len(snapshots) == 0 {
		snapshots = nil
	}
	r, err := a.Copy(ctx, b.Archive, snapshots)
	if err != nil {
		return nil, err
	}
	c.tellCopy(&r, t.place())
	return &copySummary{"summary", t.place(), b.ID(), list(r.Copied), list(r.Behind), r.Rewritten, r.BytesUploaded, r.Packs,
		seconds(r.Duration), problemLines(r.Problems)}, nil
}

// problem is what a copy could not bring, as an error.
func (s *copySummary) problem() error {
	if len(s.Errors) == 0 {
		return nil
	}
	return partial("%s could not be read; the rest is in %s", plural(int64(len(s.Errors)), "object"), s.To)
}

func (c *cli) tellCopy(r *engine.Report, place string) {
	c.warnOf(r.Problems, r.Missing)
	c.tell("copied %s to %s: %s in %s, %s\n", plural(int64(len(r.Copied)), "snapshot"), place, bytesOf(r.BytesUploaded), plural(r.Packs, "pack"), lasting(r.Duration))
	if r.Rewritten > 0 {
		c.tell("  %s there lost what was erased here\n", plural(r.Rewritten, "snapshot"))
	}
	if n := int64(len(r.Behind)); n > 0 {
		c.tell("  %s there forgotten here (dayfold forget --repo %s)\n", plural(n, "snapshot"), place)
	}
}

// list is a list that JSON writes as one, though it is empty.
func list(ids []string) []string { return append([]string{}, ids...) }
