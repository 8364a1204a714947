// Package index is the local hint: where blobs lie, for many archives in one Badger
// database.
//
// Nothing in it is believed. Badger loses keys without a word when a bit flips, a file is
// cut short or the disk was full, so an answer is a hint only: absent means that a blob
// is uploaded again, which is safe; present counts only when the record's own tag
// verifies, its pack is live in the caller's eyes, and its class outlives what is asked
// for. Nothing that decides or counts ever iterates over it. A database that was not
// closed, that is another's, or that does not open is set aside, and a fresh one takes
// its place.
//
// Keys are hashes of blob IDs under a random key that the database keeps: they cannot be
// turned back, and two databases tell nothing about each other:
//
//	'b' │ archive 8 │ hash(ID) 16 │ kind of class 1    →  pack 32 │ class 1 │ day 4 │ offset 4 │ length 4 │ tag 16
//	'p' │ archive 8 │ hash(pack name) 32                →  tag 16
//
// Memory: two memtables of 4 MiB, no block cache, tables mapped. Measured figures stand
// with the benchmarks.
package index
