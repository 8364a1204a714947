package s3_test

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/s3"
	"github.com/dayfold/dayfold/engine/store/storetest"
)

func none(*http.Request) storetest.Fault { return nil }

// serve starts a server in this process behind a proxy that chooses faults.
func serve(t *testing.T, choose func(*http.Request) storetest.Fault) (*s3.Store, *storetest.Proxy, s3.Options) {
	t.Helper()
	proxy := &storetest.Proxy{Next: new(storetest.S3), Choose: choose}
	srv := httptest.NewUnstartedServer(proxy)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	opt, err := s3.ParseURL("s3:" + srv.URL + "/bucket/some/where")
	if err != nil {
		t.Fatal(err)
	}
	opt.AccessKey, opt.SecretKey, opt.Region = "key", "top-secret", "us-east-1"
	opt.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	opt.Timeout = time.Minute
	return open(t, opt), proxy, opt
}

func open(t *testing.T, opt s3.Options) *s3.Store {
	t.Helper()
	s, err := s3.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestServerInProcess(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { s, _, _ := serve(t, none); return s })
}

// With retries around it the store keeps its contract in any storm.
func TestStorm(t *testing.T) {
	faults := map[string][]storetest.Fault{
		"statuses": {storetest.Status(500), storetest.Status(503), storetest.Status(429), storetest.Status(409), storetest.Status(423), storetest.Status(502)},
		"network":  {storetest.Reset, storetest.Lost, storetest.Cut},
	}
	for name, faults := range faults {
		t.Run(name, func(t *testing.T) {
			spare := func(r *http.Request) bool { // what Retry cannot tell from its own success
				many := strings.Contains(r.URL.Path, "/packs/0") && !strings.HasSuffix(r.URL.Path, "7") // a tenth of them is enough
				return many || strings.HasSuffix(r.URL.Path, "snapshots/a/1")
			}
			storetest.Run(t, func(t *testing.T) store.Store {
				s, _, _ := serve(t, storetest.Storm(1, spare, faults...))
				return store.NewRetry(s, store.RetryOptions{Attempts: 100, First: time.Microsecond, Longest: time.Microsecond})
			})
		})
	}
}

func TestResets(t *testing.T) {
	storetest.Resets(t, func(t *testing.T, choose func(*http.Request) storetest.Fault) store.Store {
		s, _, _ := serve(t, choose)
		return store.NewRetry(s, store.RetryOptions{First: time.Microsecond})
	})
}

const (
	head = `<?xml version="1.0"?><ListBucketResult><IsTruncated>`
	key  = "<Contents><Key>some/where/%s</Key><Size>%d</Size><LastModified>2020-01-01T00:00:00Z</LastModified></Contents>"
	tail = `</ListBucketResult>`
)

func item(name string) string { return fmt.Sprintf(key, name, 5) }

func answer(code string) string { return "<Error><Code>" + code + "</Code></Error>" }

