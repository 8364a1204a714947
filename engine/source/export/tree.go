package export

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// A tree is where an export lies: a folder or a ZIP file.
type tree interface {
	// open returns a file by its path with slashes, and its size.
	open(name string) (io.ReadCloser, int64, error)
	// media calls fn with the path and the size of each file below files.
	media(fn func(path string, size int64)) error
	io.Closer
}

func openTree(path string) (tree, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, err
		}
		return folder{root}, nil
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("neither a folder nor a file: %w", signal.ErrFormat)
	}
	return openZip(path)
}

// folder is an export in a folder. Nothing outside of it is read.
type folder struct{ *os.Root }

func (f folder) open(name string) (io.ReadCloser, int64, error) {
	info, err := f.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a regular file: %w", name, signal.ErrFormat)
	}
	if err != nil {
		return nil, 0, err
	}
	file, err := f.Open(name)
	if err != nil {
		return nil, 0, err
	}
	if info, err = file.Stat(); err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

func (f folder) media(fn func(string, int64)) error {
	if info, err := f.Lstat("files"); err != nil || !info.IsDir() {
		return nil // an export without media
	}
	return fs.WalkDir(f.FS(), "files", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // what cannot be listed is missing
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		size := info.Size()
		if !info.Mode().IsRegular() {
			size = -1
		}
		fn(path, size)
		return nil
	})
}

// zipped is an export in a ZIP file.
type zipped struct {
	*zip.ReadCloser
	byName map[string]*zip.File
}

// A main.jsonl that unpacks to more than maxRatio times its size is a bomb, once it is
// longer than ratioFrom bytes. Text packs 3 to 20 times.
const (
	maxRatio  = 250
	ratioFrom = 64 << 20
)

// openZip refuses a ZIP with a name that climbs out, is absolute, or stands there
// twice, and one with links in it.
func openZip(path string) (tree, error) {
	r, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("ZIP: %v: %w", err, signal.ErrFormat)
	}
	z := zipped{r, map[string]*zip.File{}}
	for _, f := range r.File {
		if f.Name == "main.jsonl" && f.UncompressedSize64 > ratioFrom && f.UncompressedSize64/maxRatio > f.CompressedSize64 {
			r.Close()
			return nil, fmt.Errorf("ZIP: main.jsonl unpacks to more than %d times its size: %w", maxRatio, signal.ErrFormat)
		}
		name := strings.TrimSuffix(f.Name, "/")
		_, twice := z.byName[name]
		mode := f.Mode()
		if twice || !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") || !mode.IsDir() && !mode.IsRegular() {
			r.Close()
			return nil, fmt.Errorf("ZIP: an entry with a name or a kind that no export has: %w", signal.ErrFormat)
		}
		z.byName[name] = f
	}
	return z, nil
}

func (z zipped) open(name string) (io.ReadCloser, int64, error) {
	f, ok := z.byName[name]
	if !ok || f.Mode().IsDir() {
		return nil, 0, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	r, err := f.Open()
	if err != nil {
		return nil, 0, fmt.Errorf("ZIP: %v: %w", err, signal.ErrFormat)
	}
	size := int64(min(f.UncompressedSize64, 1<<62))
	return &unzipped{r, size}, size, nil
}

// unzipped reads one file of a ZIP, and no more than the ZIP says that it has.
type unzipped struct {
	io.ReadCloser
	left int64
}

// Read says of damage that it is signal.ErrCorrupt.
func (u *unzipped) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	if u.left -= int64(n); u.left < 0 || err != nil && err != io.EOF {
		return 0, fmt.Errorf("ZIP: damaged: %w", signal.ErrCorrupt)
	}
	return n, err
}

func (z zipped) media(fn func(string, int64)) error {
	for name, f := range z.byName {
		if strings.HasPrefix(name, "files/") && !f.Mode().IsDir() {
			fn(name, int64(min(f.UncompressedSize64, 1<<62)))
		}
	}
	return nil
}
