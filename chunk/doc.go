// Package chunk says where to cut: streams of bytes into chunks, and sequences
// of records into runs, the nodes of a tree. A cut depends only on the 64 bytes
// before it, on the cut before that and on the archive's secret polynomial, so
// that after an edit the old cuts come back. All cuts are restic/chunker's.
//
// The package computes only: a reader is the one thing that it touches.
//
// # How the bounds were chosen
//
// Most media are smaller than Media.Min and so one blob; the rolling hash
// touches a third of what is larger, in four lanes (lanes.go). Media.Max is what
// each worker's buffer takes: of random bytes one chunk in seven ends there.
//
// A file of text is cut with the bounds of long texts (Content). Conversations as
// JSON lines, 55.5 MB of them, and a day with 100 deletions, 10 edits, 40
// expiries and 400 new messages, in MB compressed (zstd, default) and with 110
// bytes a chunk:
//
//	Min/2^Bits       chunks   first   a day
//	  4 KiB/2^13      4,523   23.00    1.05   Text
//	  8 KiB/2^14      2,341   21.55    1.75
//	 16 KiB/2^15      1,181   20.34    3.29
//	 64 KiB/2^17        358   18.48    7.60
//	256 KiB/2^19        148   16.97   12.97
//	  2 MiB/2^20         99   16.06   15.42   Media
//
// Leaf and Inner decide what a day costs. BenchmarkTradeoffs measures it on a
// million entries of 200 bytes, ordered by week and conversation (a change of
// conversation ends a leaf), of which 750 anywhere are edited or deleted. Bytes
// are compressed (leaves: zstd, without a dictionary), sealed, and with the 110
// that a node costs in directories and segments. With the Inner bounds below:
//
//	leaf Min/2^Bits     mean   nodes  ratio   stored    rewritten a day
//	  512/2^9          1,094  193,705  1.72   159 MB   0.82 + 1.11 = 1.92 MB
//	1,024/2^10         1,993  106,304  1.92   130 MB   1.19 + 0.96 = 2.15 MB   Leaf
//	  768/2^11         2,540   83,440  2.00   121 MB   1.53 + 0.88 = 2.41 MB
//	2,048/2^11         3,600   58,866  2.09   112 MB   1.84 + 0.81 = 2.65 MB
//	4,096/2^12         6,223   34,054  2.24   101 MB   2.87 + 0.66 = 3.54 MB
//	8,192/2^13         9,304   22,780  2.35    95 MB   4.50 + 0.56 = 5.05 MB
//
// (leaves + inner nodes). With the Leaf bounds, and child records of 52 bytes that
// are cut by keys of 70:
//
//	inner Min/2^Bits    mean   nodes   stored    rewritten a day
//	  256/2^7            303  21,992   131 MB   1.19 + 0.91 = 2.10 MB
//	  320/2^7            351  18,426   131 MB   1.19 + 0.90 = 2.09 MB
//	  320/2^8            444  14,086   130 MB   1.19 + 0.96 = 2.15 MB   Inner
//	  384/2^8            491  12,564   130 MB   1.19 + 0.96 = 2.15 MB
//	  512/2^9            769   7,708   129 MB   1.19 + 1.13 = 2.31 MB
//	  512/2^10         1,097   5,289   129 MB   1.19 + 1.37 = 2.55 MB
//
// A change falls into a node with a chance in proportion to its size, so a
// minimum as large as the average beyond it makes a day cheaper than the same
// mean with a small minimum; a larger minimum would let cuts come back later.
// 750 changes make 879 leaves here.
//
// restic/chunker's digest is known for uneven low bits. With derived
// polynomials they are even down to 8 bits: each eighth of the sizes expected
// of entries and of refs holds its share within a tenth (TestCutSizes).
//
// A stretch of zeros is cut at every Min: its digest is zero.
package chunk

// The published bounds. They are part of the format: other cuts would share
// nothing with what is stored.
var (
	Media = Bounds{Min: 2 << 20, Bits: 20, Max: 4 << 20}  // photos, videos, files
	Text  = Bounds{Min: 4 << 10, Bits: 13, Max: 64 << 10} // long texts, files of text
	Leaf  = Bounds{Min: 1024, Bits: 10, Max: 8192}        // runs of entries
	Inner = Bounds{Min: 320, Bits: 8, Max: 4096}          // runs of child records
)
