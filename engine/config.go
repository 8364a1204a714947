package engine

import (
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
)

const (
	configName   = "config"
	formatNumber = 1
)

// config is what Create fixes for the life of an archive (FORMAT.md, config):
//
//	format │ id 16 │ flags │ pack size │ tree pack size
type config struct {
	ID                     [16]byte
	Strict, HideExpiry     bool
	CreateIfAbsent         bool // the store refused a second create when it was probed
	ConsistentList         bool
	Versions, Locks, Trash bool // the place said then that it keeps what is deleted so
	PackSize, TreePackSize int
}

const (
	flagStrict = 1 << iota
	flagHideExpiry
	flagCreateIfAbsent
	flagConsistentList
	flagVersions
	flagLocks
	flagTrash
	flagsKnown = 1<<iota - 1
)

const maxPackSize = 64 << 20

// weak reports whether the store lacks what collecting without clocks needs.
func (c config) weak() bool { return !c.CreateIfAbsent || !c.ConsistentList }

func (c config) encode() []byte {
	var flags uint64
	for bit, set := range map[uint64]bool{flagStrict: c.Strict, flagHideExpiry: c.HideExpiry,
		flagCreateIfAbsent: c.CreateIfAbsent, flagConsistentList: c.ConsistentList, flagVersions: c.Versions, flagLocks: c.Locks, flagTrash: c.Trash} {
		if set {
			flags |= bit
		}
	}
	b := append(appendUint(nil, formatNumber), c.ID[:]...)
	b = appendUint(b, flags)
	b = appendUint(b, uint64(c.PackSize))
	return appendUint(b, uint64(c.TreePackSize))
}

func decodeConfig(plain []byte) (config, error) {
	w := wire{rest: plain}
	if v := w.uint(1 << 32); v > formatNumber {
		return config{}, seal.ErrVersion
	} else if v != formatNumber {
		w.fail()
	}
	c := config{ID: w.array16()}
	flags := w.uint(flagsKnown)
	c.Strict, c.HideExpiry = flags&flagStrict != 0, flags&flagHideExpiry != 0
	c.CreateIfAbsent, c.ConsistentList = flags&flagCreateIfAbsent != 0, flags&flagConsistentList != 0
	c.Versions, c.Locks, c.Trash = flags&flagVersions != 0, flags&flagLocks != 0, flags&flagTrash != 0
	c.PackSize, c.TreePackSize = int(w.uint(maxPackSize)), int(w.uint(maxPackSize))
	return c, w.end()
}

// Probed is what Create found the store to do. An archive that was opened knows less of
// it: whether collection is safe, and what was known to keep deleted objects.
func (a *Archive) Probed() store.Report {
	if a.probed != nil {
		return *a.probed
	}
	yes := map[bool]store.Answer{true: store.Yes}
	c := a.config
	return store.Report{Capabilities: store.Capabilities{CreateIfAbsent: c.CreateIfAbsent, ConsistentList: c.ConsistentList},
		Traits: store.Traits{Versions: yes[c.Versions], Locks: yes[c.Locks], Trash: yes[c.Trash]}}
}
