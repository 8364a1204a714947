package pack_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/pack/seal"
	"github.com/zeebo/blake3"
)

var madeHere = regexp.MustCompile(`(?s)<!-- made by TestFormat -->\n.*<!-- end -->\n`)

// TestFormat holds the worked example in FORMAT.md against what the code writes.
func TestFormat(t *testing.T) {
	document := string(must[[]byte](t)(os.ReadFile("FORMAT.md")))
	want := "<!-- made by TestFormat -->\n" + workedExample(t) + "<!-- end -->\n"
	if *update {
		document = madeHere.ReplaceAllLiteralString(document, want)
		if err := os.WriteFile("FORMAT.md", []byte(document), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(document, want) {
		t.Errorf("FORMAT.md does not contain\n%s", want)
	}
	dictionary := must[[]byte](t)(os.ReadFile("dict1.bin"))
	if sum := fmt.Sprintf("%x", blake3.Sum256(dictionary)); !strings.Contains(document, sum) {
		t.Errorf("FORMAT.md does not contain the hash of the dictionary, %s", sum)
	}
}

func workedExample(t *testing.T) string {
	blobs, name, data, table := example(t)
	kinds := []string{"", "leaf", "inner node", "medium", "text", "list"}
	var w strings.Builder
	for _, e := range blobs {
		plain := e.Plain
		if e.Kind == seal.Media {
			plain = fmt.Sprintf("% x", plain)
		}
		fmt.Fprintf(&w, "\n**%s**, %d bytes: `%s`\n\n```\n", kinds[e.Kind], len(e.Plain), plain)
		fmt.Fprintf(&w, "ref   %s\nid    %s\ncodec %d\nbody  %s\nblob  %s\n```\n", e.Ref, e.ID, e.Codec, wrap(e.Body), wrap(e.Sealed))
	}
	last := table.Blobs[len(table.Blobs)-1]
	end := int(last.Off + last.Len)
	fmt.Fprintf(&w, "\nA pack of them, for the expiry bucket whose last day is %d, 2025-01-01. Its %d bytes lie at\n\n```\n%s\n```\n\n",
		table.Class.Day, len(data), name.Path())
	w.WriteString("The header, the blobs and the first bytes of the sealed directory:\n\n```\n")
	dump(&w, data, 0, end+32)
	w.WriteString("…\n")
	dump(&w, data, len(data)-48, len(data))
	w.WriteString("```\n\nThe directory in clear, without its zeros, and the trailer:\n\n```\n")
	fmt.Fprintf(&w, "%02x %08x %02x", table.Class.Kind, swap(table.Class.Day), len(table.Blobs))
	for _, b := range table.Blobs {
		fmt.Fprintf(&w, "\n%v %02x", b.ID, b.Len)
	}
	fmt.Fprintf(&w, "\n\n%08x00000000 %08x 00000000\n```\n", swap(uint32(end)), swap(uint32(len(data)-32-end)))
	return w.String()
}

// swap returns v with its bytes reversed, so that %08x prints them as they lie.
func swap(v uint32) uint32 { return v<<24 | v>>24 | v<<8&0xff0000 | v>>8&0xff00 }

// wrap breaks hexadecimal digits into lines that fit.
func wrap(digits string) string {
	return strings.Join(regexp.MustCompile(`.{1,64}`).FindAllString(digits, -1), "\n      ")
}

// dump writes data[from:to], 16 bytes a line.
func dump(w *strings.Builder, data []byte, from, to int) {
	for at := from; at < to; at += 16 {
		fmt.Fprintf(w, "%06x  % x\n", at, data[at:min(at+16, to)])
	}
}
