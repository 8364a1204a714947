package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/dayfold/dayfold/chunk"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// Options say how an archive is worked with. The zero value works: an index in
// memory, no memory of the device, 128 MiB.
type Options struct {
	// Index is the database of hints, shared by all archives of a process. Nil: one
	// in memory, which is filled from the store as needed.
	Index *index.DB
	// State is this device's own file: who it is, the secret that blinds leaves, the
	// heads it has seen. It does not belong into a cache. Empty: nothing is remembered,
	// so rollbacks go unnoticed.
	State string
	// Temp is where sealed spills of sorting lie. Empty: os.TempDir.
	Temp string
	// Memory bounds what the engine allocates, in bytes. 0: 128 MiB.
	Memory int64
	// Workers is how many goroutines compress and seal. 0: one per processor.
	Workers int
	// Uploads is how many packs are on their way to the store at once, each in memory of
	// its own. 0: one for each 128 MiB of Memory, at most eight, which is enough for a
	// store that answers at once.
	Uploads int
	// Blind hides leaves from guesses by whoever holds the archive key (DESIGN.md,
	// guessing). It needs State.
	Blind bool
	// Progress is told how far a long call is, from one goroutine at a time.
	Progress func(Progress)

	Now  func() time.Time // nil: time.Now
	Rand io.Reader        // nil: crypto/rand

	// What Create fixes for the archive's life.
	PackSize     int  // target of content packs, bytes. 0: 8 MiB
	TreePackSize int  // target of tree packs, bytes. 0: 2 MiB
	Strict       bool // items of a group deduplicate within their group only
	HideExpiry   bool // expiring items lie among the permanent ones
}

// Progress is how far a call is. Totals are 0 while unknown.
type Progress struct {
	Stage                  string
	Items, Bytes, Uploaded int64
	TotalItems, TotalBytes int64
}

// An Archive is one person's histories in one store. Its methods may be called from
// several goroutines and, on other Archives of the same store, from other processes
// and machines, all at once.
type Archive struct {
	store  store.Store
	opt    Options
	config config
	keys   *seal.Keys
	poly   chunk.Polynomial
	index  *index.Archive
	own    *index.DB // opened by us
	device *device
	probed *store.Report // by Create; nil: it was opened

	progressMu sync.Mutex // see progress
	mu         sync.Mutex
	heads      map[string]head    // by object name; they never change
	bad        map[pack.Name]bool // packs that the last Repair has found damaged; replaced, never changed
}

