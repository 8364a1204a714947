package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
)

func (c *cli) eraseCommand() *cobra.Command {
	var (
		group               string
		before              date
		kind                string
		dryRun, insist, yes bool
		receipt             string
	)
	cmd := &cobra.Command{
		Use: "erase [KEY…]", GroupID: "care",
		Short: "Remove items from every snapshot",
		Long: `Removes items from every snapshot, and with them the media that nothing else shows.
From then on nobody can decrypt them, not even with the recovery key; "dayfold prune"
frees their bytes. A source that still has the items brings them back at its next backup.

Items must match every flag that is given. On a terminal it asks first.`,
		Example: `  dayfold erase --group 4f0c --dry-run
  dayfold erase --kind media --before 2024-01-01
  dayfold erase m/2891/4f0c/0001748800000000/a1b2c3d4`,
		RunE: func(cmd *cobra.Command, args []string) error {
			sel := engine.Selection{Group: []byte(group), Before: before.Time}
			for _, key := range args {
				sel.Keys = append(sel.Keys, []byte(key))
			}
			if kind != "" {
				k, err := parseKind(kind)
				if err != nil {
					return err
				}
				sel.Kind = k
			}
			if len(args) == 0 && group == "" && before.IsZero() && kind == "" {
				return misused("erase what? Name keys, --group, --before or --kind")
			}
			return c.erase(cmd.Context(), sel, receipt, dryRun, insist, yes)
		},
	}
	f := cmd.Flags()
	f.StringVar(&group, "group", "", "items of this `GROUP`, a conversation")
	f.Var(&before, "before", "items older than this")
	f.StringVar(&kind, "kind", "", "items of this `KIND`: message, media, other")
	f.BoolVarP(&dryRun, "dry-run", "n", false, "only say what would go")
	f.BoolVarP(&yes, "yes", "y", false, "do not ask")
	f.StringVar(&receipt, "receipt", "", receiptUsage)
	f.BoolVar(&insist, "insist", false, "even if more than 20 % of the bytes would go")
	return cmd
}

// erase asks, if there is somebody to ask, and erases.
func (c *cli) erase(ctx context.Context, sel engine.Selection, receipt string, dryRun, insist, yes bool) error {
	r, err := c.eraseHere(ctx, sel, dryRun, insist, yes)
	if err == nil {
		err = writeReceipt(receipt, r.Receipt)
	}
	if err != nil {
		return err
	}
	missed, err := c.everywhere(ctx, func(t *cli) error {
		_, err := t.eraseHere(ctx, sel, dryRun, insist, true)
		return err
	})
	return errors.Join(c.emit(struct {
		Type      string   `json:"message_type"`
		Rewritten int64    `json:"snapshots_rewritten"`
		Items     int64    `json:"items"`
		Bytes     int64    `json:"bytes"`
		DryRun    bool     `json:"dry_run"`
		Seconds   float64  `json:"duration_s"`
		Missed    []string `json:"not_reached,omitempty"`
	}{"summary", r.Rewritten, r.Removed, r.Bytes, dryRun, seconds(r.Duration), missed}), err)
}

// eraseHere erases in one place.
func (c *cli) eraseHere(ctx context.Context, sel engine.Selection, dryRun, insist, yes bool) (r engine.Report, err error) {
	a, err := c.open(ctx)
	if err != nil {
		return r, err
	}
	defer a.Close()
	if !dryRun && !yes && c.asks() {
		r, err := a.Erase(ctx, sel, true, true)
		if err != nil {
			return r, err
		}
		sure, err := c.confirm(ctx, fmt.Sprintf("Erase %s (%s) from %s for good?", plural(r.Removed, "item"), bytesOf(r.Bytes), plural(r.Rewritten, "snapshot")))
		if err != nil {
			return r, err
		}
		if !sure {
			return r, misused("nothing was erased")
		}
	}
	if r, err = a.Erase(ctx, sel, dryRun, insist); err != nil {
		return r, err
	}
	c.tell("%s %s (%s) from %s\n", would(dryRun, "erase", "erased"), plural(r.Removed, "item"), bytesOf(r.Bytes), plural(r.Rewritten, "snapshot"))
	return r, nil
}

// would is what a command did, or with --dry-run would do.
func would(dryRun bool, verb, done string) string {
	if dryRun {
		return "would " + verb
	}
	return done
}

// confirm asks a question on the terminal; only "yes" is yes.
func (c *cli) confirm(ctx context.Context, question string) (bool, error) {
	c.progress.clear()
	fmt.Fprintf(c.err, "%s Type yes: ", question)
	typed := make(chan string, 1)
	go func() { // ends with the line, or with the process
		line, _ := bufio.NewReader(c.in).ReadString('\n')
		typed <- line
	}()
	select {
	case line := <-typed:
		return strings.EqualFold(strings.TrimSpace(line), "yes"), nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
