package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/dir"
)

// backupFlags are what backup takes.
type backupFlags struct {
	source sourceFlags
	rules  ruleFlags
	opt    engine.BackupOptions
	keep   keepFlags
	prune  bool
	repair bool
}

// ruleFlags say what of a source is archived.
type ruleFlags struct {
	rules   engine.Rules
	since   date
	exclude []string
}

func (r *ruleFlags) flags(f *pflag.FlagSet) {
	f.BoolVar(&r.rules.TextOnly, "text-only", false, "no media, but long texts whole")
	f.IntVar(&r.rules.MediaDays, "media-days", 0, "no media older than `N` days")
	f.Var(&r.since, "since", "nothing older")
	f.StringSliceVar(&r.exclude, "exclude-group", nil, "leave out this `GROUP`, a conversation")
}

// of is what the flags say, as the engine takes it.
func (r *ruleFlags) of() engine.Rules {
	rules := r.rules
	rules.Since = r.since.Time
	for _, g := range r.exclude {
		rules.Exclude = append(rules.Exclude, []byte(g))
	}
	return rules
}

// fit says that the flags mean something for a source of this kind: a folder has neither
// messages nor conversations, and would be archived whole.
func (r *ruleFlags) fit(path, kind string) error {
	given := r.rules.TextOnly || r.rules.MediaDays > 0 || !r.since.IsZero() || len(r.exclude) > 0
	if given && kind == dir.Kind {
		return misused("%s is taken as a folder of files: --text-only, --media-days, --since and --exclude-group choose among messages", visible(path))
	}
	return nil
}

