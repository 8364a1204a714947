package collect

import (
	"cmp"
	"container/heap"
	"slices"
	"sort"
)

// Order returns the heads, of valid revisions, one of each snapshot, in the order in
// which they came to be, with times that never go back. It does not change its argument.
//
// a comes before b when b has seen it (b.Seen), when the same device committed it before,
// or when b began two fences after a's base or later: the fence between has decided
// on a. (A base says when the revision was written, so this holds only for b.Rev 0.) Of
// what these leave open, the earlier clock comes first. So a head whose time is forged
// stands behind all that it has seen and before all that have seen it, and a forged
// future keeps it behind what is concurrent, moving nothing else. Heads that claim to
// have seen each other in a circle can only be forged; they stand by their clocks.
//
// The order then judges the clocks. Believed are the times of the longest run of heads
// in which they do not go back, and they are never changed, however far off others are.
// Of equally long runs it is the one that ends earliest and then begins latest: one
// clock far ahead is not believed once one head follows it. What is not believed takes
// the time of the next head that is, or else of the last one.
func Order(heads []Head) []Head {
	g := newGraph(heads)
	ordered := make([]Head, 0, len(heads))
	for i := range g.sorted() {
		ordered = append(ordered, g.heads[i])
	}
	times := make([]int64, len(ordered))
	for i, h := range ordered {
		times[i] = h.Time
	}
	times, _ = straighten(times)
	for i := range ordered {
		ordered[i].Time = times[i]
	}
	return ordered
}

// A graph has the heads as nodes, and behind them one node for each base that a first
// revision has: everything that was decided when its writer began.
type graph struct {
	heads []Head
	after [][]int // nodes that must wait for a node
	waits []int   // how many it waits for
}

func newGraph(heads []Head) *graph {
	g := &graph{heads: slices.Clone(heads)}
	slices.SortFunc(g.heads, compareClocks) // so that the result does not depend on the order given
	g.after, g.waits = make([][]int, len(heads)), make([]int, len(heads))
	g.addDevices()
	g.addBases()
	return g
}

func compareClocks(a, b Head) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), slices.Compare(a.Device[:], b.Device[:]), cmp.Compare(a.Seq, b.Seq), compareVersions(a.Version, b.Version))
}

func (g *graph) edge(from, to int) {
	g.after[from] = append(g.after[from], to)
	g.waits[to]++
}

// addDevices lets each head wait for the one before it of its device, and for the last
// that it has seen of others.
func (g *graph) addDevices() {
	commits := map[[16]byte][]int{} // heads of a device, by Seq
	for i, h := range g.heads {
		commits[h.Device] = append(commits[h.Device], i)
	}
	for _, own := range commits {
		slices.SortStableFunc(own, func(a, b int) int { return cmp.Compare(g.heads[a].Seq, g.heads[b].Seq) })
		for k := range own[1:] {
			g.edge(own[k], own[k+1])
		}
	}
	for i, h := range g.heads {
		for _, s := range h.Seen {
			theirs := commits[s.Device]
			n := sort.Search(len(theirs), func(k int) bool { return g.heads[theirs[k]].Seq > s.Seq })
			if s.Device != h.Device && n > 0 {
				g.edge(theirs[n-1], i)
			}
		}
	}
}

// addBases lets first revisions wait for what fences had decided when they began.
func (g *graph) addBases() {
	nodes, bases := map[uint64]int{}, []uint64{}
	for _, h := range g.heads {
		if _, ok := nodes[h.Base]; !ok && h.Rev == 0 {
			nodes[h.Base] = 0
			bases = append(bases, h.Base)
		}
	}
	slices.Sort(bases)
	for k, b := range bases {
		nodes[b] = len(g.after)
		g.after, g.waits = append(g.after, nil), append(g.waits, 0)
		if k > 0 {
			g.edge(nodes[bases[k-1]], nodes[b])
		}
	}
	for i, h := range g.heads {
		if h.Rev == 0 {
			g.edge(nodes[h.Base], i)
		}
		if h.Base > 1<<63 {
			continue // forged
		}
		if k, _ := slices.BinarySearch(bases, h.Base+2); k < len(bases) {
			g.edge(i, nodes[bases[k]])
		}
	}
}

// sorted yields the indexes of the heads so that each comes after all it waits for.
func (g *graph) sorted() func(yield func(int) bool) {
	return func(yield func(int) bool) {
		ready, done := &queue{heads: len(g.heads)}, make([]bool, len(g.after))
		for i, n := range g.waits {
			if n == 0 {
				heap.Push(ready, i)
			}
		}
		first := 0 // all nodes before it are done
		for {
			for first < len(done) && done[first] {
				first++
			}
			if first == len(done) {
				return
			}
			i := first // a circle: the earliest clock of what is left
			if ready.Len() > 0 {
				i = heap.Pop(ready).(int)
			}
			if done[i] {
				continue
			}
			done[i] = true
			if i < len(g.heads) && !yield(i) {
				return
			}
			for _, k := range g.after[i] {
				if g.waits[k]--; g.waits[k] == 0 {
					heap.Push(ready, k)
				}
			}
		}
	}
}

// A queue is a heap of nodes: those of bases first, then heads by their clocks. Its methods
// are those of heap.Interface.
type queue struct {
	nodes []int
	heads int
}

func (q *queue) Len() int      { return len(q.nodes) }
func (q *queue) Swap(i, j int) { q.nodes[i], q.nodes[j] = q.nodes[j], q.nodes[i] }
func (q *queue) Push(v any)    { q.nodes = append(q.nodes, v.(int)) }

func (q *queue) Less(i, j int) bool {
	a, b := q.nodes[i], q.nodes[j]
	if (a < q.heads) != (b < q.heads) {
		return b < q.heads
	}
	return a < b
}

func (q *queue) Pop() any {
	last := q.nodes[len(q.nodes)-1]
	q.nodes = q.nodes[:len(q.nodes)-1]
	return last
}
