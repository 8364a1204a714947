package main

import (
	"math/rand/v2"
	"strconv"
	"strings"

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

func (c *cli) checkCommand() *cobra.Command {
	var (
		opt    engine.CheckOptions
		subset string
	)
	cmd := &cobra.Command{
		Use: "check", GroupID: "care", Args: misuse(cobra.NoArgs),
		Short: "Look for damage",
		Long: `Checks the structure: the seal of every object, the directory of every pack, the trees
of every snapshot, and that all they name is there. With --read-data it reads and opens
every byte as well. Nothing local is trusted. Damage ends it with exit code 13.`,
		Example: `  dayfold check
  dayfold check --read-data-subset 2/30      # the second of 30 parts, one a day
  dayfold check --read-data-subset 5%        # one part of 20, drawn by chance`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if subset != "" {
				opt.ReadData = true
				if opt.Part, opt.Of, err = parseSubset(subset); err != nil {
					return err
				}
			}
			a, err := c.openWith(cmd.Context(), uncached)
			if err != nil {
				return err
			}
			defer a.Close()
			r, err := a.Check(cmd.Context(), opt)
			if err != nil {
				return err
			}
			return c.reportCheck(&r)
		},
	}
	cmd.Flags().BoolVar(&opt.ReadData, "read-data", false, "read and open every blob")
	cmd.Flags().StringVar(&subset, "read-data-subset", "", "read a part: 2/30, or about 5%")
	return cmd
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
