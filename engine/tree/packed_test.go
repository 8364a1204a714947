package tree_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"

	"github.com/dayfold/dayfold/engine/tree"
)

const packedLimit = 100

func TestPacked(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "00",
		"g":                      "0467",
		"abc":                    "0c616263",
		"abcd":                   "12abcd",
		"abcde":                  "16abcde0",
		"x/abc":                  "14782f616263",
		"abcg":                   "1061626367",
		"dead/beef":              "13dead052f12beef",
		"DEADbeef":               "114445414412beef",
		"abcgabcdhab":            "1161626367" + "13abcd" + "0c686162",
		"0001724583429041/b2724": "430001724583429041" + "052f" + "16b27240",
	} {
		got := tree.AppendPacked(nil, []byte(text))
		if hex.EncodeToString(got) != want {
			t.Errorf("%q is packed as %x, want %s", text, got, want)
		}
		if back, err := tree.Unpack(got, packedLimit); err != nil || string(back) != text {
			t.Errorf("%x is %q (%v), want %q", got, back, err, text)
		}
	}
}

func TestPackedComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.SampledFrom([]byte("0189abcdef/gA\x00\xff")), 0, packedLimit).Draw(t, "text")
		packed := tree.AppendPacked(nil, text)
		if back, err := tree.Unpack(packed, len(text)); err != nil || !bytes.Equal(back, text) {
			t.Errorf("%q is packed as %x, which is %q (%v)", text, packed, back, err)
		}
		if len(packed) > len(text)+2 {
			t.Errorf("%q takes %d bytes more when packed", text, len(packed)-len(text))
		}
	})
}

// A text has one packed form, and its limit holds.
func TestCorruptPacked(t *testing.T) {
	const more, digits = 1, 2
	head := func(n, flags byte) byte { return 4*n + flags }
	is := func(b ...byte) func([]byte) []byte { return func([]byte) []byte { return b } }
	decode := func(b []byte) error { _, err := tree.Unpack(b, packedLimit); return err }
	spoil(t, tree.AppendPacked(nil, []byte("dead/beef")), decode, []spoiler{
		{"no head", is()},
		{"a long head", is(0x84, 0, 'g')},
		{"a head beyond 64 bits", is(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2)},
		{"more than can be counted", is(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)},
		{"more bytes than the limit", func([]byte) []byte { return tree.AppendPacked(nil, bytes.Repeat([]byte("x"), packedLimit+1)) }},
		{"more digits than the limit", func([]byte) []byte { return tree.AppendPacked(nil, bytes.Repeat([]byte("a"), packedLimit+1)) }},
		{"runs beyond the limit", func([]byte) []byte { return tree.AppendPacked(nil, bytes.Repeat([]byte("dead/"), packedLimit/5+1)) }},
		{"fewer bytes than it says", is(head(2, 0), 'g')},
		{"fewer digits than it says", is(head(5, digits), 0xab, 0xcd)},
		{"a run that does not come", is(head(4, digits|more), 0xab, 0xcd)},
		{"a byte behind", add(0)},
		{"an empty text with a run behind", is(more, head(1, 0), 'g')},
		{"an empty run at the end", is(head(1, more), 'g', 0)},
		{"no digits", is(digits)},
		{"no digits at the end", is(head(1, more), 'g', digits)},
		{"digits that are not packed", is(head(4, 0), 'd', 'e', 'a', 'd')},
		{"too few digits packed", is(head(2, digits), 0xab)},
		{"half a byte that is not zero", is(head(5, digits), 0xab, 0xcd, 0xe1)},
		{"two runs that are one", is(head(1, more), 'g', head(1, 0), 'h')},
		{"two runs of digits that are one", is(head(4, digits|more), 0xab, 0xcd, head(4, digits), 0xab, 0xcd)},
		{"a digit before the digits", is(head(2, more), 'g', 'a', head(4, digits), 0xab, 0xcd)},
		{"a digit behind the digits", is(head(4, digits|more), 0xab, 0xcd, head(2, 0), 'a', 'g')},
	})
}

func FuzzPacked(f *testing.F) {
	f.Add(tree.AppendPacked(nil, []byte("dead/beef")))
	f.Fuzz(func(t *testing.T, packed []byte) {
		text, err := tree.Unpack(packed, packedLimit)
		if again := tree.AppendPacked(nil, text); err == nil && (!bytes.Equal(again, packed) || len(text) > packedLimit) {
			t.Errorf("%x is %q, which is packed as %x", packed, text, again)
		}
	})
}
