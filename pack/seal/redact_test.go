package seal_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/pack/seal"
)

// Nothing secret begins with other bytes than these, and no printer shows them.
var secrets = []byte("abcdefghijklmnopqrstuvwxyzabcdef") // no digits: those of a pointer may be any

// shown tells whether out holds any printer's form of the secret bytes.
func shown(out string) bool {
	for i := 0; i+4 <= len(secrets); i++ {
		run := secrets[i : i+4]
		dec := strings.Trim(fmt.Sprint(run), "[]")
		for _, form := range []string{
			string(run), hex.EncodeToString(run), strings.ToUpper(hex.EncodeToString(run)),
			dec, strings.ReplaceAll(dec, " ", ","), strings.ReplaceAll(dec, " ", ", "),
			strings.Trim(fmt.Sprintf("%#v", run), "[]byte{}"), fmt.Sprintf("% x", run),
		} {
			if strings.Contains(out, form) {
				return true
			}
		}
	}
	return false
}

// timeless leaves the time out of a log: its digits may be those of a secret.
var timeless = &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}}

func secretValues(t *testing.T) map[string]any {
	key := must[seal.ArchiveKey](t)(seal.NewArchiveKey(bytes.NewReader(secrets)))
	recovery := must[seal.RecoveryKey](t)(seal.ParseRecoveryKey(string(secrets) + string(secrets)))
	phrase := seal.NewPassphrase(secrets)
	k := seal.Derive(key, nil)
	ref := seal.Ref(secrets)
	_, sealer, err := k.Object(from(0), seal.RoleHead, string(secrets))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"Ref": ref, "*Ref": &ref, "RecoveryKey": recovery, "*RecoveryKey": &recovery,
		"Passphrase": phrase, "*Passphrase": &phrase, "ArchiveKey": key, "*ArchiveKey": &key,
		"Keys": *k, "*Keys": k, "*Sealer": sealer, "Sealer": *sealer,
	}
}

func TestPrintersRedact(t *testing.T) {
	const want = "[redacted]"
	for name, v := range secretValues(t) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d", "% x", "%#x", "%08b", "%c", "%U", "%t", "%z"} {
			if got := fmt.Sprintf(verb, v); got != want {
				t.Errorf("%s with %s: got %q", name, verb, got)
			}
		}
		if got, err := json.Marshal(v); string(got) != `"`+want+`"` {
			t.Errorf("%s as JSON: got %s, %v", name, got, err)
		}
		if got, err := xml.Marshal(v); shown(string(got)) || !strings.Contains(string(got), want) {
			t.Errorf("%s as XML: got %s, %v", name, got, err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, timeless)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&log, timeless)).Info("m", "v", v, "in", []any{v})
		if got := log.String(); shown(got) || strings.Count(got, want) != 3 {
			t.Errorf("%s in slog: got %s", name, got)
		}
	}
}

func TestContainersRedact(t *testing.T) {
	for name, v := range secretValues(t) {
		for _, box := range []any{
			struct{ V any }{v}, &struct{ V any }{v}, []any{v}, map[string]any{"k": v}, [1]any{v},
			fmt.Errorf("wrapped: %v", v),
		} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
				if got := fmt.Sprintf(verb, box); shown(got) {
					t.Errorf("%s in %T with %s: got %q", name, box, verb, got)
				}
			}
			if got, _ := json.Marshal(box); shown(string(got)) {
				t.Errorf("%s in %T as JSON: got %s", name, box, got)
			}
		}
	}
}

// fmt calls no method of what lies in an unexported field, so only what stands
// behind a pointer is hidden there: all but a Ref.
func TestUnexportedFieldsRedact(t *testing.T) {
	type hidden struct{ v any }
	for name, v := range secretValues(t) {
		if strings.HasSuffix(name, "Ref") {
			continue
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			for _, box := range []any{hidden{v}, &hidden{v}, []hidden{{v}}} {
				if got := fmt.Sprintf(verb, box); shown(got) {
					t.Errorf("%s in an unexported field with %s: got %q", name, verb, got)
				}
			}
		}
	}
}

func TestErrorsShowNoSecret(t *testing.T) {
	text := string(secrets) + string(secrets)
	recovery := must[seal.RecoveryKey](t)(seal.ParseRecoveryKey(text))
	k := seal.Derive(must[seal.ArchiveKey](t)(seal.NewArchiveKey(bytes.NewReader(secrets))), nil)
	slot := must[[]byte](t)(seal.CheapSlot(from(1), recoveryKey(t, 3), archiveKey(t, 0)))
	ref := seal.Ref(secrets)
	_, wrong := seal.OpenSlot(slot, recovery)
	_, _, _, blob := seal.OpenBlob(nil, ref, make([]byte, 100))
	_, parse := seal.ParseRecoveryKey(text + "!")
	_, object := k.OpenObject(seal.RoleHead, string(secrets), must[[]byte](t)(keys(t, 9).SealObject(from(1), seal.RoleHead, "", secrets, nil)))
	for _, err := range []error{wrong, blob, parse, object} {
		if err == nil || shown(err.Error()) {
			t.Errorf("got %v", err)
		}
	}
}
