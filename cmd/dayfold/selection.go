package main

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"io/fs"
	"iter"
	"slices"

	"github.com/spf13/pflag"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signalv1"
)

// A selection is the part of a snapshot that flags ask for: items that match every one
// that is given. Media follow the messages that show them: with --group, --since,
// --until they are chosen if a chosen message needs them.
type selection struct {
	kinds        []string
	group        string
	since, until date
	prefix       string
}

func (s *selection) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&s.kinds, "kind", nil, "only items of this `KIND`: message, media, other")
	f.StringVar(&s.group, "group", "", "only this `GROUP`, a conversation, with its media")
	f.Var(&s.since, "since", "only what is not older, with its media")
	f.Var(&s.until, "until", "only what is older, with its media")
	f.StringVar(&s.prefix, "prefix", "", "only keys that begin with `KEYPREFIX`")
}

// kindNames are the words for the engine's kinds.
var kindNames = map[string]engine.Kind{"message": engine.Message, "media": engine.Media, "other": engine.Other}

func parseKind(name string) (engine.Kind, error) {
	k, ok := kindNames[name]
	if !ok {
		return 0, misused("--kind %s: there are message, media, other", visible(name))
	}
	return k, nil
}

// withoutMedia says that media are not selected though messages may be that show them.
func (s *selection) withoutMedia() bool {
	return len(s.kinds) > 0 && !slices.Contains(s.kinds, "media") || s.prefix != ""
}

// of is what of a snapshot is selected.
func (s *selection) of(ctx context.Context, v *engine.View) (signalv1.Rows, error) {
	p := &part{View: v, prefix: []byte(s.prefix), group: []byte(s.group), since: s.since, until: s.until, seed: maphash.MakeSeed()}
	for _, name := range s.kinds {
		k, err := parseKind(name)
		if err != nil {
			return nil, err
		}
		p.kinds = append(p.kinds, k)
	}
	if !p.byMessage() && len(p.kinds) == 0 && len(p.prefix) == 0 {
		return v, nil
	}
	return p, p.survey(ctx)
}

// A part is a History of selected items.
type part struct {
	*engine.View
	kinds         []engine.Kind
	prefix, group []byte
	since, until  date

	seed   maphash.Seed
	needed []uint64 // hashes of the keys that chosen messages need, sorted
}

// byMessage says whether media are chosen by the messages that show them.
func (p *part) byMessage() bool { return len(p.group) > 0 || !p.since.IsZero() || !p.until.IsZero() }

// survey notes what the chosen messages need, 8 bytes for each.
func (p *part) survey(ctx context.Context) error {
	if !p.byMessage() {
		return nil
	}
	for it, err := range p.View.Items(ctx) {
		var lost *engine.Problem
		if errors.As(err, &lost) {
			continue // Items says so
		}
		if err != nil {
			return err
		}
		if it.Kind == engine.Media || !p.matches(&it) {
			continue
		}
		for _, key := range it.Needs {
			p.needed = append(p.needed, maphash.Bytes(p.seed, key))
		}
	}
	slices.Sort(p.needed)
	p.needed = slices.Compact(p.needed)
	return nil
}

// matches says whether an item that is no media is of the group and the time.
func (p *part) matches(it *engine.Item) bool {
	switch {
	case len(p.group) > 0 && len(it.Group) > 0 && !bytes.Equal(it.Group, p.group):
		return false
	case len(p.group) > 0 && len(it.Group) == 0 && it.Kind == engine.Message:
		return false
	case it.Kind == engine.Other && len(it.Group) == 0 && p.aboutPeople():
		return true // accounts and recipients: without them no chat can be read
	case !p.since.IsZero() && it.Time.Before(p.since.Time), !p.until.IsZero() && !it.Time.Before(p.until.Time):
		return it.Kind == engine.Other && p.aboutPeople()
	}
	return true
}

// aboutPeople says that the history is one of chats, not of files.
func (p *part) aboutPeople() bool { return p.Info().Kind != "dir" }

// has says whether an item is in the part.
func (p *part) has(it *engine.Item) bool {
	if len(p.kinds) > 0 && !slices.Contains(p.kinds, it.Kind) || !bytes.HasPrefix(it.Key, p.prefix) {
		return false
	}
	if it.Kind != engine.Media || !p.byMessage() {
		return p.matches(it)
	}
	_, ok := slices.BinarySearch(p.needed, maphash.Bytes(p.seed, it.Key))
	return ok
}

// Items yields the selected items in key order.
func (p *part) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return p.Prefix(ctx, p.prefix)
}

// Prefix yields the selected items whose keys begin with prefix, in key order.
func (p *part) Prefix(ctx context.Context, prefix []byte) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		for it, err := range p.View.Prefix(ctx, prefix) {
			if (err != nil || p.has(&it)) && !yield(it, err) {
				return
			}
		}
	}
}

// Item returns a selected item by its key.
func (p *part) Item(ctx context.Context, key []byte) (engine.Item, error) {
	it, err := p.View.Item(ctx, key)
	if err == nil && !p.has(&it) {
		return engine.Item{}, errNotSelected
	}
	return it, err
}

var errNotSelected = errors.Join(errors.New("not selected"), fs.ErrNotExist)
