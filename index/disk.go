package index

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// disk is a kv in a Badger database.
type disk struct {
	folder *folder
	badger *badger.DB
	reads  atomic.Int64
	before int64 // mapped bytes of the process before the database was opened
}

// tuned are the options of the database, chosen by measuring (package comment).
// What Badger needs most memory for is tables being built, so both memtables and
// tables are small. Its own checks are off: the ledger has compared every byte
// before, without mapping the files into memory.
func tuned(dir string) badger.Options {
	o := badger.DefaultOptions(dir).WithLogger(nil).WithMetricsEnabled(false)
	o = o.WithMemTableSize(2 << 20).WithNumMemtables(2).WithNumLevelZeroTables(3).WithNumLevelZeroTablesStall(6)
	o = o.WithBaseTableSize(1 << 20).WithBaseLevelSize(8 << 20)
	o.TableSizeMultiplier = 1
	o = o.WithCompression(options.None).WithBlockCacheSize(0).WithIndexCacheSize(0)
	o = o.WithValueThreshold(1 << 10).WithValueLogFileSize(1 << 20) // all records lie in the tree
	o = o.WithNumCompactors(2).WithChecksumVerificationMode(options.NoVerification)
	return o.WithDetectConflicts(false).WithNumVersionsToKeep(1).WithSyncWrites(false)
}

// openDisk opens the database of a folder. What Badger panics about in this
// goroutine is an error.
func openDisk(f *folder) (d *disk, err error) {
	defer recovered(&err)
	before, _ := mapped()
	db, err := badger.Open(tuned(f.dir))
	if err != nil {
		return nil, err
	}
	return &disk{folder: f, badger: db, before: before}, nil
}

// recovered turns a panic of Badger into an error.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("database: %v", r)
	}
}

func (d *disk) get(k key) (r record, ok bool) {
	if d.reads.Add(1)%64 == 0 {
		d.bound()
	}
	err := d.view(func(txn *badger.Txn) error {
		item, err := txn.Get(k[:])
		if err != nil {
			return err
		}
		return item.Value(func(v []byte) error {
			ok = copy(r[:], v) == len(r) && len(v) == len(r)
			return nil
		})
	})
	return r, ok && err == nil
}

// bound gives mapped pages back when they have become too many. A read maps 64 KiB.
func (d *disk) bound() {
	if now, ok := mapped(); ok && now-d.before > d.folder.opt.Mapped {
		release(d.badger)
	}
}

func (d *disk) view(f func(*badger.Txn) error) (err error) {
	defer recovered(&err)
	return d.badger.View(f)
}

func (d *disk) set(entries []entry) error {
	if !d.folder.hasSpace() {
		return ErrNoSpace
	}
	d.bound()
	return d.update(len(entries), func(txn *badger.Txn, i int) error {
		return txn.Set(entries[i].key[:], entries[i].record[:])
	})
}

func (d *disk) remove(keys []key) error {
	if !d.folder.hasSpace() {
		return ErrNoSpace
	}
	return d.update(len(keys), func(txn *badger.Txn, i int) error { return txn.Delete(keys[i][:]) })
}

// update does n changes in as few transactions as they fit into, in order.
func (d *disk) update(n int, change func(txn *badger.Txn, i int) error) (err error) {
	defer recovered(&err)
	txn := d.badger.NewTransaction(true)
	defer func() { txn.Discard() }()
	for i := range n {
		err := change(txn, i)
		if errors.Is(err, badger.ErrTxnTooBig) {
			if err := txn.Commit(); err != nil {
				return err
			}
			txn = d.badger.NewTransaction(true)
			err = change(txn, i)
		}
		if err != nil {
			return err
		}
	}
	return txn.Commit()
}

func (d *disk) drop(prefix []byte) (err error) {
	defer recovered(&err)
	return d.badger.DropPrefix(prefix)
}

func (d *disk) close() error {
	err := d.closeBadger()
	return errors.Join(err, d.folder.close(err == nil))
}

func (d *disk) closeBadger() (err error) {
	defer recovered(&err)
	return d.badger.Close()
}
