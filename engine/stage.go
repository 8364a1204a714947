package engine

import (
	"bytes"
	"iter"
	"maps"
	"slices"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// A stage is a pair of trees while they are edited in steps. New nodes stay in memory
// until store, which writes those that the result still names and no others.
type stage struct {
	s     *session
	r     *reader
	w     *writer
	today uint32
	maps  [2]tree.Map // permanent, expiring
	fresh map[seal.Ref]node
	edits [2]map[string]*tree.Entry // nil: delete

	finder [2]*tree.Finder     // of the maps as they are; nil: not yet
	days   []uint32            // of the expiring map; nil: not yet
	asked  int                 // how many keys were looked for on every day
	where  map[[16]byte]uint32 // the day of each key in the expiring map, by hash; nil: not yet
}

// maxWhere bounds the table of expiring keys, in entries of some 40 bytes.
const maxWhere = 1 << 16

type node struct {
	kind  seal.Kind
	plain []byte
}

// newStage begins with the trees of rs. fresh may be shared by stages of one writer
// that lead to the same nodes.
func (s *session) newStage(r *reader, w *writer, today uint32, rs roots) *stage {
	st := &stage{s: s, r: r, w: w, today: today, fresh: map[seal.Ref]node{}}
	permanent, expiring := s.a.maps(st, rs)
	st.maps = [2]tree.Map{permanent, expiring}
	st.clear()
	return st
}

func (st *stage) clear() { st.edits = [2]map[string]*tree.Entry{{}, {}} }

// Load finds a node among the new ones, or in the archive.
func (st *stage) Load(kind seal.Kind, ref seal.Ref) ([]byte, error) {
	if n, ok := st.fresh[ref]; ok && n.kind == kind {
		return n.plain, nil
	}
	return st.r.Load(kind, ref)
}

// Save keeps a node in memory.
func (st *stage) Save(kind seal.Kind, plain []byte) (seal.Ref, error) {
	ref := st.s.a.keys.Ref(nil, kind, plain)
	if _, ok := st.fresh[ref]; !ok {
		st.fresh[ref] = node{kind, bytes.Clone(plain)}
	}
	return ref, nil
}

func which(l life) int {
	if l.day == 0 {
		return 0
	}
	return 1
}

// put and remove take an edit in; key is that of the entry without the day.
func (st *stage) put(e tree.Entry) {
	l := lifeOf(&e)
	e.Key = l.mapKey(e.Key)
	st.edits[which(l)][string(e.Key)] = &e
}

func (st *stage) remove(l life, key []byte) { st.edits[which(l)][string(l.mapKey(key))] = nil }

// apply makes the edits.
func (st *stage) apply() error {
	for i := range st.maps {
		if len(st.edits[i]) == 0 {
			continue
		}
		m, stats, err := st.maps[i].Edit(sortedEdits(st.edits[i]))
		if err != nil {
			return err
		}
		st.w.stats.nodesLoaded.Add(int64(stats.Loaded))
		st.maps[i], st.finder[i] = m, nil
	}
	st.follow()
	st.clear()
	return nil
}

// follow keeps what is known of the expiring map in step with the edits that were made.
func (st *stage) follow() {
	if len(st.edits[expiringMap]) == 0 {
		return
	}
	st.days = nil
	if st.where == nil {
		return
	}
	for _, put := range []bool{false, true} { // a key may have moved from a day to another
		for key, e := range st.edits[expiringMap] {
			day, hash := dayOf([]byte(key)), keyHash([]byte(key)[dayLen:])
			if put && e != nil {
				st.where[hash] = day
			} else if !put && e == nil && st.where[hash] == day {
				delete(st.where, hash)
			}
		}
	}
}

func sortedEdits(edits map[string]*tree.Entry) iter.Seq2[tree.Edit, error] {
	return func(yield func(tree.Edit, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(edits)) {
			if !yield(tree.Edit{Key: []byte(key), Entry: edits[key]}, nil) {
				return
			}
		}
	}
}

// find returns the entry with a key, wherever it lies. The entry's Key is key.
func (st *stage) find(key []byte) (tree.Entry, bool, error) {
	e, ok, err := st.lookup(permanentMap, key)
	if !ok && err == nil && st.maps[expiringMap].Root.Count > 0 {
		var days []uint32
		if days, err = st.daysOf(key); err != nil {
			return tree.Entry{}, false, err
		}
		for i := 0; i < len(days) && !ok && err == nil; i++ {
			e, ok, err = st.lookup(expiringMap, dated(days[i], key))
		}
	}
	if !ok || err != nil {
		return tree.Entry{}, false, err
	}
	e.Key = key
	return clone(&e), true, nil
}

func (st *stage) lookup(i int, key []byte) (tree.Entry, bool, error) {
	if st.finder[i] == nil {
		st.finder[i] = st.maps[i].Finder()
	}
	return st.finder[i].Lookup(key)
}

// daysOf are the days on which the expiring map may have a key: all that it has, until as
// many lookups were made as it has entries. From then on it is the one on which it has it.
func (st *stage) daysOf(key []byte) (all []uint32, err error) {
	if st.days == nil {
		for day, err := range days(st.maps[expiringMap]) {
			if err != nil {
				return nil, err
			}
			st.days = append(st.days, day)
		}
	}
	n := int(min(st.maps[expiringMap].Root.Count, maxWhere+1))
	if st.asked++; st.where == nil && n <= maxWhere && st.asked*len(st.days) > n {
		st.where = make(map[[16]byte]uint32, n)
		for e, err := range st.maps[expiringMap].Range(nil, nil) {
			if err != nil {
				return nil, err
			}
			st.where[keyHash(e.Key[dayLen:])] = dayOf(e.Key)
		}
	}
	if st.where == nil {
		return st.days, nil
	}
	if day, ok := st.where[keyHash(key)]; ok {
		return []uint32{day}, nil
	}
	return nil, nil
}

// named is the life that a needed item has from those that name it; ok is false when
// none is left.
func (st *stage) named(needed []byte) (longest tree.Entry, ok bool, err error) {
	low := append([]byte{spaceNamer}, needed...)
	isNamer := func(key []byte) bool { return len(key) == len(low)+namerLen }
	for e, err := range st.maps[0].Range(low, after(low)) {
		if err != nil {
			return e, false, err
		}
		if isNamer(e.Key) {
			return tree.Entry{}, true, nil
		}
	}
	for day, err := range days(st.maps[1]) {
		if err != nil {
			return tree.Entry{}, false, err
		}
		for e, err := range st.maps[1].Range(dated(day, low), dated(day, after(low))) {
			if err != nil {
				return tree.Entry{}, false, err
			}
			if isNamer(e.Key[dayLen:]) && (!ok || e.Expires > longest.Expires || e.Timer > longest.Timer) {
				longest, ok = tree.Entry{Expires: e.Expires, Timer: e.Timer}, true
			}
		}
	}
	return longest, ok, nil
}

// store writes the new nodes that the trees name.
func (st *stage) store() (roots, error) {
	for i, m := range st.maps {
		err := tree.Walk(m, func(_ int, ref seal.Ref, kind seal.Kind) (bool, error) {
			n, ok := st.fresh[ref]
			if !ok {
				return false, nil
			}
			class := pack.Class{Kind: pack.Tree}
			if i == 1 {
				day, err := tree.LastDay(kind, n.plain)
				if err != nil {
					return false, err
				}
				class = st.s.a.config.class(life{day}, st.today, true)
			}
			_, err := st.w.save(kind, class, n.plain)
			return true, err
		}, nil)
		if err != nil {
			return roots{}, err
		}
	}
	return roots{st.maps[0].Root, st.maps[1].Root}, nil
}
