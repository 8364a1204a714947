package engine

import (
	"context"
	"errors"
	"time"
)

// Survey goes over a source as a Backup with these rules would at the time now, without
// reading a content and without an archive. It calls visit with each item and why it
// would stay out ("": it would not); visit may read the content, and what it returns is
// a Problem or ends the pass. The report has items, bytes, what is excluded and what
// could not be read.
func (r Rules) Survey(ctx context.Context, src Source, now time.Time, visit func(it *Item, reason string) error) (Report, error) {
	s := sifting{rules: r, now: now, needed: needs{}, visit: visit, rep: Report{Excluded: map[string]int64{}}}
	var media []Item
	for it, err := range src.Items(ctx) {
		if err == nil && it.check() != nil {
			err = &Problem{Key: it.Key, Err: it.check()}
		}
		if err == nil && it.Kind == Media {
			media = append(media, it) // until all that may name it was seen
			continue
		}
		if err == nil {
			err = s.take(&it)
		}
		if err := s.settle(ctx, err); err != nil {
			return s.rep, err
		}
	}
	for i := range media {
		if err := s.settle(ctx, s.take(&media[i])); err != nil {
			return s.rep, err
		}
	}
	return s.rep, nil
}

// A sifting is one pass of Survey.
type sifting struct {
	rules  Rules
	now    time.Time
	needed needs
	visit  func(*Item, string) error
	rep    Report
}

// take judges an item as items and item do in a run.
func (s *sifting) take(it *Item) error {
	reason := s.rules.exclude(it, s.now)
	if reason == "" && it.Kind == Media {
		keep, err := s.needed.settle(it)
		switch {
		case err != nil:
			return err
		case !keep:
			reason = becauseUnnamed
		case s.rules.exclude(it, s.now) != "":
			reason = becauseExpiring
		}
	}
	if err := s.needed.note(it, reason != ""); err != nil {
		return err
	}
	if reason == "" {
		s.rep.Items++
		s.rep.Bytes += it.Size
	} else {
		s.rep.Excluded[reason]++
	}
	return s.visit(it, reason)
}

// settle notes an error that concerns one item, and returns one that ends the pass.
func (s *sifting) settle(ctx context.Context, err error) error {
	var p *Problem
	if !errors.As(err, &p) {
		return errors.Join(err, ctx.Err())
	}
	if s.rep.Missing++; len(s.rep.Problems) < maxProblems {
		s.rep.Problems = append(s.rep.Problems, p)
	}
	return ctx.Err()
}
