package corpus

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/dayfold/dayfold/engine/source/signal"
)

const snapshotLayout = "signal-backup-2006-01-02-15-04-05"

// writeSignalLocal does as Signal does: the media that are missing, a new snapshot
// under a temporary name, then only the two newest snapshots and their media stay.
func writeSignalLocal(ctx context.Context, d *Day, root string) error {
	key, err := signal.ParseKey(d.c.SignalKey())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(root, "files"), 0o755); err != nil { // there without media as well
		return err
	}
	names, err := d.signalFiles(ctx, root)
	if err != nil {
		return err
	}
	snapshot := filepath.Join(root, d.Time().Format(snapshotLayout))
	tmp := snapshot + "-tmp"
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return err
	}
	id := signal.BackupID(key, [16]byte(d.c.bytes("aci", ^uint64(0), 16)))
	fills := map[string]func(io.Writer) error{
		"main": func(w io.Writer) error { return d.writeMain(ctx, w, signal.Derive(key, id)) },
		"files": func(w io.Writer) error {
			_, err := w.Write(names)
			return err
		},
		"metadata": func(w io.Writer) error {
			b, err := signal.SealMetadata(d.c.stream("metadata iv", uint64(d.n)), key, id)
			if err == nil {
				_, err = w.Write(b)
			}
			return err
		},
	}
	for name, fill := range fills {
		if err := writeFile(filepath.Join(tmp, name), d.Time(), fill); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(snapshot); err != nil {
		return err
	}
	if err := os.Rename(tmp, snapshot); err != nil {
		return err
	}
	return pruneSignal(root)
}

// signalFiles writes the media that are missing and returns the list "files".
func (d *Day) signalFiles(ctx context.Context, root string) ([]byte, error) {
	unique, times := d.unique()
	d.c.hashAll(unique)
	var list []byte
	var files []file
	for i := range unique {
		m, at := unique[i], d.c.signalMedia(&unique[i])
		list = signal.AppendFilesEntry(list, at.Name())
		files = append(files, file{"files/" + at.Name().Path(), times[i], func(w io.Writer) error {
			return at.SealMedia(w, d.c.stream("media iv", m.Content), d.c.Content(&m))
		}})
	}
	return list, writeFiles(ctx, root, files)
}

// unique returns one media for each content of the day, and when it was first seen.
func (d *Day) unique() (unique []Media, times []time.Time) {
	seen := map[uint64]bool{}
	for m := range d.Media() {
		if !seen[m.Content] {
			seen[m.Content] = true
			unique = append(unique, m)
			times = append(times, d.c.basics(m.Seq).at)
		}
	}
	return unique, times
}

func (d *Day) writeMain(ctx context.Context, w io.Writer, keys *signal.Keys) error {
	main, err := keys.NewMainWriter(w, d.c.stream("main iv", uint64(d.n)))
	if err != nil {
		return err
	}
	for frame := range d.frames() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := main.Frame(frame); err != nil {
			return err
		}
	}
	return main.Close()
}

// pruneSignal removes all but the two newest snapshots, and media that neither lists.
func pruneSignal(root string) error {
	snapshots, err := filepath.Glob(filepath.Join(root, "signal-backup-*"))
	if err != nil {
		return err
	}
	sort.Strings(snapshots)
	for ; len(snapshots) > 2; snapshots = snapshots[1:] {
		if err := os.RemoveAll(snapshots[0]); err != nil {
			return err
		}
	}
	keep := map[string]bool{}
	for _, s := range snapshots {
		list, err := os.ReadFile(filepath.Join(s, "files"))
		if err != nil {
			return err
		}
		// Every entry is as long as the first: two lengths, a tag, 64 hex digits.
		const entry = 1 + 2 + 64
		for e := range bytesOf(list, entry) {
			name := string(e[entry-64:])
			keep[name[:2]+"/"+name] = true
		}
	}
	return keepOnly(filepath.Join(root, "files"), keep)
}

// bytesOf yields b in pieces of n bytes.
func bytesOf(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for r := bytes.NewBuffer(b); r.Len() >= n; {
			if !yield(r.Next(n)) {
				return
			}
		}
	}
}
