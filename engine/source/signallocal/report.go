package signallocal

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// A Report says how main, the list of names and the folder of media agree. It is
// whole when Items has ended; Altered grows while contents are read.
type Report struct {
	Snapshot   string   // the folder that was read
	Unfinished []string // folders of snapshots that lack a file or were not finished
	Frames     map[signal.FrameKind]int64
	Unreadable int64 // frames that are no protobuf
	Media      int64 // that main shows
	// Files lie in the folder of media, of Bytes in all.
	Files, Bytes int64
	// Missing media are shown by main, but not in the folder; Altered ones are not
	// what was shown (size, HMAC, hash).
	Missing, Altered signal.Names
	// Unlisted media are shown by main and not in the snapshot's list; Unshown ones
	// are in the list and not shown.
	Unlisted, Unshown signal.Names
	// Superfluous files lie in the folder, and no snapshot shows or lists them.
	Superfluous signal.Names
	// ListDamaged says that the list cannot be read to its end.
	ListDamaged bool
}

type report struct {
	mu sync.Mutex
	Report
}

// Report returns what is known so far.
func (s *Source) Report() Report {
	s.report.mu.Lock()
	defer s.report.mu.Unlock()
	r := s.report.Report
	r.Frames = maps.Clone(r.Frames)
	for _, n := range []*signal.Names{&r.Missing, &r.Altered, &r.Unlisted, &r.Unshown, &r.Superfluous} {
		n.Names = slices.Clone(n.Names)
	}
	return r
}

func (r *report) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Report = Report{Snapshot: r.Snapshot, Unfinished: r.Unfinished, Frames: map[signal.FrameKind]int64{}}
}

func (r *report) frame(kind signal.FrameKind, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.Unreadable++
		return
	}
	r.Frames[kind]++
}

// lost notes and returns that a media's file is missing (size -1) or too long or short.
func (s *Source) lost(m *signal.Medium, size int64) error {
	if size >= 0 {
		return s.altered(m, fmt.Errorf("file of %d bytes, want %d: %w", size, signal.SealedSize(int64(m.Media.Size)), signal.ErrCorrupt))
	}
	s.report.mu.Lock()
	s.report.Missing.AddOnce(m.Name.String())
	s.report.mu.Unlock()
	return &engine.Problem{Key: []byte(m.Key), Err: fmt.Errorf("media file: %w", fs.ErrNotExist)}
}

// altered notes and returns that a media's file is not what main shows.
func (s *Source) altered(m *signal.Medium, err error) error {
	s.report.mu.Lock()
	defer s.report.mu.Unlock()
	s.report.Altered.AddOnce(m.Name.String())
	return &engine.Problem{Key: []byte(m.Key), Err: err}
}

// compare notes how the media that main shows, sorted by name, agree with the list and
// the folder. It returns the size of each one's file, -1 for none.
func (s *Source) compare(shown []*signal.Medium) []int64 {
	s.report.mu.Lock()
	defer s.report.mu.Unlock()
	known := map[signal.MediaName]struct{}{}
	for _, name := range s.others {
		s.list(name, func(n signal.MediaName) { known[n] = struct{}{} })
	}
	listed := map[signal.MediaName]struct{}{}
	s.report.ListDamaged = s.list(s.name, func(n signal.MediaName) {
		listed[n] = struct{}{}
		if _, ok := search(shown, n); !ok {
			known[n] = struct{}{}
			s.report.Unshown.Add(n.String())
		}
	}) != nil
	sizes := make([]int64, len(shown))
	for i, m := range shown {
		sizes[i] = -1
		if i > 0 && m.Name == shown[i-1].Name {
			continue // another conversation shows it, too
		}
		s.report.Media++
		if _, ok := listed[m.Name]; !ok && !m.Once {
			s.report.Unlisted.Add(m.Name.String())
		}
	}
	s.folder(func(n signal.MediaName, size int64) {
		if i, ok := search(shown, n); ok {
			for ; i < len(shown) && shown[i].Name == n; i++ {
				sizes[i] = size
			}
		} else if _, ok := known[n]; !ok {
			s.report.Superfluous.Add(n.String())
		}
	})
	return sizes
}

func search(shown []*signal.Medium, n signal.MediaName) (int, bool) {
	return slices.BinarySearchFunc(shown, n, func(m *signal.Medium, n signal.MediaName) int {
		return slices.Compare(m.Name[:], n[:])
	})
}

// folder calls fn for each media file in the folder, and notes what is none.
func (s *Source) folder(fn func(signal.MediaName, int64)) {
	for i := range 256 {
		dir := fmt.Sprintf("files/%02x", i)
		entries, _ := fs.ReadDir(s.root.FS(), dir) // what cannot be listed is missing
		for _, e := range entries {
			name, err := signal.ParseMediaName(e.Name())
			info, statErr := e.Info()
			if err != nil || int(name[0]) != i || statErr != nil || !info.Mode().IsRegular() {
				s.report.Superfluous.Add(fmt.Sprintf("%02x/(%d characters)", i, len(e.Name())))
				continue
			}
			s.report.Files++
			s.report.Bytes += info.Size()
			fn(name, info.Size())
		}
	}
}

// list calls fn for each name in a snapshot's list. Nothing authenticates it, so it
// is not believed further than this.
func (s *Source) list(snapshot string, fn func(signal.MediaName)) error {
	f, _, err := openRegular(s.root, snapshot+"/files")
	if err != nil {
		return err
	}
	defer f.Close()
	return readList(f, fn)
}

const maxListEntry = 1024 // bytes

func readList(f *os.File, fn func(signal.MediaName)) error {
	r := bufio.NewReader(f)
	for {
		n, err := binary.ReadUvarint(r)
		if err == io.EOF {
			return nil
		}
		if err != nil || n > maxListEntry {
			return fmt.Errorf("files: %w", signal.ErrCorrupt)
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			return fmt.Errorf("files: %w", signal.ErrCorrupt)
		}
		name, err := signal.ParseFilesEntry(b)
		if err != nil {
			return err
		}
		fn(name)
	}
}
