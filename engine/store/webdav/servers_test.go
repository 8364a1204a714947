//go:build servers

package webdav_test

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/storetest"
	"github.com/dayfold/dayfold/engine/store/webdav"
)

// address is where `.ci/servers.d/start` put the server: its absence is a failure.
func address(t *testing.T) string {
	t.Helper()
	url := os.Getenv("DAYFOLD_TEST_WEBDAV")
	if url == "" {
		t.Fatal("DAYFOLD_TEST_WEBDAV is not set: see .ci/servers.d/start")
	}
	return url
}

// folder makes a collection of its own.
func folder(t *testing.T) string {
	t.Helper()
	url := address(t) + "t-" + strings.ToLower(rand.Text())
	req, err := http.NewRequest("MKCOL", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("user", "secret")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("make a collection: %v, %v", resp, err)
	}
	resp.Body.Close()
	return url
}

func real(t *testing.T, url, password string) *webdav.Store {
	t.Helper()
	s, err := webdav.Open(t.Context(), webdav.Options{URL: url, Username: "user", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestServer(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return real(t, folder(t), "secret") })
}

func TestServerRefuses(t *testing.T) {
	for _, c := range []struct {
		url, password, want string
		is                  error
	}{
		{address(t), "wrong-password", "status 401", fs.ErrPermission},
		{address(t) + "not-there", "secret", "is not there", nil},
	} {
		for _, err := range real(t, c.url, c.password).List(t.Context(), "") {
			if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) || strings.Contains(err.Error(), "wrong-password") {
				t.Errorf("got %v, want %s", err, c.want)
			}
		}
	}
}
