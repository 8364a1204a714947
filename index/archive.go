package index

import (
	"fmt"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// An Archive is the places of one archive's blobs. It is safe for concurrent use.
type Archive struct {
	db     *DB
	keys   *seal.Keys
	prefix [prefixLen]byte
}

// Lookup returns a place of a blob in a pack whose class outlives want and for
// which live holds. ok is false when none is known; that says nothing of the
// store. live is asked while no lock is held, at most three times.
func (a *Archive) Lookup(id seal.ID, want pack.Class, live func(pack.Name) bool) (p Place, ok bool) {
	for _, kind := range kinds(want) {
		k := a.blobKey(&id, kind)
		r, found := a.get(k)
		if !found {
			continue
		}
		p, ok := a.open(k, r)
		if ok && p.Class.Outlives(want) && live(p.Pack) {
			return p, true
		}
	}
	return Place{}, false
}

// kinds returns the classes of packs in which a blob of class want may lie: nodes
// and contents that stay are in packs of their own, those that expire in any.
func kinds(want pack.Class) []pack.ClassKind {
	if want.Kind == pack.Expiring {
		return []pack.ClassKind{pack.Expiring, pack.Permanent, pack.Tree}
	}
	return []pack.ClassKind{want.Kind}
}

// HasPack tells whether all of a pack's table was added, and not forgotten.
func (a *Archive) HasPack(n pack.Name) bool {
	k := a.packKey(&n)
	r, found := a.get(k)
	if !found {
		return false
	}
	_, ok := a.open(k, r)
	return ok
}

// Add adds the tables of packs. Of two packs of one kind of class that have the
// same blob, the later one counts. An error, which wraps ErrNoSpace when the
// disk is full, leaves the index usable and some of the tables out of it; the
// caller may go on without.
func (a *Archive) Add(packs ...pack.Packed) error {
	var entries []entry
	for _, p := range packs {
		entries = entries[:0]
		for _, b := range p.Table.Blobs {
			k := a.blobKey(&b.ID, p.Table.Class.Kind)
			entries = append(entries, entry{k, a.seal(k, Place{p.Name, p.Table.Class, b.Off, b.Len})})
		}
		k := a.packKey(&p.Name) // last: it says that all of the others are there
		entries = append(entries, entry{k, a.seal(k, Place{Pack: p.Name, Class: p.Table.Class, Len: uint32(len(p.Table.Blobs))})})
		if err := a.do(func(kv kv) error { return kv.set(entries) }); err != nil {
			return fmt.Errorf("add to index: %w", err)
		}
	}
	return nil
}

// Forget takes packs out of the index, so that HasPack does not know them. Their
// places stay, and are not believed once the packs are not live.
func (a *Archive) Forget(names ...pack.Name) error {
	keys := make([]key, len(names))
	for i := range names {
		keys[i] = a.packKey(&names[i])
	}
	if err := a.do(func(kv kv) error { return kv.remove(keys) }); err != nil {
		return fmt.Errorf("forget in index: %w", err)
	}
	return nil
}

// Reset takes everything of this archive out of the index. Other archives of the
// DB wait meanwhile.
func (a *Archive) Reset() error {
	a.db.mu.Lock()
	defer a.db.mu.Unlock()
	if err := a.db.kv.drop(a.prefix[:]); err != nil {
		return fmt.Errorf("reset index: %w", err)
	}
	return nil
}

func (a *Archive) get(k key) (record, bool) {
	a.db.mu.RLock()
	defer a.db.mu.RUnlock()
	return a.db.kv.get(k)
}

func (a *Archive) do(f func(kv) error) error {
	a.db.mu.RLock()
	defer a.db.mu.RUnlock()
	return f(a.db.kv)
}
