package signaldesktop_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signaldesktop"
)

// A keyring is a session bus with a Secret Service that has at most one secret.
type keyring struct {
	schema, secret string
	locked, silent bool
}

// serve makes it the session's, for this test.
func (k keyring) serve(t *testing.T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bus")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+path)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			k.talk(c)
		}
	}()
}

// talk speaks with one client: first SASL, then messages.
func (k keyring) talk(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for line := ""; line != "BEGIN"; {
		text, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.Trim(text, "\x00\r\n")
		switch {
		case line == "AUTH":
			c.Write([]byte("REJECTED EXTERNAL\r\n"))
		case strings.HasPrefix(line, "AUTH "):
			c.Write([]byte("OK 0123456789abcdef0123456789abcdef\r\n"))
		case line != "BEGIN":
			c.Write([]byte("ERROR\r\n"))
		}
	}
	for {
		m, err := dbus.DecodeMessage(r)
		if err != nil {
			return
		}
		body := k.answer(m)
		reply := &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{dbus.FieldReplySerial: dbus.MakeVariant(m.Serial())}, Body: body}
		if len(body) == 0 {
			reply.Type = dbus.TypeError
			reply.Headers[dbus.FieldErrorName] = dbus.MakeVariant("org.freedesktop.DBus.Error.ServiceUnknown")
		} else {
			reply.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
		}
		if reply.EncodeTo(c, binary.LittleEndian) != nil {
			return
		}
	}
}

// answer is the answer to a call; none: nobody has that name.
func (k keyring) answer(m *dbus.Message) []any {
	none := []dbus.ObjectPath{}
	switch member, _ := m.Headers[dbus.FieldMember].Value().(string); {
	case member == "Hello":
		return []any{":1.1"}
	case k.silent:
	case member == "OpenSession":
		return []any{dbus.MakeVariant(""), dbus.ObjectPath("/session/1")}
	case member == "SearchItems":
		want := m.Body[0].(map[string]string)
		item := []dbus.ObjectPath{"/item/1"}
		switch {
		case want["application"] != "Signal" || want["xdg:schema"] != k.schema || k.secret == "":
			return []any{none, none}
		case k.locked:
			return []any{none, item}
		}
		return []any{item, none}
	case member == "GetSecret":
		return []any{struct {
			Session           dbus.ObjectPath
			Parameters, Value []byte
			ContentType       string
		}{"/session/1", []byte{}, []byte(k.secret), "text/plain"}}
	}
	return nil
}

func TestKeyring(t *testing.T) {
	p := newProfile(t, 1360)
	p.write("config.json", []byte(`{"encryptedKey":"`+sealKey(t, "v11", "from the ring", hexKey)+`","safeStorageBackend":"gnome_libsecret"}`))
	for _, c := range []struct {
		what string
		ring keyring
		want error
		says string
	}{
		{"open", keyring{schema: "chrome_libsecret_os_crypt_password_v2", secret: "from the ring"}, nil, ""},
		{"older", keyring{schema: "chrome_libsecret_os_crypt_password", secret: "from the ring"}, nil, ""},
		{"another secret", keyring{schema: "chrome_libsecret_os_crypt_password_v2", secret: "other"}, signal.ErrKey, ""},
		{"locked", keyring{schema: "chrome_libsecret_os_crypt_password_v2", secret: "from the ring", locked: true}, signaldesktop.ErrKeyring, "locked"},
		{"empty", keyring{}, signaldesktop.ErrKeyring, "has none"},
		{"no service", keyring{silent: true}, signaldesktop.ErrKeyring, "no Secret Service"},
	} {
		t.Run(c.what, func(t *testing.T) {
			c.ring.serve(t)
			s, err := signaldesktop.Open(p.dir, signaldesktop.Options{Temp: t.TempDir()})
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err == nil {
				s.Close()
			} else if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %q", err, c.says)
			}
		})
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus")
	if _, err := signaldesktop.Open(p.dir, signaldesktop.Options{Temp: t.TempDir()}); !errors.Is(err, signaldesktop.ErrKeyring) {
		t.Errorf("no bus: got %v, want ErrKeyring", err)
	}
}
