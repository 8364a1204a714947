package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
)

// A problemLine is what could not be read, as JSON carries it.
type problemLine struct {
	Key   string `json:"key"`
	Error string `json:"error"`
}

func problemLines(problems []*engine.Problem) []problemLine {
	lines := make([]problemLine, 0, len(problems))
	for _, p := range problems {
		lines = append(lines, problemLine{visible(p.Key), p.Err.Error()})
	}
	return lines
}

// warnOf names each problem on stderr.
func (c *cli) warnOf(problems []*engine.Problem, missing int64) {
	for _, p := range problems {
		c.warn("%s: %s", visible(p.Key), oneLine(p.Err.Error()))
	}
	if more := missing - int64(len(problems)); more > 0 {
		c.warn("and %s more", count(more))
	}
}

// The levels of a check, each with all that those before it look at.
const (
	checkList        = "list"
	checkDirectories = "directories"
	checkRotating    = "rotating"
	checkEverything  = "everything"
)

// checkFlags are what check takes.
type checkFlags struct {
	opt    engine.CheckOptions
	level  string
	subset string
	from   string // a copy to mend from
}

func (c *cli) checkCommand() *cobra.Command {
	var k checkFlags
	cmd := &cobra.Command{
		Use: "check", GroupID: "care", Args: misuse(cobra.NoArgs),
		Short: "Look for damage",
		Long: `Checks an archive. The level says how deep:

  list         that all that snapshots need is there
  directories  the seal of every object, the directory of every pack, the trees of every
               snapshot, and that all they name is there (the default)
  rotating     as well some bytes of all, at each run others: run daily, weekly or so, it
               has read every byte within 30 days
  everything   every byte, and every blob is opened

Nothing local is trusted. Damage ends it with exit code 13.`,
		Example: `  dayfold check
  dayfold check --level rotating             # in a daily job
  dayfold check --read-data-subset 2/30      # the second of 30 parts
  dayfold check --read-data-subset 5%        # one part of 20, drawn by chance`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("level") && (k.opt.ReadData || k.subset != "") {
				return misused("--level, --read-data and --read-data-subset say the same: give one")
			}
			return c.check(cmd.Context(), k)
		},
	}
	f := cmd.Flags()
	f.StringVar(&k.level, "level", checkDirectories, "how deep to look: list, directories, rotating, everything")
	f.BoolVar(&k.opt.ReadData, "read-data", false, "read and open every blob, as level everything does")
	f.StringVar(&k.from, "repair-from", "", "if there is damage, mend it from the copy at `URL` (see dayfold repair)")
	f.StringVar(&k.subset, "read-data-subset", "", "read a part: 2/30, or about 5%")
	return cmd
}

func (c *cli) check(ctx context.Context, k checkFlags) (err error) {
	done := func() error { return nil }
	switch k.level {
	case checkList:
		k.opt.List = true
	case checkDirectories:
	case checkRotating:
		if k.opt, done, err = c.rotating(time.Now()); err != nil {
			return err
		}
	case checkEverything:
		k.opt.ReadData = true
	default:
		return misused("--level %s: there are %s, %s, %s, %s", visible(k.level), checkList, checkDirectories, checkRotating, checkEverything)
	}
	if k.subset != "" {
		k.opt.ReadData = true
		if k.opt.Part, k.opt.Of, err = parseSubset(k.subset); err != nil {
			return err
		}
	}
	a, err := c.openWith(ctx, uncached)
	if err != nil {
		return err
	}
	defer a.Close()
	r, err := a.Check(ctx, k.opt)
	if err != nil {
		return err
	}
	err = errors.Join(done(), c.reportCheck(&r))
	if len(r.Problems) > 0 && k.from != "" {
		a.Close()
		err = c.repair(ctx, k.from, false, false)
	}
	return err
}

// A rotation is how far the rotating check is through the archive's bytes.
type rotation struct {
	Next int       `json:"next"` // part, from 0
	Time time.Time `json:"time"` // of the last run
}

const rotationDays = 30

// rotating chooses the parts to read now. done notes that they were read.
func (c *cli) rotating(now time.Time) (opt engine.CheckOptions, done func() error, err error) {
	state := c.stateFile()
	if state == "" {
		return opt, nil, misused("--level rotating: no home directory to remember in what was read")
	}
	file := filepath.Join(filepath.Dir(state), "checked.json")
	r := rotation{Time: now}
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.warn("%s: %v; beginning anew", visible(file), err)
	}
	parts := r.parts(now)
	opt = engine.CheckOptions{ReadData: true, Part: r.Next + 1, Of: rotationDays, Parts: parts}
	return opt, func() error {
		data, err := json.Marshal(rotation{(r.Next + parts) % rotationDays, now.UTC()})
		if err != nil {
			return err
		}
		return os.WriteFile(file, data, 0o600)
	}, nil
}

// parts is how many parts are due: with as many at each run, and runs as far apart as
// the last two, all are read within the days of a rotation. Half an hour late is in time.
func (r rotation) parts(now time.Time) int {
	const all = rotationDays * 24 * time.Hour
	runs := int(all / max(now.Sub(r.Time)-30*time.Minute, all/rotationDays/24))
	return (rotationDays + max(runs, 1) - 1) / max(runs, 1)
}

func (c *cli) reportCheck(r *engine.CheckReport) error {
	c.warnOf(r.Problems, int64(len(r.Problems)))
	c.tell("checked %s, %s, %s, %s; %s read in %s\n", plural(r.Snapshots, "snapshot"), plural(r.Items, "item"), plural(r.Packs, "pack"),
		plural(r.Blobs, "blob"), bytesOf(r.BytesRead), lasting(r.Duration))
	if r.Orphans > 0 {
		c.tell("%s that no snapshot needs: prune deletes them\n", plural(r.Orphans, "pack"))
	}
	err := c.emit(struct {
		Type      string        `json:"message_type"`
		Packs     int64         `json:"packs"`
		Blobs     int64         `json:"blobs"`
		Snapshots int64         `json:"snapshots"`
		Items     int64         `json:"items"`
		Orphans   int64         `json:"packs_unneeded"`
		Read      int64         `json:"bytes_read"`
		Seconds   float64       `json:"duration_s"`
		Errors    []problemLine `json:"errors"`
	}{"summary", r.Packs, r.Blobs, r.Snapshots, r.Items, r.Orphans, r.BytesRead, seconds(r.Duration), problemLines(r.Problems)})
	if err == nil && len(r.Problems) > 0 {
		err = damaged("damage found: %s", plural(int64(len(r.Problems)), "problem"))
	}
	if err == nil {
		c.tell("no damage found\n")
	}
	return err
}

// parseSubset reads "2/30" or "5%". A share is one part, drawn by chance, of as many as
// make it up.
func parseSubset(text string) (part, of int, err error) {
	if share, ok := strings.CutSuffix(text, "%"); ok {
		v, err := strconv.ParseFloat(share, 64)
		if err != nil || !(v > 0.001 && v <= 100) {
			return 0, 0, misused("--read-data-subset %s: no percentage", text)
		}
		of := max(int(100/v+0.5), 1)
		return 1 + rand.IntN(of), of, nil
	}
	first, second, ok := strings.Cut(text, "/")
	part, err1 := strconv.Atoi(first)
	of, err2 := strconv.Atoi(second)
	if !ok || err1 != nil || err2 != nil || part < 1 || part > of {
		return 0, 0, misused("--read-data-subset %s: neither like 2/30 nor like 5%%", text)
	}
	return part, of, nil
}
