package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/collect"
)

// keepFlags say which snapshots stay.
type keepFlags struct {
	last, hourly, daily, weekly, monthly, yearly int
	within                                       span
	tags                                         []string
}

func (k *keepFlags) flags(f *pflag.FlagSet) {
	f.IntVar(&k.last, "keep-last", 0, "keep the last `N` snapshots of each source; -1: all")
	for _, p := range []struct {
		n    *int
		name string
		unit string
	}{{&k.hourly, "hourly", "hours"}, {&k.daily, "daily", "days"}, {&k.weekly, "weekly", "weeks"}, {&k.monthly, "monthly", "months"}, {&k.yearly, "yearly", "years"}} {
		f.IntVar(p.n, "keep-"+p.name, 0, "keep the last one of each of the last `N` "+p.unit+" that have any")
	}
	f.Var(&k.within, "keep-within", "keep those not older than this before the newest, like 1y6m2d12h")
	f.StringSliceVar(&k.tags, "keep-tag", nil, "keep those with this `TAG`")
}

func (k *keepFlags) given() bool {
	return k.last|k.hourly|k.daily|k.weekly|k.monthly|k.yearly != 0 || k.within != 0 || len(k.tags) > 0
}

// policy is what the flags say; a negative number is no limit.
func (k *keepFlags) policy() collect.Policy {
	return collect.Policy{Last: k.last, Hourly: k.hourly, Daily: k.daily, Weekly: k.weekly, Monthly: k.monthly, Yearly: k.yearly,
		Within: time.Duration(k.within), Tags: k.tags}
}

func (c *cli) forgetCommand() *cobra.Command {
	var (
		keep                  keepFlags
		prune, dryRun, insist bool
	)
	cmd := &cobra.Command{
		Use: "forget [ID…]", GroupID: "care",
		Short: "Remove snapshots",
		Long: `Removes the snapshots that are named, or all but those that the --keep flags keep. From
then on nobody can decrypt what only they had, not even with the recovery key; prune
frees the bytes.`,
		Example: `  dayfold forget 3f2a
  dayfold forget --keep-daily 14 --keep-monthly 12 --prune --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if keep.given() == (len(args) > 0) {
				return misused("forget what? Either snapshots or --keep-… flags")
			}
			sum, err := c.forgetHere(cmd.Context(), args, &keep, prune, dryRun, insist)
			if err != nil {
				return err
			}
			sum.Missed, err = c.everywhere(cmd.Context(), func(t *cli) error {
				_, err := t.forgetHere(cmd.Context(), sum.ids(), &keep, prune, dryRun, insist)
				return err
			})
			return errors.Join(c.emit(sum), err)
		},
	}
	f := cmd.Flags()
	keep.flags(f)
	f.BoolVar(&prune, "prune", false, "free the bytes as well")
	f.BoolVarP(&dryRun, "dry-run", "n", false, "only say what would go")
	f.BoolVar(&insist, "insist", false, "even if it is the last one of a source, or most of them")
	return cmd
}

// A forgetSummary is what JSON says of a forget.
type forgetSummary struct {
	Type      string         `json:"message_type"`
	Kept      []snapshotLine `json:"kept"`
	Forgotten []snapshotLine `json:"forgotten"`
	DryRun    bool           `json:"dry_run"`
	Pruned    *pruneSummary  `json:"pruned,omitempty"`
	Missed    []string       `json:"not_reached,omitempty"`
}

// ids are the snapshots that were forgotten.
func (s *forgetSummary) ids() (ids []string) {
	for _, l := range s.Forgotten {
		ids = append(ids, l.ID)
	}
	return ids
}

// forgetHere forgets in one place. In a copy, a snapshot that is not there is forgotten.
func (c *cli) forgetHere(ctx context.Context, ids []string, keep *keepFlags, prune, dryRun, insist bool) (*forgetSummary, error) {
	a, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if keep.given() {
		ids = nil
	} else if c.isCopy {
		ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
			_, err := a.view(ctx, id)
			return errors.Is(err, fs.ErrNotExist)
		})
		if len(ids) == 0 {
			return &forgetSummary{}, nil
		}
	}
	kept, gone, err := c.forget(ctx, a, ids, keep, dryRun, insist)
	if err != nil {
		return nil, err
	}
	sum := &forgetSummary{"summary", linesOf(kept), linesOf(gone), dryRun, nil, nil}
	if prune {
		sum.Pruned, err = c.prune(ctx, a, engine.PruneOptions{MaxUnused: defaultMaxUnused, DryRun: dryRun, Insist: insist})
	}
	return sum, err
}

func (c *cli) forget(ctx context.Context, a *archive, ids []string, keep *keepFlags, dryRun, insist bool) (kept, gone []engine.Snapshot, err error) {
	if len(ids) == 0 {
		return c.forgetByPolicy(ctx, a, keep, dryRun, insist)
	}
	all, err := a.Snapshots(ctx)
	if err != nil {
		return nil, nil, err
	}
	chosen := map[string]bool{}
	for _, id := range ids {
		v, err := a.view(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		chosen[v.Snapshot().ID] = true
	}
	for _, s := range all {
		if chosen[s.ID] {
			gone = append(gone, s)
		} else if !s.Partial {
			kept = append(kept, s)
		}
	}
	return kept, gone, c.forgetThese(ctx, a, gone, dryRun, insist)
}

func (c *cli) forgetByPolicy(ctx context.Context, a *archive, keep *keepFlags, dryRun, insist bool) (kept, gone []engine.Snapshot, err error) {
	if kept, gone, err = a.Keep(ctx, keep.policy()); err != nil {
		return nil, nil, err
	}
	// A policy is meant: it may forget most snapshots on its first day, but not all of a
	// source.
	return kept, gone, c.forgetThese(ctx, a, gone, dryRun, insist || everySource(kept, gone))
}

// everySource says whether each source that has a snapshot in gone has one in kept.
func everySource(kept, gone []engine.Snapshot) bool {
	has := map[string]bool{}
	for _, s := range kept {
		has[s.Source.Kind+"\x00"+s.Source.Label] = true
	}
	return !slices.ContainsFunc(gone, func(s engine.Snapshot) bool { return !has[s.Source.Kind+"\x00"+s.Source.Label] })
}

func (c *cli) forgetThese(ctx context.Context, a *archive, gone []engine.Snapshot, dryRun, insist bool) error {
	if len(gone) == 0 {
		c.tell("nothing to forget\n")
		return nil
	}
	var ids, short []string
	for _, s := range gone {
		ids, short = append(ids, s.ID), append(short, s.ID[:shortID])
	}
	if !dryRun {
		if _, err := a.Forget(ctx, ids, insist); err != nil {
			return err
		}
	}
	c.tell("%s %s: %s\n", would(dryRun, "forget", "forgot"), plural(int64(len(gone)), "snapshot"), strings.Join(short, " "))
	return nil
}
