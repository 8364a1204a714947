package collect_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/pack"
)

func head(id byte, base uint64, packs ...pack.Name) collect.Head {
	return collect.Head{Version: version(id, 0), Base: base, Packs: packs}
}

func TestPlan(t *testing.T) {
	prev := collect.Fence{N: 5, Accepted: []collect.Version{version(1, 0)},
		Condemned: []pack.Name{name(10), name(11)}, Pending: []pack.Name{name(20), name(21), name(22)},
		Buried: []collect.Grave{{12}, {13}}, Removed: []collect.Removal{{ID: collect.SnapshotID{8}}}}
	heads := []collect.Head{
		head(3, 4, name(22)),  // valid by its base
		head(1, 0, name(30)),  // valid because it was accepted
		head(2, 3, name(20)),  // overtaken: saves nothing
		head(4, 99, name(31)), // ahead of what we read
		head(8, 5, name(41)),  // removed, says the fence
		head(9, 5, name(41)),  // removed, says a record
	}
	removed := []collect.Removal{{ID: collect.SnapshotID{9}, Meant: true}, {ID: collect.SnapshotID{8}, Meant: true}}
	listed := []pack.Name{name(31), name(30), name(22), name(21), name(20), name(10), name(40), name(40), name(41), name(12)}
	want := collect.Fence{N: 6, Accepted: []collect.Version{version(1, 0), version(3, 0), version(4, 0)},
		Condemned: []pack.Name{name(10), name(12), name(20), name(21)}, Pending: []pack.Name{name(40), name(41)},
		Buried:  []collect.Grave{{11}, {12}, {13}}, // 11 is gone, 12 came back
		Removed: []collect.Removal{{ID: collect.SnapshotID{8}, Meant: true}, {ID: collect.SnapshotID{9}, Meant: true}}}
	next, condemned := collect.Plan(prev, listed, heads, removed, false)
	if !reflect.DeepEqual(next, want) || !slices.Equal(condemned, want.Condemned) {
		t.Errorf("got  %v\nwant %v", next, want)
	}
	want.Pending = nil
	if next, _ := collect.Plan(prev, listed, heads, removed, true); !reflect.DeepEqual(next, want) {
		t.Errorf("sparing: got  %v\nwant %v", next, want)
	}
}

func TestFirstPlan(t *testing.T) {
	next, condemned := collect.Plan(collect.Fence{}, []pack.Name{name(1), name(2)}, []collect.Head{head(1, 0, name(1))}, nil, false)
	want := collect.Fence{N: 1, Accepted: []collect.Version{version(1, 0)}, Pending: []pack.Name{name(2)}}
	if !reflect.DeepEqual(next, want) || condemned != nil {
		t.Errorf("got %v, %v, want %v", next, condemned, want)
	}
}

func TestCommitted(t *testing.T) {
	accepts := []collect.Version{version(1, 0)}
	for _, c := range []struct {
		base      uint64
		fence     collect.Fence
		maxIntent uint64
		valid     bool
		committed bool
	}{
		{0, collect.Fence{}, 0, true, true},
		{0, collect.Fence{}, 1, true, true},
		{0, collect.Fence{}, 2, true, false},
		{0, collect.Fence{N: 1, Accepted: accepts}, 2, true, false}, // fence 2 may have listed before
		{3, collect.Fence{N: 4}, 4, true, true},
		{3, collect.Fence{N: 5}, 5, false, false},
		{3, collect.Fence{N: 5}, 0, false, false},
		{3, collect.Fence{N: 5, Accepted: accepts}, 5, true, true},
		{3, collect.Fence{N: 9, Accepted: accepts}, 10, true, true},
		{9, collect.Fence{N: 5}, 5, true, true},
	} {
		h := head(1, c.base)
		if got := collect.Valid(h, c.fence); got != c.valid {
			t.Errorf("base %d, %v: valid %v, want %v", c.base, c.fence, got, c.valid)
		}
		if got := collect.Committed(h, c.fence, c.maxIntent); got != c.committed {
			t.Errorf("base %d, %v, intent %d: committed %v, want %v", c.base, c.fence, c.maxIntent, got, c.committed)
		}
	}
}

func TestUsable(t *testing.T) {
	for n, want := range map[pack.Name]bool{name(3): false, name(9): false, name(4): false, name(5): true, {}: true, name(1): false} {
		if got := collect.Usable(n, sample); got != want {
			t.Errorf("%x: got %v, want %v", n[:1], got, want)
		}
	}
}

func TestBase(t *testing.T) {
	newest := collect.Fence{N: 5, Accepted: []collect.Version{version(1, 0)}}
	for _, c := range []struct {
		from []collect.Head
		want uint64
	}{
		{nil, 5},
		{[]collect.Head{head(1, 2)}, 5},             // accepted: it counts for good
		{[]collect.Head{head(2, 4)}, 4},             // not decided yet
		{[]collect.Head{head(3, 9)}, 5},             // newer than what we read
		{[]collect.Head{head(2, 4), head(1, 0)}, 4}, // the least of several
	} {
		if got := collect.Base(newest, c.from...); got != c.want {
			t.Errorf("%v: got %d, want %d", c.from, got, c.want)
		}
	}
}
