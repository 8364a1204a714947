package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/dir"
	"github.com/dayfold/dayfold/engine/source/export"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signaldesktop"
	"github.com/dayfold/dayfold/engine/source/signallocal"
	"github.com/dayfold/dayfold/engine/source/signalv1"
)

// restoreFlags are what restore takes.
type restoreFlags struct {
	pick             selection
	source           sourceFlags
	target, format   string
	overwrite        string
	verify, asSignal bool
	strict           bool            // the archive is
	snapshot         engine.Snapshot // that is restored
}

// overwrites are the words for what happens to files that are there.
var overwrites = map[string]dir.Overwrite{"never": dir.Never, "if-changed": dir.IfChanged, "always": dir.Always}

func (c *cli) restoreCommand() *cobra.Command {
	var r restoreFlags
	cmd := &cobra.Command{
		Use: "restore [SNAPSHOT] --target DIR", GroupID: "work", Args: misuse(cobra.MaximumNArgs(1)),
		Short: "Write a history back",
		Long: `Writes the history of a snapshot into a folder, in the format it came in, or in another
with --format: every history of Signal's also as its plaintext export and as a local
backup, and that of Signal Desktop only so. What a format has no place for is counted.
What has expired is not restored. A Signal local backup is written under the 64-character key that is
given, as the one it had, or under a new one, which is shown once; a signal-….backup
likewise under a passphrase.`,
		Example: `  dayfold restore --target ~/back
  dayfold restore 3f2a --target ~/back --format export --verify
  dayfold restore --target ~/back --format signal-local --signal-key-file aep.txt
  dayfold restore --target ~/back --prefix Documents/ --overwrite if-changed`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.target == "" {
				return misused("restore where? Give --target DIR")
			}
			if _, ok := overwrites[r.overwrite]; !ok {
				return misused("--overwrite %s: there are never, if-changed, always", visible(r.overwrite))
			}
			snapshot := latest
			if len(args) > 0 {
				snapshot = args[0]
			}
			return c.restore(cmd.Context(), snapshot, &r)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&r.target, "target", "t", "", "`DIR` to write into, made if it is not there")
	f.StringVar(&r.format, "format", "", "`FORMAT`: dir, export, signal-local or signal-v1; the default is what the history came in")
	f.StringVar(&r.overwrite, "overwrite", "never", "`WHEN` to replace files that are there: never, if-changed, always")
	f.BoolVar(&r.verify, "verify", false, "read back what was written and compare")
	f.BoolVar(&r.asSignal, "as-signal", false, "leave out what Signal's own export leaves out")
	r.source.keyFlag(f)
	r.pick.flags(f)
	return cmd
}

// A restored is what came of a restore.
type restored struct {
	files    int64
	problems []*engine.Problem
	missing  int64
	absent   signal.Names // media that messages show, and the snapshot does not have
	chosen   bool         // flags left these out
	left     map[string]int64
	mended   int64
	fields   map[string]int64 // that the format has no name for
	kept     int64
	newKey   string // under which a Signal local backup was written, if none was given
}

func (c *cli) restore(ctx context.Context, snapshot string, r *restoreFlags) error {
	start := time.Now()
	a, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	r.strict = a.Strict()
	v, err := a.view(ctx, snapshot)
	if err != nil {
		return err
	}
	h, err := r.pick.of(ctx, v)
	if err != nil {
		return err
	}
	format, err := formatOf(v.Info().Kind, r.format)
	if err != nil {
		return err
	}
	r.snapshot = v.Snapshot()
	rec := record(h, c.progress.reporter(), r.snapshot, r.verify)
	done, err := c.write(ctx, format, rec, r)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	done.settleAbsent(r)
	if r.verify {
		if err := c.verifyTarget(ctx, format, rec, r, &done); err != nil {
			return fmt.Errorf("verify: %w", err)
		}
	}
	done.problems, done.missing = append(rec.lost, done.problems...), done.missing+int64(len(rec.lost))
	expired, err := v.Expired()
	if err != nil && len(rec.lost) == 0 { // of what is damaged nobody knows
		return err
	}
	return c.reportRestore(rec, &done, expired, r, time.Since(start))
}

