package signal

import "time"

// A Description says what a backup is: what people want to know of one before they
// archive it, and how well its parts agree. It holds no content and no secret.
//
// Each reader of Signal's formats has a function Look, which describes a backup as far
// as that goes without its key, and a method Description of its Source, which says all
// that is known when Items has ended.
type Description struct {
	Version string    // of the format; empty: it has none
	App     string    // the version of the app that made it; empty: unknown
	Made    time.Time // zero: unknown
	// Snapshot is the folder that is read, of Snapshots in all, where a backup is one
	// of several that lie together.
	Snapshot  string
	Snapshots int
	// Counts says how many there are of what the format calls what: "message", "chat".
	Counts map[string]int64
	// Files are the media files that lie there, of Bytes in all as they lie there.
	Files, Bytes int64
	Findings     []Finding
}

// A Finding is how parts of a backup do not agree: which, and how often.
type Finding struct {
	What string // one of the words below
	Names
}

// The words for findings. What is missing or altered cannot be archived.
const (
	FoundMissing     = "missing"      // shown, but not there
	FoundAltered     = "altered"      // there, but not what was shown
	FoundUnlisted    = "unlisted"     // shown, and not in the backup's own list
	FoundUnshown     = "unshown"      // in that list or folder, and nothing shows it
	FoundSuperfluous = "superfluous"  // there, and nothing shows or lists it
	FoundForeign     = "foreign"      // there, and not named like anything of Signal's
	FoundUnfinished  = "unfinished"   // a snapshot that lacks a part
	FoundUnreadable  = "unreadable"   // no frame, line or row of Signal's
	FoundListDamaged = "list damaged" // the backup's own list cannot be read to its end
)

// Find adds a finding, if there is one.
func (d *Description) Find(what string, n Names) {
	if n.Count > 0 {
		d.Findings = append(d.Findings, Finding{what, n})
	}
}

// Count adds to the count of what.
func (d *Description) Count(what string, n int64) {
	if d.Counts == nil {
		d.Counts = map[string]int64{}
	}
	d.Counts[what] += n
}

// CountFrames adds the counts of frames or lines by their kind.
func (d *Description) CountFrames(frames map[FrameKind]int64) {
	for kind, n := range frames {
		d.Count(kind.String(), n)
	}
}
