// Package index is the local hint: where blobs lie, for many archives in one Badger
// database on the device.
//
// Nothing in it is believed. Badger loses keys without a word when a bit flips, a
// file is cut short or the disk was full, so an answer is a hint only. Absent
// means that a blob is uploaded again, which is safe. Present counts only when
// the record's own tag verifies, its pack is live in the caller's eyes, and its
// class outlives what is asked for. Nothing that decides or counts ever iterates
// over it, and it holds no refs: a place finds a blob, and opens none.
//
// Three things keep Badger's weaknesses away from the process that embeds it:
//
//   - A ledger beside the database has the hash of each of its files. They are
//     compared before Badger sees them; a database that was not closed, or has
//     any other byte, is set aside, and a fresh one takes its place.
//   - Nothing is written when little space is left on the disk: Badger writes
//     where files are mapped, and a full disk kills the process.
//   - Pages of mapped tables are given back when they are too many (on Linux),
//     for they count as the process's memory.
//
// An archive is a prefix of keys, so that a thousand archives cost what one of
// their size together does: 12 goroutines and two memtables of 2 MiB.
//
// # Cost
//
// Peaks are of the whole process, 9 MiB before, under a memory limit of 48 MiB;
// times are of one core of two, which were busy. Records take 99 bytes on disk.
//
//	blobs                          100,000    1,000,000
//	add, a thousand at a time       5-8 µs     33-40 µs   the rest is compaction
//	peak while adding               54 MiB      101 MiB
//	open                             22 ms       180 ms   hashing of 11 and 100 MB
//	hit                           7-10 µs       150 µs   all mapped: 41 µs
//	miss                              2 µs        12 µs   all mapped:  4 µs
//	peak while finding              52 MiB    37-97 MiB   all mapped: 163 MiB
//
// Once the tables outgrow Options.Mapped, a hit pays for a page fault, which is
// dear in the virtual machine where this was measured. The larger peaks are those
// of a compaction that ran meanwhile: each table being built takes some 5 MiB.
// In memory, a hit takes 0.9 µs and a miss 0.3 µs.
package index
