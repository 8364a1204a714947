package pack_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

func TestPath(t *testing.T) {
	n := pack.Name{0xab, 0x01, 31: 0xff}
	want := "packs/ab/ab01" + strings.Repeat("0", 58) + "ff"
	if got := n.Path(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, err := pack.ParsePath(want); got != n || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestParsePathRefuses(t *testing.T) {
	good := pack.Name{0xab, 0xcd}.Path()
	for name, path := range map[string]string{
		"nothing": "", "folder": "packs/", "upper case": strings.ToUpper(good), "upper digits": "packs/ab/AB" + good[11:],
		"other folder": "packz" + good[5:], "other shard": "packs/ac" + good[8:], "no shard": "packs/" + good[9:],
		"short": good[:len(good)-1], "long": good + "0", "no digit": good[:len(good)-1] + "g",
		"behind a slash": "/" + good, "twice": "packs/" + good, "dots": "packs/../packs" + good[5:],
	} {
		if n, err := pack.ParsePath(path); !errors.Is(err, seal.ErrCorrupt) || n != (pack.Name{}) {
			t.Errorf("%s: got %v, %v", name, n, err)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	f.Add(pack.Name{1, 2, 3}.Path())
	f.Add("packs/00/00")
	f.Fuzz(func(t *testing.T, path string) {
		if n, err := pack.ParsePath(path); err == nil && n.Path() != path {
			t.Errorf("%q is the path of %v, whose path is %q", path, n, n.Path())
		} else if err != nil && !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("%q: got %v, want %v", path, err, seal.ErrCorrupt)
		}
	})
}
