package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/zeebo/blake3"
	"golang.org/x/crypto/argon2"

	"github.com/dayfold/dayfold/pack/seal"
)

var update = flag.Bool("update", false, "write testdata anew")

// vectors are known answers for another implementation. All are in
// hexadecimal, but for the two secrets. Randomness is 00 01 02 … from its
// start for each output; the archive key is 40 41 42 … 5f.
type vectors struct {
	ArchiveKey       string            `json:"archive_key"`
	RecoveryKey      string            `json:"recovery_key"`
	Passphrase       string            `json:"passphrase"`
	Token            string            `json:"token"`
	Keys             map[string]string `json:"keys"`
	PolynomialSource string            `json:"polynomial_source"`
	Refs             []refVector       `json:"refs"`
	Tag              string            `json:"tag_of_a_bc"`
	DeviceSecret     string            `json:"device_secret"`
	Blind            string            `json:"blind_of_leaf"`
	RecoverySlot     string            `json:"recovery_slot"`
	PassphraseSlot   string            `json:"passphrase_slot"`
	Head             string            `json:"head_named_n_of_plain_padded_to_160"`
	Body             string            `json:"body_unnamed_of_plain"`
}

type refVector struct {
	Scope   string `json:"scope"`
	Kind    byte   `json:"kind"`
	Plain   string `json:"plain"`
	Ref     string `json:"ref"`
	ID      string `json:"id"`
	BlobKey string `json:"blob_key"`
	Blob    string `json:"blob_codec_1"`
}

