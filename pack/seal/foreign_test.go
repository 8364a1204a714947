package seal_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"testing"

	"github.com/zeebo/blake3"

	"github.com/dayfold/dayfold/pack/seal"
)

// A hexed is bytes that a vector has in hexadecimal digits.
type hexed []byte

func (h *hexed) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func foreign(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestWycheproof checks AES-256-GCM, HKDF-SHA256 and Ed25519, as this package calls them,
// against the vectors of Project Wycheproof: all with the sizes that are used here.
func TestWycheproof(t *testing.T) {
	var all struct {
		GCM []struct {
			TcID                       int
			Key, IV, AAD, Msg, CT, Tag hexed
			Result                     string
		}
		HKDF []struct {
			TcID            int
			IKM, Salt, Info hexed
			Size            int
			OKM             hexed
		}
		Ed25519 []struct {
			TcID         int
			Msg, Sig, PK hexed
			Result       string
		}
	}
	foreign(t, "wycheproof.json", &all)
	if len(all.GCM) != 66 || len(all.HKDF) != 80 || len(all.Ed25519) != 151 {
		t.Fatalf("%d, %d and %d vectors", len(all.GCM), len(all.HKDF), len(all.Ed25519))
	}
	for _, v := range all.GCM {
		aead := seal.GCM(v.Key)
		got, err := aead.Open(nil, v.IV, append(bytes.Clone(v.CT), v.Tag...), v.AAD)
		if valid := v.Result == "valid"; (err == nil) != valid || valid && !bytes.Equal(got, v.Msg) {
			t.Errorf("AES-GCM %d, %s: %x, %v", v.TcID, v.Result, got, err)
		}
		if got := aead.Seal(nil, v.IV, v.Msg, v.AAD); bytes.Equal(got, append(bytes.Clone(v.CT), v.Tag...)) != (v.Result == "valid") {
			t.Errorf("AES-GCM %d, %s: seals %x", v.TcID, v.Result, got)
		}
	}
	for _, v := range all.HKDF {
		if got := seal.Expand(v.IKM, v.Salt, string(v.Info), v.Size); !bytes.Equal(got, v.OKM) {
			t.Errorf("HKDF %d: %x, want %x", v.TcID, got, v.OKM)
		}
	}
	for _, v := range all.Ed25519 {
		if got := seal.VerifyEd25519(v.PK, v.Msg, v.Sig); got != (v.Result == "valid") {
			t.Errorf("Ed25519 %d: %v, want %s", v.TcID, got, v.Result)
		}
	}
}

// TestBLAKE3 checks the three modes against the vectors of BLAKE3's authors, 64 bytes of
// each output.
func TestBLAKE3(t *testing.T) {
	var all struct {
		Key, Context string
		Cases        []struct {
			Length int   `json:"input_len"`
			Hash   hexed `json:"hash"`
			Keyed  hexed `json:"keyed_hash"`
			Derive hexed `json:"derive_key"`
		}
	}
	foreign(t, "blake3.json", &all)
	if len(all.Cases) != 22 {
		t.Fatalf("%d vectors", len(all.Cases))
	}
	for _, v := range all.Cases {
		input := make([]byte, v.Length)
		for i := range input {
			input[i] = byte(i % 251)
		}
		for want, h := range map[*hexed]*blake3.Hasher{&v.Hash: blake3.New(), &v.Keyed: seal.BLAKE3([32]byte([]byte(all.Key))), &v.Derive: blake3.NewDeriveKey(all.Context)} {
			h.Write(input)
			got := make([]byte, 64)
			if _, err := io.ReadFull(h.Digest(), got); err != nil || !bytes.Equal(got, *want) {
				t.Errorf("%d bytes: %x, want %x, %v", v.Length, got, *want, err)
			}
			if sum := h.Sum(nil); !bytes.Equal(sum, got[:32]) {
				t.Errorf("%d bytes: %x, want %x", v.Length, sum, got[:32])
			}
		}
	}
}
