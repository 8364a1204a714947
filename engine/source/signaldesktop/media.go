package signaldesktop

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// mediaDir is where they lie.
const mediaDir = "attachments.noindex"

// A file is a media file of the profile.
type file struct {
	path   string // below the profile
	media  signal.Media
	sealed bool
	exact  bool // the media's hash is that of its content
}

// pathHash stands for the hash of a file whose hash is not known.
func pathHash(path string) [32]byte {
	return sha256.Sum256([]byte("dayfold 1 signal desktop path " + path))
}

// media yields an item for each media that was shown.
func (p *pass) media() error {
	shown := slices.SortedFunc(p.ledger.Media(), func(a, b *signal.Medium) int {
		return cmp.Or(bytes.Compare(a.Name[:], b.Name[:]), strings.Compare(a.Group, b.Group))
	})
	for i, m := range shown {
		again := i > 0 && m.Name == shown[i-1].Name // another conversation shows it, too
		it, err := p.medium(m, p.files[m.Name], again)
		if err := p.give(it, err); err != nil {
			return err
		}
	}
	return nil
}

// medium returns the item of a media. again says that its file is counted already.
func (p *pass) medium(m *signal.Medium, f file, again bool) (engine.Item, error) {
	it := engine.Item{Key: []byte(m.Key), Group: []byte(m.Group), Kind: engine.Media, Stamp: m.Name[:], Time: m.Time, ViewOnce: m.Once, Text: m.Text, Meta: []byte(m.Ext)}
	if !again {
		p.report.count("media")
	}
	if m.Once {
		it.Size = int64(m.Media.Size)
		return it, nil
	}
	s := p.Source
	size, err := s.sizeOf(f.path)
	if err != nil {
		return it, s.lost(it.Key, m.Name, err)
	}
	if !again {
		p.report.file(size)
	}
	it.Size = int64(m.Media.Size)
	switch {
	case f.sealed && size != signal.SealedSize(it.Size), !f.sealed && it.Size != 0 && size != it.Size:
		return it, s.altered(it.Key, m.Name, fmt.Errorf("file of %d bytes for a content of %d: %w", size, it.Size, signal.ErrCorrupt))
	case !f.sealed:
		it.Size = size
	}
	it.Open = func(context.Context) (io.ReadCloser, error) {
		r, err := s.openFile(f, it.Size)
		if err != nil {
			return nil, s.altered(it.Key, m.Name, err)
		}
		return &checked{r, func(err error) error { return s.altered(it.Key, m.Name, err) }}, nil
	}
	return it, nil
}

// errPath: a row names a file outside of the profile's folders.
var errPath = fmt.Errorf("a path out of the folder of attachments: %w", signal.ErrFormat)

// sizeOf returns the size of a file of the profile, which must be a regular one.
func (s *Source) sizeOf(path string) (int64, error) {
	if !fs.ValidPath(path) {
		return 0, errPath
	}
	info, err := s.profile.Lstat(path)
	switch {
	case notThere(err):
		return 0, fs.ErrNotExist
	case err != nil:
		return 0, errPath
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("not a regular file: %w", fs.ErrNotExist)
	}
	return info.Size(), nil
}

// openFile returns the checked plaintext of a file.
func (s *Source) openFile(f file, size int64) (io.ReadCloser, error) {
	file, err := s.profile.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("media file: %w", pathless(err))
	}
	want := f.media.Hash
	if !f.exact {
		want = [32]byte{}
	}
	if !f.sealed {
		return &plain{file, sha256.New(), size, want}, nil
	}
	info, err := file.Stat()
	if err == nil {
		m := f.media
		m.Hash = want
		var r io.ReadCloser
		if r, err = m.Open(file, info.Size(), &s.scratch); err == nil {
			return &sealedFile{r, file}, nil
		}
	}
	file.Close()
	return nil, err
}

// A sealedFile is the plaintext of one.
type sealedFile struct {
	io.ReadCloser
	file *os.File
}

// Close ends the use of the file.
func (f *sealedFile) Close() error { return errors.Join(f.ReadCloser.Close(), f.file.Close()) }

// pathless is the cause of an error of the file system, without the path.
func pathless(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// plain is a file that is not sealed.
type plain struct {
	*os.File
	sum  hash.Hash
	left int64
	want [32]byte // zero: not known
}

// Read reads on, and checks length and hash at the end.
func (p *plain) Read(b []byte) (int, error) {
	n, err := p.File.Read(b)
	p.left -= int64(n)
	p.sum.Write(b[:n])
	if p.left < 0 || err == io.EOF && (p.left != 0 || p.want != [32]byte{} && !bytes.Equal(p.sum.Sum(nil), p.want[:])) {
		return 0, fmt.Errorf("media file: not what the message shows: %w", signal.ErrCorrupt)
	}
	return n, err
}

// WriteTo hides that of os.File, which would pass by Read.
func (p *plain) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{p})
}

// checked reports damage that shows only while reading as the media's.
type checked struct {
	io.ReadCloser
	report func(error) error
}

// Read reads on.
func (c *checked) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	if err != nil && err != io.EOF {
		err = c.report(err)
	}
	return n, err
}
