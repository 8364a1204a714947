package index

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/dayfold/dayfold/pack/seal"
)

var (
	// ErrBusy means that another process, or another DB of this one, has the database open.
	ErrBusy = errors.New("index is in use")
	// ErrNoSpace means that less than Options.MinFree is left on the disk, so that
	// nothing was written. The caller goes on without: what is not in the index is absent.
	ErrNoSpace = errors.New("too little space for the index")
	// ErrForeign means that a folder holds something else than a database.
	ErrForeign = errors.New("not an index")

	errClosed = errors.New("index is closed")
)

// Options of a DB. The zero value is right.
type Options struct {
	// MinFree is how many bytes must be free on the disk before anything is
	// written: Badger does not survive a full one. 0: 512 MiB.
	MinFree int64
	// Mapped is how many bytes of the database may stay mapped into memory. 0: 24 MiB.
	// Up to there a lookup costs the same for any number of blobs; beyond, it pays for
	// mapping a page again.
	Mapped int64
}

// A DB is one database of places, for any number of archives. It is safe for
// concurrent use.
type DB struct {
	hashers hashers // under a random key of the database

	mu sync.RWMutex
	kv kv
}

// A kv holds records. Its methods are safe for concurrent use, and never panic
// on damaged records.
type kv interface {
	get(k key) (record, bool)
	set(records []entry) error
	remove(keys []key) error
	drop(prefix []byte) error
	close() error
}

type entry struct {
	key    key
	record record
}

// Open opens the database in the folder dir, and makes one if there is none;
// its lock lies beside it in dir+".lock". With dir "" it lies in memory, about
// 200 bytes a blob, and is gone after Close.
//
// A database that was not closed, that differs in any byte from what Close left,
// or that another program made, is renamed to dir+".set-aside", where the last
// one is kept, and a fresh one made. The error wraps ErrBusy, ErrNoSpace,
// ErrForeign or an error of the file system; the caller can go on with a DB in
// memory.
func Open(dir string, opt Options) (*DB, error) {
	if opt.MinFree == 0 {
		opt.MinFree = 512 << 20
	}
	if opt.Mapped == 0 {
		opt.Mapped = 24 << 20
	}
	db := new(DB)
	var localKey [keySize]byte
	if dir == "" {
		_, _ = rand.Read(localKey[:]) // never fails
		db.kv = newMemory()
	} else {
		var err error
		if db.kv, localKey, err = openFolder(dir, opt); err != nil {
			return nil, fmt.Errorf("open index: %w", err)
		}
	}
	db.hashers = newHashers(localKey)
	return db, nil
}

// Close makes durable what was added, and ends the DB: nothing is found in it
// any more. The error means that the next Open begins with an empty database.
func (db *DB) Close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.kv.close()
	db.kv = none{errClosed}
	if err != nil {
		return fmt.Errorf("close index: %w", err)
	}
	return nil
}

// Archive returns the part of the database that belongs to the archive with
// this ID. Only records that carry its keys' tag are believed.
func (db *DB) Archive(id [16]byte, keys *seal.Keys) *Archive {
	a := &Archive{db: db, keys: keys}
	sum := db.hashers.sum('a', id[:])
	copy(a.prefix[:], sum[:])
	return a
}

// none is a kv that has nothing and takes nothing.
type none struct{ err error }

func (n none) get(key) (record, bool) { return record{}, false }
func (n none) set([]entry) error      { return n.err }
func (n none) remove([]key) error     { return nil }
func (n none) drop([]byte) error      { return nil }
func (n none) close() error           { return nil }
