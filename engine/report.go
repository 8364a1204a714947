package engine

import (
	"time"

	"github.com/dayfold/dayfold/engine/store"
)

// A Snapshot is one moment of one history.
type Snapshot struct {
	ID       string // 32 hex digits; stays when the snapshot is rewritten
	Revision uint32
	Time     time.Time
	Source   SourceInfo // Data is not loaded
	Tags     []string
	Items    int64
	Bytes    int64 // of contents, as the source counted them
	Partial  bool  // a checkpoint of a run that has not ended
	Excluded map[string]int64
}

// Report says what a Backup, Amend or Erase did.
type Report struct {
	Snapshot  string
	Unchanged bool // the parent's trees, bit for bit
	Items     int64
	Bytes     int64
	New       int64
	Changed   int64
	Removed   int64 // gone from the source
	Expired   int64 // dropped because their time was up
	Excluded  map[string]int64
	Problems  []*Problem // what could not be read; at most 1,000 are kept
	Missing   int64      // how many there were

	BytesRead     int64 // of contents that were opened
	BytesNew      int64 // of plain contents that were not in the archive yet
	BytesUploaded int64 // all objects
	Packs         int64
	Uploaded      uploaded
	Opened        int64 // contents that were opened
	NodesLoaded   int64
	NodesSaved    int64        // nodes that were new
	Rewritten     int64        // snapshots that were rewritten (Erase, expiry)
	Copied        []string     // snapshots that a Copy brought into the copy: their IDs there
	Behind        []string     // that a Copy found there, and that are forgotten here
	Quarantined   []string     // objects that a Repair has put aside
	Receipt       []byte       // of an Erase: what it took out, signed
	Kept          store.Answer // of VerifyErased: whether the store keeps what is deleted
	Restarts      int64        // how often a collection overtook the run
	Duration      time.Duration
}

// uploaded splits what a run sealed, in bytes as they lie in packs.
type uploaded struct {
	Tree, Permanent, Expiring int64 // sealed blobs
	Padding                   int64 // directories and padding of packs
	Other                     int64 // segments, snapshots, fences
}

// BackupOptions say how a Backup or Amend goes about it.
type BackupOptions struct {
	Rules Rules
	Tags  []string
	// Insist lets a backup go on although more than 20 % of the bytes or half of
	// the items would be gone, or the clock is more than 30 days past the newest head.
	Insist bool
	// DryRun reads the source and reports, but writes nothing.
	DryRun bool
	// CheckpointEvery is how much is uploaded between two checkpoints. 0: 4 GiB.
	CheckpointEvery int64
}

// A Change is one difference between two snapshots, or one that Amend makes: New is
// put in the place of what has its key; with New nil, the item named by Old.Key goes.
type Change struct {
	Old, New *Item
}

// A Selection says which items Erase removes: all that match every field that is set.
type Selection struct {
	Keys   [][]byte  // exactly these
	Group  []byte    // of this conversation
	Before time.Time // older than this
	Kind   Kind      // of this kind
}

// PruneOptions say how a Prune goes about it.
type PruneOptions struct {
	// MaxUnused is how many percent of all bytes in packs may be dead. 0: none.
	MaxUnused float64
	DryRun    bool
	// Insist lets a prune drop more than 20 % of the bytes in the store's packs.
	Insist bool
}

// PruneReport says what a Prune did, or with DryRun would do.
type PruneReport struct {
	PacksDeleted, PacksRewritten, PacksKept int64
	BytesFreed, BytesRewritten              int64
	BytesLive                               int64 // of packs, padding included, without what is dead
	BytesDead                               int64 // sealed blobs in packs that stay and nothing needs
	BytesWaiting                            int64 // in packs that a later prune may delete
	OldestUnerased                          time.Duration
	SnapshotsExpired                        int64 // rewritten because a day was over
	SnapshotsRewritten                      int64 // because blobs of theirs moved
	NodesLoaded                             int64 // of maps whose needs were not known exactly
	PacksRead                               int64 // of those that are rewritten; no other is read
	Duration                                time.Duration
	Receipt                                 []byte // what was deleted and what is left, signed; VerifyErased checks it
}

// CheckOptions say how deep a Check looks. The zero value checks the structure.
type CheckOptions struct {
	// List only looks whether all that snapshots need is there, in a size that packs
	// have, and whether the heads of the snapshots open.
	List bool
	// ReadData reads every blob; with Of > 1 only those in the Parts (0: 1) parts of Of
	// that begin with Part (from 1) and go on with 1 behind the last.
	ReadData        bool
	Part, Of, Parts int
}

// CheckReport says what a Check found.
type CheckReport struct {
	Packs, Blobs, Snapshots, Items int64
	BytesRead                      int64
	Problems                       []*Problem
	Orphans                        int64 // packs that nothing names: not damage
	Duration                       time.Duration
}

// Stats says what an archive holds.
type Stats struct {
	Snapshots, Packs      int64
	StoreBytes            int64            // all objects
	TreeBytes, DataBytes  int64            // sealed, by class
	ExpiringBytes         int64            //
	ItemBytes             int64            // contents of the newest snapshot, as counted by the source
	ByKind                map[string]int64 // bytes of the newest snapshot
	ItemsByKind           map[string]int64
	ByGroup               map[string]int64
	UniqueItems           int64
	Deduplication, Growth float64 // contents : unique sealed bytes; store bytes a day
}
