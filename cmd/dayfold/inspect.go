package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signaldesktop"
	"github.com/dayfold/dayfold/engine/source/signallocal"
	"github.com/dayfold/dayfold/engine/source/signalv1"
)

// A described is a source that says what its input is, and how well its parts agree.
type described interface{ Description() signal.Description }

// looks describe the kinds of backup that have a key, as far as that goes without it.
var looks = map[string]func(path string) (signal.Description, error){
	signallocal.Kind:   signallocal.Look,
	signalv1.Kind:      signalv1.Look,
	signaldesktop.Kind: signaldesktop.Look,
}

// How a key fits, in words that programs read.
const (
	keyFits     = "fits"
	keyWrong    = "wrong"
	keyNotGiven = "not given"
	keyNone     = "none needed"
)

// inspectFlags are what inspect takes.
type inspectFlags struct {
	source sourceFlags
	rules  ruleFlags
	verify bool
}

func (c *cli) inspectCommand() *cobra.Command {
	var f inspectFlags
	cmd := &cobra.Command{
		Use: "inspect PATH", GroupID: "work", Args: misuse(cobra.ExactArgs(1)),
		Short: "Say what a backup is, without archiving it",
		Long: `Says what lies at PATH: which kind of backup, its version, when it was made, how much of
what is in it, how large its media are, what a backup with the same flags would leave
out, and whether the key fits. What is missing, altered or superfluous is named. Nothing
is archived, and no archive is needed. With --verify every content is read and checked.`,
		Example: `  dayfold inspect ~/SignalBackups
  dayfold inspect ~/SignalBackups --verify --json
  dayfold inspect signal-export.zip --text-only`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.inspect(cmd.Context(), args[0], &f) },
	}
	f.source.flags(cmd.Flags())
	f.rules.flags(cmd.Flags())
	cmd.Flags().BoolVar(&f.verify, "verify", false, "read all contents and check them")
	return cmd
}

func (c *cli) inspect(ctx context.Context, path string, f *inspectFlags) error {
	in := inspection{Type: "summary", Path: path, ByKind: map[string]int64{}, BytesByKind: map[string]int64{}}
	src, err := c.openSource(ctx, path, &f.source)
	if look, ok := looks[f.source.found]; ok && keyState(err) != "" {
		d, lookErr := look(path)
		if lookErr != nil {
			return lookErr
		}
		in.Kind, in.Key = f.source.found, keyState(err)
		in.describe(d)
		if in.Key == keyNotGiven {
			err = nil
		}
		return errors.Join(c.showInspection(&in), err)
	}
	if err != nil {
		return err
	}
	defer src.Close()
	if err := f.rules.fit(path, src.Info().Kind); err != nil {
		return err
	}
	in.Kind, in.Key = src.Info().Kind, keyNone
	if _, ok := looks[in.Kind]; ok {
		in.Key = keyFits
	}
	if err := in.survey(ctx, src, f); err != nil {
		return err
	}
	c.warnOf(in.problems, in.Missing)
	if err := c.showInspection(&in); err != nil || in.Missing == 0 {
		return err
	}
	return partial("%s cannot be read", plural(in.Missing, "item"))
}

// keyState says what an error of opening a source tells about its key, if anything.
func keyState(err error) string {
	switch {
	case errors.Is(err, signal.ErrKey):
		return keyWrong
	case errors.Is(err, errNoSecret), errors.Is(err, signaldesktop.ErrKeyring):
		return keyNotGiven
	}
	return ""
}

// An inspection is what JSON says of one.
type inspection struct {
	Type        string           `json:"message_type"`
	Path        string           `json:"path"`
	Kind        string           `json:"kind"`
	Key         string           `json:"key"`
	Version     string           `json:"version,omitempty"`
	App         string           `json:"app,omitempty"`
	Made        *string          `json:"made"`
	Snapshot    string           `json:"snapshot,omitempty"`
	Snapshots   int              `json:"snapshots,omitempty"`
	Counts      map[string]int64 `json:"counts"` // in the words of the format
	MediaFiles  int64            `json:"media_files"`
	MediaBytes  int64            `json:"media_bytes"` // of those, as they lie there
	Items       int64            `json:"items"`       // that a backup would archive
	Bytes       int64            `json:"bytes"`
	ByKind      map[string]int64 `json:"items_by_kind"`
	BytesByKind map[string]int64 `json:"bytes_by_kind"`
	Excluded    map[string]int64 `json:"excluded"`
	First       *string          `json:"first"` // message
	Last        *string          `json:"last"`
	Findings    []findingLine    `json:"findings"`
	Missing     int64            `json:"missing"`
	Errors      []problemLine    `json:"errors"`

	made, first, last time.Time
	problems          []*engine.Problem
}

