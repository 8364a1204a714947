package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/pflag"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/dir"
	"github.com/dayfold/dayfold/engine/source/export"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signaldesktop"
	"github.com/dayfold/dayfold/engine/source/signallocal"
	"github.com/dayfold/dayfold/engine/source/signalv1"
)

// A source is an open one.
type source interface {
	engine.Source
	io.Closer
}

// sourceFlags say how sources are opened.
type sourceFlags struct {
	kind, signalKeyFile string
	passphraseFile      string
	found               string               // the kind that was opened last
	key                 *signal.Key          // once it is known
	passphrase          *signalv1.Passphrase // likewise
}

func (s *sourceFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&s.kind, "kind", "auto", "`KIND` of the sources: auto, signal-local, signal-v1, signal-desktop, signal-export, dir")
	s.keyFlag(f)
}

func (s *sourceFlags) keyFlag(f *pflag.FlagSet) {
	f.StringVar(&s.signalKeyFile, "signal-key-file", "", "`FILE` with the 64-character key of a Signal local backup, or $"+signalKeyVariable+"; or with the database key of Signal Desktop in hex, if it is not to be asked of the keyring")
	f.StringVar(&s.passphraseFile, "passphrase-file", "", "`FILE` with the 30-digit passphrase of a signal-….backup, or $"+signalPassphraseVariable)
}

const (
	signalKeyVariable        = "DAYFOLD_SIGNAL_KEY"
	signalPassphraseVariable = "DAYFOLD_SIGNAL_PASSPHRASE"
)

// openSource opens what lies at path as the kind that the flags say, or that its content
// says, and tells which.
func (c *cli) openSource(ctx context.Context, path string, s *sourceFlags) (src source, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	kind := s.kind
	if kind == "auto" {
		kind = recognize(path)
		c.say("%s: taken as %s", visible(path), kind)
	}
	s.found = kind
	switch kind {
	case signallocal.Kind:
		key, err := c.signalKey(ctx, s)
		if err != nil {
			return nil, err
		}
		return named(signallocal.Open(path, key, signallocal.Options{}))
	case signalv1.Kind:
		p, err := c.signalPassphrase(ctx, s)
		if err != nil {
			return nil, err
		}
		return named(signalv1.Open(ctx, path, p))
	case export.Kind:
		return named(export.Open(path))
	case dir.Kind:
		return named(dir.Open(path, dir.Options{}))
	case signaldesktop.Kind:
		opt := signaldesktop.Options{Temp: c.cache("tmp")}
		if s.signalKeyFile != "" {
			if opt.Key, err = readSecret(s.signalKeyFile); err != nil {
				return nil, err
			}
		}
		return named(signaldesktop.Open(path, opt))
	}
	return nil, misused("--kind %s: there are auto, signal-local, signal-v1, signal-desktop, signal-export, dir", visible(kind))
}

// openSources opens all sources before anything is stored. What was opened comes back
// with an error, too.
func (c *cli) openSources(ctx context.Context, paths []string, s *sourceFlags) (all []source, err error) {
	for _, path := range paths {
		src, err := c.openSource(ctx, path, s)
		if err != nil {
			return all, err
		}
		all = append(all, src)
	}
	return all, nil
}

// perGroup tells sources whether their media are to be yielded once for each conversation.
func perGroup(strict bool, sources ...source) {
	for _, src := range sources {
		if s, ok := src.(interface{ PerGroup(bool) }); ok {
			s.PerGroup(strict)
		}
	}
}

func closeAll(all []source) {
	for _, s := range all {
		s.Close()
	}
}

// named keeps a nil pointer from becoming an interface that is not nil.
func named[S source](s S, err error) (source, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// recognize tells the kind of a source by its content.
func recognize(path string) string {
	switch {
	case signallocal.Is(path):
		return signallocal.Kind
	case signalv1.Is(path):
		return signalv1.Kind
	case export.Is(path):
		return export.Kind
	case signaldesktop.Is(path):
		return signaldesktop.Kind
	}
	return dir.Kind
}

// errNoSecret: what opens a source was not given, and there is nobody to ask.
var errNoSecret = errors.New("no key for it")

// signalKey is the key of a Signal local backup, from its file, the environment or the
// terminal, which is asked once.
func (c *cli) signalKey(ctx context.Context, s *sourceFlags) (signal.Key, error) {
	if s.key != nil {
		return *s.key, nil
	}
	text, err := c.signalKeyText(ctx, s)
	if err != nil {
		return signal.Key{}, err
	}
	key, err := signal.ParseKey(text)
	if err != nil {
		return key, fmt.Errorf("%w: %w", signal.ErrKey, err)
	}
	s.key = &key
	return key, nil
}

// targetKey is the key under which a Signal local backup is written: the one that is
// given, or a new one, of which shown is what people are to keep.
func (c *cli) targetKey(ctx context.Context, s *sourceFlags) (key signal.Key, shown string, err error) {
	if s.key != nil || s.signalKeyFile != "" || os.Getenv(signalKeyVariable) != "" {
		key, err = c.signalKey(ctx, s)
		return key, "", err
	}
	fresh, err := newKey() // of the same form as a recovery key
	if err != nil {
		return key, "", err
	}
	key, err = signal.ParseKey(fresh.Reveal())
	s.key = &key
	return key, fresh.Groups(), err
}

func (c *cli) signalKeyText(ctx context.Context, s *sourceFlags) (string, error) {
	text, err := c.sourceSecret(ctx, "signal-key-file", s.signalKeyFile, signalKeyVariable, "Key of the Signal backup (64 characters): ")
	if errors.Is(err, errNoSecret) {
		err = misused("a Signal local backup, and %w: give --signal-key-file or $%s", err, signalKeyVariable)
	}
	return text, err
}

// signalPassphrase is the passphrase of a signal-….backup, from its file, the environment
// or the terminal, which is asked once.
func (c *cli) signalPassphrase(ctx context.Context, s *sourceFlags) (p signalv1.Passphrase, err error) {
	if s.passphrase != nil {
		return *s.passphrase, nil
	}
	text, err := c.sourceSecret(ctx, "passphrase-file", s.passphraseFile, signalPassphraseVariable, "Passphrase of the Signal backup (30 digits): ")
	if errors.Is(err, errNoSecret) {
		err = misused("a Signal backup in one file, and %w: give --passphrase-file or $%s", err, signalPassphraseVariable)
	}
	if err != nil {
		return p, err
	}
	if p, err = signalv1.ParsePassphrase(text); err != nil {
		return p, fmt.Errorf("%w: %w", signal.ErrKey, err)
	}
	s.passphrase = &p
	return p, nil
}

// givenPassphrase says whether a passphrase was given and nobody needs to be asked.
func (s *sourceFlags) givenPassphrase() bool {
	return s.passphrase != nil || s.passphraseFile != "" || os.Getenv(signalPassphraseVariable) != ""
}

// sourceSecret is what opens a source: from the file of a flag, the environment, or the
// terminal. Without all of them it is errNoSecret.
func (c *cli) sourceSecret(ctx context.Context, flag, file, variable, prompt string) (string, error) {
	if file != "" {
		text, err := readSecret(file)
		if errors.Is(err, fs.ErrNotExist) {
			err = misused("--%s: %v", flag, err)
		}
		return text, err
	}
	if text := os.Getenv(variable); text != "" {
		return text, nil
	}
	text, err := c.ask(ctx, prompt)
	if errors.Is(err, errNobody) {
		err = errNoSecret
	}
	return text, err
}
