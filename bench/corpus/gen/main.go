// Command gen writes a made-up history of package corpus to a folder, one day or
// day by day:
//
//	go run ./bench/corpus/gen -format signal-local -scale 0.01 -day 0..10 -out history
//
// It prints a line for each day, and for Signal's formats the key or passphrase, or
// writes that to -key-file. Days in between are written too, so that what lies in the
// folder is what ten days leave there; -then runs a shell command after each.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/dayfold/dayfold/bench/corpus"
)

func main() {
	format := flag.String("format", "signal-local", "signal-local, signal-v1, signal-export, dir or signal-desktop")
	scale := flag.Float64("scale", 0.01, "1: a million messages, 3 GB of media")
	media := flag.Float64("media", 1, "share of the scale's media: 0 is text only")
	begin := flag.String("begin", "", "date of day 0, as 2026-01-05; timers count from today's on")
	days := flag.String("day", "0", "a day, or from..to")
	seed := flag.Uint64("seed", 1, "other seeds give other histories")
	out := flag.String("out", "", "folder to write to")
	keyFile := flag.String("key-file", "", "where the key or passphrase goes")
	then := flag.String("then", "", "shell command to run after each day, with DAY set")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	size := corpus.Full.Times(*scale)
	size.MediaBytes = int64(float64(size.MediaBytes) * *media)
	var err error
	if *begin != "" {
		size.Begin, err = time.Parse(time.DateOnly, *begin)
	}
	if err == nil {
		c := corpus.New(*seed, size)
		err = run(ctx, c, corpus.Format(*format), *out, *days, *keyFile, *then)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c *corpus.Corpus, f corpus.Format, out, days, keyFile, then string) error {
	if out == "" {
		return fmt.Errorf("-out is missing")
	}
	from, to, err := between(days)
	if err != nil {
		return err
	}
	if secret := map[corpus.Format]string{corpus.SignalLocal: c.SignalKey(), corpus.SignalV1: c.SignalPassphrase()}[f]; secret != "" {
		if keyFile == "" {
			fmt.Println("key", secret)
		} else if err := os.WriteFile(keyFile, []byte(secret+"\n"), 0o600); err != nil {
			return err
		}
	}
	for day := from; day <= to; day++ {
		start := time.Now()
		if err := c.Write(ctx, out, f, day); err != nil {
			return err
		}
		fmt.Printf("day %d %s in %.2f s\n", day, out, time.Since(start).Seconds())
		if then == "" {
			continue
		}
		cmd := exec.CommandContext(ctx, "sh", "-c", then)
		cmd.Env = append(os.Environ(), fmt.Sprintf("DAY=%d", day))
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("day %d: %w", day, err)
		}
	}
	return nil
}

// between reads "3" or "0..10".
func between(days string) (from, to int, err error) {
	a, b, both := strings.Cut(days, "..")
	if from, err = strconv.Atoi(a); err != nil || from < 0 {
		return 0, 0, fmt.Errorf("-day %q: want a day or from..to", days)
	}
	if !both {
		return from, from, nil
	}
	if to, err = strconv.Atoi(b); err != nil || to < from {
		return 0, 0, fmt.Errorf("-day %q: want a day or from..to", days)
	}
	return from, to, nil
}
