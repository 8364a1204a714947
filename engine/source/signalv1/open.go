package signalv1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// Kind is the kind of these histories, in engine.SourceInfo.
const Kind = "signal-v1"

// A Source is an engine.Source of one file. Close it after use. It is for one caller at a
// time, except that the contents it yields may be read at the same time.
type Source struct {
	crypt
	f          io.ReaderAt
	size       int64
	passphrase Passphrase
	close      func() error
	found      *survey
	names      *signal.Namer
	info       engine.SourceInfo
	path       string       // of the file; empty: it has none
	strict     bool         // blobs belong to the conversations that show them
	altered    signal.Names // blobs that Items found damaged
	unreadable signal.Names // records that Items could not read
}

var fileName = regexp.MustCompile(`^signal-\d{4}(-\d\d){5}\.backup$`)

// Is says whether path is such a backup by its content, or a folder with one by its name.
func Is(path string) bool {
	f, _, err := openFile(path)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = readHeader(f)
	return err == nil
}

// Open opens a backup, or the newest one in a folder, and goes over its frames once. The
// errors are signal.ErrKey for a wrong passphrase, signal.ErrFormat for what is no such
// backup or one of an unknown version, signal.ErrCorrupt for damage that leaves nothing to
// read, and those of the file system.
func Open(ctx context.Context, path string, p Passphrase) (*Source, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("signal backup: %w", err)
	}
	s := &Source{f: f, size: size, path: f.Name(), passphrase: p, close: f.Close}
	if err := s.open(ctx, func(salt []byte) *keys { return deriveKeys(p, salt) }); err != nil {
		f.Close()
		return nil, fmt.Errorf("signal backup: %w", err)
	}
	return s, nil
}

// Close closes the file.
func (s *Source) Close() error { return s.close() }

// PerGroup makes the blobs that a message shows part of its conversation, for an archive of
// strict scope: what one conversation has, another does not tell.
func (s *Source) PerGroup(yes bool) { s.strict = yes }

// Info says which history this is.
func (s *Source) Info() engine.SourceInfo { return s.info }

// openFile opens the file at path, or the newest backup in the folder there: the one whose
// name has the latest time.
func openFile(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		if path, err = newest(path); err == nil {
			info, err = os.Stat(path)
		}
	}
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("neither a file nor a folder: %w", signal.ErrFormat)
	}
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func newest(dir string) (string, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return "", err
	}
	name := ""
	for _, e := range entries {
		if e.Type().IsRegular() && fileName.MatchString(e.Name()) {
			name = e.Name()
		}
	}
	if name == "" {
		return "", fmt.Errorf("no file signal-….backup there: %w", signal.ErrFormat)
	}
	return filepath.Join(dir, name), nil
}

func (s *Source) open(ctx context.Context, derive func(salt []byte) *keys) error {
	head, err := readHeader(s.f)
	if err != nil {
		return err
	}
	s.crypt = newCrypt(head, derive(head.salt))
	if err := s.fits(); err != nil {
		return err
	}
	if err := s.survey(ctx); err != nil {
		return err
	}
	data, err := origin{head.version, s.found.sections, s.found.end}.data()
	s.info = engine.SourceInfo{Kind: Kind, Label: s.names.Hash("label"), Data: data}
	return err
}

// shortest is how many bytes a frame has at least, with its length and its HMAC.
const shortest = 4 + 2 + macSize

// fits says whether the passphrase is the file's, by the first frame: the database's version.
func (s *Source) fits() error {
	if s.size-s.head.size < shortest {
		return errShort
	}
	message, err := newReader(s.f, s.size, s.crypt).frame(nil)
	var f frame
	if err == nil {
		err = f.parse(message)
	}
	if errors.Is(err, signal.ErrCorrupt) || errors.Is(err, signal.ErrFormat) || err == nil && f.kind != fieldVersion {
		return fmt.Errorf("the first frame does not open: %w", signal.ErrKey)
	}
	return err
}

// A record is a frame with the blob behind it.
type record struct {
	frame frame
	blob  blob
	n     int   // counted from 1
	err   error // why it, or what follows, cannot be read
}

// errNoEnd: the frame that ends every file is missing.
var errNoEnd = fmt.Errorf("the file has no end: %w", signal.ErrCorrupt)

// errTrailing: something follows the frame that ends the file.
var errTrailing = fmt.Errorf("bytes behind the end: %w", signal.ErrCorrupt)

// records calls fn with each record, until it says false or the file ends. A frame that is
// damaged is passed over if the next one is not; else the file ends there, with an error.
// A record is valid until fn returns, unless fn sets its frame's message to nil.
func (s *Source) records(ctx context.Context, fn func(r *record) bool) error {
	in := newReader(s.f, s.size, s.crypt)
	var rec record
	var buf []byte
	damaged := false
	for n := 1; ; n++ {
		if n%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		message, err := in.frame(buf[:0])
		rec.n, rec.err = n, nil
		garbled := false
		if err == nil {
			buf = message
			err = rec.frame.parse(message)
			garbled = err != nil
		}
		switch {
		case err == nil:
		case err == io.EOF:
			rec.err = errNoEnd
			fn(&rec)
			return nil
		case garbled, errors.Is(err, errMAC) && !damaged:
			damaged, rec.err = true, err
			if !fn(&rec) {
				return nil
			}
			continue
		case errors.Is(err, signal.ErrCorrupt):
			rec.err = err
			fn(&rec)
			return nil
		default:
			return err
		}
		damaged = false
		if rec.frame.size >= 0 {
			rec.blob, err = in.skip(rec.frame.size)
		}
		if rec.err = err; !fn(&rec) || err != nil {
			return nil
		}
		if rec.frame.message == nil {
			buf = nil
		}
		if rec.frame.kind == fieldEnd {
			if in.at != in.size {
				rec.err = errTrailing
				fn(&rec)
			}
			return nil
		}
	}
}
