// Package pack is the bytes of a pack, and of what lies in it and tells of it:
// compression of blobs, the pack file with its directory, index segments, and
// the public grid of sizes. Bytes go in and bytes come out. FORMAT.md beside
// this comment draws all of them, with a worked example.
//
//	plaintext ──Coder──▶ body ──seal──▶ blob ──Builder──▶ pack ──▶ store
//	                                                       │
//	                                     ReadTable ◀───────┘
//	                                         │
//	                                         ▼
//	                                       Table ──EncodeSegment──▶ segment
//
// A pack is an immutable file, named by the hash of its bytes. Which blobs it
// holds, and where, stands only in its sealed directory; their order is random,
// and the file is padded inside the directory's seal to a size that many packs
// have. So a store sees neither how many blobs there are nor how large they are.
//
// # Compression
//
// Leaves of trees, 1 to 4 KiB of messages, are compressed one by one, so that
// the size of a frame never depends on two conversations. Alone they are too
// short to compress well: hence a dictionary that is part of the program, made
// of phrases in seven languages and of the skeletons of Signal's frames, never
// of anything a user wrote. Measured on leaves of prose in five languages that
// is not in the dictionary's sources (CPU time of one core, klauspost/compress
// v1.20.3):
//
//	                       frames   export lines   MB/s
//	fastest                 1.45        3.06        122
//	default                 1.52        3.09         70
//	better                  1.53        3.11         74
//	fastest, dictionary     1.54        3.64         82    ◀ leaves
//	default, dictionary     1.57        3.60         38
//	better, dictionary      1.59        3.70         27
//
// With the dictionary the fastest level does 44, 61 and 80 MB/s at 1, 2 and
// 4 KiB, and decoding 140, 200 and 250. Half of a frame's bytes are keys and
// hashes of media, which nothing makes smaller. Entropy tables in the
// dictionary gained 1.5 % more and were not worth their format; 28 KiB more of
// words, taken from the very texts that were measured, gained 1.4 %.
//
// Inner nodes and lists are refs, random bytes: stored. Chunks of media are
// stored when they begin as a compressed format does, or when a sample of 4 KiB
// has more than 7.5 bits of entropy a byte (5 µs for any chunk), and else
// compressed like long texts, at the default level (156 MB/s, decoding 1,400).
package pack
