package signalv1_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signalv1"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
)

// archive makes an empty archive at the time of the fixtures.
func archive(t *testing.T, opt engine.Options) *engine.Archive {
	t.Helper()
	key, err := seal.NewRecoveryKey(strings.NewReader(strings.Repeat("0123456789abcdef", 64)))
	if err != nil {
		t.Fatal(err)
	}
	opt.Now, opt.Temp = func() time.Time { return time.UnixMilli(sent) }, t.TempDir()
	a, err := engine.Create(t.Context(), new(store.Mem), key, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// In strict scope two conversations with the same photo share no byte of it; by default
// they share all. Either way the file comes back.
func TestStrictScopeKeepsConversationsApart(t *testing.T) {
	all := small()[:5]
	for i, thread := range []int{1, 2, 2} {
		all = append(all, piece{frame: row{id: i + 1, thread: thread, from: 2, body: "a photo"}.frame()})
	}
	photo := "\xff\xd8\xff" + strings.Repeat("photo ", 50_000) // no text, which would be cut into alike chunks
	for i := range 3 {
		all = append(all, attachment(i+1, i+1, photo)...)
	}
	b := file(t, append(all, piece{frame: signalv1.End()}), 1, 1)
	for strict, want := range map[bool]int64{false: int64(len(photo)), true: 2 * int64(len(photo))} {
		a := archive(t, engine.Options{Strict: strict})
		src := open(t, b)
		src.PerGroup(a.Strict())
		r, err := a.Backup(t.Context(), src, engine.BackupOptions{})
		if err != nil || r.BytesNew != want || r.Missing > 0 {
			t.Errorf("strict %t: %d new bytes, want %d: %v, %v", strict, r.BytesNew, want, r.Problems, err)
		}
		again, err := a.Backup(t.Context(), src, engine.BackupOptions{})
		if err != nil || !again.Unchanged {
			t.Errorf("strict %t, once more: %+v, %v", strict, again, err)
		}
		v, err := a.View(t.Context(), "latest")
		if err != nil {
			t.Fatal(err)
		}
		for it, err := range v.Items(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if it.Kind == engine.Media && (len(it.Group) > 0) != strict {
				t.Errorf("strict %t: %s is of group %q", strict, it.Key, it.Group)
			}
			for _, key := range it.Needs {
				if _, err := v.Item(t.Context(), key); err != nil {
					t.Errorf("strict %t: %s: %v", strict, key, err)
				}
			}
		}
		var back strings.Builder
		if _, err := signalv1.WriteTo(&back, v, passphrase(t)); err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Join(records(t, []byte(back.String())), "\n"), strings.Join(records(t, b), "\n"); got != want {
			t.Errorf("strict %t: the file does not come back as it was", strict)
		}
	}
}