// settleAbsent makes a problem of each media that is absent, unless somebody wanted that.
func (d *restored) settleAbsent(r *restoreFlags) {
	if d.absent.Count == 0 {
		return
	}
	if d.chosen = r.chosen(d.absent.Count); d.chosen {
		return
	}
	d.missing += d.absent.Count
	for _, name := range d.absent.Names {
		d.problems = append(d.problems, &engine.Problem{Key: []byte(name), Err: errNoMedia})
	}
}

// chosen says whether n media are absent because flags left them out: those of this
// restore, or those of the backup. The snapshot has the latter's counts, so one that could
// not be read is told from as many as were too old only when there are more than those.
func (r *restoreFlags) chosen(n int64) bool {
	left := r.snapshot.Excluded
	return r.pick.withoutMedia() || left["text-only"] > 0 || n <= left["media-age"]
}

// formatOf is the format to write a history of some kind in.
func formatOf(kind, wanted string) (string, error) {
	can := map[string][]string{dir.Kind: {dir.Kind}, export.Kind: {export.Kind}, signallocal.Kind: {signallocal.Kind, export.Kind},
		signalv1.Kind: {signalv1.Kind, export.Kind, signallocal.Kind}, signaldesktop.Kind: {export.Kind, signallocal.Kind}}
	if wanted == "" {
		return append(can[kind], kind)[0], nil
	}
	name := wanted
	if name == "export" {
		name = export.Kind
	}
	if !slices.Contains(can[kind], name) {
		return "", misused("--format %s: a history of kind %s can be written as %s", visible(wanted), kind, strings.Join(can[kind], ", "))
	}
	return name, nil
}

// write writes the history in a format.
func (c *cli) write(ctx context.Context, format string, h signalv1.Rows, r *restoreFlags) (restored, error) {
	switch format {
	case dir.Kind:
		w, err := dir.Write(ctx, r.target, h, dir.WriteOptions{Overwrite: overwrites[r.overwrite]})
		return restored{files: w.Files + w.Links, problems: w.Problems, missing: w.Missing, kept: w.Kept}, err
	case export.Kind:
		if err := private(r.target); err != nil {
			return restored{}, err
		}
		return c.writeExport(ctx, h, r)
	case signallocal.Kind:
		key, fresh, err := c.targetKey(ctx, &r.source)
		if err != nil {
			return restored{}, err
		}
		if err := private(r.target); err != nil {
			return restored{}, err
		}
		w, err := c.writeLocal(ctx, h, r, key)
		done := fromWritten(w)
		done.newKey = fresh
		return done, err
	case signalv1.Kind:
		p, err := c.newPassphrase(&r.source)
		if err != nil {
			return restored{}, err
		}
		if err := private(r.target); err != nil {
			return restored{}, err
		}
		w, err := signalv1.Write(ctx, r.target, h, p, signalv1.WriteOptions{})
		return fromWritten(w), err
	}
	return restored{}, misused("this version cannot write a history of kind %s", visible(format))
}

// newPassphrase is the passphrase of a backup that is to be written: the one that is given,
// or a fresh one, which is shown on the terminal and nowhere else.
func (c *cli) newPassphrase(s *sourceFlags) (signalv1.Passphrase, error) {
	if s.givenPassphrase() {
		return c.signalPassphrase(context.Background(), s)
	}
	tty, err := terminal()
	if err != nil {
		return signalv1.Passphrase{}, misused("no terminal to show a new passphrase on: give --passphrase-file or $%s", signalPassphraseVariable)
	}
	defer tty.Close()
	p, err := signalv1.NewPassphrase(rand.Reader)
	if err != nil {
		return p, err
	}
	s.passphrase = &p
	c.progress.clear()
	_, err = fmt.Fprintf(tty, "Passphrase of the new backup, shown only now:\n\n    %s\n\n", p.Reveal())
	return p, err
}

// writeLocal writes the history as a Signal local backup: of the time that it had, or, if
// it was none, of the snapshot's.
func (c *cli) writeLocal(ctx context.Context, h signalv1.Rows, r *restoreFlags, key signal.Key) (w signal.Written, err error) {
	f, left, err := frames(ctx, h)
	if err != nil {
		return w, err
	}
	var opt signallocal.WriteOptions
	if h.Info().Kind != signallocal.Kind {
		opt.Now = r.snapshot.Time
	}
	w, err = signallocal.Write(ctx, r.target, f, key, opt)
	for what, n := range left() {
		w.LeaveSome(what, n)
	}
	return w, err
}

