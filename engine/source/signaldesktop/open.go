package signaldesktop

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signaldesktop/sqlcipher"
)

// Kind is the kind of these histories, in engine.SourceInfo.
const Kind = "signal-desktop"

// Options say how a profile is read. The zero value takes the key from the profile and
// the system's keyring.
type Options struct {
	// Key is the database's key, 64 hex digits. Empty: that of config.json.
	Key string
	// Keyring returns the secret under which config.json has sealed the key. Nil: the
	// Secret Service of the session, on Linux.
	Keyring func() ([]byte, error)
	// Temp is the folder in which the database is copied, sealed. Empty: os.TempDir.
	Temp string
}

// A Source is an engine.Source of one profile, at the moment when it was opened. Close
// it after use. It is for one caller at a time, except that the contents it yields may
// be read at the same time.
type Source struct {
	profile *os.Root
	copied  *copied
	db      *sqlcipher.Conn
	tables  tables
	version int64
	secret  [64]byte // stands in for a local key
	names   *signal.Namer
	info    engine.SourceInfo
	report  report
	scratch signal.Scratch
	strict  bool // a media is yielded once for each conversation that shows it
}

// Is says whether dir is a profile of Signal Desktop.
func Is(dir string) bool {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false
	}
	defer root.Close()
	return has(root, database) && has(root, "config.json")
}

// Open opens a profile. The errors are signal.ErrKey for a wrong key, ErrKeyring if
// there is none to be had, ErrBusy, ErrSchema, signal.ErrCorrupt for damage,
// signal.ErrFormat if this is no profile, and those of the file system.
func Open(dir string, opt Options) (*Source, error) {
	root, err := os.OpenRoot(dir)
	if err == nil {
		s := &Source{profile: root}
		if err = s.open(opt); err == nil {
			return s, nil
		}
		err = errors.Join(err, s.Close())
	}
	return nil, fmt.Errorf("signal desktop: %w", err)
}

// Close ends the use of the profile and removes the copy of its database.
func (s *Source) Close() error {
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.copied != nil {
		errs = append(errs, s.copied.Close())
	}
	return errors.Join(append(errs, s.profile.Close())...)
}

// PerGroup makes Items yield a media once for each conversation that shows it (see
// signal.Ledger).
func (s *Source) PerGroup(yes bool) { s.strict = yes }

// Info says which history this is. Its Data is a signal.Origin: what a local backup
// begins with, and, as metadata, the key that stands in for a media's own.
func (s *Source) Info() engine.SourceInfo { return s.info }

func (s *Source) open(opt Options) error {
	if !has(s.profile, database) {
		return fmt.Errorf("no %s: %w", database, signal.ErrFormat)
	}
	k, err := key(s.profile, opt)
	if err != nil {
		return err
	}
	if s.copied, err = copyDatabase(s.profile, opt.Temp); err != nil {
		return err
	}
	c := s.copied
	pages, err := sqlcipher.Open(k, c.db, c.dbSize, c.wal, c.walSize)
	if err != nil {
		return damage(err)
	}
	if s.db, err = pages.SQL(); err != nil {
		return damage(err)
	}
	if s.tables, s.version, err = readTables(s.db); err != nil {
		return err
	}
	if err := s.tables.check(s.version); err != nil {
		return err
	}
	copy(s.secret[:], derive(k, "dayfold 1 signal desktop media", len(s.secret)))
	s.names = signal.NewNamer(derive(k, "dayfold 1 signal desktop names", 32))
	info := signal.Info{Version: 1, TimeMs: uint64(max(0, c.changed.UnixMilli())), MediaRootKey: derive(k, "dayfold 1 signal desktop media root", 32)}
	data, err := signal.Origin{Name: fmt.Sprintf("schema %d", s.version), Metadata: s.secret[:], Info: info.Append(nil)}.Data()
	s.info = engine.SourceInfo{Kind: Kind, Label: s.names.Hash("label"), Data: data}
	return err
}

// derive is HKDF-SHA256 of the database's key. It fails only for lengths that no caller asks for.
func derive(k sqlcipher.Key, info string, n int) []byte {
	b, err := hkdf.Key(sha256.New, k[:], nil, info, n)
	if err != nil {
		panic("signaldesktop: hkdf: " + err.Error())
	}
	return b
}

// damage says of an error of the database that it is damage of a backup, or its wrong key.
func damage(err error) error {
	switch {
	case errors.Is(err, sqlcipher.ErrKey):
		return fmt.Errorf("database: %w", signal.ErrKey)
	case errors.Is(err, sqlcipher.ErrCorrupt):
		return fmt.Errorf("database: %w: %w", signal.ErrCorrupt, err)
	}
	return err
}
