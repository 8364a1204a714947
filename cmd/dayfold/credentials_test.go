package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"
)

func TestNetrc(t *testing.T) {
	for _, c := range []struct{ text, host, user, want string }{
		{"machine h login me password p", "h", "", "me p"},
		{"machine other login me password p\nmachine H\n\tlogin you\n\tpassword q\n", "h", "", "you q"},
		{"machine h login me password p machine h login you password q", "h", "you", "you q"},
		{"machine h login me password p", "h", "you", ""},
		{"machine h password p login me account a", "h", "", "me p"},
		{"machine h login me", "h", "", ""},
		{"machine h login me\ndefault login all password q", "h", "", "all q"},
		{"default login all password q", "h", "", "all q"},
		{"# machine h login me password p\n", "h", "", ""},
		{"macdef init\nmachine h login me password p\n\nmachine h login you password q", "h", "", "you q"},
		{`machine h login me password "a \"b\" # c"`, "h", "", `me a "b" # c`},
		{`machine h login me password a#b`, "h", "", "me a#b"},
		{`machine h login me password "open`, "h", "", "me open"},
		{"machine hh login me password p", "h", "", ""},
		{"machine", "h", "", ""},
		{"", "h", "", ""},
	} {
		l, ok := lookNetrc([]byte(c.text), c.host, c.user)
		if got := l.User + " " + l.Secret; ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%q for %s: got %q, %v; want %q", c.text, c.host, got, ok, c.want)
		}
	}
}

// A password comes from the environment, else from the netrc file, else from the keyring,
// and each only for its own user and place.
func TestWhereAPasswordComesFrom(t *testing.T) {
	keyring.MockInit()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=none")
	const place = "webdav:https://host/dir"
	secret := filepath.Join(home, "secret")
	if err := os.WriteFile(secret, []byte("of-ring\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := run([]string{"store", "login", place + "/", "--user", "me", "--secret-file", secret, "-q"}); code != 0 {
		t.Fatalf("login ends with %d", code)
	}
	for _, c := range []struct{ user, password, netrc, repo, want string }{
		{"me", "of-env", "machine host login me password of-netrc", place, "me of-env"},
		{"me", "", "machine host login me password of-netrc", place, "me of-netrc"},
		{"", "", "machine host login you password of-netrc", place, "you of-netrc"},
		{"me", "", "machine host login you password of-netrc", place, "me of-ring"},
		{"", "", "machine other login me password of-netrc", place, "me of-ring"},
		{"you", "", "", place, "you "},
		{"", "", "", "webdav:https://other/dir", " "},
		{"", "", "", "webdav:https://host/dir/below", " "},
	} {
		t.Setenv("WEBDAV_USERNAME", c.user)
		t.Setenv("WEBDAV_PASSWORD", c.password)
		if err := os.WriteFile(filepath.Join(home, ".netrc"), []byte(c.netrc), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := newCLI()
		cmd.repo = c.repo
		l, err := cmd.webdavLogin(strings.TrimPrefix(c.repo, "webdav:"))
		if got := l.User + " " + l.Secret; err != nil || got != c.want {
			t.Errorf("%+v: got %q, %v", c, got, err)
		}
	}
	if code := run([]string{"store", "logout", place, "-q"}); code != 0 {
		t.Fatalf("logout ends with %d", code)
	}
	cmd := newCLI()
	cmd.repo = place
	if l, err := cmd.fromKeyring(); err != nil || l.Secret != "" {
		t.Errorf("after logout: %+v, %v", l, err)
	}
}
