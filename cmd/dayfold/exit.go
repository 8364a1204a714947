package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signaldesktop"
	"github.com/dayfold/dayfold/pack/seal"
)

// The exit codes. They are promised to scripts.
const (
	exitFailed      = 1
	exitMisused     = 2
	exitPartial     = 3   // done, but something could not be read or is missing
	exitNoArchive   = 10  // no archive there
	exitWrongKey    = 12  // wrong recovery key
	exitDamage      = 13  // damage found
	exitInterrupted = 130 // by a signal
)

// An exitError is an error whose exit code is known where it arises.
type exitError struct {
	code int
	err  error
}

// Error is what went wrong.
func (e *exitError) Error() string { return e.err.Error() }

// Unwrap returns the error itself.
func (e *exitError) Unwrap() error { return e.err }

// misused is an error of the command line or the config file.
func misused(format string, args ...any) error {
	return &exitError{exitMisused, fmt.Errorf(format, args...)}
}

// partial says that a command is done, but not with all.
func partial(format string, args ...any) error {
	return &exitError{exitPartial, fmt.Errorf(format, args...)}
}

// damaged says that a command has found damage.
func damaged(format string, args ...any) error {
	return &exitError{exitDamage, fmt.Errorf(format, args...)}
}

// exitCode is the code that an error ends the command with.
func exitCode(ctx context.Context, err error) int {
	var known *exitError
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &known):
		return known.code
	case errors.Is(err, engine.ErrNoArchive):
		return exitNoArchive
	case errors.Is(err, seal.ErrWrongKey), errors.Is(err, seal.ErrKeyFormat), errors.Is(err, signal.ErrKey):
		return exitWrongKey
	case errors.Is(err, seal.ErrCorrupt), errors.Is(err, engine.ErrRollback):
		return exitDamage
	}
	return exitFailed
}

// advice says in the same line what can be done about an error.
func (c *cli) advice(err error) string {
	switch {
	case errors.Is(err, engine.ErrNoArchive):
		return fmt.Sprintf("no archive in %s: \"dayfold init\" makes one, --repo names another", c.place())
	case errors.Is(err, seal.ErrWrongKey):
		return "wrong recovery key for the archive in " + c.place()
	case errors.Is(err, seal.ErrKeyFormat):
		return fmt.Sprintf("wrong recovery key: %v", err)
	case errors.Is(err, seal.ErrVersion):
		return fmt.Sprintf("%v: a newer dayfold wrote this, update yours", err)
	case errors.Is(err, signaldesktop.ErrKeyring):
		return fmt.Sprintf("%v: unlock the keyring, or give the key with --signal-key-file", err)
	case errors.Is(err, signaldesktop.ErrBusy):
		return fmt.Sprintf("%v: try again, or close it first", err)
	case errors.Is(err, engine.ErrRefused):
		return fmt.Sprintf("%v: pass --insist if it is meant", err)
	case errors.Is(err, collect.ErrOvertaken):
		return fmt.Sprintf("%v: other devices were busy there, try again; what was uploaded is kept", err)
	case errors.Is(err, engine.ErrRollback):
		return fmt.Sprintf("%v: somebody put an old copy there, or the place lost data", err)
	}
	return err.Error()
}

// fail reports the error that ended the command, in one line, and returns its code.
func (c *cli) fail(ctx context.Context, err error) int {
	code := exitCode(ctx, err)
	message := oneLine(c.advice(err))
	if code == exitInterrupted {
		message = "interrupted"
		if c.command == "backup" {
			message += "; what was uploaded is kept for the next run"
		}
	}
	if !c.json {
		fmt.Fprintf(c.err, "dayfold: %s\n", message)
		return code
	}
	line, _ := json.Marshal(struct {
		Type    string `json:"message_type"`
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{"exit_error", code, message})
	fmt.Fprintf(c.err, "%s\n", line)
	return code
}
