package signallocal

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// Kind is the kind of these histories, in engine.SourceInfo.
const Kind = "signal-local"

// Options say how a backup is read. The zero value reads the newest snapshot.
type Options struct {
	// Snapshot is the name of the snapshot's folder. Empty: the newest complete one.
	Snapshot string
}

// A Source is an engine.Source of one snapshot. Close it after use. It is for one
// caller at a time, except that the contents it yields may be read at the same time.
type Source struct {
	root   *os.Root // SignalBackups
	name   string   // of the snapshot's folder
	others []string // the other snapshots
	newer  []string // those that are newer, but lack a part
	keys   *signal.Keys
	info   engine.SourceInfo
	first  signal.Info // the first message of main
	strict bool
	report *report

	scratch signal.Scratch
}

const maxMetadata = 4096 // bytes of the file metadata

var snapshotName = regexp.MustCompile(`^signal-backup-\d{4}(-\d\d){5}$`)

// Is says whether dir is, or holds, a folder of Signal's local backups.
func Is(dir string) bool {
	root, err := openRoot(dir)
	if err == nil {
		root.Close()
	}
	return err == nil
}

// Open opens the folder SignalBackups, the folder that it is in, or the folder under
// another name. It reads main once to check its HMAC. The errors are signal.ErrKey
// for a wrong key, signal.ErrCorrupt for damage, signal.ErrFormat if there is no
// backup or one of an unknown version, and those of the file system.
func Open(dir string, key signal.Key, opt Options) (*Source, error) {
	root, err := openRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("signal backup: %w", err)
	}
	s := &Source{root: root, report: new(report)}
	if err := s.open(key, opt); err != nil {
		root.Close()
		return nil, fmt.Errorf("signal backup: %w", err)
	}
	return s, nil
}

// Close ends the use of the folder. Contents that are still open stay readable.
func (s *Source) Close() error { return s.root.Close() }

// PerGroup makes Items yield a media once for each conversation that shows it (see
// signal.Ledger).
func (s *Source) PerGroup(yes bool) { s.strict = yes }

// Info says which history this is. Its Data is a signal.Origin.
func (s *Source) Info() engine.SourceInfo { return s.info }

func openRoot(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if isRoot(root) {
		return root, nil
	}
	defer root.Close()
	inner, err := root.OpenRoot("SignalBackups")
	if err == nil && isRoot(inner) {
		return inner, nil
	}
	if err == nil {
		inner.Close()
	}
	return nil, fmt.Errorf("no folder of snapshots there: %w", signal.ErrFormat)
}

// isRoot says whether root has media and snapshots.
func isRoot(root *os.Root) bool {
	info, err := root.Stat("files")
	if err != nil || !info.IsDir() {
		return false
	}
	names, _, err := snapshots(root)
	return err == nil && len(names) > 0
}

// snapshots returns the names of the snapshots, newest first, and of those that were
// never finished.
func snapshots(root *os.Root) (names, unfinished []string, err error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case !e.IsDir():
		case snapshotName.MatchString(name):
			names = append(names, name)
		case len(name) > 4 && name[len(name)-4:] == "-tmp" && snapshotName.MatchString(name[:len(name)-4]):
			unfinished = append(unfinished, name)
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names, unfinished, nil
}

func (s *Source) open(key signal.Key, opt Options) error {
	if err := s.choose(opt); err != nil {
		return err
	}
	metadata, err := s.readSmall(s.name + "/metadata")
	if err != nil {
		return err
	}
	id, err := signal.OpenMetadata(key, metadata)
	if err != nil {
		return err
	}
	s.keys = signal.Derive(key, id)
	err = s.main(func(r io.Reader, size int64) error {
		return s.keys.VerifyMain(r, size, s.confirmed(key, id, metadata))
	})
	if err != nil {
		return err
	}
	return s.main(func(r io.Reader, size int64) error { return s.readInfo(r, size, metadata) })
}

// choose sets the name of the snapshot and those of the others.
func (s *Source) choose(opt Options) error {
	names, unfinished, err := snapshots(s.root)
	if err != nil {
		return err
	}
	s.report.Unfinished = unfinished
	for _, name := range names {
		switch {
		case s.name != "" || opt.Snapshot != "" && name != opt.Snapshot:
			s.others = append(s.others, name)
		case s.complete(name):
			s.name = name
		default:
			s.report.Unfinished = append(s.report.Unfinished, name)
			s.newer = append(s.newer, name)
		}
	}
	if s.name == "" {
		return fmt.Errorf("no complete snapshot among %d: %w", len(names), signal.ErrFormat)
	}
	s.report.Snapshot = s.name
	return nil
}

// complete says whether all files of a snapshot are there.
func (s *Source) complete(name string) bool {
	for _, part := range []string{"/metadata", "/main", "/files"} {
		if info, err := s.root.Lstat(name + part); err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// confirmed says whether the key is the right one, because another snapshot's metadata,
// encrypted afresh, names the same backup.
func (s *Source) confirmed(key signal.Key, id [16]byte, metadata []byte) bool {
	for _, name := range s.others {
		other, err := s.readSmall(name + "/metadata")
		if err != nil || string(other) == string(metadata) {
			continue
		}
		if got, err := signal.OpenMetadata(key, other); err == nil && got == id {
			return true
		}
	}
	return false
}

func (s *Source) readInfo(r io.Reader, size int64, metadata []byte) error {
	for message, err := range s.keys.Frames(r, size) {
		if err != nil {
			return err
		}
		if s.first, err = signal.ReadInfo(message); err != nil {
			return err
		}
		data, err := signal.Origin{Name: s.name, Metadata: metadata, Info: message}.Data()
		s.info = engine.SourceInfo{Kind: Kind, Label: s.keys.Label(), Data: data}
		return err
	}
	return fmt.Errorf("main: empty: %w", signal.ErrCorrupt)
}
