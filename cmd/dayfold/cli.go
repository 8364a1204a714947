package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// A cli is one run of the command: its streams and what the global flags say.
type cli struct {
	in       *os.File
	out, err io.Writer
	progress progress
	globals
}

func newCLI() *cli {
	c := &cli{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	c.progress.c = c
	return c
}

// asks says whether there is somebody to ask.
func (c *cli) asks() bool { return term.IsTerminal(int(c.in.Fd())) }

// print writes data for people to stdout. With --json there is none.
func (c *cli) print(format string, args ...any) {
	if !c.json {
		c.progress.clear()
		fmt.Fprintf(c.out, format, args...)
	}
}

// tell writes the outcome of a command for people, unless -q or --json is given.
func (c *cli) tell(format string, args ...any) {
	if !c.quiet {
		c.print(format, args...)
	}
}

// say is talk: to stderr, unless -q or --json is given.
func (c *cli) say(format string, args ...any) {
	if !c.quiet && !c.json {
		c.warn(format, args...)
	}
}

// warn is what people must see even with -q. Programs read it in the summary.
func (c *cli) warn(format string, args ...any) {
	if !c.json {
		c.progress.clear()
		fmt.Fprintf(c.err, format+"\n", args...)
	}
}

// emit writes a JSON line to stdout, if --json is given.
func (c *cli) emit(v any) error {
	if !c.json {
		return nil
	}
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s\n", line)
	return err
}

// visible is a name as it may stand on a terminal: on one line, and without what
// would move the cursor or hide something.
func visible[T string | []byte](name T) string {
	s := string(name)
	hidden := func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	return strconv.Quote(s)
}

// oneLine keeps a message on its line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return ' '
		}
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

// stamp is a time as JSON carries it; nil for the zero time.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.000Z")
	return &s
}

// clock is a time as people read it.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}
