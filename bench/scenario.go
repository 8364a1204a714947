package main

import (
	"bytes"
	"cmp"
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
	p, err := s.want(ctx, t, sample.Step, s.place(t, source))
	if err != nil {
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
	case Message, Chat, File:
		return s.compareOne(ctx, t, p, sample.Step)
	}
	return nil
}

// own says that a tool keeps items of this history, and not its files.
func (s *scenario) own(t tool) bool { return t.ownFormat && s.format != "dir" }

// compare holds what was restored against the history.
func (s *scenario) compare(ctx context.Context, t tool, p place) error {
	if s.own(t) {
		return verify(ctx, p, p.target)
	}
	return compareTrees(p.source, p.target)
}

// compareOne holds what came of Message, Chat or File against the history.
func (s *scenario) compareOne(ctx context.Context, t tool, p place, st step) error {
	defer os.Remove(p.out)
	switch {
	case s.own(t) && st == Chat:
		return verify(ctx, p, p.target)
	case s.own(t):
		return verifyItem(ctx, p)
	case st == Message:
		return compareLine(p)
	}
	return compareFiles(filepath.Join(p.source, p.item), p.out)
}

// compareLine holds the line that came back against that of the history.
func compareLine(p place) error {
	got, err := os.ReadFile(p.out)
	if err != nil {
		return err
	}
	want, err := os.ReadFile(filepath.Join(p.source, p.item))
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(got, []byte(p.line)) || !bytes.Contains(want, got) {
		return fmt.Errorf("%q of %s: %w", got, p.item, errDiffers)
	}
	return nil
}

// want chooses what Message, Chat and File ask for, the same for all tools that
// name things alike: the history's first media of some size, its conversation in the
// middle by size, and the message in the middle of that.
func (s *scenario) want(ctx context.Context, t tool, st step, p place) (place, error) {
	var err error
	switch {
	case st != Message && st != Chat && st != File:
	case s.own(t):
		err = p.chooseItem(ctx, st, s.env(t, p))
	case st == File:
		p.item, err = aMedia(p.source)
	default:
		if p.item, err = aChat(p.source); err == nil && st == Message {
			p.line, err = aLine(filepath.Join(p.source, p.item))
		}
	}
	return p, err
}

func aMedia(source string) (string, error) {
	names, err := names(source)
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

func aChat(source string) (string, error) {
	list, err := os.ReadDir(filepath.Join(source, "chats"))
	if err != nil || len(list) == 0 {
		return "", errors.Join(err, io.ErrUnexpectedEOF)
	}
	sizes := map[string]int64{}
	for _, e := range list {
		info, err := e.Info()
		if err != nil {
			return "", err
		}
		sizes[e.Name()] = info.Size()
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return cmp.Compare(sizes[a.Name()], sizes[b.Name()]) })
	return filepath.Join("chats", list[len(list)/2].Name()), nil
}

// aLine returns how the line in the middle of a file begins.
func aLine(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	_, rest, _ := bytes.Cut(data[len(data)/2:], []byte("\n"))
	id, _, ok := bytes.Cut(rest, []byte(","))
	if !ok {
		return "", fmt.Errorf("%s: %w", path, io.ErrUnexpectedEOF)
	}
	return string(id) + ",", nil
}
