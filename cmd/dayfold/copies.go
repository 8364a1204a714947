package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/pack/seal"
)

// repos is the flag --repo: the archive's place, and those of its copies.
type repos struct {
	first   *string
	further *[]string
	given   bool
}

// Set takes one more place.
func (r *repos) Set(url string) error {
	if r.given {
		*r.further = append(*r.further, url)
	} else {
		*r.first, r.given = url, true
	}
	return nil
}

// String is the archive's place.
func (r *repos) String() string {
	if r.first == nil {
		return ""
	}
	return *r.first
}

// Type says what a value is.
func (*repos) Type() string { return "URL" }

// at is the same command for another place.
func (c *cli) at(repo string) *cli {
	t := *c
	t.repo, t.copies, t.repoGiven, t.isCopy = repo, nil, true, true
	t.progress = progress{c: &t}
	return &t
}

// openCopy opens the copy of an archive in this place, or makes one.
func (c *cli) openCopy(ctx context.Context, of *archive) (*archive, error) {
	st, closeStore, err := c.openStore(ctx, true)
	if err != nil {
		return nil, err
	}
	if errors.Is(noArchive(ctx, st), engine.ErrNoArchive) {
		setAside(c.stateFile()) // of an archive that lay here before
	}
	a := &archive{secret: of.secret, close: []func(){closeStore}}
	err = c.attach(a, func(opt engine.Options) (*engine.Archive, error) { return of.OpenCopy(ctx, c.cached(a, st), opt) })
	if err != nil {
		a.Close()
		if errors.Is(err, seal.ErrWrongKey) {
			err = &exitError{exitWrongKey, fmt.Errorf("%s holds another archive, not a copy of this one", c.place())}
		}
		return nil, err
	}
	return a, nil
}

// copied is what this device knows of the copies of an archive.
type copied struct {
	Repo string    `json:"repo"`
	Time time.Time `json:"time"` // of the last copy to it
}

// copiesFile is where that is written; "" if there is nothing to remember.
func (c *cli) copiesFile() string {
	state := c.stateFile()
	if state == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(state), "copies.json")
}

func (c *cli) knownCopies() (known []copied, err error) {
	data, err := os.ReadFile(c.copiesFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &known)
	}
	return known, err
}

// remember notes that a copy of this archive lies in a place.
func (c *cli) remember(repo string) error {
	file := c.copiesFile()
	if file == "" {
		return nil
	}
	known, err := c.knownCopies()
	if err != nil {
		return err
	}
	if s, rest, err := parseURL(repo); err == nil && s.name == "file" {
		if abs, err := filepath.Abs(rest); err == nil {
			repo = abs
		}
	}
	known = slices.DeleteFunc(known, func(k copied) bool { return k.Repo == repo })
	data, err := json.Marshal(append(known, copied{repo, time.Now().UTC().Truncate(time.Second)}))
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}

// everywhere does in each copy what was done in the archive. It returns the places that
// were not reached: those given, which is an error, and those that this device knows of.
func (c *cli) everywhere(ctx context.Context, do func(*cli) error) (missed []string, err error) {
	reached := map[string]bool{c.placeHash(): true}
	for _, repo := range c.copies {
		t := c.at(repo)
		reached[t.placeHash()] = true
		if failed := do(t); failed != nil {
			if ctx.Err() != nil {
				return missed, ctx.Err()
			}
			c.warn("%s was not reached: %s", t.place(), oneLine(t.advice(failed)))
			missed = append(missed, t.place())
		}
	}
	if len(missed) > 0 {
		err = partial("not done in %s", strings.Join(missed, ", "))
	}
	known, readErr := c.knownCopies()
	if readErr != nil {
		return missed, readErr
	}
	for _, k := range known {
		if t := c.at(k.Repo); !reached[t.placeHash()] {
			c.warn("there is a copy in %s, of %s, which this did not reach", t.place(), clock(k.Time))
			missed = append(missed, t.place())
		}
	}
	return missed, err
}
