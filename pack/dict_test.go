package pack_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata anew")

// TestDictionary builds dictionary 1 from its sources. The dictionary is part of
// the format: once an archive has been written with it, neither may change.
func TestDictionary(t *testing.T) {
	got, want := buildDictionary(t), must[[]byte](t)(os.ReadFile("dict1.bin"))
	if *update {
		if err := os.WriteFile("dict1.bin", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the sources give %d bytes that are not the %d of dict1.bin", len(got), len(want))
	}
	if len(got) > 64<<10 {
		t.Errorf("%d bytes, want at most 64 KiB", len(got))
	}
}

// buildDictionary puts what helps most at the end, where distances are short.
func buildDictionary(t *testing.T) []byte {
	var d []byte
	for _, language := range []string{"nl", "it", "pt", "fr", "es", "de", "en"} {
		for line := range strings.Lines(source(t, language)) {
			d = append(d, strings.TrimSuffix(line, "\n")...)
			d = append(d, ' ')
		}
	}
	d = append(d, strings.ReplaceAll(source(t, "export"), "\n", "")...)
	return append(d, frames()...)
}

func source(t *testing.T, name string) string {
	return string(must[[]byte](t)(os.ReadFile("testdata/dict/" + name + ".txt")))
}

// frames are parts of ChatItem frames of Signal's backup, the most common last.
func frames() []byte {
	const sent = 1740000000000
	var d []byte
	for _, emoji := range []string{"👍", "😂", "❤️"} {
		d = append(d, field(6, slices.Concat(field(1, []byte(emoji)), number(2, 2), number(3, sent), number(4, 1)))...)
	}
	for _, contentType := range []string{"audio/aac", "video/mp4", "image/png", "image/webp", "image/jpeg"} {
		d = append(d, field(4, []byte(contentType))...)
		d = append(d, slices.Concat(number(8, 1200), number(9, 1600), field(11, []byte("LEHV6nWB2yk8pyo0adR*.7kCMdnj")))...)
		d = append(d, "\x6a\xf0\x01\x0a\x40"...) // the place of a medium: 240 bytes, its key 64
	}
	d = append(d, "\x52\x00\x7a\x04\x0a\x02\x08\x02"...) // no direction, an update
	read := field(6, number(1, 1))
	d = append(d, field(5, read)...)
	d = append(d, 0x5a)
	outgoing := field(1, slices.Concat(number(1, 12), number(2, sent), read))
	d = append(d, field(9, append(outgoing, number(2, sent)...))...)
	d = append(d, "\x5a\x20\x12\x1e\x0a\x1c"...) // standard message, text, body
	incoming := slices.Concat(number(1, sent), number(2, sent), number(3, 1), number(4, 1))
	d = append(d, field(8, incoming)...)
	return append(d, "\x5a\x18\x12\x16\x0a\x14"...)
}

// field and number are the two protobuf encodings that frames consist of.
func field(n int, b []byte) []byte {
	d := binary.AppendUvarint(nil, uint64(n<<3|2))
	return append(binary.AppendUvarint(d, uint64(len(b))), b...)
}

func number(n int, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(n<<3)), v)
}