func TestWrongAnswers(t *testing.T) {
	list := func(text string) storetest.Fault { return storetest.Text(200, head+text+tail) }
	for _, c := range []struct {
		name      string
		fault     storetest.Fault
		call      string
		want      string // in the error; "" for none
		temporary bool
		is        error
	}{
		{"get: wrong part", storetest.Shifted, "part", "another part", false, nil},
		{"get: whole for a part", storetest.Whole, "part", "", false, nil},
		{"get: cut short", storetest.Cut, "get", "cut short", true, nil},
		{"get: endless", dated(storetest.Endless(200, "", "more ")), "get", "without end", false, nil},
		{"get: page", storetest.Page, "get", "not one of S3", false, nil},
		{"get: denied", storetest.Text(403, answer("AccessDenied")), "get", "AccessDenied", false, fs.ErrPermission},
		{"get: expired", storetest.Text(400, answer("ExpiredToken")), "get", "the credentials have expired", false, fs.ErrPermission},
		{"get: clock", storetest.Text(403, answer("RequestTimeTooSkewed")), "get", "clock", false, nil},
		{"get: no bucket", storetest.Text(404, answer("NoSuchBucket")), "get", "no such bucket", false, nil},
		{"get: no object", storetest.Text(404, answer("NoSuchKey")), "get", "", false, fs.ErrNotExist},
		{"get: slow down", storetest.Text(503, answer("SlowDown")), "get", "SlowDown", true, nil},
		{"get: endless error", storetest.Endless(500, "<Error><Code>", "more "), "get", "500", true, nil},
		{"get: elsewhere", storetest.Status(302, "Location: http://169.254.169.254/x"), "get", "302", false, nil},
		{"get: moved", storetest.Status(307, "Location: http://other.example/x"), "get", "307", false, nil},
		{"put: elsewhere", storetest.Status(307, "Location: http://other.example/x"), "put", "307", false, nil},
		{"put: another region", storetest.Text(400, answer("AuthorizationHeaderMalformed")), "put", "another region", false, nil},
		{"put: read only", storetest.Text(403, answer("AccessDenied")), "put", "AccessDenied", false, fs.ErrPermission},
		{"put: quota", storetest.Text(403, answer("QuotaExceeded")), "put", "no space", false, store.ErrNoSpace},
		{"put: full", storetest.Status(507), "put", "no space", false, store.ErrNoSpace},
		{"put: conflict", storetest.Text(409, answer("ConditionalRequestConflict")), "put", "Conflict", true, nil},
		{"put: digest", storetest.Text(400, answer("BadDigest")), "put", "BadDigest", true, nil},
		{"list: page", storetest.Page, "list", "", false, errAny},
		{"list: nothing", storetest.Text(200, ""), "list", "cut short", true, nil},
		{"list: cut short", storetest.Cut, "list", "cut short", true, nil},
		{"list: not ours", list("false</IsTruncated><Contents><Key>elsewhere/x</Key><Size>1</Size><LastModified>2020-01-01T00:00:00Z</LastModified></Contents>"), "list", "not in order", false, nil},
		{"list: backwards", list("false</IsTruncated>" + item("b") + item("a")), "list", "not in order", false, nil},
		{"list: twice", list("false</IsTruncated>" + item("a") + item("a")), "list", "not in order", false, nil},
		{"list: round and round", list("true</IsTruncated><NextContinuationToken>t</NextContinuationToken>" + item("a")), "list", "not in order", false, nil},
		{"list: nothing for ever", list("true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"), "list", "does not end", false, nil},
		{"list: endless", storetest.Endless(200, head+"false</IsTruncated>", item(strings.Repeat("x", 300))), "list", "does not end", false, nil},
		{"list: names not ours", list("false</IsTruncated>" + item("../../etc/passwd") + item("A") + item("a//b")), "list", "", false, nil},
		{"list: denied", storetest.Text(403, answer("AccessDenied")), "list", "AccessDenied", false, fs.ErrPermission},
		{"all: reset", storetest.Reset, "get", "", true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			armed := false
			s, proxy, _ := serve(t, func(*http.Request) storetest.Fault {
				if armed {
					return c.fault
				}
				return nil
			})
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
			if n := proxy.Requests(); n > 22 {
				t.Errorf("%d requests", n)
			}
			if (err == nil) != (c.want == "" && !c.temporary && c.is == nil) || err != nil && (!strings.Contains(err.Error(), c.want) ||
				store.IsTemporary(err) != c.temporary || c.is != nil && c.is != errAny && !errors.Is(err, c.is) || strings.Contains(err.Error(), "top-secret") || strings.Contains(err.Error(), "://")) {
				t.Errorf("got %v; want %q, temporary: %v", err, c.want, c.temporary)
			}
		})
	}
}

// dated is a fault whose answer has the header that every answer of S3 has.
func dated(fault storetest.Fault) storetest.Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		fault(w, r, next)
	}
}

// errAny stands for an error of which only that it is final is known.
var errAny = errors.New("any")

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
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
		return s.Put(t.Context(), "b", []byte("hello"))
	case "list":
		for info, err := range s.List(t.Context(), "") {
			if err != nil {
				return err
			}
			if !store.ValidName(info.Name) {
				t.Errorf("listed %v", info)
			}
		}
		return nil
	}
	if err == nil && string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	return err
}