// A findingLine is how parts of a source do not agree, as JSON carries it.
type findingLine struct {
	What  string   `json:"what"`
	Count int64    `json:"count"`
	Names []string `json:"names"` // some of them
}

// findingsOf is what a source has found about itself.
func findingsOf(src source) []findingLine {
	if d, ok := src.(described); ok {
		return findingLines(d.Description().Findings)
	}
	return nil
}

func findingLines(findings []signal.Finding) []findingLine {
	lines := make([]findingLine, 0, len(findings))
	for _, f := range findings {
		lines = append(lines, findingLine{f.What, f.Count, append([]string{}, f.Names.Names...)})
	}
	return lines
}

func (in *inspection) describe(d signal.Description) {
	in.Version, in.App, in.Snapshot, in.Snapshots = d.Version, d.App, d.Snapshot, d.Snapshots
	in.made, in.Made = d.Made, stamp(d.Made)
	in.Counts, in.MediaFiles, in.MediaBytes = d.Counts, d.Files, d.Bytes
	in.Findings = findingLines(d.Findings)
}

// survey goes over all items.
func (in *inspection) survey(ctx context.Context, src source, f *inspectFlags) error {
	r, err := f.rules.of().Survey(ctx, src, time.Now(), func(it *engine.Item, reason string) error {
		if reason == "" {
			in.ByKind[it.Kind.String()]++
			in.BytesByKind[it.Kind.String()] += it.Size
		}
		if it.Kind == engine.Message && !it.Time.IsZero() {
			if in.first.IsZero() || it.Time.Before(in.first) {
				in.first = it.Time
			}
			if it.Time.After(in.last) {
				in.last = it.Time
			}
		}
		if f.verify && it.Open != nil {
			return writeContent(ctx, io.Discard, it)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if d, ok := src.(described); ok {
		in.describe(d.Description())
	}
	in.First, in.Last = stamp(in.first), stamp(in.last)
	in.Items, in.Bytes, in.Excluded, in.Missing, in.problems = r.Items, r.Bytes, r.Excluded, r.Missing, r.Problems
	return nil
}

// showInspection prints an inspection.
func (c *cli) showInspection(in *inspection) error {
	in.Errors = problemLines(in.problems)
	if in.Findings == nil {
		in.Findings = []findingLine{}
	}
	if c.json {
		return c.emit(in)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	row("kind", "%s", in.Kind)
	for _, line := range []struct{ name, text string }{{"version", in.Version}, {"app", visible(in.App)}, {"made", clock(in.made)}} {
		if line.text != "" {
			row(line.name, "%s", line.text)
		}
	}
	if in.Snapshot != "" {
		row("snapshot", "%s, the newest of %d", in.Snapshot, in.Snapshots)
	}
	row("key", "%s", in.Key)
	for _, what := range slices.Sorted(maps.Keys(in.Counts)) {
		row(what, "%s", count(in.Counts[what]))
	}
	if in.MediaFiles > 0 {
		row("media files", "%s, %s", count(in.MediaFiles), bytesOf(in.MediaBytes))
	}
	if !in.first.IsZero() {
		row("messages", "from %s to %s", clock(in.first), clock(in.last))
	}
	if in.Key == keyFits || in.Key == keyNone {
		row("to archive", "%s, %s", plural(in.Items, "item"), bytesOf(in.Bytes))
		for _, kind := range slices.Sorted(maps.Keys(in.ByKind)) {
			row("  "+kind, "%s, %s", count(in.ByKind[kind]), bytesOf(in.BytesByKind[kind]))
		}
	}
	if len(in.Excluded) > 0 {
		row("left out", "%s", reasons(in.Excluded))
	}
	for _, f := range in.Findings {
		row(f.What, "%s", f.text())
	}
	return w.Flush()
}

const mostNames = 5 // that people are shown of a finding

// text is the count of a finding and some of its names.
func (f *findingLine) text() string {
	shown := make([]string, 0, mostNames)
	for _, name := range f.Names[:min(len(f.Names), mostNames)] {
		shown = append(shown, visible(name))
	}
	switch {
	case len(shown) == 0:
		return count(f.Count)
	case f.Count > int64(len(shown)):
		shown = append(shown, "…")
	}
	return count(f.Count) + ": " + strings.Join(shown, ", ")
}

// reasons says how many were left out, by reason.
func reasons(excluded map[string]int64) string {
	var parts []string
	for _, why := range slices.Sorted(maps.Keys(excluded)) {
		parts = append(parts, count(excluded[why])+" "+why)
	}
	return strings.Join(parts, ", ")
}
