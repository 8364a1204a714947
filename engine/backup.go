package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// maxRestarts is how often a run may be overtaken by collections before it gives up.
const maxRestarts = 8

// Backup archives the whole of a source as one snapshot. What the newest snapshot of
// the same source has already is not read again: an item with an equal stamp is not
// opened, a leaf that is there is not uploaded, and an unchanged history costs one object.
//
// Nothing is acknowledged before it is durable: packs, segment, snapshot, then a look
// at whether a collection has overtaken the run. If so, it starts over, without
// uploading again what is still there.
func (a *Archive) Backup(ctx context.Context, src Source, opt BackupOptions) (Report, error) {
	start := a.now()
	var rep Report
	var due bool
	var lost *Problem
	for n := int64(0); ; n++ {
		var err error
		rep, due, err = a.backup(ctx, src, opt, &lost)
		rep.Restarts = n
		rep.Duration = a.now().Sub(start)
		if err == nil {
			break
		}
		if errors.Is(err, errParent) && n < maxRestarts {
			continue
		}
		if !errors.Is(err, errFenced) || n == maxRestarts {
			return rep, fmt.Errorf("backup: %w", err)
		}
		if err := a.unblock(ctx, n); err != nil {
			return rep, fmt.Errorf("backup: %w", err)
		}
	}
	if opt.DryRun || !due {
		return rep, nil
	}
	rewritten, err := a.expire(ctx, opt.Insist)
	rep.Rewritten = rewritten
	if err != nil {
		return rep, fmt.Errorf("backup: %w", err)
	}
	return rep, nil
}

// errParent says that the snapshot which a backup builds on is damaged.
var errParent = errors.New("the parent is damaged")

// backup is one attempt. due says that days of older snapshots are over. When the parent
// turns out to be damaged that is errParent, and lost says how; the next attempt, which is
// given it, reads the whole source as if there were no parent.
func (a *Archive) backup(ctx context.Context, src Source, opt BackupOptions, lost **Problem) (rep Report, due bool, err error) {
	s, err := a.begin(ctx)
	if err != nil {
		return Report{}, false, err
	}
	problems, err := s.catalog(ctx)
	if err != nil {
		return Report{}, false, err
	}
	r, err := s.newRun(ctx, src.Info(), opt)
	if err != nil {
		return Report{}, false, err
	}
	defer r.close()
	r.problem(append(problems, s.unreadable...)...)
	if *lost != nil {
		r.problem(*lost)
		r.parent, r.before, r.begun, r.checkpoints.roots = nil, roots{}, roots{}, roots{}
	}
	err = r.explain(r.whole(src))
	if *lost == nil && r.parent != nil && r.r.lost.Load() && isLost(err) {
		*lost = &Problem{Key: []byte(snapshotName(r.parent.Version)), Err: err}
		err = errParent
	}
	_, over := s.due(opt.Insist)
	return r.report(), len(over) > 0, err
}

// whole is the way of a backup, from items to a snapshot.
func (r *run) whole(src Source) error {
	if err := r.gather(src); err != nil {
		return err
	}
	r.w.finished()
	rs, err := r.build()
	if err != nil {
		return err
	}
	if err := r.w.flush(); err != nil {
		return err
	}
	if err := r.compare(rs); err != nil || r.opt.DryRun {
		return err
	}
	if err := r.rebase(); err != nil {
		return err
	}
	return r.commit(rs, false)
}

// explain makes errFenced of damage that is none: a snapshot that the run reads was
// forgotten or rewritten meanwhile, or a prune has taken packs that it relies on.
func (r *run) explain(err error) error {
	return r.s.explain(r.ctx, r.w, err, r.parent, r.checkpoint)
}

func (s *session) explain(ctx context.Context, w *writer, err error, read ...*head) error {
	if !errors.Is(err, seal.ErrCorrupt) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if e := s.listPacks(ctx); e != nil {
		return err
	}
	for _, n := range w.packs() {
		if !s.readable(n) {
			return errFenced
		}
	}
	for _, h := range read {
		if h == nil {
			continue
		}
		if rev, found, e := s.a.newestRevision(ctx, h.ID); e == nil && (!found || rev != h.Rev) {
			return errFenced
		}
	}
	return err
}

// A run is one attempt at one snapshot.
type run struct {
	s    *session
	w    *writer
	r    *reader
	ctx  context.Context
	opt  BackupOptions
	info SourceInfo
	now  time.Time

	label      [16]byte
	parent     *head                // the newest snapshot of the same source
	checkpoint *head                // what a run after it has left behind
	before     roots                // of parent
	begun      roots                // of checkpoint
	from       *head                // what packs are taken over from unseen: Amend's parent
	feed       bool                 // the items are changes against the parent, not all there are
	id         collect.SnapshotID   // of the next commit
	last       *head                // this run's newest checkpoint
	abandoned  []collect.SnapshotID // checkpoints that earlier runs have left behind
	loose      atomic.Bool          // something was claimed that the trees do not reach

	sorter      *sorter
	needed      needs
	checkpoints checkpoints

	movedOnce sync.Once // see move
	moved     map[[16]byte]stamped
	movedErr  error

	counts counts
}

