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
//	  512/2^9          1,094  193,705  1.72   158 MB   0.82 + 1.50 = 2.31 MB
//	1,024/2^10         1,993  106,304  1.92   130 MB   1.19 + 1.26 = 2.45 MB   Leaf
//	  512/2^11         2,327   91,057  1.98   123 MB   1.47 + 1.22 = 2.70 MB
//	2,048/2^11         3,600   58,866  2.09   112 MB   1.84 + 1.06 = 2.89 MB
//	4,096/2^12         6,223   34,054  2.24   101 MB   2.87 + 0.86 = 3.74 MB
//	8,192/2^13         9,304   22,780  2.35    94 MB   4.50 + 0.71 = 5.21 MB
//
// (leaves + inner nodes). With the Leaf bounds, and child records of 54 bytes:
//
//	inner Min/2^Bits    mean   nodes   stored    rewritten a day
//	  256/2^8            539  11,823   130 MB   1.19 + 1.23 = 2.42 MB
//	  384/2^8            668   9,343   130 MB   1.19 + 1.26 = 2.45 MB   Inner
//	  512/2^9          1,054   5,740   129 MB   1.19 + 1.42 = 2.61 MB
//	  512/2^10         1,567   3,794   129 MB   1.19 + 1.73 = 2.92 MB
//	  512/2^11         2,454   2,391   128 MB   1.19 + 2.27 = 3.45 MB
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
	Inner = Bounds{Min: 384, Bits: 8, Max: 4096}          // runs of child records
)
