package engine_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
	"github.com/zeebo/blake3"
)

var update = flag.Bool("update", false, "write testdata/v1/items.txt anew, and what of testdata/v1 is not there at all")

// testdata/v1 is an archive that version 1 wrote (FORMAT.md): its objects, its recovery
// key and what it holds. It never changes, as those of users do not.
const (
	v1Archive = "testdata/v1/archive"
	v1Key     = "testdata/v1/recovery-key"
	v1Items   = "testdata/v1/items.txt"
)

// Archives of version 1 stay readable: every object opens, every item comes back, with
// the recovery key and with the passphrase.
func TestVersion1StaysReadable(t *testing.T) {
	if _, err := os.Stat(v1Archive); *update && os.IsNotExist(err) {
		writeVersion1(t)
	}
	st := load(t, v1Archive)
	text, err := os.ReadFile(v1Key)
	if err != nil {
		t.Fatal(err)
	}
	key, err := seal.ParseRecoveryKey(string(text))
	if err != nil {
		t.Fatal(err)
	}
	a := openVersion1(t, st, key, 3)
	check(t, a)
	got := describe(t, a)
	if *update {
		if err := os.WriteFile(v1Items, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(v1Items)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the archive of version 1 is read as\n%s\nwant\n%s", got, want)
	}
	if b := openVersion1(t, st, seal.NewPassphrase([]byte(v1Passphrase)), 3); b.ID() != a.ID() {
		t.Errorf("with the passphrase it is archive %s, want %s", b.ID(), a.ID())
	}
}

func openVersion1(t *testing.T, st store.Store, secret seal.Secret, day int) *engine.Archive {
	t.Helper()
	a, err := engine.Open(t.Context(), st, secret, engine.Options{Now: func() time.Time { return v1Day(day) }, Temp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// The archive of version 1 has every kind of object that version 1 writes for good.
func TestVersion1IsWhole(t *testing.T) {
	st := load(t, v1Archive)
	for _, prefix := range []string{"config", "keys/", "packs/", "index/", "snapshots/", "removed/", "gc/intent/", "gc/fence/"} {
		n := 0
		for _, err := range st.List(t.Context(), prefix) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n == 0 {
			t.Errorf("no object %s… in %s", prefix, v1Archive)
		}
	}
}

// Backups go on in an archive of version 1.
func TestVersion1IsContinued(t *testing.T) {
	a := openVersion1(t, load(t, v1Archive), seal.NewPassphrase([]byte(v1Passphrase)), 4)
	c := version1(3)
	delete(c.items, expired)
	c.say("g1", 9, v1Day(4), "one more")
	if _, err := a.Backup(t.Context(), c, engine.BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	holds(t, a, "latest", c)
	check(t, a)
}

// describe tells every item of every snapshot, one a line, without what is empty.
func describe(t *testing.T, a *engine.Archive) string {
	t.Helper()
	var b strings.Builder
	list, err := a.Snapshots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		v, err := a.View(t.Context(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "snapshot %s.%d %s %s %s %q, %d items, %d bytes\n", s.ID, s.Revision, iso(s.Time), v.Info().Kind, v.Info().Label, s.Tags, s.Items, s.Bytes)
		for it, err := range v.Items(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			data, err := content(t, it)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s\t%v %s", it.Key, it.Kind, iso(it.Time))
			for _, field := range []struct {
				name string
				text []byte
			}{{"group", it.Group}, {"stamp", it.Stamp}, {"meta", it.Meta}, {"needs", bytes.Join(it.Needs, []byte{' '})}} {
				if len(field.text) > 0 {
					fmt.Fprintf(&b, " %s %q", field.name, field.text)
				}
			}
			if !it.Expires.IsZero() {
				fmt.Fprintf(&b, " expires %s", iso(it.Expires))
			}
			if it.Timer != 0 {
				fmt.Fprintf(&b, " timer %v", it.Timer)
			}
			fmt.Fprintf(&b, " size %d content %x\n", it.Size, blake3.Sum256(data))
		}
	}
	return b.String()
}

func iso(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// load puts the files of a folder into a store in memory.
func load(t *testing.T, dir string) *store.Mem {
	t.Helper()
	st := new(store.Mem)
	files := os.DirFS(dir)
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err == nil {
			err = st.Put(t.Context(), name, data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// expired is the key of an item that was in the second snapshot, and out of date at the third.
var expired = newChat("").say("g1", 7, v1Day(2), "")

const v1Passphrase = "correct horse battery staple"

func v1Day(n int) time.Time { return day0.AddDate(0, 0, n) }

// version1 is the history that testdata/v1 is of, as it was on a day.
func version1(day int) *chat {
	c := newChat("history")
	photo := c.photo("photo", v1Day(0), 30_000)
	c.say("g1", 0, v1Day(0), "look at this", photo)
	c.say("g1", 1, v1Day(0).Add(1500*time.Millisecond), "schön – 美しい – 🌊")
	c.say("g2", 2, v1Day(0), "")
	long := c.say("g2", 3, v1Day(0), "")
	c.change(long, func(it *engine.Item) { setText(it, strings.Repeat("on and on it goes, ", 9000)+"until here") })
	video := c.photo("video", v1Day(0), 0)
	c.change(video, func(it *engine.Item) { setText(it, strings.Repeat("frame ", 900_000)) })
	c.say("g1", 4, v1Day(1), "a film", video, photo)
	gone := c.photo("gone", v1Day(1), 5000)
	c.change(gone, func(it *engine.Item) { setText(it, strings.Repeat("gone soon ", 350_000)) })
	c.change(c.say("g1", 5, v1Day(1), "for a while", gone), func(it *engine.Item) { it.Expires = v1Day(7) })
	c.change(c.say("g1", 6, v1Day(1), "when read, for a day"), func(it *engine.Item) { it.Timer = 24 * time.Hour })
	c.change(c.say("g1", 7, v1Day(2), "gone before the last snapshot"), func(it *engine.Item) { it.Expires = v1Day(2).Add(20 * time.Hour) })
	c.items["x/settings"] = engine.Item{Key: []byte("x/settings"), Kind: engine.Other, Meta: []byte("mode"), Time: time.Time{}, Inline: []byte("{}"), Size: 2}
	for i := range 40 * day { // enough for a tree of two levels
		c.say("g3", 100+i, v1Day(0).Add(time.Duration(i)*time.Minute), fmt.Sprintf("message number %d of a conversation that grows", i))
	}
	return c
}

func setText(it *engine.Item, text string) {
	it.Inline, it.Size = nil, int64(len(text))
	it.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}

// writeVersion1 makes testdata/v1. Its bytes are random in part, so it is made once and
// kept; what a later version writes becomes a folder of its own.
func writeVersion1(t *testing.T) {
	f := create(t, func(o *engine.Options) {
		o.Blind = true
		o.Workers = 1
		o.PackSize, o.TreePackSize = 0, 0
	})
	if _, err := f.a.AddSlot(t.Context(), f.key, seal.NewPassphrase([]byte(v1Passphrase))); err != nil {
		t.Fatal(err)
	}
	for day := 1; day <= 3; day++ {
		f.clock.t = v1Day(day)
		c := version1(day)
		if _, err := f.a.Backup(t.Context(), c, engine.BackupOptions{Tags: []string{fmt.Sprint("day", day)}, Insist: true}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := f.a.Snapshots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.a.Forget(t.Context(), []string{list[0].ID}, true); err != nil {
		t.Fatal(err)
	}
	f.prune(5) // of which the fence tells from then on, and not of this one:
	rep, err := f.a.Backup(t.Context(), version1(3), engine.BackupOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.a.Forget(t.Context(), []string{rep.Snapshot}, true); err != nil {
		t.Fatal(err)
	}
	objects := map[string]string{filepath.FromSlash(v1Key): f.key.Groups()}
	for info, err := range f.store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		data, err := f.store.Get(t.Context(), info.Name, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		objects[filepath.Join(v1Archive, filepath.FromSlash(info.Name))] = string(data)
	}
	for _, name := range slices.Sorted(maps.Keys(objects)) {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(objects[name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
