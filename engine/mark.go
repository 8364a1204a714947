package engine

import (
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack/seal"
)

// A marker visits every blob that a snapshot needs: nodes, lists, chunks. Refs tell
// their kinds apart, so equal bytes in two places are two blobs.
type marker struct {
	r *reader
	// seen is told of each blob, parents first; what it knows already is left out
	// with all below it.
	seen func(seal.ID) bool
	// chunk, if set, is told of the chunks that were not seen.
	chunk func(e *tree.Entry, ref seal.Ref)
	// leaves makes it read every leaf, not only those with content outside.
	leaves bool
	// entry, if set, is told of every entry that is read.
	entry func(e *tree.Entry, expiring bool)
}

func (m *marker) roots(rs roots) error {
	permanent, expiring := m.r.s.a.maps(m.r, rs)
	if err := m.tree(permanent, false); err != nil {
		return err
	}
	return m.tree(expiring, true)
}

// tree visits what one map reaches.
func (m *marker) tree(t tree.Map, expiring bool) error {
	visit := func(_ int, ref seal.Ref, _ seal.Kind) (bool, error) { return !m.seen(ref.ID()), nil }
	walk := tree.Walk
	if m.leaves {
		walk = tree.WalkAll
	}
	return walk(t, visit, func(e tree.Entry) error {
		if m.entry != nil {
			m.entry(&e, expiring)
		}
		return m.content(&e)
	})
}

func (m *marker) content(e *tree.Entry) error {
	return tree.Visit(m.r, e.Content, func(ref seal.Ref, depth int) error {
		if m.seen(ref.ID()) {
			return tree.ErrSkip
		}
		if depth == 0 && m.chunk != nil {
			m.chunk(e, ref)
		}
		return nil
	})
}
