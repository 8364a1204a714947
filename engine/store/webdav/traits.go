package webdav

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/dayfold/dayfold/engine/store"
)

// services is where the paths of Nextcloud's and ownCloud's WebDAV begin.
const services = "/remote.php/"

// abilities is what is read of those two's own account of themselves.
type abilities struct {
	OCS struct {
		Data struct {
			Capabilities struct{ Files keeping }
		}
	}
}

type keeping struct{ Undelete, Versioning *bool }

// Traits are those that Nextcloud and ownCloud tell of themselves. WebDAV has no way to
// ask another server for more than its clock.
func (s *Store) Traits(ctx context.Context) (store.Traits, error) {
	var t store.Traits
	if _, err := s.propfind(ctx, ".", "0"); store.IsTemporary(err) || ctx.Err() != nil {
		return t, store.Fail(ctx, "list", "", err)
	} // every answer has a date
	if before, _, ok := strings.Cut(s.base.Path, services); ok {
		files, err := s.abilities(ctx, before+"/ocs/v2.php/cloud/capabilities")
		if err != nil {
			return t, store.Fail(ctx, "get", "capabilities", err)
		}
		t.Locks, t.Trash, t.Versions = store.No, said(files.Undelete), said(files.Versioning)
	}
	if at := s.date.Load(); at != nil {
		t.Clock = *at
	}
	return t, nil
}

func said(yes *bool) store.Answer {
	switch {
	case yes == nil:
		return store.Unknown
	case *yes:
		return store.Yes
	}
	return store.No
}

// abilities asks at path, where the same server answers other questions than WebDAV's.
// An answer of another kind is none.
func (s *Store) abilities(ctx context.Context, path string) (files keeping, err error) {
	u := *s.base
	u.Path, u.RawPath, u.RawQuery = path, "", "format=json"
	resp, done, err := s.ask(ctx, http.MethodGet, u.String(), http.Header{"OCS-APIRequest": {"true"}}, nil)
	if err != nil {
		return files, err
	}
	defer done()
	if err := refusal(resp); resp.StatusCode != http.StatusOK && store.IsTemporary(err) {
		return files, err
	}
	var a abilities
	if json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&a) == nil {
		files = a.OCS.Data.Capabilities.Files
	}
	return files, nil
}

// note keeps the time that the server says it is.
func (c *client) note(h http.Header) {
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		c.date.Store(&t)
	}
}
