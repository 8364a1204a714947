package signaldesktop

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// A report says what a pass over the items has found.
type report struct {
	mu               sync.Mutex
	counts           map[string]int64
	files, bytes     int64
	unreadable       int64
	missing, altered signal.Names
}

func (r *report) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts, r.files, r.bytes, r.unreadable = map[string]int64{}, 0, 0, 0
	r.missing, r.altered = signal.Names{}, signal.Names{}
}

func (r *report) count(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[what]++
}

// absent counts what a message shows that was never downloaded.
func (r *report) absent() { r.count("media not downloaded") }

func (r *report) file(size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files, r.bytes = r.files+1, r.bytes+size
}

func (r *report) unread() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unreadable++
}

// lost notes and returns why a media has no file that can be read.
func (s *Source) lost(key []byte, name signal.MediaName, err error) error {
	s.report.mu.Lock()
	defer s.report.mu.Unlock()
	if errors.Is(err, fs.ErrNotExist) {
		s.report.missing.AddOnce(name.String())
	} else {
		s.report.altered.AddOnce(name.String())
	}
	return &engine.Problem{Key: key, Err: fmt.Errorf("media file: %w", err)}
}

// altered notes and returns that a media's file is not what was shown.
func (s *Source) altered(key []byte, name signal.MediaName, err error) error {
	s.report.mu.Lock()
	defer s.report.mu.Unlock()
	s.report.altered.AddOnce(name.String())
	return &engine.Problem{Key: key, Err: err}
}

// Look describes a profile without its key: when the app wrote last, and the files that
// lie there, of media and of what the app keeps in their folder.
func Look(dir string) (d signal.Description, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return d, fmt.Errorf("signal desktop: %w", err)
	}
	defer root.Close()
	for _, name := range []string{database, logFile} {
		if info, err := root.Stat(name); err == nil && info.ModTime().After(d.Made) {
			d.Made = info.ModTime().UTC()
		}
	}
	if d.Made.IsZero() {
		return d, fmt.Errorf("signal desktop: no %s: %w", database, signal.ErrFormat)
	}
	err = fs.WalkDir(root.FS(), mediaDir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil // what cannot be listed shows when it is read
		}
		if info, err := e.Info(); err == nil {
			d.Files, d.Bytes = d.Files+1, d.Bytes+info.Size()
		}
		return nil
	})
	return d, err
}

// Description says what the profile is, and, when Items has ended, what is in it and
// which of its files are missing or altered.
func (s *Source) Description() signal.Description {
	r := &s.report
	r.mu.Lock()
	defer r.mu.Unlock()
	d := signal.Description{Version: fmt.Sprint(s.version), Made: s.copied.changed.UTC(), Counts: maps.Clone(r.counts), Files: r.files, Bytes: r.bytes}
	d.Find(signal.FoundMissing, signal.Names{Count: r.missing.Count, Names: slices.Clone(r.missing.Names)})
	d.Find(signal.FoundAltered, signal.Names{Count: r.altered.Count, Names: slices.Clone(r.altered.Names)})
	d.Find(signal.FoundUnreadable, signal.Names{Count: r.unreadable})
	return d
}
