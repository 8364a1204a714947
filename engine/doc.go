// Package engine keeps chat histories in an archive: incremental, content-addressed,
// end-to-end encrypted.
//
// A [Source] yields the items of a history. [Archive.Backup] makes a snapshot of all of
// them, [Archive.Amend] of a list of changes; either way a day costs a day. A snapshot
// is read through a [View]. [Archive.Forget] and [Archive.Erase] remove, at once and for
// good: what they remove is not opened any more by the recovery key and the store.
// [Archive.Prune] frees the bytes, while backups go on. [Archive.Check] looks for damage.
//
// An archive lies in a [store.Store]; any number of devices may work on it at once,
// without locks and without trusting their clocks. The key is a recovery key, which
// is stored nowhere (package seal). Nothing is remembered between processes but an index
// of hints, which may be lost, and one small file for each device.
//
// engine/DESIGN.md says why things are as they are, pack/FORMAT.md gives every byte.
package engine
