package tree_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/dayfold/dayfold/engine/tree"
)

const sent = 1_753_730_726_652 // of a message, in milliseconds; its varint is fcf5fc938533

// What has six bytes becomes a difference in six bytes, and all else stays.
func TestDifferences(t *testing.T) {
	for content, want := range map[string]string{
		"18" + "fcf5fc938533":           "18" + "808080808000",        // the time itself
		"18" + "fdf5fc938533" + "10":    "18" + "828080808000" + "10", // 1 ms after it: 2
		"fbf5fc938533" + "fcf5fc938533": "818080808000" + "808080808000",
		"ff" + "fcf5fc938533":           "ff" + "fcf5fc938533", // longer
		"f5fc938533":                    "f5fc938533",          // shorter
		"fcf5fc9385":                    "fcf5fc9385",          // cut off
		"":                              "",
		hex.EncodeToString([]byte("привет 1")): hex.EncodeToString([]byte("привет 1")),
		hex.EncodeToString([]byte("一二三 1")):    hex.EncodeToString([]byte("一二三 1")),
	} {
		b, err := hex.DecodeString(content)
		if err != nil {
			t.Fatal(err)
		}
		tree.ToDifferences(b, sent)
		if got := hex.EncodeToString(b); got != want {
			t.Errorf("%s becomes %s, want %s", content, got, want)
		}
		if tree.ToTimes(b, sent); hex.EncodeToString(b) != content {
			t.Errorf("%s comes back as %x", content, b)
		}
	}
}

func TestDifferencesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		time := rapid.Int64().Draw(t, "time")
		content := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x32, 0x7f, 0x80, 0x93, 0xff}), 0, 200).Draw(t, "content")
		b := bytes.Clone(content)
		tree.ToDifferences(b, time)
		if tree.ToTimes(b, time); !bytes.Equal(b, content) {
			t.Errorf("%x at %d comes back as %x", content, time, b)
		}
	})
}

// An entry does not say its time twice: not in its key, not in its content.
func TestTimeIsSaidOnce(t *testing.T) {
	leaf := func(key string, time int64, inline []byte) int {
		plain, err := tree.EncodeLeaf(tree.Map{Cut: poly}, []tree.Entry{{Key: []byte(key), Time: time, Inline: inline, Size: uint64(len(inline))}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := tree.DecodeLeaf(bytes.Clone(plain), false)
		if err != nil || string(got[0].Key) != key || got[0].Time != time || !bytes.Equal(got[0].Inline, inline) {
			t.Errorf("%s at %d comes back as %+v (%v)", key, time, got, err)
		}
		return len(plain)
	}
	for key, saved := range map[string]int{
		"m/0001753730726652/ab":     5, // 1 byte for a difference of 5 ms, not 6
		"m/1753730726652":           5,
		"m/1753730726652/1":         5,
		"m/000001753730726652/ab":   5, // 18 digits
		"m/0000001753730726652/ab":  0, // 19
		"m/753730726652/ab":         0, // 12
		"1753730726652/1753730726":  5, // the last that has enough
		"1753730726652/ffff/x/1234": 5,
	} {
		other := bytes.ReplaceAll([]byte(key), []byte("7537307266"), []byte("x537307266"))
		if got := leaf(string(other), sent+5, nil) - len(tree.AppendPacked(nil, other)) -
			(leaf(key, sent+5, nil) - len(tree.AppendPacked(nil, []byte(key)))); got != saved {
			t.Errorf("%s: %d bytes less for the time, want %d", key, got, saved)
		}
	}
	inline := binary.AppendUvarint([]byte{0x18}, sent)
	leaf("k", sent, inline)
	leaf("k", -1, slices.Concat(inline, inline))
}
