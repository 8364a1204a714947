package dir_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine/source/dir"
	"github.com/dayfold/dayfold/pack/seal"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the goldens anew")

func TestMetaRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]byte("fdl")).Draw(t, "kind")
		perm := rapid.Uint32Range(0, 0o7777).Draw(t, "perm")
		at := time.Unix(rapid.Int64().Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nano"))
		k, p, when, err := dir.ParseMeta(dir.AppendMeta(kind, perm, at))
		if err != nil || k != kind || p != perm || !when.Equal(at) {
			t.Fatalf("got %c %o %v %v, want %c %o %v", k, p, when, err, kind, perm, at)
		}
	})
}

func TestMetaRefusesDamage(t *testing.T) {
	good := dir.AppendMeta('f', 0o644, time.Unix(1_700_000_000, 123_456_789))
	if _, _, _, err := dir.ParseMeta(good); err != nil {
		t.Fatal(err)
	}
	for name, corrupt := range map[string]func([]byte) []byte{
		"empty":                func(b []byte) []byte { return nil },
		"unknown type":         func(b []byte) []byte { b[0] = 'x'; return b },
		"only a type":          func(b []byte) []byte { return b[:1] },
		"thirteen bits":        func(b []byte) []byte { return append([]byte{'f', 0x80, 0x40}, b[3:]...) },
		"no time":              func(b []byte) []byte { return b[:3] },
		"no fraction":          func(b []byte) []byte { return b[:8] },
		"cut short":            func(b []byte) []byte { return b[:len(b)-1] },
		"a byte too many":      func(b []byte) []byte { return append(b, 0) },
		"a second in the nano": func(b []byte) []byte { return append(b[:8], 0x80, 0x94, 0xeb, 0xdc, 0x03) },
		"padded permissions":   func(b []byte) []byte { return append([]byte{'f', 0xa4, 0x83, 0x00}, b[3:]...) },
		"padded nano":          func(b []byte) []byte { return append(b[:8], 0x81, 0x00) },
		"endless varint":       func(b []byte) []byte { return append(b[:3], bytes.Repeat([]byte{0xff}, 20)...) },
	} {
		if _, _, _, err := dir.ParseMeta(corrupt(bytes.Clone(good))); !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("%s: got %v, want ErrCorrupt", name, err)
		}
	}
}

func TestMetaGolden(t *testing.T) {
	var got strings.Builder
	for _, m := range [][]byte{
		dir.AppendMeta('f', 0o644, time.Unix(1_700_000_000, 123_456_789)),
		dir.AppendMeta('d', 0o1755, time.Unix(0, 0)),
		dir.AppendMeta('l', 0o777, time.Unix(-1, 999_999_999)),
	} {
		got.WriteString(hex.EncodeToString(m) + "\n")
	}
	if *update {
		os.MkdirAll("testdata", 0o755)
		if err := os.WriteFile("testdata/meta.golden", []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/meta.golden")
	if err != nil || got.String() != string(want) {
		t.Errorf("got\n%swant\n%s(%v)", got.String(), want, err)
	}
}

func FuzzMeta(f *testing.F) {
	f.Add(dir.AppendMeta('f', 0o644, time.Unix(1_700_000_000, 123_456_789)))
	f.Add([]byte{'l', 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, perm, at, err := dir.ParseMeta(b)
		if err != nil {
			return
		}
		if got := dir.AppendMeta(kind, perm, at); !bytes.Equal(got, b) {
			t.Errorf("got %x, want %x", got, b)
		}
	})
}

func TestKeysAreRelativePaths(t *testing.T) {
	for _, c := range []struct {
		key         string
		here, there bool // accepted on Unix, on Windows
	}{
		{"a", true, true},
		{"a/b c/d.txt", true, true},
		{"ä/日本/😀", true, true},
		{"...", true, false},
		{".hidden", true, true},
		{"", false, false},
		{".", false, false},
		{"..", false, false},
		{"../a", false, false},
		{"a/..", false, false},
		{"a/../b", false, false},
		{"a/./b", false, false},
		{"/a", false, false},
		{"a/", false, false},
		{"a//b", false, false},
		{"a\x00b", false, false},
		{"\x00", false, false},
		{`a\b`, true, false},
		{`a\..\..\b`, true, false},
		{`..\a`, true, false},
		{"C:", true, false},
		{"C:a", true, false},
		{"a:stream", true, false},
		{"x/NUL", true, false},
		{"nul.txt", true, false},
		{"Con .log", true, false},
		{"com1", true, false},
		{"LPT³.x", true, false},
		{"com10", true, true},
		{"console", true, true},
		{"CONIN$", true, false},
		{"x.", true, false},
		{"x ", true, false},
		{"a?", true, false},
		{"a*b", true, false},
		{"a|b", true, false},
		{"a\nb", true, false},
		{`"a"`, true, false},
		{"<a>", true, false},
	} {
		if got := dir.CheckKey(c.key, false) == nil; got != c.here {
			t.Errorf("%q here: got %v, want %v", c.key, got, c.here)
		}
		if got := dir.CheckKey(c.key, true) == nil; got != c.there {
			t.Errorf("%q on Windows: got %v, want %v", c.key, got, c.there)
		}
	}
}
