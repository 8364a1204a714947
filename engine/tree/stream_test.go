package tree_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack/seal"
	"pgregory.net/rapid"
)

func chunkRef(i int) seal.Ref {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(i)+1)
	return refOf(seal.Media, b[:])
}

func stream(t tester, w *tree.StreamWriter, from, to int) tree.Stream {
	t.Helper()
	for i := from; i < to; i++ {
		if err := w.Add(chunkRef(i), 1000+i%7); err != nil {
			t.Fatalf("add: %v", err)
		}
	}
	s, err := w.Finish()
	if err != nil {
		t.Fatalf("finish: %v", err)
	}
	return s
}

func TestStreamComesBack(t *testing.T) {
	nodes := newMemory()
	w := tree.NewStreamWriter(nodes, poly)
	depths := map[uint8]bool{}
	for _, n := range []int{0, 1, 2, 3, 10, 100, 1000, 20_000} {
		s := stream(t, w, 0, n)
		depths[s.Depth] = true
		if again := stream(t, tree.NewStreamWriter(nodes, poly), 0, n); again != s {
			t.Errorf("%d chunks: a used writer gives another stream", n)
		}
		i, offset := 0, int64(0)
		for c, err := range tree.Chunks(nodes, s) {
			if err != nil {
				t.Fatal(err)
			}
			length := uint64(1000 + i%7)
			if n == 1 {
				length = 0
			}
			if want := (tree.ChunkRef{Ref: chunkRef(i), Offset: offset, Bytes: length}); c != want {
				t.Fatalf("chunk %d of %d at %d of %d bytes, want at %d of %d", i, n, c.Offset, c.Bytes, offset, length)
			}
			offset += int64(length)
			i++
		}
		if i != n {
			t.Errorf("%d chunks, want %d", i, n)
		}
		lists, chunks := 0, 0
		if err := tree.Visit(nodes, s, func(_ seal.Ref, depth int) error {
			if depth == 0 {
				chunks++
			} else {
				lists++
			}
			return nil
		}); err != nil || chunks != n {
			t.Errorf("visit: %d chunks (%v), want %d", chunks, err, n)
		}
		if n < 2 && (s.Depth != 0 || lists != 0) || n > 1 && (s.Depth == 0 || lists == 0) {
			t.Errorf("%d chunks: depth %d, %d lists", n, s.Depth, lists)
		}
	}
	for _, d := range []uint8{0, 1, 2, 3} {
		if !depths[d] {
			t.Errorf("no stream of depth %d was tried", d)
		}
	}
}

// A change in the middle of a long content changes one list of each level or so.
func TestStreamsShareLists(t *testing.T) {
	nodes := newMemory()
	w := tree.NewStreamWriter(nodes, poly)
	a := stream(t, w, 0, 20_000)
	before := len(nodes.nodes)
	for i := range 20_000 {
		ref := chunkRef(i)
		if i == 10_000 {
			ref = chunkRef(1 << 40)
		}
		if err := w.Add(ref, 1000+i%7); err != nil {
			t.Fatal(err)
		}
	}
	b, err := w.Finish()
	if err != nil || b == a {
		t.Fatalf("the same stream, or %v", err)
	}
	if more := len(nodes.nodes) - before; more > 4*int(b.Depth) {
		t.Errorf("one chunk of %d lists changes %d", before, more)
	}
}

func TestSeekLoadsOnePath(t *testing.T) {
	nodes := newMemory()
	s := stream(t, tree.NewStreamWriter(nodes, poly), 0, 20_000)
	var all []tree.ChunkRef
	for c, err := range tree.Chunks(nodes, s) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(all)-1).Draw(t, "chunk")
		offset := all[i].Offset + int64(rapid.IntRange(0, int(all[i].Bytes)-1).Draw(t, "within"))
		nodes.loads = 0
		for c, err := range tree.ChunksFrom(nodes, s, offset) {
			if err != nil || c != all[i] {
				t.Fatalf("the chunk at %d (%v), want that at %d", c.Offset, err, all[i].Offset)
			}
			break
		}
		if nodes.loads > int(s.Depth) {
			t.Errorf("%d loads for one chunk at depth %d", nodes.loads, s.Depth)
		}
	})
	last := all[len(all)-1]
	for c := range tree.ChunksFrom(nodes, s, last.Offset+int64(last.Bytes)) {
		t.Errorf("a chunk past the end, at %d", c.Offset)
	}
}

func TestVisitSkipsAndStops(t *testing.T) {
	nodes := newMemory()
	s := stream(t, tree.NewStreamWriter(nodes, poly), 0, 1000)
	nodes.loads = 0
	if err := tree.Visit(nodes, s, func(seal.Ref, int) error { return tree.ErrSkip }); err != nil || nodes.loads != 0 {
		t.Errorf("skip at the top: %v and %d loads, want none", err, nodes.loads)
	}
	stop, n := errors.New("stop"), 0
	err := tree.Visit(nodes, s, func(_ seal.Ref, depth int) error {
		if n++; depth == 0 {
			return stop
		}
		return nil
	})
	if err != stop || n != int(s.Depth)+1 {
		t.Errorf("%v after %d refs, want %v after %d", err, n, stop, s.Depth+1)
	}
}

func TestStreamRefuses(t *testing.T) {
	nodes := newMemory()
	w := tree.NewStreamWriter(nodes, poly)
	for _, n := range []int{-1, 0, tree.MaxChunk + 1} {
		if err := w.Add(chunkRef(1), n); !errors.Is(err, tree.ErrEntry) {
			t.Errorf("a chunk of %d bytes: %v, want ErrEntry", n, err)
		}
	}
	if err := w.Add(seal.Ref{}, 1); !errors.Is(err, tree.ErrEntry) {
		t.Errorf("a chunk without ref: %v, want ErrEntry", err)
	}
	one := tree.NewListed(chunkRef(1), 5)
	rows := []struct {
		name  string
		depth uint8
		list  []byte
	}{
		{"a list of one at the top", 1, tree.EncodeList(1, []tree.Listed{one})},
		{"a list of another level", 1, tree.EncodeList(2, []tree.Listed{one, one})},
		{"an empty list", 1, tree.EncodeList(1, nil)},
		{"a deep stream", tree.MaxDepth + 1, tree.EncodeList(tree.MaxDepth+1, []tree.Listed{one, one})},
	}
	for _, row := range rows {
		ref, _ := nodes.Save(seal.List, row.list)
		wantCorrupt(t, row.name, nodes, tree.Stream{Ref: ref, Depth: row.depth})
	}
	list, _ := nodes.Save(seal.List, tree.EncodeList(1, []tree.Listed{one, one}))
	for bytes, ok := range map[uint64]bool{9: false, 10: true, 11: false} {
		both := tree.EncodeList(2, []tree.Listed{tree.NewListed(list, bytes), tree.NewListed(list, 10)})
		ref, _ := nodes.Save(seal.List, both)
		s := tree.Stream{Ref: ref, Depth: 2}
		if !ok {
			wantCorrupt(t, "a wrong sum", nodes, s)
		} else if err := tree.Visit(nodes, s, func(seal.Ref, int) error { return nil }); err != nil {
			t.Errorf("a right sum: %v", err)
		}
	}
}

func wantCorrupt(t *testing.T, name string, nodes tree.Nodes, s tree.Stream) {
	t.Helper()
	var got error
	for _, err := range tree.Chunks(nodes, s) {
		got = err
	}
	if !errors.Is(got, seal.ErrCorrupt) {
		t.Errorf("%s: %v, want ErrCorrupt", name, got)
	}
}
