package pack_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// exampleBlob is a blob of the worked example, bytes in hexadecimal. The body is
// kept, not made anew: another version of zstd may code the same plaintext otherwise.
type exampleBlob struct {
	Kind   seal.Kind `json:"kind"`
	Plain  string    `json:"plain"` // as text
	Ref    string    `json:"ref"`
	ID     string    `json:"id"`
	Codec  byte      `json:"codec"`
	Body   string    `json:"body"`
	Sealed string    `json:"sealed"`
}

var examplePlains = []exampleBlob{
	{Kind: seal.Leaf, Plain: `{"chatItem":{"chatId":"7","authorId":"9","dateSent":"1691234567890"`},
	{Kind: seal.Text, Plain: strings.Repeat("ha", 30)},
	{Kind: seal.Media, Plain: "\xff\xd8\xff\xe0"},
}

// The example's archive key is 40 41 … 5f; randomness is 00 01 02 … from its start for each output.
func exampleKeys(t testing.TB) *seal.Keys { return keys(t, 0x40) }

// exampleBlobs returns the blobs of the example. Their bodies are those on file, or new with -update.
func exampleBlobs(t *testing.T) []exampleBlob {
	k, coder, blobs := exampleKeys(t), pack.NewCoder(), []exampleBlob(nil)
	const file = "testdata/blobs.json"
	if !*update {
		if err := json.Unmarshal(must[[]byte](t)(os.ReadFile(file)), &blobs); err != nil {
			t.Fatal(err)
		}
	}
	var got []exampleBlob
	for i, b := range examplePlains {
		ref := k.Ref(nil, b.Kind, []byte(b.Plain))
		codec, body := coder.Encode(nil, b.Kind, []byte(b.Plain))
		if !*update {
			codec, body = blobs[i].Codec, unhex(t, blobs[i].Body)
		}
		sealed := must[[]byte](t)(seal.AppendBlob(nil, from(0), ref, codec, len(b.Plain), body))
		b.Ref, b.ID, b.Codec = hex.EncodeToString(ref[:]), ref.ID().String(), codec
		b.Body, b.Sealed = hex.EncodeToString(body), hex.EncodeToString(sealed)
		got = append(got, b)
	}
	js := append(must[[]byte](t)(json.MarshalIndent(hexPlains(got), "", "  ")), '\n')
	golden(t, file, js)
	return got
}

// hexPlains returns blobs with plaintexts in hexadecimal, which JSON can hold.
func hexPlains(blobs []exampleBlob) []exampleBlob {
	blobs = append([]exampleBlob(nil), blobs...)
	for i := range blobs {
		blobs[i].Plain = hex.EncodeToString([]byte(blobs[i].Plain))
	}
	return blobs
}

func example(t *testing.T) (blobs []exampleBlob, name pack.Name, data []byte, table pack.Table) {
	blobs = exampleBlobs(t)
	b := pack.NewBuilder(pack.Class{Kind: pack.Expiring, Day: 20_089})
	for _, e := range blobs {
		b.Add(seal.ID(unhex(t, e.ID)), unhex(t, e.Sealed))
	}
	name, data, table, err := b.Finish(exampleKeys(t), from(0))
	if err != nil {
		t.Fatal(err)
	}
	return blobs, name, data, table
}

// TestGolden reads what an earlier version wrote, byte for byte.
func TestGolden(t *testing.T) {
	blobs, name, data, want := example(t)
	var lines strings.Builder
	for line := range slices.Chunk(data, 64) {
		fmt.Fprintf(&lines, "%x\n", line)
	}
	golden(t, "testdata/pack.hex", []byte(lines.String()))

	file := unhex(t, string(must[[]byte](t)(os.ReadFile("testdata/pack.hex"))))
	got, err := readTable(exampleKeys(t), file)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, %v, want %v", got, err, want)
	}
	coder := pack.NewCoder()
	for _, e := range blobs {
		for _, b := range got.Blobs {
			if b.ID.String() != e.ID {
				continue
			}
			codec, n, body, err := seal.OpenBlob(nil, seal.Ref(unhex(t, e.Ref)), file[b.Off:][:b.Len])
			if err != nil {
				t.Fatal(err)
			}
			plain, err := coder.Decode(nil, codec, n, body)
			if err != nil || string(plain) != e.Plain {
				t.Errorf("blob %v: got %q, %v, want %q", b.ID, plain, err, e.Plain)
			}
		}
	}
	segment := pack.EncodeSegment([]pack.Packed{{Name: name, Size: uint32(len(data)), Table: want}})
	golden(t, "testdata/segment.hex", fmt.Appendf(nil, "%x\n", segment))
}

// golden compares got with a file, or writes it with -update.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := must[[]byte](t)(os.ReadFile(file)); !bytes.Equal(got, want) {
		t.Errorf("the format has changed: got\n%.2000s\nwant %s", got, file)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	return must[[]byte](t)(hex.DecodeString(strings.ReplaceAll(s, "\n", "")))
}
