package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// A Sample is one step of one tool, once.
type Sample struct {
	Tool string `json:"tool"`
	Step step   `json:"step"`
	Run  int    `json:"run"`
	Day  int    `json:"day"`
	Usage
	Added   int64  `json:"added_bytes"` // by which the archive grew, all its files; negative: shrank
	Size    int64  `json:"archive_bytes"`
	Objects int64  `json:"archive_files"`
	Input   int64  `json:"input_bytes"` // the history as it lies there
	Error   string `json:"error,omitempty"`
}

// A scenario is the same work for all tools: day 0, the same once more, the days,
// and then all that is done with an archive that has grown so. In each step the
// tools come one after the other, and each run begins with another one.
type scenario struct {
	work    string
	format  string
	days    int
	runs    int
	steps   []step
	tools   []tool
	paths   map[string]string
	advance func(ctx context.Context, source string, day int) error
	key     string
	verify  func(ctx context.Context, p place, got string) error // of formats that come back as such
	say     func(format string, args ...any)
	samples []Sample
	broken  map[string]bool // tools whose last step failed: they sit out the run
}

func (s *scenario) run(ctx context.Context) error {
	for n := range s.runs {
		if err := s.once(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// once goes through all steps of one run.
func (s *scenario) once(ctx context.Context, n int) error {
	source := filepath.Join(s.work, "history")
	if err := os.RemoveAll(s.work); err != nil {
		return err
	}
	if err := os.MkdirAll(s.work, 0o755); err != nil {
		return err
	}
	if err := s.advance(ctx, source, 0); err != nil {
		return err
	}
	s.broken = map[string]bool{}
	if err := s.create(ctx, source); err != nil {
		return err
	}
	for _, st := range s.steps {
		days := []int{0}
		if st == Day {
			days = days[:0]
			for d := 1; d <= s.days; d++ {
				days = append(days, d)
			}
		} else if st != First && st != Unchanged && slices.Contains(s.steps, Day) {
			days[0] = s.days
		}
		for _, d := range days {
			if st == Day {
				if err := s.advance(ctx, source, d); err != nil {
					return err
				}
			}
			if err := s.all(ctx, st, n, d, source); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(s.work)
}

// create makes each tool's empty archive; that is not measured.
func (s *scenario) create(ctx context.Context, source string) error {
	for _, t := range s.tools {
		p := s.place(t, source)
		if err := os.MkdirAll(p.state, 0o755); err != nil {
			return err
		}
		if t.init == nil {
			continue
		}
		if _, err := measure(ctx, t.init(p), s.env(t, p)); err != nil {
			s.say("%s: %v", t.name, err)
			s.broken[t.name] = true
		}
	}
	return ctx.Err()
}

func (s *scenario) place(t tool, source string) place {
	own := filepath.Join(s.work, t.name)
	return place{source: source, kind: s.format, key: s.key, repo: own + "/repo", state: own + "/state",
		target: own + "/target", out: own + "/item", tool: s.paths[t.name]}
}

func (s *scenario) env(t tool, p place) []string {
	if t.env == nil {
		return nil
	}
	return t.env(p)
}

// all lets each tool do one step.
func (s *scenario) all(ctx context.Context, st step, n, day int, source string) error {
	_, input, err := usage(source)
	if err != nil {
		return err
	}
	for i := range s.tools {
		t := s.tools[(i+n)%len(s.tools)]
		if t.steps[st] == nil || s.broken[t.name] {
			continue
		}
		sample := Sample{Tool: t.name, Step: st, Run: n, Day: day, Input: input}
		if err := s.one(ctx, t, source, &sample); err != nil {
			sample.Error = err.Error()
			s.broken[t.name] = st == First || st == Day
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.samples = append(s.samples, sample)
		s.say("%-9s %-9s day %-2d run %d  %7.2f s  %7.2f cpu  %5.0f MiB  %+9.1f MB  %s", t.name, st, day, n+1,
			sample.Wall, sample.CPU, float64(sample.Peak)/(1<<20), float64(sample.Added)/1e6, sample.Error)
	}
	return nil
}

// one measures one step of one tool and looks at what came of it.
func (s *scenario) one(ctx context.Context, t tool, source string, sample *Sample) error {
	p := s.place(t, source)
	var err error
	if p.item, err = s.item(ctx, t, p); err != nil {
		return err
	}
	_, before, err := usage(p.repo)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if sample.Usage, err = measure(ctx, t.steps[sample.Step](p), s.env(t, p)); err != nil {
		return err
	}
	if sample.Objects, sample.Size, err = usage(p.repo); err != nil {
		return err
	}
	sample.Added = sample.Size - before
	defer os.RemoveAll(p.target)
	switch sample.Step {
	case Restore:
		return s.compare(ctx, t, p)
	case One:
		return s.compareItem(t, p)
	}
	return nil
}

// compare holds what was restored against the history.
func (s *scenario) compare(ctx context.Context, t tool, p place) error {
	got := p.target
	if t.restored != nil {
		got = t.restored(p)
	}
	if t.ownFormat && s.format != "dir" {
		return s.verify(ctx, p, got)
	}
	return compareTrees(p.source, got)
}

func (s *scenario) compareItem(t tool, p place) error {
	if t.ownFormat && s.format != "dir" {
		info, err := os.Stat(p.out)
		if err == nil && info.Size() == 0 {
			err = errDiffers
		}
		return err
	}
	want, err := os.Stat(filepath.Join(p.source, p.item))
	if err != nil {
		return err
	}
	if got, err := os.Stat(p.out); err != nil || got.Size() != want.Size() {
		return fmt.Errorf("%s: %w", p.out, errors.Join(err, errDiffers))
	}
	return compareFiles(filepath.Join(p.source, p.item), p.out)
}

// item chooses a media file, always the same one; for a tool with items of its
// own, the first media that it lists.
func (s *scenario) item(ctx context.Context, t tool, p place) (string, error) {
	if t.ownFormat && s.format != "dir" {
		return firstMedia(ctx, p, s.env(t, p)), nil
	}
	names, err := names(p.source)
	if err != nil {
		return "", err
	}
	best := ""
	for name, info := range names {
		if media := info.Mode().IsRegular() && info.Size() > 100_000 && filepath.Ext(name) != ".jsonl"; media && (best == "" || name < best) {
			best = name
		}
	}
	if best == "" {
		return "", io.ErrUnexpectedEOF
	}
	return best, nil
}
