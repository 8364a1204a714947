package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/term"

	"github.com/dayfold/dayfold/pack/seal"
)

// errNoKey: no recovery key was given, and there is nobody to ask for one.
var errNoKey = errors.New("no recovery key")

const maxSecret = 4096 // bytes of a file that holds one

// givenSecret is what opens the archive, as given: --key-file on the command line, else
// the key itself or a passphrase in the environment, else the key file that environment,
// config file or default name. Nothing given is errNoKey.
func (c *cli) givenSecret() (seal.Secret, error) {
	if text := os.Getenv(keyVariable); text != "" && !c.keyTyped {
		key, err := seal.ParseRecoveryKey(text)
		if err != nil {
			return nil, fmt.Errorf("$%s: %w", keyVariable, err)
		}
		return key, nil
	}
	if text := os.Getenv(passphraseVariable); text != "" && !c.keyTyped {
		return seal.NewPassphrase([]byte(text)), nil
	}
	key, err := c.keyFromFile()
	if errors.Is(err, fs.ErrNotExist) && !c.keyGiven {
		return nil, errNoKey
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, misused("key file: %v", err)
	}
	return key, err
}

func (c *cli) keyFromFile() (seal.Secret, error) {
	text, err := readSecret(c.keyFile)
	if err != nil {
		return nil, err
	}
	key, err := seal.ParseRecoveryKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", visible(c.keyFile), err)
	}
	return key, nil
}

// askSecret asks for what opens the archive.
func (c *cli) askSecret(ctx context.Context) (seal.Secret, error) {
	text, err := c.ask(ctx, "Recovery key or passphrase: ")
	if err != nil {
		return nil, misused("no recovery key: there is none in %s; give --key-file or $%s", visible(c.keyFile), keyVariable)
	}
	if key, err := seal.ParseRecoveryKey(text); err == nil {
		return key, nil
	}
	return seal.NewPassphrase([]byte(text)), nil
}

// errNobody: there is no terminal to ask on.
var errNobody = errors.New("not a terminal")

// ask asks for a secret on the terminal, without showing what is typed.
func (c *cli) ask(ctx context.Context, prompt string) (string, error) {
	if !c.asks() {
		return "", errNobody
	}
	c.progress.clear()
	fmt.Fprint(c.err, prompt)
	defer fmt.Fprintln(c.err)
	before, err := term.GetState(int(c.in.Fd()))
	if err != nil {
		return "", err
	}
	type answer struct {
		text []byte
		err  error
	}
	typed := make(chan answer, 1)
	go func() { // ends with the line, or with the process
		text, err := term.ReadPassword(int(c.in.Fd()))
		typed <- answer{text, err}
	}()
	select {
	case a := <-typed:
		return strings.TrimRight(string(a.text), "\r\n"), a.err
	case <-ctx.Done():
		_ = term.Restore(int(c.in.Fd()), before)
		return "", ctx.Err()
	}
}

// askTwice asks for a new secret until both answers are equal.
func (c *cli) askTwice(ctx context.Context, prompt string) (string, error) {
	for {
		first, err := c.ask(ctx, prompt)
		if err != nil {
			return "", err
		}
		second, err := c.ask(ctx, "Once more: ")
		if err != nil {
			return "", err
		}
		if first == second {
			return first, nil
		}
		c.warn("They differ.")
	}
}

// terminal is the terminal itself, wherever stdout and stderr go.
func terminal() (*os.File, error) {
	name := "/dev/tty"
	if runtime.GOOS == "windows" {
		name = "CONOUT$"
	}
	return os.OpenFile(name, os.O_WRONLY, 0)
}

// readSecret reads a small file; "-" is stdin.
func readSecret(name string) (string, error) {
	var r io.Reader = os.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		r = f
	}
	text, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	if err == nil && len(text) > maxSecret {
		err = fmt.Errorf("%s: too long for a secret", visible(name))
	}
	return string(bytes.TrimRight(text, "\r\n")), err
}

// newKey draws a recovery key.
func newKey() (seal.RecoveryKey, error) { return seal.NewRecoveryKey(rand.Reader) }

// keepKey writes a key to a new file that only its owner can read, and makes sure that
// it is on the disk. A file that is there is fs.ErrExist.
func keepKey(name string, key seal.RecoveryKey) error {
	if err := private(filepath.Dir(name)); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, key.Reveal())
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(name)
	}
	return err
}
