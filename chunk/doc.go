// Package chunk says where to cut: streams of bytes into chunks, and sequences
// of records into runs. A cut depends only on the 64 bytes before it and on the
// archive's secret polynomial, so that after an edit the old cuts come back.
package chunk

// The published bounds. They are part of the format: other cuts would share
// nothing with what is stored.
var (
	Media = Bounds{Min: 2 << 20, Bits: 20, Max: 8 << 20}  // photos, videos, files
	Text  = Bounds{Min: 4 << 10, Bits: 13, Max: 64 << 10} // long texts
	Leaf  = Bounds{Min: 512, Bits: 11, Max: 8192}         // runs of entries
	Inner = Bounds{Min: 512, Bits: 10, Max: 6144}         // runs of child records
)
