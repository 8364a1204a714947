package engine_test

import (
	"context"
	"testing"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
)

// keeping is a place that keeps what is deleted, and cannot tell two writers apart.
type keeping struct{ *store.Mem }

func (keeping) Traits(context.Context) (store.Traits, error) {
	return store.Traits{Versions: store.Yes, Locks: store.No, Trash: store.Yes}, nil
}

func (keeping) Capabilities() store.Capabilities { return store.Capabilities{ConsistentList: true} }

// An archive remembers what its store was found to do.
func TestProbedIsRemembered(t *testing.T) {
	key, err := seal.NewRecoveryKey(seeded(t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	st := keeping{new(store.Mem)}
	made, err := engine.Create(t.Context(), st, key, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	if got := made.Probed(); got.LongestName == 0 || got.Locks != store.No {
		t.Errorf("after Create: %+v", got)
	}
	a, err := engine.Open(t.Context(), st.Mem, key, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	got := a.Probed()
	want := store.Report{Capabilities: store.Capabilities{ConsistentList: true}, Traits: store.Traits{Versions: store.Yes, Trash: store.Yes}}
	if got != want || got.SafeCollection() || got.Keeps() != store.Yes {
		t.Errorf("after Open: %+v, want %+v", got, want)
	}
}
