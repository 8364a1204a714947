package signalv1

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dayfold/dayfold/engine/source/signal"
)

const nameLayout = "signal-2006-01-02-15-04-05.backup"

// Look says what the backup at path is, as far as that goes without its passphrase.
func Look(path string) (signal.Description, error) {
	f, size, err := openFile(path)
	if err != nil {
		return signal.Description{}, fmt.Errorf("signal backup: %w", err)
	}
	defer f.Close()
	head, err := readHeader(f)
	if err != nil {
		return signal.Description{}, fmt.Errorf("signal backup: %w", err)
	}
	s := &Source{f: f, size: size, path: f.Name(), crypt: crypt{head: head}}
	return s.Description(), nil
}

// Description says what the backup is, and, when Items has ended, what is in it and what
// could not be read.
func (s *Source) Description() signal.Description {
	d := signal.Description{Version: strconv.FormatUint(s.head.version, 10), Snapshot: filepath.Base(s.path)}
	if made, err := time.ParseInLocation(nameLayout, d.Snapshot, time.Local); err == nil {
		d.Made = made // the app names it by the phone's clock
	}
	d.Snapshots = max(1, backupsIn(filepath.Dir(s.path)))
	if s.found == nil {
		return d
	}
	if s.found.version > 0 {
		d.App = fmt.Sprintf("database %d", s.found.version)
	}
	for section, n := range s.found.counts {
		if !strings.HasPrefix(section, "(") {
			d.Count(section, n)
		}
	}
	d.Files, d.Bytes = s.found.blobs, s.found.blobBytes
	d.Find(signal.FoundAltered, s.altered)
	d.Find(signal.FoundUnreadable, s.unreadable)
	return d
}

// backupsIn counts the backups in a folder, by their names.
func backupsIn(dir string) (n int) {
	entries, _ := os.ReadDir(dir) // what cannot be listed is none
	for _, e := range entries {
		if e.Type().IsRegular() && fileName.MatchString(e.Name()) {
			n++
		}
	}
	return n
}
