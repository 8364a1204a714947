package seal_test

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/dayfold/dayfold/pack/seal"
)

func TestRefsDiffer(t *testing.T) {
	a, b := keys(t, 0), keys(t, 1)
	seen := map[seal.Ref]string{}
	for name, ref := range map[string]seal.Ref{
		"base":                    a.Ref(nil, seal.Leaf, []byte("x")),
		"another kind":            a.Ref(nil, seal.Inner, []byte("x")),
		"another plaintext":       a.Ref(nil, seal.Leaf, []byte("y")),
		"another scope":           a.Ref([]byte("g"), seal.Leaf, []byte("x")),
		"scope runs into kind":    a.Ref([]byte("g\x01"), seal.Leaf, []byte("x")),
		"plaintext of scope+kind": a.Ref(nil, seal.Leaf, []byte("g\x01x")),
		"another archive":         b.Ref(nil, seal.Leaf, []byte("x")),
	} {
		if other, ok := seen[ref]; ok {
			t.Errorf("%s has the ref of %s", name, other)
		}
		seen[ref] = name
	}
	if a.Ref([]byte{}, seal.Leaf, []byte("x")) != a.Ref(nil, seal.Leaf, []byte("x")) {
		t.Error("an empty scope is not no scope")
	}
}

func TestRefIsTheSameOnAllGoroutines(t *testing.T) {
	k := keys(t, 0)
	plain := make([]byte, 20_000)
	want := make([]seal.Ref, 0, len(plain)/1000)
	for n := 0; n < len(plain); n += 1000 {
		want = append(want, k.Ref(nil, seal.Media, plain[:n]))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, w := range want {
				r := k.Ref(nil, seal.Media, plain[:1000*i])
				if r != w || r.ID() != w.ID() {
					t.Errorf("%d bytes: another ref", 1000*i)
				}
			}
		})
	}
	wg.Wait()
}

func TestNamingDoesNotAllocate(t *testing.T) {
	k := keys(t, 0)
	scope, secret := []byte("group"), [32]byte{1}
	for _, n := range []int{16, 300, 4096, 1 << 20} {
		plain := make([]byte, n)
		for name, f := range map[string]func(){
			"Ref":   func() { k.Ref(scope, seal.Media, plain) },
			"ID":    func() { seal.Ref(secret).ID() },
			"Tag":   func() { k.Tag(scope, plain) },
			"Blind": func() { k.Blind(secret, plain) },
		} {
			if got := testing.AllocsPerRun(50, f); got > 0 {
				t.Errorf("%s of %d bytes: got %v allocations", name, n, got)
			}
		}
	}
}

func TestTagBindsLengths(t *testing.T) {
	k := keys(t, 0)
	if k.Tag([]byte("a"), []byte("bc")) == k.Tag([]byte("ab"), []byte("c")) {
		t.Error("bytes move between parts unnoticed")
	}
	if k.Tag([]byte("a")) == k.Tag([]byte("a"), nil) {
		t.Error("an empty part more goes unnoticed")
	}
	if k.Tag([]byte("a")) == keys(t, 1).Tag([]byte("a")) {
		t.Error("two archives tag alike")
	}
}

func TestBlind(t *testing.T) {
	k := keys(t, 0)
	leaf := []byte("leaf")
	if got := k.Blind([32]byte{}, leaf); got != [16]byte{} {
		t.Errorf("zero secret: got %x", got)
	}
	one, two := k.Blind([32]byte{1}, leaf), k.Blind([32]byte{2}, leaf)
	if one == two || one == [16]byte{} || one == k.Blind([32]byte{1}, nil) {
		t.Error("the blind does not depend on secret and leaf")
	}
	if k.Blind([32]byte{1}, leaf) != one {
		t.Error("the blind depends on what was blinded before")
	}
}

func TestPolynomialSource(t *testing.T) {
	k := keys(t, 0)
	a, b := make([]byte, 20_000), make([]byte, 20_000)
	_, errA := io.ReadFull(k.PolynomialSource(), a)
	_, errB := io.ReadFull(k.PolynomialSource(), b)
	if string(a) != string(b) || errA != nil || errB != nil {
		t.Errorf("two streams differ or end: %v, %v", errA, errB)
	}
}

func TestIDPrintsHex(t *testing.T) {
	id := seal.ID{0xab, 15: 0x01}
	const want = "ab000000000000000000000000000001"
	js, err := json.Marshal(id)
	if got := fmt.Sprint(id); got != want || string(js) != `"`+want+`"` || err != nil {
		t.Errorf("got %s and %s, %v", got, js, err)
	}
}