// A conflict with a writer at the same moment is tried again: it says nothing of who won.
func TestConflict(t *testing.T) {
	left := 3
	s, proxy, _ := serve(t, func(r *http.Request) storetest.Fault {
		if r.Method == http.MethodPut && left > 0 {
			left--
			return storetest.Text(409, answer("ConditionalRequestConflict"))
		}
		return nil
	})
	if err := s.Put(t.Context(), "a", nil); err != nil || proxy.Requests() != 4 {
		t.Errorf("got %v, want success at the fourth request", err)
	}
	left = 3
	if err := s.Put(t.Context(), "a", nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want that it is taken", err)
	}
}

// A Put whose answer is lost is found to have been made, once.
func TestLostAcknowledgement(t *testing.T) {
	lost := 0
	s, _, _ := serve(t, func(r *http.Request) storetest.Fault {
		if r.Method == http.MethodPut && lost < 2 {
			lost++
			return storetest.Lost
		}
		return nil
	})
	if err := store.NewRetry(s, store.RetryOptions{First: time.Microsecond}).Put(t.Context(), "a", []byte("x")); err != nil {
		t.Error(err)
	}
	lost = 1
	if err := s.Put(t.Context(), "b", []byte("x")); !store.IsTemporary(err) {
		t.Errorf("without retries: %v, want a temporary error", err)
	}
}

func TestStallIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	stall := func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Content-Length", "1000")
		w.Write([]byte("some"))
		http.NewResponseController(w).Flush()
		<-release
	}
	_, _, opt := serve(t, func(*http.Request) storetest.Fault { return dated(stall) })
	t.Cleanup(func() { close(release) })
	opt.Timeout = 100 * time.Millisecond
	s := open(t, opt)
	for _, what := range []string{"get", "list"} {
		if err := call(t, s, what); !store.IsTemporary(err) {
			t.Errorf("%s: got %v, want a temporary error", what, err)
		}
	}
}

func TestTLS(t *testing.T) {
	_, _, opt := serve(t, none)
	for _, change := range []func(*s3.Options){
		func(o *s3.Options) { o.CA = nil },
		func(o *s3.Options) { o.Endpoint = strings.Replace(o.Endpoint, "127.0.0.1", "localhost", 1) },
	} {
		o := opt
		change(&o)
		if err := open(t, o).Put(t.Context(), "a", nil); err == nil || !strings.Contains(err.Error(), "not to be trusted") || store.IsTemporary(err) {
			t.Errorf("got %v, want that the certificate is not to be trusted", err)
		}
	}
}

func TestParseURL(t *testing.T) {
	for text, want := range map[string]string{
		"s3:https://host:1/bucket/a/b": "s3:https://host:1/bucket/a/b",
		"s3:host/bucket":               "s3:https://host/bucket",
		"s3:http://127.0.0.1:1/bucket": "s3:http://127.0.0.1:1/bucket",
		"https://host/bucket/":         "s3:https://host/bucket",
		"s3:host":                      "",
		"s3:https://k:top-secret@h/b":  "",
		"s3:ftp://host/bucket":         "",
		"s3:https://host/bucket?x":     "",
		"s3:https://top-secret\x00/b":  "",
		"s3:":                          "",
	} {
		got, err := s3.ParseURL(text)
		if want == "" && (err == nil || strings.Contains(err.Error(), "top-secret")) || want != "" && (err != nil || got.String() != want) {
			t.Errorf("%q: got %s, error %v; want %q", text, got, err, want)
		}
	}
	opt := s3.Options{Endpoint: "h", Bucket: "b", SecretKey: "top-secret"}
	if text := fmt.Sprintf("%v %+v %#v %s", opt, opt, opt, opt); strings.Contains(text, "top-secret") {
		t.Errorf("printed as %s", text)
	}
	if _, err := s3.Open(t.Context(), s3.Options{Endpoint: "h", Bucket: "b", Prefix: "../x"}); err == nil {
		t.Error("a prefix that is no name was accepted")
	}
}
