package export

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"sync"
	"unicode/utf8"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// Kind is the kind of these histories, in engine.SourceInfo.
const Kind = "signal-export"

const maxMetadata = 16 << 10 // bytes of metadata.json

// A Source is an engine.Source of one export. Close it after use. It is for one caller
// at a time, except that the contents it yields may be read at the same time.
type Source struct {
	tree  tree
	info  engine.SourceInfo
	first []byte // line of main.jsonl
	names *signal.Namer
	// strict: a media is yielded once for each conversation that shows it.
	strict bool

	mu     sync.Mutex
	report Report
}

// Is says whether path is an export: a folder or a ZIP file with main.jsonl.
func Is(path string) bool {
	t, err := openTree(path)
	if err != nil {
		return false
	}
	defer t.Close()
	r, _, err := t.open("main.jsonl")
	if err == nil {
		r.Close()
	}
	return err == nil
}

// Open opens an export, a folder or a ZIP file, and reads the first lines. The errors
// are signal.ErrFormat if it is none, or one that no app writes, and those of the file
// system.
func Open(path string) (*Source, error) {
	t, err := openTree(path)
	if err != nil {
		return nil, fmt.Errorf("signal export: %w", err)
	}
	s := &Source{tree: t}
	if err := s.open(); err != nil {
		t.Close()
		return nil, fmt.Errorf("signal export: %w", err)
	}
	return s, nil
}

// Close ends the use of the folder or file.
func (s *Source) Close() error { return s.tree.Close() }

// PerGroup makes Items yield a media once for each conversation that shows it (see
// signal.Ledger).
func (s *Source) PerGroup(yes bool) { s.strict = yes }

// Info says which history this is. Its Data is a signal.Origin.
func (s *Source) Info() engine.SourceInfo { return s.info }

func (s *Source) open() error {
	metadata, err := s.metadata()
	if err != nil {
		return err
	}
	var first, second []byte
	for l, err := range s.lines() {
		if err != nil {
			return err
		}
		if first != nil {
			second = l.text
			break
		}
		if first = l.text; l.err != nil {
			return l.err
		}
	}
	secret, err := secretOf(first, second)
	if err != nil {
		return err
	}
	s.first, s.names = first, signal.NewNamer(secret)
	data, err := signal.Origin{Metadata: metadata, Info: first}.Data()
	s.info = engine.SourceInfo{Kind: Kind, Label: s.names.Hash("label"), Data: data}
	return err
}

// metadata returns the file metadata.json, or nothing if there is none.
func (s *Source) metadata() ([]byte, error) {
	r, _, err := s.tree.open("metadata.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxMetadata+1))
	if err == nil && len(b) > maxMetadata {
		err = fmt.Errorf("metadata.json: more than %d bytes: %w", maxMetadata, signal.ErrFormat)
	}
	return b, err
}

// lines yields the lines of main.jsonl.
func (s *Source) lines() iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		r, _, err := s.tree.open("main.jsonl")
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("no main.jsonl: %w", signal.ErrFormat)
		}
		if err != nil {
			yield(line{}, err)
			return
		}
		defer r.Close()
		lines(r)(yield)
	}
}

// secretOf returns what the names of items are keyed with: the account's media root
// key, or else its profile key. Both stay the same from export to export, and
// strangers do not know them.
func secretOf(first, second []byte) ([]byte, error) {
	var info struct {
		Version            json.RawMessage
		MediaRootBackupKey []byte
	}
	if !utf8.Valid(first) || json.Unmarshal(first, &info) != nil {
		return nil, fmt.Errorf("main.jsonl: the first line is no JSON: %w", signal.ErrFormat)
	}
	if v := string(info.Version); v != `"1"` && v != "1" {
		return nil, fmt.Errorf("main.jsonl: not version 1: %w", signal.ErrFormat)
	}
	secret := info.MediaRootBackupKey
	if len(secret) == 0 {
		var account struct{ Account struct{ ProfileKey []byte } }
		if json.Unmarshal(second, &account) == nil {
			secret = account.Account.ProfileKey
		}
	}
	return hkdf.Key(sha256.New, secret, nil, "dayfold 1 signal export names", 32)
}

// Items yields the lines in the order of the file, and then the media. A line that is
// not read and a media that is missing is an *engine.Problem.
func (s *Source) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		s.mu.Lock()
		s.report = Report{Lines: map[signal.FrameKind]int64{}}
		s.mu.Unlock()
		ledger := signal.NewLedger(s.names)
		ledger.PerGroup(s.strict)
		more, err := s.frames(ctx, ledger, yield)
		if err == nil && more {
			err = s.media(ctx, ledger, yield)
		}
		if err != nil && more {
			yield(engine.Item{}, fmt.Errorf("signal export: %w", err))
		}
	}
}

// frames yields an item for each line but the first. more is false when the caller has
// left the loop.
func (s *Source) frames(ctx context.Context, ledger *signal.Ledger, yield func(engine.Item, error) bool) (more bool, err error) {
	var facts signal.Facts
	n := 0
	for l, err := range s.lines() {
		if err == nil && n%64 == 0 {
			err = ctx.Err()
		}
		if err != nil {
			return true, err
		}
		if n++; n == 1 {
			continue
		}
		it, err := item(ledger, &facts, l)
		if err != nil {
			err = &engine.Problem{Key: fmt.Appendf(nil, "line %d", n), Err: err}
		}
		if s.count(facts.Kind, err); !yield(it, err) {
			return false, nil
		}
	}
	return true, nil
}

func item(ledger *signal.Ledger, facts *signal.Facts, l line) (engine.Item, error) {
	if l.err != nil {
		return engine.Item{}, l.err
	}
	if err := facts.ReadJSON(l.text); err != nil {
		return engine.Item{}, err
	}
	if facts.Once {
		l.text = signal.OnceFreeJSON(l.text)
	}
	it := ledger.Item(facts, l.text)
	if l.open {
		it.Meta = ledger.LastOpen()
	}
	signal.SetContent(&it, l.text)
	return it, nil
}
