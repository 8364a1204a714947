package store

import (
	"context"
	"time"
)

// An Answer is what a place says to a question that not every place can be asked.
type Answer int8

// The answers. Unknown is that of a place that cannot be asked, or does not say.
const (
	Unknown Answer = iota
	No
	Yes
)

// String is the answer as people read it.
func (a Answer) String() string {
	switch a {
	case No:
		return "no"
	case Yes:
		return "yes"
	}
	return "unknown"
}

// Traits are what a place does beside the contract. They may change from day to day, as
// its owner sets them.
type Traits struct {
	Versions Answer    // what was deleted stays there as an old version
	Locks    Answer    // objects can be kept from being deleted for a time
	Trash    Answer    // what was deleted lies in a trash for a time
	Clock    time.Time // the place's own, to a second; zero if it does not say
}

// Keeps reports whether, after a Delete, the bytes may still be there, where not even
// the one who deleted them can tell when they go. It is Yes if one of the three traits
// is, and No only if all of them are.
func (t Traits) Keeps() Answer {
	all := []Answer{t.Versions, t.Locks, t.Trash}
	least := No
	for _, a := range all {
		if a == Yes {
			return Yes
		}
		least = min(least, a)
	}
	return least
}

// A Teller is a store whose place can be asked for its traits. What may not be asked
// for is Unknown; an error is that the place could not be reached.
type Teller interface {
	Traits(ctx context.Context) (Traits, error)
}

// Ask asks a store for the traits of its place: all are Unknown if it does not say.
func Ask(ctx context.Context, s Store) (Traits, error) {
	if t, ok := s.(Teller); ok {
		return t.Traits(ctx)
	}
	return Traits{}, nil
}
