package webdav_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	dav "golang.org/x/net/webdav"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/storetest"
	"github.com/dayfold/dayfold/engine/store/webdav"
)

// serve starts a server in this process behind a proxy that chooses faults.
func serve(t *testing.T, choose func(*http.Request) storetest.Fault) (*webdav.Store, *storetest.Proxy) {
	t.Helper()
	handler := &dav.Handler{Prefix: "/dav/my files", FileSystem: dav.NewMemFS(), LockSystem: dav.NewMemLS()}
	proxy := &storetest.Proxy{Next: inTurn(handler), Choose: choose}
	srv := httptest.NewUnstartedServer(proxy)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Start()
	t.Cleanup(srv.Close)
	s, err := webdav.Open(t.Context(), webdav.Options{URL: srv.URL + "/dav/my%20files", Username: "me", Password: "top-secret", Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, proxy
}

// inTurn lets a handler list only while nothing changes: this one breaks a listing off, and
// says 207 all the same, when a file goes meanwhile. Real servers are asked in servers_test.go.
func inTurn(next http.Handler) http.Handler {
	var mu sync.RWMutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // a slow body must not hold the others up
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if r.Method == "PROPFIND" {
			mu.Lock()
			defer mu.Unlock()
		} else {
			mu.RLock()
			defer mu.RUnlock()
		}
		next.ServeHTTP(w, r)
	})
}

func none(*http.Request) storetest.Fault { return nil }

func TestServerInProcess(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { s, _ := serve(t, none); return s })
}

// With retries around it the store keeps its contract in any storm.
func TestStorm(t *testing.T) {
	faults := map[string][]storetest.Fault{
		"statuses": {storetest.Status(500), storetest.Status(503, "Retry-After: 0"), storetest.Status(429), storetest.Status(409), storetest.Status(423), storetest.Status(502)},
		"network":  {storetest.Reset, storetest.Lost, storetest.Cut},
	}
	for name, faults := range faults {
		t.Run(name, func(t *testing.T) {
			spare := func(r *http.Request) bool { // what Retry cannot tell from its own success
				return strings.Contains(r.URL.Path+r.Header.Get("Destination"), "snapshots/a")
			}
			storetest.Run(t, func(t *testing.T) store.Store {
				s, _ := serve(t, storetest.Storm(1, spare, faults...))
				return store.NewRetry(s, store.RetryOptions{Attempts: 100, First: time.Microsecond, Longest: time.Microsecond})
			})
		})
	}
}

func TestResets(t *testing.T) {
	storetest.Resets(t, func(t *testing.T, choose func(*http.Request) storetest.Fault) store.Store {
		s, _ := serve(t, choose)
		return store.NewRetry(s, store.RetryOptions{First: time.Microsecond})
	})
}

// always answers requests of one method wrongly once armed.
func always(method string, armed *bool, fault storetest.Fault) func(*http.Request) storetest.Fault {
	return func(r *http.Request) storetest.Fault {
		if *armed && (method == "" || r.Method == method) {
			return fault
		}
		return nil
	}
}

const multi = `<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">`

func response(href, inner string) string {
	return "<D:response><D:href>" + href + "</D:href><D:propstat><D:prop>" + inner + "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
}

const self = `<D:resourcetype><D:collection/></D:resourcetype>`
const file = `<D:resourcetype/><D:getcontentlength>5</D:getcontentlength>`

