package seal_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/dayfold/dayfold/pack/seal"
)

func grid(n int) int { return (n + 4095) &^ 4095 }

func TestObjectRoundTrip(t *testing.T) {
	k := keys(t, 0)
	for _, n := range []int{0, 1, 127, 128, 4096 - 96 - 16 - 2, 4096 - 96 - 16 - 1, 70_000} {
		plain := bytes.Repeat([]byte{'x'}, n)
		for name, size := range map[string]func(int) int{"padded": grid, "bare": nil} {
			object := must[[]byte](t)(k.SealObject(from(1), seal.RoleHead, "snapshots/1", plain, size))
			if size != nil && len(object)%4096 != 0 {
				t.Errorf("%d bytes: object of %d bytes", n, len(object))
			}
			got, err := k.OpenObject(seal.RoleHead, "snapshots/1", object)
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bytes, %s: got %d bytes, %v", n, name, len(got), err)
			}
		}
	}
}

func TestObjectOfEveryRole(t *testing.T) {
	k := keys(t, 0)
	for role := seal.RoleConfig; role <= seal.RoleState; role++ {
		object := must[[]byte](t)(k.SealObject(from(1), role, "n", []byte("plain"), nil))
		if got, err := k.OpenObject(role, "n", object); err != nil || string(got) != "plain" {
			t.Errorf("role %d: %q, %v", role, got, err)
		}
	}
}

func TestObjectEveryByte(t *testing.T) {
	k := keys(t, 0)
	good := must[[]byte](t)(k.SealObject(from(1), seal.RoleFence, "gc/fence/1", []byte("state of a fence"), nil))
	open := func(b []byte) error { _, err := k.OpenObject(seal.RoleFence, "gc/fence/1", b); return err }
	flips(t, good, open, func(i int) []error {
		switch {
		case i == 8:
			return []error{seal.ErrVersion, seal.ErrCorrupt}
		case 32 <= i && i < 96:
			return []error{seal.ErrWrongKey}
		}
		return []error{seal.ErrCorrupt}
	})
}

func TestObjectStandsForNoOther(t *testing.T) {
	a, b := keys(t, 0), keys(t, 1)
	object := must[[]byte](t)(a.SealObject(from(1), seal.RoleHead, "snapshots/1", []byte("x"), nil))
	asBody := bytes.Clone(object)
	asBody[9] = byte(seal.RoleBody)
	asFence := bytes.Clone(object)
	asFence[9] = byte(seal.RoleFence)
	for _, c := range []struct {
		what string
		k    *seal.Keys
		role seal.Role
		name string
		data []byte
		want error
	}{
		{"another name", a, seal.RoleHead, "snapshots/2", object, seal.ErrCorrupt},
		{"no name", a, seal.RoleHead, "", object, seal.ErrCorrupt},
		{"another role", a, seal.RoleBody, "snapshots/1", object, seal.ErrCorrupt},
		{"role 0", a, 0, "snapshots/1", object, seal.ErrCorrupt},
		{"role byte changed to a body's", a, seal.RoleBody, "snapshots/1", asBody, seal.ErrWrongKey},
		{"role byte changed, same key", a, seal.RoleFence, "snapshots/1", asFence, seal.ErrWrongKey},
		{"another archive", b, seal.RoleHead, "snapshots/1", object, seal.ErrWrongKey},
	} {
		if _, err := c.k.OpenObject(c.role, c.name, c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.what, err, c.want)
		}
	}
}

func TestTokenClosesBodiesOnly(t *testing.T) {
	with, without := seal.Derive(archiveKey(t, 0), []byte("token")), keys(t, 0)
	head := must[[]byte](t)(with.SealObject(from(1), seal.RoleHead, "", nil, nil))
	body := must[[]byte](t)(with.SealObject(from(1), seal.RoleBody, "", nil, nil))
	if _, err := without.OpenObject(seal.RoleHead, "", head); err != nil {
		t.Errorf("head without the token: %v", err)
	}
	if _, err := without.OpenObject(seal.RoleBody, "", body); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("body without the token: got %v, want %v", err, seal.ErrWrongKey)
	}
	if with.Ref(nil, seal.Leaf, nil) != without.Ref(nil, seal.Leaf, nil) {
		t.Error("the token changes refs, so nothing would deduplicate after it")
	}
}

