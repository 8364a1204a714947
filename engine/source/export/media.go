package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// A found is a media file in the folder.
type found struct {
	path, ext string
	size      int64
}

// media yields an item for each media that a line shows, and for each that lies in the
// folder without being shown.
func (s *Source) media(ctx context.Context, ledger *signal.Ledger, yield func(engine.Item, error) bool) error {
	files, err := s.files()
	if err != nil {
		return err
	}
	shown := slices.SortedFunc(ledger.Media(), func(a, b *signal.Medium) int { return strings.Compare(a.Key, b.Key) })
	known := map[signal.MediaName]bool{}
	for _, m := range shown {
		known[m.Name] = true
	}
	s.mu.Lock()
	s.report.Media = int64(len(known))
	s.mu.Unlock()
	for _, m := range shown {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, ok := files[m.Name]
		it, err := s.medium(m, f, ok)
		if !yield(it, err) {
			return nil
		}
	}
	for name := range known {
		delete(files, name)
	}
	return s.unshown(files, yield)
}

// files returns the media files in the folder by name, and notes what is none.
func (s *Source) files() (map[signal.MediaName]found, error) {
	files := map[signal.MediaName]found{}
	err := s.tree.media(func(path string, size int64) {
		name, ext, ok := parsePath(path)
		_, twice := files[name]
		if !ok || twice || size < 0 {
			s.mu.Lock()
			s.report.Foreign.Add(fmt.Sprintf("(%d characters)", len(path)))
			s.mu.Unlock()
			return
		}
		files[name] = found{path, ext, size}
		s.mu.Lock()
		s.report.Files++
		s.report.Bytes += size
		s.mu.Unlock()
	})
	return files, err
}

// parsePath takes files/ab/ab12….jpg apart.
func parsePath(path string) (name signal.MediaName, ext string, ok bool) {
	dir, file, _ := strings.Cut(strings.TrimPrefix(path, "files/"), "/")
	stem, ext, _ := strings.Cut(file, ".")
	name, err := signal.ParseMediaName(stem)
	return name, ext, err == nil && dir == stem[:2] && (ext == "" || signal.AllowedExtension(ext))
}

func (s *Source) medium(m *signal.Medium, f found, there bool) (engine.Item, error) {
	it := engine.Item{Key: []byte(m.Key), Group: []byte(m.Group), Kind: engine.Media, Stamp: m.Name[:], Time: m.Time,
		ViewOnce: m.Once, Text: m.Text, Size: int64(m.Media.Size), Meta: []byte(f.ext)}
	switch {
	case m.Once:
		return it, nil
	case !there:
		s.note(&s.report.Missing, m.Name)
		return it, &engine.Problem{Key: it.Key, Err: fmt.Errorf("media file: %w", fs.ErrNotExist)}
	case f.size != it.Size:
		return it, s.altered(it.Key, m.Name, fmt.Errorf("file of %d bytes, want %d: %w", f.size, it.Size, signal.ErrCorrupt))
	}
	it.Open = s.opener(it.Key, m.Name, f, m.Media.Hash)
	return it, nil
}

// unshown yields the files that nothing shows. Their content is not known beforehand.
func (s *Source) unshown(files map[signal.MediaName]found, yield func(engine.Item, error) bool) error {
	names := make([]signal.MediaName, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b signal.MediaName) int { return bytes.Compare(a[:], b[:]) })
	for _, name := range names {
		f := files[name]
		s.note(&s.report.Unshown, name)
		it := engine.Item{Key: []byte("p/9999/" + name.String()), Kind: engine.Media, Size: f.size, Meta: []byte(f.ext)}
		it.Open = s.opener(it.Key, name, f, [32]byte{})
		if !yield(it, nil) {
			return nil
		}
	}
	return nil
}

// opener returns how a file is opened. At its end its size is checked, and its hash if
// it is not zero.
func (s *Source) opener(key []byte, name signal.MediaName, f found, hash [32]byte) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) {
		r, _, err := s.tree.open(f.path)
		if err != nil {
			return nil, s.altered(key, name, err)
		}
		return &content{r, sha256.New(), f.size, hash, func(err error) error { return s.altered(key, name, err) }}, nil
	}
}

// A content is a media file that is checked while it is read.
type content struct {
	io.ReadCloser
	sum    hash.Hash
	left   int64
	want   [32]byte
	report func(error) error
}

// Read reads on, and checks.
func (c *content) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.left -= int64(n)
	switch {
	case c.left < 0 || err == io.EOF && c.left > 0:
		return 0, c.report(fmt.Errorf("its size changed: %w", signal.ErrCorrupt))
	case err != nil && err != io.EOF:
		return 0, c.report(fmt.Errorf("%v: %w", err, signal.ErrCorrupt))
	}
	if c.want == [32]byte{} {
		return n, err
	}
	if c.sum.Write(p[:n]); err == io.EOF && !bytes.Equal(c.sum.Sum(nil), c.want[:]) {
		return 0, c.report(fmt.Errorf("content differs from its hash: %w", signal.ErrCorrupt))
	}
	return n, err
}
