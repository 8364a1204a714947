package corpus

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/dayfold/dayfold/engine/source/signal"
	"golang.org/x/sync/errgroup"
)

// writeExport writes main.jsonl anew, and of the media what came and what went.
func writeExport(ctx context.Context, d *Day, root string) error {
	unique, times := d.unique()
	d.c.hashAll(unique)
	var files []file
	keep := map[string]bool{}
	for i := range unique {
		m, at := unique[i], d.c.signalMedia(&unique[i])
		path := at.Name().Path() + "." + m.Ext()
		keep[path] = true
		files = append(files, file{"files/" + path, times[i], d.c.contentOf(m)})
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	version := func(w io.Writer) error {
		_, err := io.WriteString(w, "{\"version\":1}\n")
		return err
	}
	return errors.Join(
		keepOnly(filepath.Join(root, "files"), keep),
		writeFiles(ctx, root, append(files, file{"metadata.json", d.c.scale.Begin, version})),
		writeFile(filepath.Join(root, "main.jsonl"), d.Time(), func(w io.Writer) error { return d.writeLines(ctx, w) }))
}

func (d *Day) writeLines(ctx context.Context, w io.Writer) error {
	var line []byte
	form := signal.AppendInfoJSON
	for frame := range d.frames() {
		out, _, err := form(line[:0], frame)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		line = append(out, '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
		form = signal.AppendJSON
	}
	return nil
}

// contentOf returns what fills a file with the media's bytes.
func (c *Corpus) contentOf(m Media) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, c.Content(&m), make([]byte, 256<<10))
		return err
	}
}

// hashAll computes the hashes of all media, on all cores.
func (c *Corpus) hashAll(media []Media) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range media {
		g.Go(func() error {
			c.Hash(&media[i])
			return nil
		})
	}
	g.Wait()
}
