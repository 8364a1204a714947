package dir

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/dayfold/dayfold/engine"
)

// open opens the file that was listed as info under key. Another inode there, or
// one that has changed since, is a Problem. O_NONBLOCK keeps a pipe that has taken
// the file's place from holding up the run.
func (s *Source) open(key string, info fs.FileInfo) (io.ReadCloser, error) {
	f, err := s.root.OpenFile(filepath.FromSlash(key), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, &engine.Problem{Key: []byte(key), Err: bare(err)}
	}
	r := &reader{f: f, key: key, info: info}
	if !r.same() {
		f.Close()
		return nil, r.changed()
	}
	return r, nil
}

// A reader gives the content of a file up to the size it was listed with, and
// ends with io.EOF only if the file is then still what it was at first.
type reader struct {
	f    *os.File
	key  string
	info fs.FileInfo
	read int64
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.f.Read(p)
	r.read += int64(n)
	if err != nil && err != io.EOF {
		return n, &engine.Problem{Key: []byte(r.key), Err: bare(err)}
	}
	if r.read < r.info.Size() && err == nil {
		return n, nil
	}
	// The last bytes are given only together with the verdict, so that a caller
	// who knows the size and stops there has heard it too.
	if r.read != r.info.Size() || !r.same() {
		return 0, r.changed()
	}
	return n, io.EOF
}

func (r *reader) Close() error { return r.f.Close() }

// same says whether the open file is the one that was listed, unchanged.
func (r *reader) same() bool {
	now, err := r.f.Stat()
	if err != nil || !os.SameFile(r.info, now) {
		return false
	}
	then, _ := changeTime(r.info)
	at, _ := changeTime(now)
	return now.Mode().IsRegular() && now.Size() == r.info.Size() &&
		now.ModTime().Equal(r.info.ModTime()) && at.Equal(then)
}

func (r *reader) changed() error {
	return &engine.Problem{Key: []byte(r.key), Err: ErrChanged}
}
