package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A whole is what a first run of the command did, and took in seconds.
type whole struct {
	amount
	wall, cpu float64
}

// meanLeaf and meanMedia are bytes of a leaf and of a media's chunk, to guess how many
// blobs there are.
const meanLeaf, meanMedia = 2000, 500_000

// firstRun archives a history with the command, everything below dir.
func firstRun(ctx context.Context, dir string, scale float64) (w whole, err error) {
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, argv := range [][]string{
		{"go", "build", "-o", dir + "/", "./cmd/dayfold", "./bench/corpus/gen"},
		{at("gen"), "-format", "signal-local", "-scale", fmt.Sprint(scale), "-begin", time.Now().Format(time.DateOnly), "-out", at("history"), "-key-file", at("signal-key")},
		{at("dayfold"), "-q", "init"},
	} {
		if _, err := command(ctx, dir, argv...).Output(); err != nil {
			return w, fmt.Errorf("%s: %w", filepath.Base(argv[0]), err)
		}
	}
	cmd := command(ctx, dir, at("dayfold"), "--json", "backup", "--kind", "signal-local", "--signal-key-file", at("signal-key"), at("history"))
	start := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return w, fmt.Errorf("backup: %w", err)
	}
	w.wall = time.Since(start).Seconds()
	w.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if err := w.take(out); err != nil {
		return w, err
	}
	w.main, err = sizeOf(at("history"), "main")
	return w, err
}

// take reads how much there was to do from what the command said.
func (w *whole) take(summary []byte) error {
	var sum struct {
		Bytes float64 `json:"bytes"`
		Read  float64 `json:"bytes_read"`
		Packs float64 `json:"packs"`
	}
	if err := json.Unmarshal(summary, &sum); err != nil {
		return fmt.Errorf("what backup said: %w", err)
	}
	w.media, w.frames, w.packs = sum.Read, sum.Bytes-sum.Read, sum.Packs
	w.blobs = w.frames/meanLeaf + w.media/meanMedia
	return nil
}

func command(ctx context.Context, dir string, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "DAYFOLD_REPO="+dir+"/repo", "DAYFOLD_KEY_FILE="+dir+"/key", "DAYFOLD_CACHE_DIR="+dir+"/cache", "XDG_CONFIG_HOME="+dir+"/config")
	return cmd
}

// sizeOf is the length of all files of that name below root.
func sizeOf(root, name string) (n float64, err error) {
	err = filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != name || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += float64(info.Size())
		}
		return err
	})
	return n, err
}