func TestVectors(t *testing.T) {
	got := makeVectors(t)
	js := must[[]byte](t)(json.MarshalIndent(got, "", "  "))
	js = append(js, '\n')
	const file = "testdata/vectors.json"
	if *update {
		if err := os.WriteFile(file, js, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := must[[]byte](t)(os.ReadFile(file)); !bytes.Equal(js, want) {
		t.Errorf("the format has changed: got\n%s\nwant %s", js, file)
	}
}

func makeVectors(t *testing.T) vectors {
	key, recovery := archiveKey(t, 0x40), recoveryKey(t, 0)
	phrase, token := "correct horse", []byte("token")
	k, secret := seal.Derive(key, token), [32]byte{31: 1}
	stream := make([]byte, 64)
	if _, err := io.ReadFull(k.PolynomialSource(), stream); err != nil {
		t.Fatal(err)
	}
	tag, blind := k.Tag([]byte("a"), []byte("bc")), k.Blind(secret, []byte("leaf"))
	v := vectors{
		ArchiveKey:       hexRange(0x40, 32),
		RecoveryKey:      recovery.Reveal(),
		Passphrase:       phrase,
		Token:            hex.EncodeToString(token),
		Keys:             map[string]string{},
		PolynomialSource: hex.EncodeToString(stream),
		Tag:              hex.EncodeToString(tag[:]),
		DeviceSecret:     hex.EncodeToString(secret[:]),
		Blind:            hex.EncodeToString(blind[:]),
		RecoverySlot:     hex.EncodeToString(must[[]byte](t)(seal.NewSlot(from(0), recovery, key))),
		PassphraseSlot:   hex.EncodeToString(must[[]byte](t)(seal.NewSlot(from(0), seal.NewPassphrase([]byte(phrase)), key))),
		Head:             hex.EncodeToString(must[[]byte](t)(k.SealObject(from(0), seal.RoleHead, "n", []byte("plain"), func(int) int { return 160 }))),
		Body:             hex.EncodeToString(must[[]byte](t)(k.SealObject(from(0), seal.RoleBody, "", []byte("plain"), nil))),
	}
	for label, dk := range key.DerivedKeys(token) {
		v.Keys[label] = hex.EncodeToString(dk[:])
	}
	long := bytes.Repeat([]byte("0123456789abcdef"), 1024)
	for _, r := range []struct {
		scope, plain string
		kind         seal.Kind
	}{
		{"", "", seal.Leaf}, {"", "plain", seal.Leaf}, {"", "plain", seal.Inner}, {"", "plain", seal.Media},
		{"", "plain", seal.Text}, {"", "plain", seal.List}, {"group", "plain", seal.Media}, {"", string(long[:10_000]), seal.Text},
	} {
		ref := k.Ref([]byte(r.scope), r.kind, []byte(r.plain))
		bk := ref.BlobKey()
		rv := refVector{
			Scope: hex.EncodeToString([]byte(r.scope)), Kind: byte(r.kind), Plain: hex.EncodeToString([]byte(r.plain)),
			Ref: hex.EncodeToString(ref[:]), ID: ref.ID().String(), BlobKey: hex.EncodeToString(bk[:]),
		}
		if len(r.plain) < 100 {
			rv.Blob = hex.EncodeToString(must[[]byte](t)(seal.AppendBlob(nil, from(0), ref, 1, len(r.plain), []byte(r.plain))))
		}
		v.Refs = append(v.Refs, rv)
	}
	return v
}

func hexRange(first byte, n int) string {
	b := make([]byte, n)
	_, _ = io.ReadFull(from(first), b)
	return hex.EncodeToString(b)
}

// TestVectorsFollowTheirDescription computes the vectors again from what the
// package comment says, with the primitives alone.
func TestVectorsFollowTheirDescription(t *testing.T) {
	var v vectors
	if err := json.Unmarshal(must[[]byte](t)(os.ReadFile("testdata/vectors.json")), &v); err != nil {
		t.Fatal(err)
	}
	archive := unhex(t, v.ArchiveKey)
	for label, got := range v.Keys {
		var salt []byte
		if label == "dayfold 1 root" {
			salt = unhex(t, v.Token)
		}
		equal(t, label, got, hkdfKey(t, archive, salt, label, 32))
	}
	stream := make([]byte, 64)
	_, _ = keyed(t, unhex(t, v.Keys["dayfold 1 chunker polynomial"])).Digest().Read(stream)
	equal(t, "polynomial source", v.PolynomialSource, stream)
	equal(t, "tag", v.Tag, keyed(t, unhex(t, v.Keys["dayfold 1 tag"]), "\x01a\x02bc").Sum(nil)[:16])
	equal(t, "blind", v.Blind, keyed(t, deriveKey("dayfold 1 blind", unhex(t, v.DeviceSecret)), "leaf").Sum(nil)[:16])
	for _, r := range v.Refs {
		scope, plain := string(unhex(t, r.Scope)), string(unhex(t, r.Plain))
		equal(t, "ref", r.Ref, keyed(t, unhex(t, v.Keys["dayfold 1 ref"]), string(rune(len(scope))), scope, string(rune(r.Kind)), plain).Sum(nil))
		equal(t, "id", r.ID, deriveKey("dayfold 1 blob id", unhex(t, r.Ref))[:16])
		equal(t, "blob key", r.BlobKey, deriveKey("dayfold 1 blob key", unhex(t, r.Ref)))
		if r.Blob != "" {
			nonce := unhex(t, hexRange(0, 12))
			body := "\x01" + string(rune(len(plain))) + plain
			equal(t, "blob", r.Blob, aesgcm(t, unhex(t, r.BlobKey)).Seal(nonce, nonce, []byte(body), unhex(t, r.ID)))
		}
	}
	slotFollows(t, v.RecoverySlot, "\x01\x00\x00"+strings.Repeat("\x00", 12), []byte(v.RecoveryKey), "dayfold 1 slot recovery", archive)
	stretched := argon2.IDKey([]byte(v.Passphrase), unhex(t, hexRange(0, 32)), 3, 64<<10, 4, 32)
	slotFollows(t, v.PassphraseSlot, "\x02\x00\x00\x00\x00\x01\x00\x03\x00\x00\x00\x04\x00\x00\x00", stretched, "dayfold 1 slot passphrase", archive)
	objectFollows(t, v.Head, "\x04", "n", unhex(t, v.Keys["dayfold 1 meta"]), "\x05plain"+strings.Repeat("\x00", 160-96-16-6))
	objectFollows(t, v.Body, "\x05", "", unhex(t, v.Keys["dayfold 1 root"]), "\x05plain")
}

func slotFollows(t *testing.T, got, params string, ikm []byte, label string, archive []byte) {
	salt := unhex(t, hexRange(0, 32))
	pair := hkdfKey(t, ikm, salt, label, 64)
	slot := []byte("dayfkey\n\x01" + params)
	slot = append(append(slot, salt...), pair[32:]...)
	slot = aesgcm(t, pair[:32]).Seal(slot, make([]byte, 12), archive, slot)
	equal(t, label, got, append(slot, make([]byte, 512-len(slot))...))
}

func objectFollows(t *testing.T, got, role, name string, key []byte, plain string) {
	salt := unhex(t, hexRange(0, 32))
	pair := hkdfKey(t, key, salt, "dayfold 1 object"+role, 64)
	header := []byte("dayfold\n\x01" + role + strings.Repeat("\x00", 22))
	header = append(append(header, salt...), pair[32:]...)
	aad := string(header) + name + "\x00\x00\x00\x00"
	equal(t, "object "+name, got, aesgcm(t, pair[:32]).Seal(header, make([]byte, 12), []byte(plain), []byte(aad)))
}

func equal(t *testing.T, what, got string, want []byte) {
	t.Helper()
	if got != hex.EncodeToString(want) {
		t.Errorf("%s: got %s, want %x", what, got, want)
	}
}

func unhex(t *testing.T, s string) []byte { return must[[]byte](t)(hex.DecodeString(s)) }

func hkdfKey(t *testing.T, secret, salt []byte, info string, n int) []byte {
	return must[[]byte](t)(hkdf.Key(sha256.New, secret, salt, info, n))
}

func keyed(t *testing.T, key []byte, data ...string) *blake3.Hasher {
	h := must[*blake3.Hasher](t)(blake3.NewKeyed(key))
	for _, d := range data {
		_, _ = h.WriteString(d)
	}
	return h
}

func deriveKey(context string, material []byte) []byte {
	out := make([]byte, 32)
	blake3.DeriveKey(context, material, out)
	return out
}

func aesgcm(t *testing.T, key []byte) cipher.AEAD {
	return must[cipher.AEAD](t)(cipher.NewGCM(must[cipher.Block](t)(aes.NewCipher(key))))
}