func (o Options) withDefaults() Options {
	if o.Memory == 0 {
		o.Memory = 128 << 20
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Uploads <= 0 {
		o.Uploads = int(min(max(o.Memory>>27, 1), 8))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.PackSize == 0 {
		o.PackSize = 8 << 20
	}
	if o.TreePackSize == 0 {
		o.TreePackSize = 2 << 20
	}
	return o
}

// Create makes a new archive in an empty store and opens it. Its only key is key,
// which is stored nowhere. A store that holds an archive already is fs.ErrExist, and one
// whose config is gone is seal.ErrCorrupt: its keys would be mixed with new ones.
func Create(ctx context.Context, st store.Store, key seal.RecoveryKey, opt Options) (*Archive, error) {
	opt = opt.withDefaults()
	if _, err := st.Get(ctx, configName, 0, -1); err == nil {
		return nil, fmt.Errorf("create: %w", fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("create: %w", err)
	}
	for _, prefix := range []string{snapshotPrefix, packPrefix} {
		for _, err := range st.List(ctx, prefix) {
			if err == nil {
				err = corrupt("the store has %s of an archive and no %s", strings.TrimSuffix(prefix, "/"), configName)
			}
			return nil, fmt.Errorf("create: %w", err)
		}
	}
	ak, err := seal.NewArchiveKey(opt.Rand)
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	c := config{PackSize: opt.PackSize, TreePackSize: opt.TreePackSize, Strict: opt.Strict, HideExpiry: opt.HideExpiry}
	a, err := create(ctx, st, seal.Derive(ak, nil), c, opt, func() error {
		_, err := putSlot(ctx, st, opt.Rand, key, ak)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	return a, nil
}

// create makes an archive with the config c, a new ID and what a probe of the store
// finds. slots puts its key slots; the config comes last.
func create(ctx context.Context, st store.Store, keys *seal.Keys, c config, opt Options, slots func() error) (*Archive, error) {
	probed, err := store.Probe(ctx, st)
	if err != nil {
		return nil, err
	}
	c.CreateIfAbsent, c.ConsistentList = probed.CreateIfAbsent, probed.ConsistentList
	c.Versions, c.Locks, c.Trash = probed.Versions == store.Yes, probed.Locks == store.Yes, probed.Trash == store.Yes
	if _, err := io.ReadFull(opt.Rand, c.ID[:]); err != nil {
		return nil, err
	}
	if err := slots(); err != nil {
		return nil, err
	}
	sealed, err := keys.SealObject(opt.Rand, seal.RoleConfig, configName, c.encode(), pack.ObjectSize)
	if err != nil {
		return nil, err
	}
	if err := st.Put(ctx, configName, sealed); err != nil {
		return nil, err
	}
	a, err := open(ctx, st, keys, c, opt)
	if err == nil {
		a.probed = &probed
	}
	return a, err
}

// Open opens the archive in a store. The errors to branch on are ErrNoArchive,
// seal.ErrWrongKey, seal.ErrVersion and seal.ErrCorrupt.
func Open(ctx context.Context, st store.Store, secret seal.Secret, opt Options) (*Archive, error) {
	opt = opt.withDefaults()
	keys, err := unlock(ctx, st, secret)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	c, err := readConfig(ctx, st, keys)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return open(ctx, st, keys, c, opt)
}

func readConfig(ctx context.Context, st store.Store, keys *seal.Keys) (config, error) {
	data, err := st.Get(ctx, configName, 0, -1)
	if errors.Is(err, fs.ErrNotExist) {
		return config{}, ErrNoArchive
	}
	if err != nil {
		return config{}, err
	}
	plain, err := keys.OpenObject(seal.RoleConfig, configName, data)
	if err != nil {
		return config{}, fmt.Errorf("config: %w", err)
	}
	c, err := decodeConfig(plain)
	if err != nil {
		return config{}, fmt.Errorf("config: %w", err)
	}
	return c, nil
}

func open(ctx context.Context, st store.Store, keys *seal.Keys, c config, opt Options) (*Archive, error) {
	a := &Archive{store: st, opt: opt, config: c, keys: keys, heads: map[string]head{}}
	var err error
	if a.poly, err = chunk.DerivePolynomial(keys.PolynomialSource()); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if err = a.openDevice(); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	db := opt.Index
	if db == nil {
		if db, err = index.Open("", index.Options{}); err != nil {
			return nil, fmt.Errorf("open: %w", err)
		}
		a.own = db
	}
	a.index = db.Archive(c.ID, keys)
	return a, nil
}

// ID names the archive: 32 hex digits, random, the same for every device.
func (a *Archive) ID() string { return hex.EncodeToString(a.config.ID[:]) }

// Strict reports whether items deduplicate within their conversation only. A source that
// yields media without a group should then yield one for each conversation.
func (a *Archive) Strict() bool { return a.config.Strict }

// Close lets go of what Open took. An index that came with Options stays open.
func (a *Archive) Close() error {
	if a.own != nil {
		return a.own.Close()
	}
	return nil
}

func (a *Archive) now() time.Time { return a.opt.Now() }

// blind returns what leaves of this device begin with, or nil for zero.
func (a *Archive) blind() func([]byte) [16]byte {
	if !a.opt.Blind {
		return nil
	}
	secret := a.device.secret
	return func(leaf []byte) [16]byte { return a.keys.Blind(secret, leaf) }
}