func TestParts(t *testing.T) {
	k := keys(t, 0)
	header, s, err := k.Object(from(1), seal.RolePack, "")
	if err != nil || len(header) != seal.HeaderSize {
		t.Fatalf("header of %d bytes, %v", len(header), err)
	}
	one := s.Seal(nil, 1, []byte("directory"))
	zero := s.Seal([]byte("kept"), 0, []byte("trailer"))[len("kept"):]
	if len(one) != len("directory")+seal.PartOverhead {
		t.Errorf("got %d bytes, want %d", len(one), len("directory")+seal.PartOverhead)
	}
	r := must[*seal.Sealer](t)(k.OpenHeader(seal.RolePack, "", header))
	if got, err := r.Open([]byte("kept "), 1, one); string(got) != "kept directory" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := r.Open(nil, 0, zero); string(got) != "trailer" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := r.Open(nil, 0, one); !errors.Is(err, seal.ErrCorrupt) {
		t.Errorf("part 1 as part 0: got %v, want %v", err, seal.ErrCorrupt)
	}
	same := s.Seal(nil, 2, []byte("directory")) // under one nonce the ciphertexts of two parts would be equal
	if bytes.Equal(same[:len("directory")], one[:len("directory")]) {
		t.Error("two parts are sealed under one nonce")
	}
	panics(t, "the same part again", func() { s.Seal(nil, 1, nil) })
	panics(t, "sealing under a header that was read", func() { r.Seal(nil, 3, nil) })
}

func TestObjectCorrupt(t *testing.T) {
	k := keys(t, 0)
	good := must[[]byte](t)(k.SealObject(from(1), seal.RoleIntent, "", []byte("x"), nil))
	open := func(b []byte) error { _, err := k.OpenObject(seal.RoleIntent, "", b); return err }
	broke(t, good, open, []row{
		{"empty", func([]byte) []byte { return nil }, seal.ErrCorrupt},
		{"header only", func(b []byte) []byte { return b[:96] }, seal.ErrCorrupt},
		{"the magic of a slot", func(b []byte) []byte { copy(b, "dayfkey\n"); return b }, seal.ErrCorrupt},
		{"line ends converted", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }, seal.ErrCorrupt},
		{"version 0", set(8, 0), seal.ErrCorrupt},
		{"version 2", set(8, 2), seal.ErrVersion},
		{"version 2, cut", func(b []byte) []byte { b[8] = 2; return b[:9] }, seal.ErrVersion},
		{"first reserved byte", set(10, 1), seal.ErrCorrupt},
		{"last reserved byte", set(31, 1), seal.ErrCorrupt},
	})
	broke(t, good[:seal.HeaderSize], func(b []byte) error { _, err := k.OpenHeader(seal.RoleIntent, "", b); return err }, []row{
		{"header, cut", func(b []byte) []byte { return b[:95] }, seal.ErrCorrupt},
		{"header, longer", func(b []byte) []byte { return append(b, 0) }, seal.ErrCorrupt},
		{"header of version 0", set(8, 0), seal.ErrCorrupt},
		{"header with a reserved byte", set(10, 1), seal.ErrCorrupt},
		{"header with another salt", set(32, 0xee), seal.ErrWrongKey},
	})
	// What somebody who holds the keys may have sealed.
	for name, plain := range map[string]string{
		"nothing": "", "no end of the length": "\x80", "length not in its shortest form": "\x81\x00x",
		"length beyond the part": "\x02x", "length of 2^63": "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
		"length of more than 64 bits": "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "padding not zero": "\x01x\x00\x01",
	} {
		header, s, err := k.Object(from(1), seal.RoleIntent, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := open(s.Seal(header, 0, []byte(plain))); !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("%s: got %v, want %v", name, err, seal.ErrCorrupt)
		}
	}
}

func TestObjectRefuses(t *testing.T) {
	k := keys(t, 0)
	for _, role := range []seal.Role{0, seal.RoleState + 1} {
		if _, _, err := k.Object(from(0), role, ""); err == nil {
			t.Errorf("role %d accepted", role)
		}
	}
	if _, err := k.SealObject(from(0), seal.RoleHead, "", []byte("xyz"), func(int) int { return 99 }); err == nil {
		t.Error("an object smaller than its plaintext")
	}
	if _, err := k.SealObject(broken, seal.RoleHead, "", nil, nil); err == nil {
		t.Error("an object without randomness")
	}
	panics(t, "keys from an empty archive key", func() { seal.Derive(seal.ArchiveKey{}, nil) })
}

func panics(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", what)
		}
	}()
	f()
}
