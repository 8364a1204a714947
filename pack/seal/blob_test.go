package seal_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/dayfold/dayfold/pack/seal"
)

func TestBlobRoundTrip(t *testing.T) {
	k := keys(t, 0)
	for _, n := range []int{0, 1, 300, 4096, 1 << 20} {
		plain := bytes.Repeat([]byte("abcde"), n/5+1)[:n]
		ref := k.Ref(nil, seal.Media, plain)
		blob := must[[]byte](t)(seal.AppendBlob([]byte("kept"), rand.Reader, ref, 3, n, plain))
		if string(blob[:4]) != "kept" {
			t.Errorf("%d bytes: what was in dst is gone", n)
		}
		blob = blob[4:]
		if over := len(blob) - n - seal.BlobOverhead; over < 1 || over > 4 {
			t.Errorf("%d bytes: sealing added %d", n, len(blob)-n)
		}
		for name, place := range map[string]func(sealed []byte) []byte{
			"new":      func([]byte) []byte { return nil },
			"room":     func([]byte) []byte { return make([]byte, 0, len(blob)) },
			"in place": func(sealed []byte) []byte { return sealed[12:12] },
		} {
			sealed := bytes.Clone(blob)
			codec, length, body, err := seal.OpenBlob(place(sealed), ref, sealed)
			if codec != 3 || length != n || !bytes.Equal(body, plain) || err != nil {
				t.Errorf("%d bytes, %s: got codec %d, length %d, %d bytes, %v", n, name, codec, length, len(body), err)
			}
		}
	}
}

func TestBlobSealsInPlace(t *testing.T) {
	ref := keys(t, 0).Ref(nil, seal.Text, nil)
	want := must[[]byte](t)(seal.AppendBlob(nil, from(5), ref, 1, 400, bytes.Repeat([]byte{9}, 300)))
	if n := seal.BlobSize(400, 300); n != len(want) {
		t.Errorf("a blob of %d bytes was to have %d", len(want), n)
	}
	for off := range 64 { // the body lies anywhere in the room that is sealed into
		buf := make([]byte, 10, 1000)
		body := buf[10+off : 310+off]
		for i := range body {
			body[i] = 9
		}
		got := must[[]byte](t)(seal.AppendBlob(buf, from(5), ref, 1, 400, body))
		if !bytes.Equal(got[10:], want) {
			t.Fatalf("body at %d: another blob", off)
		}
		if &got[0] != &buf[0] {
			t.Errorf("body at %d: moved to another array though there was room", off)
		}
	}
}

func TestOpenBlobAppends(t *testing.T) {
	ref := keys(t, 0).Ref(nil, seal.Text, nil)
	blob := must[[]byte](t)(seal.AppendBlob(nil, from(5), ref, 1, 2, []byte("ab")))
	dst := append(make([]byte, 0, 100), "kept"...)
	_, _, body, err := seal.OpenBlob(dst, ref, blob)
	if string(dst) != "kept" || string(body) != "ab" || err != nil {
		t.Errorf("got %q behind %q, %v", body, dst, err)
	}
	if &dst[:cap(dst)][len(dst)+2] != &body[0] {
		t.Error("the body is not in dst's array")
	}
}

func TestBlobEveryByte(t *testing.T) {
	ref := keys(t, 0).Ref(nil, seal.Leaf, []byte("plain"))
	good := must[[]byte](t)(seal.AppendBlob(nil, from(5), ref, 0, 5, []byte("plain")))
	open := func(b []byte) error { _, _, _, err := seal.OpenBlob(nil, ref, b); return err }
	flips(t, good, open, func(int) []error { return []error{seal.ErrCorrupt} })
	other := keys(t, 0).Ref(nil, seal.Leaf, []byte("other"))
	if _, _, _, err := seal.OpenBlob(nil, other, good); !errors.Is(err, seal.ErrCorrupt) {
		t.Errorf("another ref: got %v, want %v", err, seal.ErrCorrupt)
	}
}

func TestBlobCorrupt(t *testing.T) {
	ref := keys(t, 0).Ref(nil, seal.Leaf, nil)
	nonce := make([]byte, 12)
	for name, plain := range map[string]string{
		"nothing": "", "codec only": "\x01", "no end of the length": "\x01\x80",
		"length not in its shortest form": "\x01\x81\x00", "length over the cap": "\x01\x81\x80\x80\x08",
		"length of 2^63": "\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
	} {
		_, _, _, err := seal.OpenBlob(nil, ref, seal.SealPlain(ref, nonce, []byte(plain)))
		if !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("%s: got %v, want %v", name, err, seal.ErrCorrupt)
		}
	}
	_, n, _, err := seal.OpenBlob(nil, ref, seal.SealPlain(ref, nonce, []byte("\x01\x80\x80\x80\x08")))
	if n != seal.MaxPlain || err != nil {
		t.Errorf("length at the cap: got %d, %v", n, err)
	}
}

func TestAppendBlobRefuses(t *testing.T) {
	ref := keys(t, 0).Ref(nil, seal.Leaf, nil)
	dst := append(make([]byte, 0, 100), "kept"...)
	for name, seals := range map[string]func() ([]byte, error){
		"no randomness":       func() ([]byte, error) { return seal.AppendBlob(dst, broken, ref, 0, 1, []byte("x")) },
		"negative length":     func() ([]byte, error) { return seal.AppendBlob(dst, from(0), ref, 0, -1, nil) },
		"length over the cap": func() ([]byte, error) { return seal.AppendBlob(dst, from(0), ref, 0, seal.MaxPlain+1, nil) },
	} {
		if got, err := seals(); err == nil || string(got) != "kept" {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}
