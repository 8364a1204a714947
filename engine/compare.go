package engine

import (
	"fmt"
	"time"

	"github.com/dayfold/dayfold/engine/tree"
)

const (
	// A backup, an erasure or a prune that would drop more than this needs to be insisted on.
	maxDrop = 0.20
	// smallArchive is what the guards do not look at: below it, a change is easily large.
	smallArchive = 16 << 20
	// maxIdle is how far the clock may be past the newest head before anything is
	// dropped because of it.
	maxIdle = 30 * 24 * time.Hour
)

// compare counts what is new, changed and gone, and refuses what looks like an accident.
func (r *run) compare(rs roots) error {
	c := &r.counts
	c.roots, c.unchanged = rs, rs == r.before && r.parent != nil
	if r.parent == nil { // all of it is new; there is no need to read it back
		c.fresh = c.items
		return nil
	}
	old, now := r.trees(r.before), r.trees(rs)
	for i := range old {
		for ch, err := range tree.Diff(old[i], now[i]) {
			if err != nil {
				return err
			}
			r.count(ch, i == 1)
		}
	}
	before, after := r.before.Permanent.Bytes+r.before.Expiring.Bytes, rs.Permanent.Bytes+rs.Expiring.Bytes
	if !r.opt.Insist && before > smallArchive && float64(after) < (1-maxDrop)*float64(before) {
		return fmt.Errorf("%d of %d bytes are gone from the source (insist to go on): %w", before-after, before, ErrRefused)
	}
	return nil
}

// trees are the two maps of a run, new nodes included.
func (r *run) trees(rs roots) [2]tree.Map {
	permanent, expiring := r.s.a.maps(nil, rs)
	permanent.Nodes, expiring.Nodes = nodes{r: r}, nodes{r: r, expires: true}
	return [2]tree.Map{permanent, expiring}
}

func (r *run) count(ch tree.Change, expiring bool) {
	switch {
	case ch.Old == nil:
		if isItem(ch.New.Key, expiring) {
			r.counts.fresh++
		}
	case ch.New != nil:
		if isItem(ch.New.Key, expiring) {
			r.counts.changed++
		}
	case isItem(ch.Old.Key, expiring):
		if ch.Old.Expires != 0 && ch.Old.Expires-keepsAtLeast.Milliseconds() <= r.now.UnixMilli() {
			r.counts.expired++
		} else {
			r.counts.removed++
		}
	}
}

// report is what callers hear of a run.
func (r *run) report() Report {
	c, w := &r.counts, &r.w.stats
	c.mu.Lock()
	defer c.mu.Unlock()
	return Report{Snapshot: fmt.Sprintf("%x", r.id[:]), Unchanged: c.unchanged, Items: c.items, Bytes: c.bytes,
		New: c.fresh, Changed: c.changed, Removed: c.removed, Expired: c.expired, Excluded: c.excluded, Problems: c.problems, Missing: c.missing,
		BytesRead: c.read, BytesNew: w.fresh.Load(), BytesUploaded: w.uploaded.Load(), Packs: w.packs.Load(), Opened: c.opened,
		Uploaded:    uploaded{Tree: w.tree.Load(), Permanent: w.permanent.Load(), Expiring: w.expiring.Load(), Padding: w.padding.Load(), Other: w.other.Load()},
		NodesLoaded: r.r.loaded, NodesSaved: w.nodesSaved.Load(), Rewritten: c.rewritten}
}
