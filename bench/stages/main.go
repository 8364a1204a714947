// Command stages says how fast a first run could be on this machine, by the
// benchmarks that stand beside the code of each stage, and how far the whole is from it:
//
//	go run ./bench/stages -scale 0.05
//
// It runs the benchmarks, makes up a history as a Signal local backup, and archives it
// with the command. What each stage would take for the bytes of that history is added
// up: the sum is processor time, and spread over all processors the ceiling. The whole
// does more (sorting, files, an index on a disk), and waits.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
)

func main() {
	scale := flag.Float64("scale", 0.05, "of the history: 1 is a million messages, 3 GB of media")
	benchtime := flag.String("benchtime", "0.3s", "of each benchmark")
	work := flag.String("work", "", "folder for the history and the archive; empty: a temporary one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *scale, *benchtime, *work); err != nil {
		fmt.Fprintln(os.Stderr, "stages:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, scale float64, benchtime, work string) error {
	rates, err := measure(ctx, benchtime)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(work, "stages-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w, err := firstRun(ctx, dir, scale)
	if err != nil {
		return err
	}
	return w.print(os.Stdout, rates, runtime.NumCPU())
}