func TestWrongAnswers(t *testing.T) {
	base := response("/dav/my%20files/", self)
	list := func(text string) storetest.Fault { return storetest.Text(207, text) }
	for _, c := range []struct {
		name, method string
		fault        storetest.Fault
		call         string
		want         string // in the error; "" for none
		temporary    bool
		is           error
	}{
		{"get: wrong part", "GET", storetest.Shifted, "part", "another part", false, nil},
		{"get: whole for a part", "GET", storetest.Whole, "part", "", false, nil},
		{"get: cut short", "GET", storetest.Cut, "get", "cut short", true, nil},
		{"get: endless", "GET", storetest.Endless(200, "", "more "), "get", "without end", false, nil},
		{"get: forbidden", "GET", storetest.Status(403), "get", "403", false, fs.ErrPermission},
		{"get: not logged in", "GET", storetest.Status(401), "get", "401", false, fs.ErrPermission},
		{"get: locked", "GET", storetest.Status(423), "get", "423", true, nil},
		{"get: elsewhere", "GET", storetest.Status(302, "Location: http://169.254.169.254/x"), "get", "redirects", false, nil},
		{"get: a collection", "GET", storetest.Status(301, "Location: a/"), "get", "", false, fs.ErrNotExist},
		{"get: encoded", "GET", storetest.Text(200, "x", "Content-Encoding: gzip"), "get", "encoded", false, nil},
		{"put: full", "PUT", storetest.Status(507), "put", "no space", false, store.ErrNoSpace},
		{"put: too large", "PUT", storetest.Status(413), "put", "413", false, nil},
		{"put: half arrives", "PUT", half, "put", "bytes arrived", true, nil},
		{"put: arrives nowhere", "PUT", storetest.Status(201), "put", "bytes arrived", true, nil},
		{"put: page", "PUT", storetest.Page, "put", "bytes arrived", true, nil},
		{"move: failed in part", "MOVE", list(multi + base + "</D:multistatus>"), "put", "not moved", true, nil},
		{"move: gone", "MOVE", storetest.Status(404), "put", "is gone", true, nil},
		{"move: page", "MOVE", storetest.Page, "put", "status 200", false, nil},
		{"mkcol: forbidden", "MKCOL", storetest.Status(403), "put", "403", false, fs.ErrPermission},
		{"delete: in part", "DELETE", list(multi + base + "</D:multistatus>"), "delete", "not deleted", true, nil},
		{"list: page", "PROPFIND", storetest.Page, "list", "not a listing", false, nil},
		{"list: page as listing", "PROPFIND", list("<!DOCTYPE html><html></html>"), "list", "document type", false, nil},
		{"list: html", "PROPFIND", list("<html><body>x</body></html>"), "list", "not a listing", false, nil},
		{"list: nothing", "PROPFIND", list(""), "list", "not a listing", false, nil},
		{"list: cut short", "PROPFIND", storetest.Cut, "list", "cut short", true, nil},
		{"list: half a listing", "PROPFIND", list(multi + base), "list", "cut short", true, nil},
		{"list: endless", "PROPFIND", storetest.Endless(207, multi, response("/dav/my%20files/"+strings.Repeat("x", 1000), file)), "list", "too long", false, nil},
		{"list: endless space", "PROPFIND", storetest.Endless(207, multi, "          "), "list", "too long", false, nil},
		{"list: of elsewhere", "PROPFIND", list(multi + response("/other/", self) + "</D:multistatus>"), "list", "something else", false, nil},
		{"list: empty", "PROPFIND", list(multi + "</D:multistatus>"), "list", "something else", false, nil},
		{"list: twice", "PROPFIND", list(multi + base + response("/dav/my%20files/a", file) + response("/dav/my%20files/a", file) + "</D:multistatus>"), "list", "twice", false, nil},
		{"list: no length", "PROPFIND", list(multi + base + response("/dav/my%20files/a", "<D:resourcetype/>") + "</D:multistatus>"), "list", "how long", false, nil},
		{"list: entity bomb", "PROPFIND", list(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + multi[21:] + response("&b;", file)), "list", "document type", false, nil},
		{"list: unknown entity", "PROPFIND", list(multi + response("&b;", file)), "list", "read listing", false, nil},
		{"list: other encoding", "PROPFIND", list(`<?xml version="1.0" encoding="utf-7"?>` + multi[21:] + base), "list", "read listing", false, nil},
		{"list: gone", "PROPFIND", storetest.Status(404), "list", "not there", false, nil},
		{"list: elsewhere", "PROPFIND", storetest.Status(307, "Location: http://other.example/"), "list", "redirects", false, nil},
		{"list: round and round", "PROPFIND", storetest.Status(301, "Location: /dav/my%20files/"), "list", "redirects", false, nil},
		{"all: reset", "", storetest.Reset, "get", "", true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			armed := false
			s, proxy := serve(t, always(c.method, &armed, c.fault))
			if err := s.Put(t.Context(), "a", []byte("hello")); err != nil {
				t.Fatal(err)
			}
			armed = true
			proxy.Requests()
			before := allocated()
			err := call(t, s, c.call)
			// All that was ever allocated, the server's part too, for at most 64 MiB held.
			if got := allocated() - before; got > 320<<20 && !storetest.Raced {
				t.Errorf("%d MiB were allocated", got>>20)
			}
			if n := proxy.Requests(); n > 8 {
				t.Errorf("%d requests", n)
			}
			if (err == nil) != (c.want == "" && !c.temporary && c.is == nil) || err != nil && (!strings.Contains(err.Error(), c.want) ||
				store.IsTemporary(err) != c.temporary || c.is != nil && !errors.Is(err, c.is) || strings.Contains(err.Error(), "top-secret")) {
				t.Errorf("got %v; want %q, temporary: %v", err, c.want, c.temporary)
			}
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// half keeps half of what is sent, and says that all is well.
func half(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body[:len(body)/2]))
	r.ContentLength = int64(len(body) / 2)
	next.ServeHTTP(w, r)
}

// call makes one call of the store that holds "hello" under "a".
func call(t *testing.T, s store.Store, what string) (err error) {
	t.Helper()
	var got []byte
	want := "hello"
	switch what {
	case "get":
		got, err = s.Get(t.Context(), "a", 0, -1)
	case "part":
		got, err = s.Get(t.Context(), "a", 1, 3)
		want = "ell"
	case "put":
		return s.Put(t.Context(), "dir/b", []byte("hello"))
	case "delete":
		return s.Delete(t.Context(), "a")
	case "list":
		for _, err = range s.List(t.Context(), "") {
		}
		return err
	}
	if err == nil && string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	return err
}

// Names that are not ours are left out, whatever they are.
func TestForeignNames(t *testing.T) {
	text := multi + response("/dav/my%20files/", self)
	for _, href := range []string{"/dav/my%20files/../../etc/passwd", "/dav/my%20files/..", "/dav/my%20files/%2e%2e", "/dav/my%20files/a%2fb", "/dav/my%20files/A",
		"/dav/my%20files/.htaccess", "/dav/my%20files/x%00", "/dav/my%20files/a/b/c", "http://[", "/dav/my%20files/%zz", "/dav/my%20files/x%0a", "/elsewhere/x"} {
		text += response(href, file)
	}
	text += response("http://any.example/dav/my%20files/good", file) + "<other xmlns='x'><deep/></other></D:multistatus>"
	s, _ := serve(t, func(*http.Request) storetest.Fault { return storetest.Text(207, text) })
	var got []string
	for info, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(info))
	}
	if len(got) != 1 || got[0] != "{good 5}" {
		t.Errorf("got %v, want {good 5}", got)
	}
}

