package engine_test

import (
	"testing"

	"github.com/dayfold/dayfold/engine"
)

// TestCheckLevels: what each level finds, and what it reads.
func TestCheckLevels(t *testing.T) {
	f := create(t, func(o *engine.Options) { o.PackSize, o.TreePackSize = 64<<10, 64<<10 })
	c := newChat("a")
	history(c, 3, 30, 3, 20_000)
	f.backup(c)
	packs := objects(t, f.store, "packs/")
	total := int64(0)
	for _, size := range packs {
		total += size
	}
	f.store.ResetStats()
	rep, err := f.a.Check(t.Context(), engine.CheckOptions{List: true})
	if s := f.store.Stats(); err != nil || len(rep.Problems) > 0 || rep.Packs != int64(len(packs)) || rep.Snapshots != 1 || s.Gets > 0 {
		t.Errorf("list: %+v, %v, %d reads", rep, err, s.Gets)
	}
	read := int64(0)
	for part := range 10 { // three at a time: twice around but for what is left over
		rep, err := f.a.Check(t.Context(), engine.CheckOptions{ReadData: true, Part: part*3%30 + 1, Of: 30, Parts: 3})
		if err != nil || len(rep.Problems) > 0 {
			t.Fatalf("part %d: %v, %v", part, rep.Problems, err)
		}
		read += rep.BytesRead
	}
	if read != total {
		t.Errorf("all parts together read %d bytes of %d", read, total)
	}
	for name := range packs {
		for what, level := range map[string]struct {
			opt    engine.CheckOptions
			change func([]byte) []byte
		}{
			"gone: list":              {engine.CheckOptions{List: true}, func([]byte) []byte { return nil }},
			"cut short: list":         {engine.CheckOptions{List: true}, func(b []byte) []byte { return b[:len(b)-1] }},
			"directory: directories":  {engine.CheckOptions{}, func(b []byte) []byte { b[len(b)-40] ^= 1; return b }},
			"some byte: everything":   {engine.CheckOptions{ReadData: true}, func(b []byte) []byte { b[100] ^= 1; return b }},
			"some byte: its own part": {engine.CheckOptions{ReadData: true, Of: 30, Part: 1, Parts: 30}, func(b []byte) []byte { b[100] ^= 1; return b }},
		} {
			g := *f
			g.store = f.store.Clone()
			g.store.Corrupt(name, level.change)
			rep, err := g.open(indexed(t)).Check(t.Context(), level.opt)
			if err != nil || len(rep.Problems) == 0 {
				t.Errorf("%s: %v, %v", what, rep.Problems, err)
			}
		}
		break
	}
}
