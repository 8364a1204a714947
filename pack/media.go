package pack

import (
	"bytes"
	"math"
)

// sampleSize is how many bytes of a chunk decide whether to try compression.
const (
	sampleSize  = 4 << 10
	samplePiece = 256
	maxEntropy  = 7.5 // bits a byte; random bytes show 7.95 in a sample
)

// compressed tells whether a chunk of a medium is not worth compressing: it
// begins a file of a format that is compressed, or its bytes are as evenly
// distributed as in the middle of one. Neither looks at names.
func compressed(chunk []byte) bool {
	return hasMagic(chunk) || len(chunk) >= sampleSize && entropy(chunk) > maxEntropy
}

// magics begin files of compressed formats, at an offset.
var magics = []struct {
	at    int
	bytes string
}{
	{0, "\xff\xd8\xff"},                     // JPEG
	{4, "ftyp"},                             // MP4, M4A, MOV, HEIC, AVIF, 3GP
	{8, "WEBP"},                             //
	{0, "\x89PNG\r\n\x1a\n"},                // PNG
	{0, "GIF8"},                             //
	{0, "OggS"},                             // Opus, Vorbis
	{0, "\x1a\x45\xdf\xa3"},                 // WebM, Matroska
	{0, "\xff\xf1"},                         // AAC
	{0, "\xff\xf9"},                         // AAC
	{0, "ID3"},                              // MP3
	{0, "\xff\xfb"},                         // MP3
	{0, "\xff\xf3"},                         // MP3
	{0, "#!AMR"},                            //
	{0, "fLaC"},                             //
	{0, "PK\x03\x04"},                       // ZIP, and office documents
	{0, "\x1f\x8b\x08"},                     // gzip
	{0, "\x28\xb5\x2f\xfd"},                 // zstd
	{0, "\xfd7zXZ\x00"},                     // xz
	{0, "BZh"},                              // bzip2
	{0, "7z\xbc\xaf\x27\x1c"},               // 7z
	{0, "Rar!\x1a\x07"},                     //
	{0, "\xff\x0a"},                         // JPEG XL
	{0, "\x00\x00\x00\x0cJXL \x0d\x0a\x87"}, // JPEG XL
}

func hasMagic(b []byte) bool {
	for _, m := range magics {
		if len(b) > m.at && bytes.HasPrefix(b[m.at:], []byte(m.bytes)) {
			return true
		}
	}
	return false
}

// entropy returns the bits a byte that the distribution of byte values has in a
// sample: pieces that lie evenly over b, which is at least as long.
func entropy(b []byte) float64 {
	const pieces = sampleSize / samplePiece
	var counts [256]int
	for i := range pieces {
		at := (len(b) - samplePiece) * i / (pieces - 1)
		for _, c := range b[at : at+samplePiece] {
			counts[c]++
		}
	}
	bits := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / sampleSize
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
