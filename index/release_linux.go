package index

import (
	"fmt"
	"os"
	"reflect"
	"sync"
	"unsafe"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
	"golang.org/x/sys/unix"
)

// mapped returns how many bytes of files are mapped into the process's memory and
// resident.
func mapped() (bytes int64, ok bool) {
	statm, err := os.ReadFile("/proc/self/statm")
	var size, resident, shared int64
	if err == nil {
		_, err = fmt.Sscan(string(statm), &size, &resident, &shared)
	}
	return shared * int64(os.Getpagesize()), err == nil
}

// release gives back the pages of mapped tables. Badger reads tables where they
// are mapped and has no bound for that: a million records are 100 MB, all of it
// resident sooner or later. The pages stay in the system's cache, so that
// touching one again reads nothing from the disk. What every read needs, the 3 %
// that are filters and indexes of blocks, stays mapped.
//
// Badger has no way to reach its tables, so this one goes through its unexported
// fields. It holds Badger's own lock to look, and a reference to each table
// meanwhile; where the fields are not what they are in v4.9.6, it does nothing.
func release(db *badger.DB) {
	for _, t := range hold(db) {
		blocks := (len(t.Data) - t.IndexSize()) / os.Getpagesize() * os.Getpagesize()
		_ = unix.Madvise(t.Data[:blocks], unix.MADV_DONTNEED)
		_ = t.DecrRef()
	}
}

// hold returns the tables of all levels, each with a reference that the caller gives back.
func hold(db *badger.DB) (held []*table.Table) {
	defer func() { _ = recover() }() // of reflect, when a field is not there
	levels := field(field(reflect.ValueOf(db).Elem(), "lc").Elem(), "levels")
	for i := range levels.Len() {
		level := levels.Index(i).Elem()
		mu := field(level, "RWMutex").Addr().Interface().(*sync.RWMutex)
		tables := field(level, "tables").Addr().Interface().(*[]*table.Table)
		mu.RLock()
		for _, t := range *tables {
			t.IncrRef()
			held = append(held, t)
		}
		mu.RUnlock()
	}
	return held
}

// field returns a field that can be read although it is not exported.
func field(v reflect.Value, name string) reflect.Value {
	f := v.FieldByName(name)
	return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
}