func (s *session) newRun(ctx context.Context, info SourceInfo, opt BackupOptions) (*run, error) {
	if len(info.Data) > maxSourceData || len(info.Label) > maxKey || len(info.Kind) > maxWord {
		return nil, fmt.Errorf("source info: %w", errItem)
	}
	r := &run{s: s, ctx: ctx, opt: opt, info: info, now: s.clock(), label: s.a.label(info), needed: needs{}}
	r.checkpoints.last = r.now
	r.parent, r.checkpoint, r.abandoned = s.parent(r.label)
	for _, from := range []struct {
		h  *head
		rs *roots
	}{{r.parent, &r.before}, {r.checkpoint, &r.begun}} {
		if from.h == nil {
			continue
		}
		h, b, err := s.a.current(ctx, *from.h)
		if err != nil {
			return nil, fenced(err)
		}
		*from.h, *from.rs = h, b.Roots
	}
	r.checkpoints.roots = r.begun
	if err := r.newID(); err != nil {
		return nil, err
	}
	r.r = s.newReader(ctx)
	r.w = s.newWriter(ctx)
	r.sorter = newSorter(s.a.opt.Temp, s.a.opt.Rand, sortBudget(s.a.opt.Memory))
	return r, nil
}

// newID gives the run's next commit an ID of its own: one that a collection overtakes is
// removed by its ID, and must not take the checkpoint before it along.
func (r *run) newID() error {
	_, err := io.ReadFull(r.s.a.opt.Rand, r.id[:])
	return err
}

// fenced makes a snapshot that is gone since the session began what it is.
func fenced(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errFenced
	}
	return err
}

// label names a source without telling which: snapshots of one label follow each other.
func (a *Archive) label(info SourceInfo) [16]byte {
	return a.keys.Tag([]byte("source"), []byte(info.Kind), []byte(info.Label))
}

// clock is now, but never before the newest snapshot: a clock set back revives nothing.
func (s *session) clock() time.Time {
	now := s.a.now()
	for _, h := range s.heads {
		if t := time.UnixMilli(h.Time); t.After(now) {
			now = t
		}
	}
	return now
}

// sortBudget is what sorting may take of the memory.
func sortBudget(memory int64) int { return int(memory / 32) }

func (r *run) close() {
	r.w.close()
	r.r.settle()
	r.sorter.close()
}

func (r *run) today() uint32 { return uint32(r.now.UnixMilli() / dayMillis) }

// nodes is where a run's trees lie: nodes are read through the reader, and saved into
// the class of the map that they belong to.
type nodes struct {
	r       *run
	expires bool
	scratch bool // of a checkpoint: the whole snapshot will have others
}

// Load is half of tree.Nodes.
func (n nodes) Load(kind seal.Kind, ref seal.Ref) ([]byte, error) { return n.r.r.Load(kind, ref) }

// Save is the other half.
func (n nodes) Save(kind seal.Kind, plain []byte) (seal.Ref, error) {
	class := pack.Class{Kind: pack.Tree}
	if n.expires {
		day, err := tree.LastDay(kind, plain)
		if err != nil {
			return seal.Ref{}, err
		}
		class = n.r.s.a.config.class(life{day}, n.r.today(), true)
	}
	return n.r.w.saveFor(kind, class, plain, !n.scratch)
}

// build makes the two trees from what was gathered.
func (r *run) build() (roots, error) {
	permanent, expiring := r.s.a.maps(nil, roots{})
	permanent.Nodes, expiring.Nodes = nodes{r: r}, nodes{r: r, expires: true}
	builders := [2]*tree.Builder{tree.NewBuilder(permanent), tree.NewBuilder(expiring)}
	var lastKey []byte
	for rec, err := range r.sorter.sorted() {
		if err != nil {
			return roots{}, err
		}
		e, err := tree.DecodeEntry(rec.payload)
		if err != nil {
			return roots{}, err
		}
		if string(lastKey) == string(rec.key) {
			if key := rec.key[1:]; isItem(key, rec.key[0] == 1) {
				if rec.key[0] == 1 {
					key = key[dayLen:]
				}
				r.problem(&Problem{Key: bytes.Clone(key[1:]), Err: errTwice})
			}
			r.loose.Store(r.loose.Load() || e.Content != (tree.Stream{}))
			continue
		}
		lastKey = append(lastKey[:0], rec.key...)
		e.Key = rec.key[1:]
		if err := builders[rec.key[0]].Add(e); err != nil {
			return roots{}, err
		}
	}
	var rs roots
	var err error
	if rs.Permanent, err = builders[0].Finish(); err != nil {
		return rs, err
	}
	rs.Expiring, err = builders[1].Finish()
	return rs, err
}

var errTwice = errors.New("the source yields this key twice; the first is kept")
