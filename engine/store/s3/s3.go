// Package s3 keeps a store's objects in a bucket of Amazon S3 or of anything that speaks
// its language.
//
// Put is one PUT with "If-None-Match: *", never in several parts, because the client
// library loses the condition there. A taken name is answered with 412; a conflict with
// a writer at the same moment with 409, after which the PUT is made again. Some servers
// ignore the condition: [store.Probe] finds out.
package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/dayfold/dayfold/engine/store"
)

// A Store is a bucket, or what lies under a prefix in it.
type Store struct {
	core   minio.Core
	bucket string
	prefix string // "", or ends with a slash
	close  func()
	dial   *dial
}

// Open makes a store of what opt names. No request is made yet.
func Open(ctx context.Context, opt Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := opt.open()
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return s, nil
}

// Close lets go of connections that wait for further use.
func (s *Store) Close() error {
	s.close()
	return nil
}

// Capabilities are those that S3 documents.
func (s *Store) Capabilities() store.Capabilities {
	return store.Capabilities{CreateIfAbsent: true, ConsistentList: true, Durable: true}
}

// conflicts is how often a PUT that met another one is made again.
const conflicts = 6

// Put creates an object.
func (s *Store) Put(ctx context.Context, name string, data []byte) error {
	if err := store.Check(ctx, "put", name); err != nil {
		return err
	}
	var err error
	for i := range conflicts {
		if err = s.put(ctx, name, data); !isConflict(err) {
			break
		}
		timer := time.NewTimer(rand.N(10 * time.Millisecond << i))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return store.Fail(ctx, "put", name, plain(err))
}

func (s *Store) put(ctx context.Context, name string, data []byte) error {
	// The digest is signed with the request; without TLS the library would sign the bytes
	// once more piece by piece, in a form that Ceph does not understand of no bytes. Nor
	// is the library to take the digest, for which it copies all bytes.
	opt := minio.PutObjectOptions{DisableContentSha256: true, ContentType: "application/octet-stream"}
	opt.SetMatchETagExcept("*")
	sum := md5.Sum(data)
	_, err := s.core.PutObject(ctx, s.bucket, s.prefix+name, bytes.NewReader(data), int64(len(data)), base64.StdEncoding.EncodeToString(sum[:]), "", opt)
	return err
}

// Get reads a part of an object.
func (s *Store) Get(ctx context.Context, name string, off int64, n int) ([]byte, error) {
	if err := store.Check(ctx, "get", name); err != nil {
		return nil, err
	}
	data, err := s.get(ctx, name, off, n, nil)
	return data, store.Fail(ctx, "get", name, err)
}

// GetInto reads a part of an object into buf.
func (s *Store) GetInto(ctx context.Context, name string, off int64, buf []byte) error {
	if err := store.Check(ctx, "get", name); err != nil {
		return err
	}
	_, err := s.get(ctx, name, off, len(buf), buf)
	return store.Fail(ctx, "get", name, err)
}

func (s *Store) get(ctx context.Context, name string, off int64, n int, buf []byte) ([]byte, error) {
	if off < 0 {
		return nil, fs.ErrInvalid
	}
	if n == 0 {
		return s.atEnd(ctx, name, off, n)
	}
	var opt minio.GetObjectOptions
	ranged := true
	switch {
	case n > 0 && off+int64(n) < off:
		return s.atEnd(ctx, name, off, n)
	case n > 0:
		opt.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+int64(n)-1))
	case off > 0:
		opt.Set("Range", fmt.Sprintf("bytes=%d-", off))
	default:
		ranged = false
	}
	body, _, header, err := s.core.GetObject(ctx, s.bucket, s.prefix+name, opt)
	if minio.ToErrorResponse(err).StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return s.atEnd(ctx, name, off, n)
	} else if err != nil {
		return nil, plain(err)
	}
	defer body.Close()
	length, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	if err != nil || length < 0 {
		length = -1
	}
	skip := off // of a server that sends all though a part was asked for
	if r := header.Get("Content-Range"); ranged && r != "" {
		if !strings.HasPrefix(r, fmt.Sprintf("bytes %d-", off)) {
			return nil, errors.New("another part was sent than was asked for")
		}
		skip = 0
	}
	return store.ReadPart(body, length, skip, n, buf)
}

// atEnd answers for a part that has no bytes, or none that are there.
func (s *Store) atEnd(ctx context.Context, name string, off int64, n int) ([]byte, error) {
	info, err := s.core.StatObject(ctx, s.bucket, s.prefix+name, minio.StatObjectOptions{})
	if err != nil {
		return nil, plain(err)
	}
	if off > info.Size || n > 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return []byte{}, nil
}

var errOrder = errors.New("the listing is not in order")

// List yields objects by name.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if err := store.Check(ctx, "list", prefix); err != nil {
			yield(store.Info{}, err)
			return
		}
		pages := new(budget)
		pages.add(emptyPages)
		inner, cancel := context.WithCancel(context.WithValue(ctx, budgetKey{}, pages))
		defer cancel() // also when the loop ends early
		last := ""
		for o := range s.core.Client.ListObjectsIter(inner, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}) {
			name, ours := strings.CutPrefix(o.Key, s.prefix)
			err := o.Err
			switch {
			case err != nil:
			case !ours || !strings.HasPrefix(name, prefix) || o.Key <= last:
				err = errOrder
			default:
				last = o.Key
				pages.add(1)
				if !store.ValidName(name) || o.Size < 0 {
					continue
				}
			}
			if err != nil {
				yield(store.Info{}, store.Fail(ctx, "list", prefix, plain(err)))
				return
			}
			if !yield(store.Info{Name: name, Size: o.Size}, nil) {
				return
			}
		}
		if ctx.Err() != nil { // the iterator may end without a word
			yield(store.Info{}, store.Fail(ctx, "list", prefix, ctx.Err()))
		}
	}
}

// Delete removes an object. In a bucket with versions it becomes an old version.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := store.Check(ctx, "delete", name); err != nil {
		return err
	}
	err := s.core.RemoveObject(ctx, s.bucket, s.prefix+name, minio.RemoveObjectOptions{})
	if err = plain(err); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return store.Fail(ctx, "delete", name, err)
}
