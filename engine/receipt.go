package engine

// A Receipt says what a prune made impossible to open, what it deleted and saw absent,
// and what still lies in the store as ciphertext. It is sealed under the archive's keys:
// whoever holds them can tell that it was not changed.
type Receipt struct {
	Time    int64    // ms
	Fence   uint64   // the newest when it was written
	Forgot  []string // snapshots of which removal records stand, hex
	Deleted []string // objects that were deleted and are absent from a later listing
	Waiting []string // packs that nothing names and that the next prune may delete
	Oldest  int64    // ms: the oldest removal whose bytes may still lie there; 0: none
}
