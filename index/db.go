package index

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/zeebo/blake3"
)

var (
	// ErrBusy means that another process has the database open.
	ErrBusy = errors.New("index in use by another process")
	// ErrNoSpace means that the disk is too full for Badger to write safely. The
	// caller goes on without.
	ErrNoSpace = errors.New("too little free space for the index")
	// ErrHandles means that the process may open too few files for Badger, which ends
	// the whole process when it finds none left. The caller goes on without.
	ErrHandles = errors.New("too few file handles for the index")
	// ErrForeign means that a folder holds other things than an index. It is left alone.
	ErrForeign = errors.New("the folder is not an index")
)

// Options say how a database is kept. The zero value is right.
type Options struct {
	// MinFree is how many bytes must be free on the disk before anything is
	// written: Badger does not survive a full one. 0: 512 MiB.
	MinFree int64
}

const (
	schema     = "dayfold index 2"
	minFree    = 512 << 20
	memtable   = 1 << 20 // Badger keeps about ten times that
	indexCache = 4 << 20
	tableSize  = 512 << 10 // Badger keeps the memory of up to eight that it has built, twice that each

	// levelZero is how many tables there are before Badger merges them: some 20 MiB, or
	// as many runs. To merge them it builds every table of the next level anew, side by
	// side, at 4 MiB of memory each.
	levelZero = 20
)

// A DB is one database. Its methods may be called from many goroutines.
type DB struct {
	badger *badger.DB
	dir    string
	free   int64
	hasher *blake3.Hasher // keyed with the database's own key; cloned for each use
	lock   *os.File

	mu     sync.Mutex
	closed bool
}

// Open opens the database in a folder, or one in memory if dir is "". One that is
// unclean or does not open is renamed to dir+".set-aside" (in the place of an earlier
// one), and a fresh one is made. A folder that holds anything else is ErrForeign. ErrBusy, ErrNoSpace
// and ErrHandles are for the caller to go on with one in memory.
func Open(dir string, opt Options) (*DB, error) {
	if opt.MinFree == 0 {
		opt.MinFree = minFree
	}
	db := &DB{dir: dir, free: opt.MinFree}
	if err := db.start(); err != nil {
		if db.lock != nil {
			db.lock.Close()
		}
		return nil, fmt.Errorf("open index: %w", err)
	}
	return db, nil
}

func (db *DB) start() (err error) {
	if db.dir == "" {
		return db.open()
	}
	if err := os.MkdirAll(db.dir, 0o700); err != nil {
		return err
	}
	if err := db.room(); err != nil {
		return err
	}
	if err := db.handles(); err != nil {
		return err
	}
	if db.lock, err = lock(db.dir + ".lock"); err != nil {
		return err
	}
	sound, err := db.sound()
	if err == nil && sound {
		if err = db.open(); err == nil || errors.Is(err, ErrBusy) {
			return err
		}
	}
	if err := db.setAside(); err != nil {
		return err
	}
	return db.open()
}

// open opens Badger and reads the header. A panic of Badger's on a foreign file, in this
// goroutine, is an error.
func (db *DB) open() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("unreadable: %v", p)
		}
	}()
	o := badger.DefaultOptions(db.dir).WithInMemory(db.dir == "").WithLogger(nil).WithMetricsEnabled(false).
		WithMemTableSize(memtable).WithNumMemtables(2).WithNumLevelZeroTables(levelZero).WithNumLevelZeroTablesStall(2 * levelZero).
		WithBaseTableSize(tableSize).WithBaseLevelSize(16 << 20).
		WithBlockCacheSize(0).WithIndexCacheSize(indexCache).WithCompression(options.None).
		WithValueThreshold(1 << 10).WithValueLogFileSize(1 << 20).WithNumCompactors(2).
		WithDetectConflicts(false).WithChecksumVerificationMode(options.NoVerification).
		WithSyncWrites(false).WithNumVersionsToKeep(1)
	if db.badger, err = badger.Open(o); err != nil {
		if strings.Contains(err.Error(), "directory lock") {
			return ErrBusy
		}
		return err
	}
	if err := db.header(); err != nil {
		_ = db.badger.Close() // it is set aside
		return err
	}
	return nil
}

var headerKey = []byte("header") // schema, then the key of the hasher

// header reads the header, or writes one into an empty database.
func (db *DB) header() error {
	return db.badger.Update(func(txn *badger.Txn) error {
		header, err := get(txn, headerKey)
		if err != nil {
			return err
		}
		if header == nil {
			it := txn.NewIterator(badger.IteratorOptions{})
			defer it.Close()
			if it.Rewind(); it.Valid() {
				return errors.New("foreign")
			}
			header = append([]byte(schema), make([]byte, 32)...)
			if _, err := rand.Read(header[len(schema):]); err != nil {
				return err
			}
			if err := txn.Set(headerKey, header); err != nil {
				return err
			}
		}
		if len(header) != len(schema)+32 || string(header[:len(schema)]) != schema {
			return errors.New("another schema")
		}
		db.hasher, err = blake3.NewKeyed(header[len(schema):])
		return err
	})
}

// get returns a copy of a value; nil: absent.
func get(txn *badger.Txn, key []byte) ([]byte, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return item.ValueCopy(nil)
}

// room is ErrNoSpace when the disk is too full to write.
func (db *DB) room() error {
	if db.dir == "" {
		return nil
	}
	if n, ok := freeSpace(db.dir); ok && n < db.free {
		return ErrNoSpace
	}
	return nil
}

// spareHandles is how many files Badger may open beside those that lie there: the next
// tables, logs and the folder itself, each several times.
const spareHandles = 32

// handles is ErrHandles when fewer files may be opened than Badger may need. They are
// opened to find out, since no limit says what the rest of the process has open.
func (db *DB) handles() error {
	there, err := os.ReadDir(db.dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrHandles, err)
	}
	for range len(there) + spareHandles {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return ErrHandles
		}
		defer f.Close()
	}
	return nil
}

// Close closes the database. It may be called twice.
func (db *DB) Close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return nil
	}
	db.closed = true
	err := db.badger.Close()
	if db.dir != "" {
		if err == nil {
			err = db.seal()
		}
		err = errors.Join(err, db.lock.Close())
	}
	if err != nil {
		return fmt.Errorf("close index: %w", err)
	}
	return nil
}