func TestUnfinishedFilesAreSweptAfterADay(t *testing.T) {
	old := "<D:getlastmodified>Mon, 02 Jan 2006 15:04:05 GMT</D:getlastmodified>"
	young := "<D:getlastmodified>" + time.Now().UTC().Format(http.TimeFormat) + "</D:getlastmodified>"
	text := multi + response("/dav/my%20files/", self) + response("/dav/my%20files/tmp_OLD", file+old) + response("/dav/my%20files/tmp_NEW", file+young) + "</D:multistatus>"
	var deleted []string
	s, _ := serve(t, func(r *http.Request) storetest.Fault {
		if r.Method == http.MethodDelete {
			deleted = append(deleted, r.URL.Path)
			return storetest.Status(204)
		}
		return storetest.Text(207, text)
	})
	for info, err := range s.List(t.Context(), "") {
		t.Errorf("listed %v, %v", info, err)
	}
	if len(deleted) != 1 || filepath.Base(deleted[0]) != "tmp_OLD" {
		t.Errorf("deleted %v, want tmp_OLD", deleted)
	}
}

// A server that stops in the middle of an answer is given up, for a time.
func TestStallIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	stall := func(code int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			io.WriteString(w, text)
			http.NewResponseController(w).Flush()
			<-release
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", stall(200, "hel"))
	mux.Handle("PROPFIND /", stall(207, multi+response("/", self)))
	srv := httptest.NewServer(mux)
	defer srv.Close()
	defer close(release)
	s, err := webdav.Open(t.Context(), webdav.Options{URL: srv.URL, Timeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, what := range []string{"get", "list"} {
		if err := call(t, s, what); !store.IsTemporary(err) {
			t.Errorf("%s: got %v, want a temporary error", what, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{"7": 7 * time.Second, "": 0, "-3": 0, "soon": 0, "999999999": time.Hour} {
		s, _ := serve(t, func(*http.Request) storetest.Fault { return storetest.Status(429, "Retry-After: "+value) })
		_, err := s.Get(t.Context(), "a", 0, -1)
		var temp *store.Temporary
		if !errors.As(err, &temp) || temp.After != want {
			t.Errorf("Retry-After %q: %v, after %v; want %v", value, err, temp, want)
		}
	}
}

// A Put whose last answer is lost is found, and exactly one file is left.
func TestLostAcknowledgement(t *testing.T) {
	for _, method := range []string{"PUT", "MOVE", "MKCOL"} {
		lost := false
		s, _ := serve(t, func(r *http.Request) storetest.Fault {
			if r.Method == method && !lost {
				lost = true
				return storetest.Lost
			}
			return nil
		})
		if err := store.NewRetry(s, store.RetryOptions{First: time.Microsecond}).Put(t.Context(), "packs/aa/x", []byte("x")); err != nil {
			t.Errorf("%s: %v", method, err)
		}
		n := 0
		for info, err := range s.List(t.Context(), "") {
			if n++; err != nil || info.Name != "packs/aa/x" {
				t.Errorf("%s: listed %v, %v", method, info, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d objects", method, n)
		}
	}
}

func TestTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(&dav.Handler{FileSystem: dav.NewMemFS(), LockSystem: dav.NewMemLS()})
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	for _, c := range []struct {
		url  string
		ca   []byte
		want string
	}{
		{srv.URL, ca, ""},
		{srv.URL, nil, "not to be trusted"},
		{strings.Replace(srv.URL, "127.0.0.1", "localhost", 1), ca, "not to be trusted"},
	} {
		s, err := webdav.Open(t.Context(), webdav.Options{URL: c.url, CA: c.ca})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Put(t.Context(), "a", nil)
		s.Close()
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || store.IsTemporary(err)) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for url, want := range map[string]string{
		"https://me:top-secret@host/x": "no credentials", "http://host.example/x": "without TLS", "ftp://host/x": "not a WebDAV", "https:///x": "not a WebDAV",
		"https://host/x?y": "not a WebDAV", "://top-secret": "not a WebDAV", "": "not a WebDAV",
	} {
		_, err := webdav.Open(t.Context(), webdav.Options{URL: url, Username: "me", Password: "p"})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "top-secret") {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
}

// A server that sends the client elsewhere does not get it to show its password there,
// nor what it was to put.
func TestRedirectionsAreNotFollowed(t *testing.T) {
	followed := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed++ }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, what := range []string{"get", "part", "put", "list", "delete"} {
			s, _ := serve(t, func(*http.Request) storetest.Fault {
				return storetest.Status(status, "Location: "+elsewhere.URL+"/dav/my%20files/a")
			})
			if err := call(t, s, what); err == nil {
				t.Errorf("%s, %d: no error", what, status)
			}
		}
	}
	if followed > 0 {
		t.Errorf("followed %d times", followed)
	}
}

func TestExpiredCertificate(t *testing.T) {
	url, ca := storetest.Expired(t, http.NotFoundHandler())
	s, err := webdav.Open(t.Context(), webdav.Options{URL: url, CA: ca})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	storetest.WantExpired(t, s.Put(t.Context(), "a", nil))
}

// How many requests a call makes, and that collections are listed side by side.
func TestRequests(t *testing.T) {
	const collections = 20
	asked, most, now := map[string]int{}, 0, 0
	arrived := sync.NewCond(new(sync.Mutex))
	together := 0 // requests that wait for each other
	handler := &dav.Handler{FileSystem: dav.NewMemFS(), LockSystem: dav.NewMemLS()}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // from then on its end shows in the context
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		arrived.L.Lock()
		asked[r.Method]++
		if r.Method == "PROPFIND" && together > 0 && strings.Count(r.URL.Path, "/") > 2 {
			now++
			most = max(most, now)
			arrived.Broadcast()
			stop := context.AfterFunc(r.Context(), arrived.Broadcast) // if they never meet
			for most < together && r.Context().Err() == nil {
				arrived.Wait()
			}
			stop()
			now--
		}
		arrived.L.Unlock()
		handler.ServeHTTP(w, r)
	}))
	defer srv.Close()
	open := func() *webdav.Store {
		s, err := webdav.Open(t.Context(), webdav.Options{URL: srv.URL, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s := open()
	expect := func(what string, err error, want map[string]int) {
		t.Helper()
		arrived.L.Lock()
		defer arrived.L.Unlock()
		if err != nil || !maps.Equal(asked, want) {
			t.Errorf("%s: %v, requests %v, want %v", what, err, asked, want)
		}
		clear(asked)
	}
	put := func(s *webdav.Store, i int, name string) error {
		return s.Put(t.Context(), fmt.Sprintf("packs/%02x/%s", i, name), []byte("hello"))
	}
	expect("first put", put(s, 0, "a"), map[string]int{"MKCOL": 2, "PUT": 1, "PROPFIND": 1, "MOVE": 1})
	expect("put in a known collection", put(s, 0, "b"), map[string]int{"PUT": 1, "PROPFIND": 1, "MOVE": 1})
	for i := range collections {
		if err := put(s, i, "c"); err != nil {
			t.Fatal(err)
		}
	}
	clear(asked)
	s = open()
	together = 4
	n := 0
	var failed error
	for _, err := range s.List(t.Context(), "packs/") {
		n, failed = n+1, errors.Join(failed, err)
	}
	together = 0
	expect("list", failed, map[string]int{"PROPFIND": 1 + collections})
	if n != collections+2 || most < 4 {
		t.Errorf("%d objects, want %d; %d collections at once", n, collections+2, most)
	}
	expect("put in a collection that was listed", put(s, 3, "d"), map[string]int{"PUT": 1, "PROPFIND": 1, "MOVE": 1})
	expect("put in a new collection", put(s, collections, "a"), map[string]int{"MKCOL": 1, "PUT": 1, "PROPFIND": 1, "MOVE": 1})
	_, err := s.Get(t.Context(), "packs/00/a", 1, 3)
	expect("get", err, map[string]int{"GET": 1})
	expect("delete", s.Delete(t.Context(), "packs/00/a"), map[string]int{"PROPFIND": 1, "DELETE": 1})
}
