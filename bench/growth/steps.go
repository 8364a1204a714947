package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store/local"
	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack/seal"
)

// stepNames are the steps, in the order in which they build on each other.
var stepNames = []string{"first", "day", "amend", "diff", "open", "prune"}

// memory is what the engine is given, as the command gives it by default.
const memory = 128 << 20

// do does one step in the archive below work, which "first" creates.
func do(ctx context.Context, step, work string, items, media int64) (p point, err error) {
	debug.SetMemoryLimit(memory - 48<<20) // as the command does for what lies outside of the heap
	debug.SetGCPercent(40)
	p = point{Step: step, Items: items, Media: media}
	h := history{n: items}
	if media > 0 {
		h.share = max(1, items/media)
	}
	if step == "day" {
		h.day = 1
	} else if step != "first" {
		h.day = 2
	}
	err = took(&p, func() error {
		a, err := open(ctx, work, h, step == "first")
		if err != nil {
			return err
		}
		defer a.Close()
		switch step {
		case "first", "day":
			return p.report(a.Backup(ctx, h, engine.BackupOptions{}))
		case "amend":
			return p.report(a.Amend(ctx, "latest", h.feed(), engine.BackupOptions{}))
		case "diff":
			return p.diff(ctx, a)
		case "open":
			return p.look(ctx, a, h)
		case "prune":
			return p.prune(ctx, a)
		}
		return fmt.Errorf("no step %q; there are %v", step, stepNames)
	})
	return p, err
}

func (p *point) report(rep engine.Report, err error) error {
	p.Bytes, p.Loaded, p.Saved = rep.BytesUploaded, rep.NodesLoaded, rep.NodesSaved
	if err == nil && rep.Missing > 0 {
		err = rep.Problems[0]
	}
	return err
}

// diff lists the changes of the newest day, which the feed had.
func (p *point) diff(ctx context.Context, a archive) error {
	list, err := a.Snapshots(ctx)
	if err != nil {
		return err
	}
	n := 0
	for _, err := range a.Diff(ctx, list[len(list)-2].ID, list[len(list)-1].ID) {
		if err != nil {
			return err
		}
		n++
	}
	if n < perDay {
		return fmt.Errorf("%d changes between two days, want %d and more", n, perDay)
	}
	return nil
}

// look reads one item of the newest snapshot.
func (p *point) look(ctx context.Context, a archive, h history) error {
	v, err := a.View(ctx, "latest")
	if err != nil {
		return err
	}
	message, _ := h.item(h.n+1, 0)
	_, err = v.Item(ctx, message.Key)
	return err
}

// prune forgets all but the newest snapshot.
func (p *point) prune(ctx context.Context, a archive) error {
	list, err := a.Snapshots(ctx)
	if err != nil {
		return err
	}
	var ids []string
	for _, s := range list[:len(list)-1] {
		ids = append(ids, s.ID)
	}
	if _, err := a.Forget(ctx, ids, true); err != nil {
		return err
	}
	rep, err := a.Prune(ctx, engine.PruneOptions{MaxUnused: 5, Insist: true})
	p.Bytes, p.Loaded = rep.BytesRewritten, rep.NodesLoaded
	return err
}

// archive is an open archive with all that is its own.
type archive struct {
	*engine.Archive
	db *index.DB
}

// Close closes both, and there is nothing left to lose.
func (a archive) Close() {
	a.Archive.Close()
	a.db.Close()
}

func open(ctx context.Context, work string, h history, create bool) (archive, error) {
	at := func(name string) string { return filepath.Join(work, name) }
	db, err := index.Open(at("index"), index.Options{})
	if err != nil {
		return archive{}, err
	}
	opt := engine.Options{Index: db, State: at("state"), Temp: work, Memory: memory, Blind: true, Now: func() time.Time { return h.time() }}
	a, err := openIn(ctx, at("store"), at("key"), opt, create)
	if err != nil {
		db.Close()
	}
	return archive{a, db}, err
}

func openIn(ctx context.Context, dir, keyFile string, opt engine.Options, create bool) (*engine.Archive, error) {
	if create {
		key, err := seal.NewRecoveryKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(keyFile, []byte(key.Reveal()), 0o600); err != nil {
			return nil, err
		}
		st, err := local.Create(dir)
		if err != nil {
			return nil, err
		}
		return engine.Create(ctx, st, key, opt)
	}
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, err
	}
	key, err := seal.ParseRecoveryKey(string(text))
	if err != nil {
		return nil, err
	}
	st, err := local.Open(dir)
	if err != nil {
		return nil, err
	}
	return engine.Open(ctx, st, key, opt)
}
