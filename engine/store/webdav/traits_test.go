package webdav_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/webdav"
)

// Nextcloud and ownCloud say what they keep; of others only the clock is known.
func TestTraits(t *testing.T) {
	for _, c := range []struct {
		name, path string
		code       int
		answer     string
		want       store.Traits
		temporary  bool
	}{
		{"nextcloud", "/cloud/remote.php/dav/files/me/", 200, `{"ocs":{"data":{"capabilities":{"files":{"undelete":true,"versioning":false}}}}}`,
			store.Traits{Versions: store.No, Locks: store.No, Trash: store.Yes}, false},
		{"versions", "/cloud/remote.php/webdav/", 200, `{"ocs":{"data":{"capabilities":{"files":{"versioning":true}}}}}`,
			store.Traits{Versions: store.Yes, Locks: store.No}, false},
		{"page", "/cloud/remote.php/webdav/", 200, `<html>`, store.Traits{Locks: store.No}, false},
		{"refused", "/cloud/remote.php/webdav/", 404, ``, store.Traits{Locks: store.No}, false},
		{"busy", "/cloud/remote.php/webdav/", 503, ``, store.Traits{}, true},
		{"another", "/dav/", 200, `{"ocs":{"data":{"capabilities":{"files":{"undelete":true}}}}}`, store.Traits{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("/cloud/ocs/v2.php/cloud/capabilities", func(w http.ResponseWriter, r *http.Request) {
				if user, _, _ := r.BasicAuth(); user != "me" || r.Header.Get("OCS-APIRequest") != "true" || r.URL.RawQuery != "format=json" {
					t.Errorf("asked as %s: %v", user, r.Header)
				}
				w.WriteHeader(c.code)
				w.Write([]byte(c.answer))
			})
			mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusMultiStatus)
				w.Write([]byte(multi + response(c.path, self) + "</D:multistatus>"))
			})
			srv := httptest.NewServer(mux)
			defer srv.Close()
			s, err := webdav.Open(t.Context(), webdav.Options{URL: srv.URL + c.path, Username: "me", Password: "p"})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			got, err := s.Traits(t.Context())
			if c.temporary {
				if !store.IsTemporary(err) {
					t.Errorf("got %v, want a temporary error", err)
				}
				return
			}
			if err != nil || got.Clock.IsZero() {
				t.Errorf("got %+v, %v; want a clock", got, err)
			}
			if got.Clock = c.want.Clock; got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
