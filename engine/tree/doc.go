// Package tree is the ordered map of a snapshot: a Merkle tree from keys to
// entries whose node boundaries are decided by content. Two maps with the same
// entries are the same nodes, however they came about (history independence), so
// a day's snapshot shares with yesterday's every range that did not change.
//
//	root ── inner node of level 2 ──┬── inner node of level 1 ──┬── leaf: entries …
//	                                │                           └── leaf: entries …
//	                                └── inner node of level 1 ───── leaf: entries …
//
// A level is a sequence of records cut into nodes: entries at level 0, and above
// it one child record for each node of the level below. Where a node ends is
// decided by chunk.Records, which walks the *raw* records one after another from
// the node's first; a cut inside a record moves to that record's end. The raw
// record of an entry holds everything that the entry says, that of a child its key,
// and both nothing of their neighbours (no shared prefix, no time difference), so a
// boundary depends on the records of its own node alone. A node that changes and
// keeps its last key moves no boundary above it. Three rules complete the cut:
//
//   - A leaf holds entries of one group, and in a map with Day of one day (the
//     first four bytes of the key): where either changes, the leaf ends.
//   - An inner node has at least two children, but for the last of its level.
//   - The root is the lowest level that has one node. The empty map has no node.
//
// So an edit re-cuts from the node that holds its predecessor until an old
// boundary is met again, level by level, and costs O(changes · log n) nodes.
//
// Nodes name their children by ref and know no parent, sibling or time. A child
// record also carries the child's last key, how many entries are below it, the
// sum of their sizes, and whether one of them has content outside the tree.
//
// Long contents are streams: a list of refs of chunks, and when that is long a
// list of lists, cut by the same rule (StreamWriter, Chunks).
//
// The package computes: it has no context, clock, file or goroutine. Nodes gives
// it the bytes it asks for, by ref. What a node holds is believed only after a
// strict decoding and a comparison with its parent's record; what does not fit
// is seal.ErrCorrupt. A child's level is one less than its parent's, so hostile
// nodes make no cycle.
package tree
