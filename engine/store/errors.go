package store

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// ErrNoSpace: the place is full, or a quota is used up. Nothing was written in part.
var ErrNoSpace = errors.New("no space left")

// A Temporary is an error that may pass if the same call is made again: a busy server,
// a connection that broke, a time-out. After says how long the place asked to be left
// alone, zero if it did not.
type Temporary struct {
	Err   error
	After time.Duration
}

// Error is the text of the error within.
func (t *Temporary) Error() string { return t.Err.Error() }

// Unwrap is the error within.
func (t *Temporary) Unwrap() error { return t.Err }

// IsTemporary reports whether err may pass if the call is made again.
func IsTemporary(err error) bool {
	var t *Temporary
	return errors.As(err, &t)
}

// Check is how a store begins a call: it refuses names that are not valid, and contexts
// that have ended, with the error that the call returns.
func Check(ctx context.Context, op, name string) error {
	if op == "list" && !ValidPrefix(name) || op != "list" && !ValidName(name) {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	if ctx.Err() != nil {
		return &fs.PathError{Op: op, Path: name, Err: context.Cause(ctx)}
	}
	return nil
}

// Fail is how a store ends a call: it names the call in a *fs.PathError, takes off the
// one that the operating system may have put around err already, and prefers the
// context's end to what came of it. It is nil for nil.
func Fail(ctx context.Context, op, name string, err error) error {
	if err == nil {
		return nil
	}
	var done *fs.PathError
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	} else if errors.As(err, &done) && error(done) == err {
		err = done.Err
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}
