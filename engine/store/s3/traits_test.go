package s3_test

import (
	"errors"
	"io/fs"
	"net/http"
	"testing"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/storetest"
)

func TestTraits(t *testing.T) {
	status := func(s string) storetest.Fault {
		return storetest.Text(200, "<VersioningConfiguration>"+s+"</VersioningConfiguration>")
	}
	lock := func(s string) storetest.Fault {
		return storetest.Text(200, "<ObjectLockConfiguration>"+s+"</ObjectLockConfiguration>")
	}
	none := storetest.Text(404, answer("ObjectLockConfigurationNotFoundError"))
	denied := storetest.Text(403, answer("AccessDenied"))
	for _, c := range []struct {
		name             string
		versioning, lock storetest.Fault
		want             store.Traits
		temporary        bool
	}{
		{"plain", status(""), none, store.Traits{Versions: store.No, Locks: store.No}, false},
		{"versions", status("<Status>Enabled</Status>"), lock(""), store.Traits{Versions: store.Yes, Locks: store.No}, false},
		{"versions once", status("<Status>Suspended</Status>"), none, store.Traits{Versions: store.Yes, Locks: store.No}, false},
		{"locks", status("<Status>Enabled</Status>"), lock("<ObjectLockEnabled>Enabled</ObjectLockEnabled>"), store.Traits{Versions: store.Yes, Locks: store.Yes}, false},
		{"not to be asked", denied, denied, store.Traits{}, false},
		{"has neither", storetest.Text(501, answer("NotImplemented")), storetest.Status(405), store.Traits{Versions: store.No, Locks: store.No}, false},
		{"page", storetest.Page, storetest.Page, store.Traits{}, false},
		{"busy", storetest.Status(503), none, store.Traits{}, true},
		{"busy then", status(""), storetest.Status(503), store.Traits{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, _ := serve(t, func(r *http.Request) storetest.Fault {
				if r.URL.Query().Has("versioning") {
					return c.versioning
				} else if r.URL.Query().Has("object-lock") {
					return c.lock
				}
				return nil
			})
			got, err := s.Traits(t.Context())
			var call *fs.PathError
			if c.temporary {
				if !store.IsTemporary(err) || !errors.As(err, &call) {
					t.Errorf("got %v, want a temporary error of the call", err)
				}
				return
			}
			if err != nil || got.Clock.IsZero() {
				t.Errorf("got %+v, %v; want a clock", got, err)
			}
			got.Clock, c.want.Trash = c.want.Clock, store.No
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
