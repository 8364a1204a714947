package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack/seal"
	"golang.org/x/sync/errgroup"
)

// misbehaviours are what may be wrong with one archive of many in a process: what it is
// given, and what its backup says.
var misbehaviours = []struct {
	what string
	hurt func(f *fixture, ctx context.Context)
	want error
}{
	{"a full store", func(f *fixture, _ context.Context) {
		f.store.Fault = func(op, _ string) error {
			if op == "put" {
				return store.ErrNoSpace
			}
			return nil
		}
	}, store.ErrNoSpace},
	{"a store that hangs", func(f *fixture, ctx context.Context) {
		f.store.Fault = func(op, _ string) error {
			if op == "put" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
	}, context.Canceled},
	{"a wrong key", func(f *fixture, _ context.Context) { f.key, _ = seal.NewRecoveryKey(seeded("wrong")) }, seal.ErrWrongKey},
	{"a lost config", func(f *fixture, _ context.Context) { f.store.Corrupt("config", func([]byte) []byte { return nil }) }, engine.ErrNoArchive},
	{"a source that breaks off", nil, fs.ErrPermission},
}

// TestMisbehavingArchives works on many archives at once in one process and with one index.
// Some misbehave, one of them until all others are done. Each of these ends with
// its own error, and the others have their own items, all of them, and nothing else.
// DAYFOLD_ARCHIVES=1000 takes that many, of which one in a hundred misbehaves:
//
//	DAYFOLD_ARCHIVES=1000 go test -run TestMisbehaving -timeout 1h ./engine
func TestMisbehavingArchives(t *testing.T) {
	db, err := index.Open(filepath.Join(t.TempDir(), "index"), index.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	archives, every := 60, 12
	if n, err := strconv.Atoi(os.Getenv("DAYFOLD_ARCHIVES")); err == nil {
		archives, every = n, 100
	}
	all, chats := make([]*fixture, archives), make([]*chat, archives)
	for i := range all {
		all[i] = create(t, func(o *engine.Options) { o.Index, o.State, o.Workers = db, "", 1 })
		chats[i] = newChat("a")
		for n := range 5 {
			chats[i].say("g1", n, day0, fmt.Sprintf("canary %d of %d", n, i), chats[i].photo(fmt.Sprint(i, " ", n), day0, 3000))
		}
	}
	hung, release := context.WithCancel(t.Context())
	defer release()
	var waiting sync.WaitGroup
	g := new(errgroup.Group)
	g.SetLimit(16)
	for i, f := range all {
		one := func(ctx context.Context) error {
			a, err := engine.Open(ctx, f.store, f.key, f.opt)
			if err != nil {
				return err
			}
			defer a.Close()
			var src engine.Source = chats[i]
			if i%every == every-1 && misbehaviours[i/every%len(misbehaviours)].hurt == nil {
				src = breaksOff{chats[i]}
			}
			_, err = a.Backup(ctx, src, engine.BackupOptions{})
			return err
		}
		if i%every != every-1 {
			g.Go(func() error { return one(t.Context()) })
			continue
		}
		m := misbehaviours[i/every%len(misbehaviours)]
		if m.hurt != nil {
			m.hurt(f, hung)
		}
		waiting.Go(func() {
			if err := one(hung); !errors.Is(err, m.want) {
				t.Errorf("%s: %v", m.what, err)
			}
		})
	}
	if err := g.Wait(); err != nil {
		t.Errorf("an archive that behaves: %v", err)
	}
	release()
	waiting.Wait()
	for i, f := range all {
		if i%every != every-1 {
			a := f.open()
			holds(t, a, "latest", chats[i])
			a.Close()
		}
	}
}

// breaksOff is a source that ends with an error.
type breaksOff struct{ *chat }

func (s breaksOff) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		for it := range s.chat.Items(ctx) {
			if !yield(it, nil) {
				return
			}
			break
		}
		yield(engine.Item{}, fs.ErrPermission)
	}
}
