package index

import (
	"encoding/binary"
	"errors"
	"fmt"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// A Place is where a blob lies: Len bytes at Off of a pack of that class.
type Place struct {
	Pack     pack.Name
	Class    pack.Class
	Off, Len uint32
}

// An Archive is the part of a DB that belongs to one archive.
type Archive struct {
	db     *DB
	keys   *seal.Keys
	prefix [8]byte
}

// Archive returns the part of the archive with that ID. keys make the tags that its
// records are believed by.
func (db *DB) Archive(id [16]byte, keys *seal.Keys) *Archive {
	return &Archive{db: db, keys: keys, prefix: [8]byte(id[:8])}
}

const (
	tagLen   = 16
	placeLen = 32 + 1 + 4 + 4 + 4
)

// hash fills dst with the keyed hash of name.
func (db *DB) hash(dst, name []byte) {
	h := db.hasher.Clone()
	_, _ = h.Write(name)
	_, _ = h.Digest().Read(dst) // neither can fail
}

func (a *Archive) blobKey(id seal.ID, kind pack.ClassKind) []byte {
	key := make([]byte, 1+8+16+1)
	key[0] = 'b'
	copy(key[1:], a.prefix[:])
	a.db.hash(key[9:25], id[:])
	key[25] = byte(kind)
	return key
}

func (a *Archive) packKey(n pack.Name) []byte {
	key := make([]byte, 1+8+32)
	key[0] = 'p'
	copy(key[1:], a.prefix[:])
	a.db.hash(key[9:], n[:])
	return key
}

// Lookup returns where a blob lies in a pack that live says is good and whose class
// outlives want. ok is false when the index does not know, or cannot be believed.
func (a *Archive) Lookup(id seal.ID, want pack.Class, live func(pack.Name) bool) (p Place, ok bool) {
	kinds := [...]pack.ClassKind{want.Kind}
	try := kinds[:]
	if want.Kind == pack.Expiring {
		try = []pack.ClassKind{pack.Expiring, pack.Permanent, pack.Tree}
	}
	_ = a.db.badger.View(func(txn *badger.Txn) error { // an error is "does not know"
		for _, kind := range try {
			if p, ok = a.read(txn, a.blobKey(id, kind)); ok && p.Class.Outlives(want) && live(p.Pack) {
				return nil
			}
		}
		p, ok = Place{}, false
		return nil
	})
	return p, ok
}

// read returns the place in a record whose tag verifies.
func (a *Archive) read(txn *badger.Txn, key []byte) (p Place, ok bool) {
	item, err := txn.Get(key)
	if err != nil {
		return p, false
	}
	err = item.Value(func(v []byte) error {
		if len(v) != placeLen+tagLen || a.keys.Tag(key, v[:placeLen]) != [tagLen]byte(v[placeLen:]) {
			return nil
		}
		ok = true
		copy(p.Pack[:], v)
		p.Class.Kind = pack.ClassKind(v[32])
		p.Class.Day = binary.LittleEndian.Uint32(v[33:])
		p.Off = binary.LittleEndian.Uint32(v[37:])
		p.Len = binary.LittleEndian.Uint32(v[41:])
		return nil
	})
	return p, ok && err == nil
}

// Add takes in the whole tables of packs. ErrNoSpace means that it did not.
func (a *Archive) Add(packs ...pack.Packed) error {
	if err := a.db.room(); err != nil {
		return err
	}
	batch := a.db.badger.NewWriteBatch()
	defer batch.Cancel()
	for _, p := range packs {
		for _, b := range p.Table.Blobs {
			key := a.blobKey(b.ID, p.Table.Class.Kind)
			v := make([]byte, 0, placeLen+tagLen)
			v = append(v, p.Name[:]...)
			v = append(v, byte(p.Table.Class.Kind))
			for _, n := range []uint32{p.Table.Class.Day, b.Off, b.Len} {
				v = binary.LittleEndian.AppendUint32(v, n)
			}
			tag := a.keys.Tag(key, v)
			if err := batch.Set(key, append(v, tag[:]...)); err != nil {
				return fmt.Errorf("index: %w", err)
			}
		}
	}
	if err := batch.Flush(); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return a.mark(packs)
}

// mark says of packs that their tables are in, after they are.
func (a *Archive) mark(packs []pack.Packed) error {
	batch := a.db.badger.NewWriteBatch()
	defer batch.Cancel()
	for _, p := range packs {
		key := a.packKey(p.Name)
		tag := a.keys.Tag(key)
		if err := batch.Set(key, tag[:]); err != nil {
			return fmt.Errorf("index: %w", err)
		}
	}
	if err := batch.Flush(); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

// HasPack reports whether the table of a pack was taken in.
func (a *Archive) HasPack(n pack.Name) bool {
	key := a.packKey(n)
	ok := false
	_ = a.db.badger.View(func(txn *badger.Txn) error { // an error is "no"
		v, err := get(txn, key)
		tag := a.keys.Tag(key)
		ok = err == nil && string(v) == string(tag[:])
		return nil
	})
	return ok
}

// Forget drops what is known of packs that are gone. Places in them stay, and are not
// believed because their pack is not live.
func (a *Archive) Forget(packs ...pack.Name) error {
	if len(packs) == 0 {
		return nil
	}
	if err := a.db.room(); err != nil {
		return ignoreNoSpace(err)
	}
	batch := a.db.badger.NewWriteBatch()
	defer batch.Cancel()
	for _, n := range packs {
		if err := batch.Delete(a.packKey(n)); err != nil {
			return fmt.Errorf("index: %w", err)
		}
	}
	if err := batch.Flush(); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

func ignoreNoSpace(err error) error {
	if errors.Is(err, ErrNoSpace) {
		return nil
	}
	return err
}

// Reset drops everything that is known of the archive.
func (a *Archive) Reset() error {
	for _, space := range []byte{'b', 'p'} {
		if err := a.db.badger.DropPrefix(append([]byte{space}, a.prefix[:]...)); err != nil {
			return fmt.Errorf("index: %w", err)
		}
	}
	return nil
}
