package s3

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/dayfold/dayfold/engine/store"
)

// A dial is the time that a server last said it is.
type dial struct{ at atomic.Pointer[time.Time] }

func (d *dial) note(h http.Header) {
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		d.at.Store(&t)
	}
}

// read is the last time noted; zero if there was none.
func (d *dial) read() time.Time {
	if t := d.at.Load(); t != nil {
		return *t
	}
	return time.Time{}
}

// Traits are what the bucket's settings say, where they may be read. A bucket whose
// versioning is suspended has old versions from before. S3 has no trash.
func (s *Store) Traits(ctx context.Context) (store.Traits, error) {
	t := store.Traits{Trash: store.No}
	versioning, err := s.core.GetBucketVersioning(ctx, s.bucket)
	switch {
	case err == nil && versioning.Status == "", absent(err):
		t.Versions = store.No
	case err == nil:
		t.Versions = store.Yes
	case store.IsTemporary(plain(err)) || ctx.Err() != nil:
		return t, store.Fail(ctx, "get", "versioning", plain(err))
	}
	lock, _, _, _, err := s.core.GetObjectLockConfig(ctx, s.bucket)
	switch {
	case err == nil && lock != "":
		t.Locks = store.Yes
	case err == nil, absent(err):
		t.Locks = store.No
	case store.IsTemporary(plain(err)) || ctx.Err() != nil:
		return t, store.Fail(ctx, "get", "object-lock", plain(err))
	}
	t.Clock = s.dial.read()
	return t, nil
}

// absent reports whether a server says that there is no such setting.
func absent(err error) bool {
	switch r := minio.ToErrorResponse(err); r.Code {
	case "ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration", "NotImplemented":
		return true
	default:
		return r.StatusCode == http.StatusNotImplemented || r.StatusCode == http.StatusMethodNotAllowed
	}
}