// writeExport writes the history as Signal's plaintext export.
func (c *cli) writeExport(ctx context.Context, h signalv1.Rows, r *restoreFlags) (restored, error) {
	f, left, err := frames(ctx, h)
	if err != nil {
		return restored{}, err
	}
	w, err := export.Write(ctx, r.target, f, export.WriteOptions{AsSignal: r.asSignal})
	for what, n := range left() {
		w.LeaveSome(what, n)
	}
	return fromWritten(w), err
}

// frames makes a history of rows, of Signal Desktop or of a signal-….backup, one of frames.
// left says afterwards what these have no place for.
func frames(ctx context.Context, h signalv1.Rows) (f engine.History, left func() map[string]int64, err error) {
	switch h.Info().Kind {
	case signaldesktop.Kind:
		d, err := signaldesktop.NewHistory(ctx, h)
		return d, d.Left, err
	case signalv1.Kind:
		v, err := signalv1.NewHistory(ctx, h)
		return v, v.Left, err
	}
	return h, func() map[string]int64 { return nil }, nil
}

func fromWritten(w signal.Written) restored {
	r := restored{files: w.Media, missing: w.Altered.Count, absent: w.Missing, left: w.Left, mended: w.Mended, fields: w.Fields}
	for _, name := range w.Altered.Names {
		r.problems = append(r.problems, &engine.Problem{Key: []byte(name), Err: errAltered})
	}
	return r
}

// Why a media that a message shows is not restored.
var (
	errNoMedia = errors.New("media not in the archive")
	errAltered = errors.New("media damaged in the archive")
)

func (c *cli) reportRestore(rec *recorder, done *restored, expired int64, r *restoreFlags, took time.Duration) error {
	id, absent := r.snapshot.ID, int64(0)
	c.warnOf(done.problems, done.missing)
	c.tell("restored %s (%s) of snapshot %s to %s in %s\n", plural(rec.items, "item"), bytesOf(rec.bytes), id[:shortID], visible(r.target), lasting(took))
	if done.kept > 0 {
		c.tell("  %s there already and kept (--overwrite)\n", plural(done.kept, "file"))
	}
	if expired > 0 {
		c.tell("  %s expired and not restored\n", plural(expired, "item"))
	}
	if done.chosen {
		absent = done.absent.Count
		c.tell("  without %s media that flags left out\n", count(absent))
	}
	if len(done.left) > 0 {
		c.tell("  left out: %s\n", reasons(done.left))
	}
	if len(done.fields) > 0 {
		c.tell("  without fields that the format has no name for: %s\n", reasons(done.fields))
	}
	if done.mended > 0 {
		c.tell("  mended: %s that Signal would refuse\n", plural(done.mended, "frame"))
	}
	if done.newKey != "" {
		c.print("key of the Signal backup, shown this once:\n\n%s", fourLines(done.newKey))
	}
	if r.verify && done.missing == 0 {
		c.tell("  verified: what was written is what the archive holds\n")
	}
	err := c.emit(struct {
		Type     string           `json:"message_type"`
		Snapshot string           `json:"snapshot"`
		Items    int64            `json:"items"`
		Bytes    int64            `json:"bytes"`
		Files    int64            `json:"files"`
		Kept     int64            `json:"files_kept"`
		Expired  int64            `json:"skipped_expired"`
		Absent   int64            `json:"media_left_out,omitempty"`
		Left     map[string]int64 `json:"left_out,omitempty"`
		Mended   int64            `json:"mended,omitempty"`
		Fields   map[string]int64 `json:"fields_left_out,omitempty"`
		NewKey   string           `json:"signal_key,omitempty"`
		Verified bool             `json:"verified"`
		Seconds  float64          `json:"duration_s"`
		Errors   []problemLine    `json:"errors"`
	}{"summary", id, rec.items, rec.bytes, done.files, done.kept, expired, absent, done.left, done.mended, done.fields, done.newKey, r.verify && done.missing == 0, seconds(took), problemLines(done.problems)})
	if err == nil && done.missing > 0 {
		err = partial("%s could not be restored; the rest is in %s", plural(done.missing, "item"), visible(r.target))
	}
	return err
}
