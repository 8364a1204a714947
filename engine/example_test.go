package engine_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
)

// A notebook is the smallest source: a few notes, each with a key.
type notebook map[string]string

func (n notebook) Info() engine.SourceInfo {
	return engine.SourceInfo{Kind: "notebook", Label: "mine"}
}

func (n notebook) Items(context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		for key, text := range n {
			if !yield(engine.Item{Key: []byte(key), Kind: engine.Message, Time: time.Unix(1_700_000_000, 0), Inline: []byte(text), Size: int64(len(text))}, nil) {
				return
			}
		}
	}
}

// example makes an archive in memory; real ones lie in any store.
func example() *engine.Archive {
	key, err := seal.NewRecoveryKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	a, err := engine.Create(context.Background(), new(store.Mem), key, engine.Options{})
	if err != nil {
		panic(err)
	}
	return a
}

func ExampleCreate() {
	ctx := context.Background()
	st := new(store.Mem)
	key, _ := seal.NewRecoveryKey(rand.Reader) // show it to its owner: it is stored nowhere
	a, err := engine.Create(ctx, st, key, engine.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer a.Close()
	b, err := engine.Open(ctx, st, key, engine.Options{}) // on any device
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	fmt.Println(a.ID() == b.ID())
	// Output: true
}

func ExampleArchive_Backup() {
	ctx := context.Background()
	a := example()
	defer a.Close()
	_, _ = a.Backup(ctx, notebook{"monday": "rain"}, engine.BackupOptions{})
	rep, err := a.Backup(ctx, notebook{"monday": "rain", "tuesday": "sun"}, engine.BackupOptions{})
	fmt.Println(rep.Items, rep.New, err)
	// Output: 2 1 <nil>
}

func ExampleArchive_View() {
	ctx := context.Background()
	a := example()
	defer a.Close()
	_, _ = a.Backup(ctx, notebook{"monday": "rain", "tuesday": "sun"}, engine.BackupOptions{})
	v, err := a.View(ctx, "latest")
	if err != nil {
		fmt.Println(err)
		return
	}
	for it, err := range v.Items(ctx) {
		fmt.Println(string(it.Key), string(it.Inline), err)
	}
	// Output:
	// monday rain <nil>
	// tuesday sun <nil>
}

func ExampleArchive_Amend() {
	ctx := context.Background()
	a := example()
	defer a.Close()
	_, _ = a.Backup(ctx, notebook{"monday": "rain"}, engine.BackupOptions{})
	changes := func(yield func(engine.Change, error) bool) {
		for it := range (notebook{"tuesday": "sun"}).Items(ctx) {
			yield(engine.Change{New: &it}, nil)
		}
	}
	rep, err := a.Amend(ctx, "latest", changes, engine.BackupOptions{})
	fmt.Println(rep.New, err)
	// Output: 1 <nil>
}

func ExampleArchive_Forget() {
	ctx := context.Background()
	a := example()
	defer a.Close()
	first, _ := a.Backup(ctx, notebook{"monday": "a secret"}, engine.BackupOptions{})
	_, _ = a.Backup(ctx, notebook{}, engine.BackupOptions{})
	gone, err := a.Forget(ctx, []string{first.Snapshot}, false) // the secret does not open any more
	fmt.Println(len(gone), err)
	_, err = a.Prune(ctx, engine.PruneOptions{}) // its bytes are gone, too
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// <nil>
}

func ExampleArchive_Erase() {
	ctx := context.Background()
	a := example()
	defer a.Close()
	_, _ = a.Backup(ctx, notebook{"monday": "rain", "tuesday": "a secret"}, engine.BackupOptions{})
	rep, err := a.Erase(ctx, engine.Selection{Keys: [][]byte{[]byte("tuesday")}}, false, true)
	fmt.Println(rep.Removed, rep.Rewritten, err)
	// Output: 1 1 <nil>
}

func ExampleArchive_Check() {
	ctx := context.Background()
	a := example()
	defer a.Close()
	_, _ = a.Backup(ctx, notebook{"monday": "rain"}, engine.BackupOptions{})
	rep, err := a.Check(ctx, engine.CheckOptions{ReadData: true})
	fmt.Println(rep.Snapshots, len(rep.Problems), err)
	// Output: 1 0 <nil>
}
