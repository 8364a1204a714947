package engine_test

import (
	"bytes"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
)

// TestReceipts: an erasure and a prune say what they did, signed; whoever opens the archive
// can hold that against what is there, and nobody can change it.
func TestReceipts(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 4, 60, 2, 3000)
	alone := c.photo("alone", day0, 50_000)
	key := c.say("g001", 900, day0, "the "+canary, alone)
	before := f.backup(c)
	verify := func(what []byte) engine.Report {
		t.Helper()
		rep, err := f.open(fresh(t)).VerifyErased(t.Context(), what)
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	if rep := verify([]byte(key)); rep.Missing != 1 || rep.Items != 1 {
		t.Errorf("an item that is there: %+v", rep)
	}
	erased, err := f.a.Erase(t.Context(), engine.Selection{Keys: [][]byte{[]byte(key)}}, false, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{key, alone, f.a.ID()} {
		if !bytes.Contains(erased.Receipt, []byte(want)) {
			t.Errorf("the receipt does not name %s:\n%s", want, erased.Receipt)
		}
	}
	if rep := verify(erased.Receipt); rep.Missing != 0 || rep.Items != 2 || rep.Bytes < 50_000 || rep.Kept != store.No {
		t.Errorf("after the erasure, before a prune: %+v", rep)
	}
	pruned := f.prune(0)
	if rep := verify(erased.Receipt); rep.Missing != 0 || rep.Bytes != 0 {
		t.Errorf("after a prune: %+v", rep)
	}
	if rep := verify(pruned.Receipt); rep.Missing != 0 || rep.Packs != pruned.PacksDeleted || rep.Packs == 0 {
		t.Errorf("the prune's receipt: %+v\n%s", rep, pruned.Receipt)
	}
	old := f.store.Clone()
	f.backup(c) // the source has it still
	if rep := verify(erased.Receipt); rep.Missing != 2 {
		t.Errorf("brought back by a backup: %+v", rep)
	}
	if _, err := f.a.Forget(t.Context(), []string{before.Snapshot}, true); err != nil {
		t.Fatal(err)
	}
	gone := f.prune(0)
	now := f.store
	f.store = old
	if rep := verify(gone.Receipt); rep.Missing == 0 {
		t.Errorf("an older state of the store, with the snapshot that was forgotten since: %+v", rep)
	}
	f.store = now
	for i := len("dayfold receipt 1\n"); i < bytes.Index(erased.Receipt, []byte("\n\n")); i += 7 {
		bad := bytes.Clone(erased.Receipt)
		bad[i] ^= 1
		_, err := f.a.VerifyErased(t.Context(), bad)
		wants(t, err, seal.ErrCorrupt)
	}
	_, err = create(t).a.VerifyErased(t.Context(), erased.Receipt)
	wants(t, err, seal.ErrCorrupt)
}

// TestEraseDuringAnAmend: an Amend that has read an item before it is erased does not
// bring it back, wherever the erasure comes between its requests.
func TestEraseDuringAnAmend(t *testing.T) {
	f := create(t)
	c := newChat("a")
	history(c, 3, 30, 2, 0)
	key := c.say("g001", 900, day0, "the "+canary)
	first := f.backup(c)
	more := newChat("a")
	it := more.items[more.say("g002", 901, day0, "more")]
	for at := 1; ; at += max(int(step()), 4) {
		g := *f
		g.store = f.store.Clone()
		a, other := g.open(fresh(t)), g.open(fresh(t))
		calls, within := 0, false
		g.store.Fault = func(string, string) error {
			if within {
				return nil
			}
			if calls++; calls != at {
				return nil
			}
			within = true
			_, err := other.Erase(t.Context(), engine.Selection{Keys: [][]byte{[]byte(key)}}, false, true)
			within = false
			return err
		}
		_, err := a.Amend(t.Context(), first.Snapshot, list([]engine.Change{{New: &it}}), engine.BackupOptions{})
		g.store.Fault = nil
		if err != nil {
			t.Fatalf("erased at request %d: %v", at, err)
		}
		if calls < at {
			if at < 20 {
				t.Errorf("an Amend of %d requests: the erasure is in the wrong place", calls)
			}
			return
		}
		if decryptable(t, g.open(fresh(t))) {
			t.Errorf("erased at request %d of an Amend, and it opens", at)
		}
		if n := len(snapshots(t, g.open(fresh(t)))); n != 2 {
			t.Errorf("erased at request %d: %d snapshots", at, n)
		}
	}
}

func snapshots(t *testing.T, a *engine.Archive) []engine.Snapshot {
	t.Helper()
	list, err := a.Snapshots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}
