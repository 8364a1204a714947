package engine

import (
	"errors"
	"fmt"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/pack/seal"
)

// What callers branch on, beside seal.ErrCorrupt (damage), seal.ErrVersion (a newer
// format) and seal.ErrWrongKey, which pass through unchanged, collect.ErrOvertaken
// (collections overtook every attempt: again later) and fs.ErrNotExist.
var (
	// ErrNoArchive: there is no archive in this store.
	ErrNoArchive = errors.New("no archive here")
	// ErrRollback: the store shows an older state than this device has seen.
	ErrRollback = errors.New("the store is older than what this device has seen")
	// ErrRefused: a guard stopped an operation that would remove more than is usual.
	ErrRefused = errors.New("refused")
)

// errFenced ends an attempt to commit that a collection has overtaken.
var errFenced = collect.ErrOvertaken

func corrupt(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, seal.ErrCorrupt)...)
}
