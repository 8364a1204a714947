package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/dayfold/dayfold/bench/corpus"
	"github.com/dayfold/dayfold/engine"
)

func TestVerifyFindsWhatIsGone(t *testing.T) {
	c := corpus.New(1, corpus.Scale{Messages: 1000, Conversations: 10, MediaBytes: 2_000_000})
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(c.SignalKey()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range []corpus.Format{corpus.SignalLocal, corpus.Export} {
		write := func(day int) string {
			root := t.TempDir()
			if err := c.Write(t.Context(), root, f, day); err != nil {
				t.Fatal(err)
			}
			return root
		}
		p := place{kind: string(f), key: key, source: write(0)}
		same, later, less := write(0), write(1), write(0)
		if err := verify(t.Context(), p, same); err != nil {
			t.Errorf("%s: the same: got %v", f, err)
		}
		if err := verify(t.Context(), p, later); !errors.Is(err, errDiffers) {
			t.Errorf("%s: another day: got %v", f, err)
		}
		removeOne(t, filepath.Join(less, "files"))
		if err := verify(t.Context(), p, less); err == nil {
			t.Errorf("%s: nothing said of a media that is gone", f)
		}
	}
}

func removeOne(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		return fs.SkipAll
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Of one conversation only its messages may be there, and all of them.
func TestVerifyOneConversation(t *testing.T) {
	c := corpus.New(1, corpus.Scale{Messages: 500, Conversations: 6, MediaBytes: 200_000})
	p := place{kind: string(corpus.Export), source: t.TempDir()}
	if err := c.Write(t.Context(), p.source, corpus.Export, 0); err != nil {
		t.Fatal(err)
	}
	items, err := readItems(t.Context(), p, p.source)
	if err != nil {
		t.Fatal(err)
	}
	for key, v := range items {
		if v.kind == engine.Message && !v.mayGo {
			p.item, p.group = key, v.group
			break
		}
	}
	if err := verify(t.Context(), p, p.source); !errors.Is(err, errDiffers) {
		t.Errorf("all conversations for one: got %v", err)
	}
	p.out = filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(p.out, []byte("another message"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := verifyItem(t.Context(), p); !errors.Is(err, errDiffers) {
		t.Errorf("another message: got %v", err)
	}
}
