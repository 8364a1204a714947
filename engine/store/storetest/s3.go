package storetest

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// An S3 is as much of a server of S3 as the store uses, with one bucket named "bucket" and
// one access key named "key". Its zero value is empty.
type S3 struct {
	mu      sync.Mutex
	objects map[string][]byte
}

func refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>m</Message></Error>`, code)
	}
}

// ServeHTTP answers a request.
func (f *S3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=key/") {
		refuse(w, r, 403, "AccessDenied")
		return
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if bucket != "bucket" {
		refuse(w, r, 404, "NoSuchBucket")
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.objects == nil {
		f.objects = make(map[string][]byte)
	}
	data, there := f.objects[key]
	switch {
	case r.URL.Query().Has("location"):
		fmt.Fprint(w, `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">us-east-1</LocationConstraint>`)
	case r.URL.Query().Get("list-type") == "2":
		f.list(w, r)
	case r.Method == http.MethodPut:
		sum := md5.Sum(body)
		switch {
		case r.Header.Get("If-None-Match") != "*" || len(r.URL.Query()) > 0:
			refuse(w, r, 400, "NotConditional")
		case r.Header.Get("Content-Md5") != base64.StdEncoding.EncodeToString(sum[:]):
			refuse(w, r, 400, "BadDigest")
		case there:
			refuse(w, r, 412, "PreconditionFailed")
		default:
			f.objects[key] = body
			w.Header().Set("ETag", `"x"`)
		}
	case r.Method == http.MethodDelete:
		delete(f.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case !there:
		refuse(w, r, 404, "NoSuchKey")
	default:
		w.Header().Set("ETag", `"x"`)
		http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(data))
	}
}

type listing struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	IsTruncated           bool
	NextContinuationToken string
	Contents              []content
}

type content struct {
	Key          string
	Size         int
	LastModified string
}

func (f *S3) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var keys []string
	for key := range f.objects {
		if strings.HasPrefix(key, q.Get("prefix")) && key > q.Get("continuation-token") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var l listing
	for _, key := range keys {
		if len(l.Contents) == 300 {
			l.IsTruncated, l.NextContinuationToken = true, l.Contents[299].Key
			break
		}
		l.Contents = append(l.Contents, content{key, len(f.objects[key]), "2020-01-01T00:00:00Z"})
	}
	xml.NewEncoder(w).Encode(l)
}
