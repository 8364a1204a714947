// Package store is where an archive's objects lie, by name: the contract that every
// place keeps, a place in memory, the probe that finds out what a place can do, and
// what may be put around one (Cache, Retry, Limit, Meter).
//
// Each real place is a package of its own below this one, so that a program links only
// those it names. All of them are held to the contract by storetest.
package store

import (
	"context"
	"iter"
)

// A Store keeps objects: bytes under a name, written once and never changed.
//
// Names are those that [ValidName] accepts; any other is fs.ErrInvalid. A name that is
// a path of another ("a" beside "a/b") may be refused. Every method may be called from
// many goroutines, and from many processes that share the place.
//
// Errors are *fs.PathError with the method ("put", "get", "list", "delete") and the
// name, never a credential. Those to branch on are fs.ErrExist, fs.ErrNotExist,
// fs.ErrInvalid, fs.ErrPermission, io.ErrUnexpectedEOF, [ErrNoSpace] and [*Temporary];
// a call whose context has ended says context.Cause of it.
type Store interface {
	// Put creates an object. When it returns nil the object is whole, readable, listed
	// and, where the place can tell, on stable storage. At no time can a part of it be
	// read. It is fs.ErrExist if the name is taken, even by equal bytes, and then what
	// lies there is unchanged and as durable as if this call had put it: of writers
	// that put one name at once exactly one gets nil. A place without that
	// ([Capabilities].CreateIfAbsent) may tell several writers nil; what lies there
	// is then what one of them put, and a name that was taken before is still refused.
	// After any other error the object may or may not be there, but never in part.
	// Put does not keep data or change it.
	Put(ctx context.Context, name string, data []byte) error

	// Get reads n bytes at off, or all from off on if n < 0. It is
	// io.ErrUnexpectedEOF, and no bytes, if the object ends before off or off+n;
	// fs.ErrNotExist if there is no such object, even for n = 0; fs.ErrInvalid if
	// off < 0. The bytes are the caller's to keep and change.
	Get(ctx context.Context, name string, off int64, n int) ([]byte, error)

	// List yields every object whose name begins with prefix (any beginning of a valid
	// name, not only whole segments; "" for all), in bytewise order of names. An object
	// that was there before the call and still is after it is yielded exactly once; one
	// put or deleted meanwhile may be yielded or not. Things in the place that no Put
	// made are left out. After an error nothing more is yielded. The loop's body may
	// call the store, and may end early.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]

	// Delete removes an object. When it returns nil the object can be neither read nor
	// listed, and stays so after a power cut. An object that is not there is no error.
	Delete(ctx context.Context, name string) error
}

// An Info is one object as List yields it. Size is in bytes.
type Info struct {
	Name string
	Size int64
}