func (c *cli) backupCommand() *cobra.Command {
	var b backupFlags
	cmd := &cobra.Command{
		Use: "backup SOURCE…", GroupID: "work", Args: misuse(cobra.MinimumNArgs(1)),
		Short: "Archive a history as a snapshot",
		Long: `Reads a history and archives it as one snapshot (of each SOURCE). What an earlier
snapshot has already is neither read nor sent again. The kind of a source is recognized
by its content: Signal's local backup, its older backup in one file (of a folder with
several the newest), Signal's plaintext export, or any folder.

Without --repo the archive lies in your home directory; the first run creates it and
prints its recovery key. What cannot be read is named, the rest is archived, and the
exit code is 3.`,
		Example: `  dayfold backup ~/SignalBackups
  dayfold backup ~/Documents --tag daily --keep-daily 30 --prune
  dayfold backup signal-export.zip --text-only --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.backup(cmd.Context(), args, &b) },
	}
	f := cmd.Flags()
	b.source.flags(f)
	b.rules.flags(f)
	f.StringSliceVar(&b.opt.Tags, "tag", nil, "mark the snapshot with a `TAG`")
	f.BoolVarP(&b.opt.DryRun, "dry-run", "n", false, "read and report, but write nothing")
	f.BoolVar(&b.opt.Insist, "insist", false, "even if most of the history is gone, or the clock is far off")
	b.keep.flags(f)
	f.BoolVar(&b.prune, "prune", false, "prune after success")
	f.BoolVar(&b.repair, "repair", false, "read every pack, archive again what is damaged, and mend older snapshots with it")
	return cmd
}

func (c *cli) backup(ctx context.Context, paths []string, b *backupFlags) error {
	b.opt.Rules = b.rules.of()
	sources, err := c.openSources(ctx, paths, &b.source)
	defer closeAll(sources)
	for i, src := range sources {
		err = errors.Join(err, b.rules.fit(paths[i], src.Info().Kind))
	}
	if err != nil {
		return err
	}
	a, made, err := c.openOrCreate(ctx, b.opt.DryRun)
	if err != nil {
		return err
	}
	defer a.Close()
	perGroup(a.Strict(), sources...)
	sum := backupSummary{Type: "summary", Snapshots: []string{}, Excluded: map[string]int64{}, Errors: []problemLine{}, Findings: []findingLine{}, DryRun: b.opt.DryRun}
	if made != nil {
		sum.Created, sum.Key = made.Repo, made.Key
	}
	if b.repair {
		if _, err := c.mend(ctx, a, nil, false, b.opt.DryRun); err != nil { // the backup distrusts what it finds
			return err
		}
	}
	missing := int64(0)
	for _, src := range sources {
		r, err := c.backupOne(ctx, a, src, b)
		if err != nil {
			return err
		}
		sum.add(&r)
		sum.Findings = append(sum.Findings, findingsOf(src)...)
		missing += r.Missing
	}
	var mended error
	if b.repair && !b.opt.DryRun {
		r, err := c.mend(ctx, a, nil, false, false)
		if err != nil {
			return err
		}
		mended = unmended(&r)
	}
	switch {
	case mended != nil:
		err = mended
	case missing > 0:
		err = partial("%s could not be read; the rest is archived%s", plural(missing, "item"), b.spared())
	case !b.opt.DryRun:
		if sum.Forgotten, sum.Pruned, err = c.retain(ctx, a, b); err != nil {
			return err
		}
	}
	if !b.opt.DryRun {
		err = errors.Join(err, c.copyOn(ctx, a, b, missing == 0, &sum))
	}
	return errors.Join(c.emit(&sum), err)
}

// copyOn brings what was archived into the copies, and keeps there what the flags say.
func (c *cli) copyOn(ctx context.Context, a *archive, b *backupFlags, retain bool, sum *backupSummary) (err error) {
	for _, repo := range c.copies {
		t := c.at(repo)
		s, e := c.copyTo(ctx, a, repo, nil)
		if e == nil {
			e = s.problem()
		}
		if e == nil && retain && (b.keep.given() || b.prune) {
			e = t.retainHere(ctx, b)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if e != nil {
			c.warn("%s is behind: %s", t.place(), oneLine(t.advice(e)))
			sum.Missed = append(sum.Missed, t.place())
			err = partial("not copied to %s", strings.Join(sum.Missed, ", "))
		}
	}
	return err
}

func (c *cli) retainHere(ctx context.Context, b *backupFlags) error {
	a, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	_, _, err = c.retain(ctx, a, b)
	return err
}

// openOrCreate opens the archive, or makes one in the default place at its first use.
func (c *cli) openOrCreate(ctx context.Context, dryRun bool) (*archive, *creation, error) {
	a, err := c.open(ctx)
	if !errors.Is(err, engine.ErrNoArchive) || c.repoGiven || dryRun {
		return a, nil, err
	}
	if _, keyErr := c.givenSecret(); !errors.Is(keyErr, errNoKey) {
		return nil, nil, fmt.Errorf("there is a recovery key, but: %w", err)
	}
	made, a, err := c.initialize(ctx, false, false)
	if err != nil {
		return nil, nil, err
	}
	c.warn("This is the first backup: created an archive in %s\n\n%s", made.Repo, made.keyText())
	return a, made, nil
}

// backupOne archives one source and says what came of it.
func (c *cli) backupOne(ctx context.Context, a *archive, src source, b *backupFlags) (engine.Report, error) {
	r, err := a.Backup(ctx, src, b.opt)
	if err != nil {
		return r, err
	}
	c.warnOf(r.Problems, r.Missing)
	c.tellBackup(&r, b.opt.DryRun)
	for _, f := range findingsOf(src) {
		c.tell("  the source has %s: %s\n", f.What, f.text())
	}
	return r, nil
}

func (c *cli) tellBackup(r *engine.Report, dryRun bool) {
	switch {
	case dryRun:
		c.tell("would archive %s (%s)", plural(r.Items, "item"), bytesOf(r.Bytes))
	case r.Unchanged:
		c.tell("snapshot %s: nothing changed, %s (%s)", r.Snapshot[:shortID], plural(r.Items, "item"), bytesOf(r.Bytes))
	default:
		c.tell("snapshot %s: %s (%s)", r.Snapshot[:shortID], plural(r.Items, "item"), bytesOf(r.Bytes))
	}
	c.tell("\n  %s new, %s changed, %s removed, %s expired\n", count(r.New), count(r.Changed), count(r.Removed), count(r.Expired))
	if len(r.Excluded) > 0 {
		c.tell("  left out: %s\n", reasons(r.Excluded))
	}
	c.tell("  %s read, %s of it new, %s %s in %s, %s\n", bytesOf(r.BytesRead), bytesOf(r.BytesNew), would(dryRun, "upload", "uploaded"),
		bytesOf(r.BytesUploaded), plural(r.Packs, "pack"), lasting(r.Duration))
	if c.verbose && !dryRun {
		u := r.Uploaded
		c.tell("  uploaded: content %s, expiring %s, tree %s, padding %s, other %s\n", bytesOf(u.Permanent), bytesOf(u.Expiring), bytesOf(u.Tree), bytesOf(u.Padding), bytesOf(u.Other))
	}
}

// spared says that older snapshots stay when something could not be read: they may be
// the only ones to have it.
func (b *backupFlags) spared() string {
	if b.prune || b.keep.given() {
		return ", and nothing was forgotten or pruned"
	}
	return ""
}

// retain forgets and prunes as the flags of a backup say.
func (c *cli) retain(ctx context.Context, a *archive, b *backupFlags) (forgotten []snapshotLine, pruned *pruneSummary, err error) {
	if b.keep.given() {
		_, gone, err := c.forgetByPolicy(ctx, a, &b.keep, false, b.opt.Insist)
		if err != nil {
			return nil, nil, err
		}
		forgotten = linesOf(gone)
	}
	if b.prune {
		pruned, err = c.prune(ctx, a, engine.PruneOptions{MaxUnused: defaultMaxUnused, Insist: b.opt.Insist})
	}
	return forgotten, pruned, err
}

// A backupSummary is what JSON says of a backup, of all its sources together.
type backupSummary struct {
	Type          string           `json:"message_type"`
	Snapshot      string           `json:"snapshot"` // of the last source
	Snapshots     []string         `json:"snapshots"`
	Items         int64            `json:"items"`
	Bytes         int64            `json:"bytes"`
	New           int64            `json:"new"`
	Changed       int64            `json:"changed"`
	Removed       int64            `json:"removed"`
	Expired       int64            `json:"expired"`
	Excluded      map[string]int64 `json:"excluded"`
	BytesRead     int64            `json:"bytes_read"`
	BytesNew      int64            `json:"bytes_new"`
	BytesUploaded int64            `json:"bytes_uploaded"`
	Packs         int64            `json:"packs"`
	Seconds       float64          `json:"duration_s"`
	Missing       int64            `json:"missing"`
	Errors        []problemLine    `json:"errors"`
	Findings      []findingLine    `json:"findings"` // how parts of the sources do not agree
	DryRun        bool             `json:"dry_run"`
	Created       string           `json:"created_repo,omitempty"`
	Key           string           `json:"recovery_key,omitempty"`
	Forgotten     []snapshotLine   `json:"forgotten,omitempty"`
	Pruned        *pruneSummary    `json:"pruned,omitempty"`
	Missed        []string         `json:"not_reached,omitempty"` // copies
}

func (s *backupSummary) add(r *engine.Report) {
	s.Snapshot = r.Snapshot
	if r.Snapshot != "" {
		s.Snapshots = append(s.Snapshots, r.Snapshot)
	}
	s.Items, s.Bytes = s.Items+r.Items, s.Bytes+r.Bytes
	s.New, s.Changed, s.Removed, s.Expired = s.New+r.New, s.Changed+r.Changed, s.Removed+r.Removed, s.Expired+r.Expired
	for why, n := range r.Excluded {
		s.Excluded[why] += n
	}
	s.BytesRead, s.BytesNew, s.BytesUploaded = s.BytesRead+r.BytesRead, s.BytesNew+r.BytesNew, s.BytesUploaded+r.BytesUploaded
	s.Packs, s.Seconds, s.Missing = s.Packs+r.Packs, s.Seconds+seconds(r.Duration), s.Missing+r.Missing
	s.Errors = append(s.Errors, problemLines(r.Problems)...)
}
