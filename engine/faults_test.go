package engine_test

import (
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/s3"
	"github.com/dayfold/dayfold/engine/store/storetest"
	"github.com/dayfold/dayfold/pack/seal"
)

// A faultyLine is one to a server of S3 that goes wrong.
type faultyLine struct {
	t       *testing.T
	proxy   *storetest.Proxy
	a       *engine.Archive
	choose  func(*http.Request) storetest.Fault
	history *chat
	days    int
	told    []string // snapshots that were acknowledged
}

const secretOfTests = "top-secret"

func newLine(t *testing.T) *faultyLine {
	t.Helper()
	l := &faultyLine{t: t, history: newChat("phone")}
	l.proxy = &storetest.Proxy{Next: new(storetest.S3), Choose: func(r *http.Request) storetest.Fault {
		if l.choose == nil {
			return nil
		}
		return l.choose(r)
	}}
	srv := httptest.NewUnstartedServer(l.proxy)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Start()
	t.Cleanup(srv.Close)
	opt, err := s3.ParseURL("s3:" + srv.URL + "/bucket/archive")
	if err != nil {
		t.Fatal(err)
	}
	opt.AccessKey, opt.SecretKey, opt.Region, opt.Timeout = "key", secretOfTests, "us-east-1", 20*time.Second
	st, err := s3.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	key, err := seal.NewRecoveryKey(seeded(t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	retry := store.NewRetry(st, store.RetryOptions{Attempts: 6, First: time.Microsecond, Longest: time.Microsecond})
	l.a, err = engine.Create(t.Context(), retry, key, engine.Options{Temp: t.TempDir(), PackSize: 64 << 10, TreePackSize: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.a.Close() })
	if err := l.day(); err != nil {
		t.Fatal(err)
	}
	return l
}

// day makes a day pass, and backs it up.
func (l *faultyLine) day() error {
	at := day0.AddDate(0, 0, l.days)
	for i := range 10 {
		var needs []string
		if i < 3 {
			needs = append(needs, l.history.photo(at.String()+string(rune('a'+i)), at, 40_000))
		}
		l.history.say("g001", l.days*100+i, at, "a line", needs...)
	}
	l.days++
	rep, err := l.a.Backup(l.t.Context(), l.history, engine.BackupOptions{Insist: true})
	if err == nil {
		l.told = append(l.told, rep.Snapshot)
	}
	return err
}

// sound looks, without faults, at what came of it: every snapshot that was acknowledged
// is there once, and at most as many others as calls failed.
func (l *faultyLine) sound(failed int) {
	l.t.Helper()
	l.choose = nil
	list, err := l.a.Snapshots(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	times := map[string]int{}
	for _, s := range list {
		times[s.ID]++
	}
	for _, id := range l.told {
		if times[id] != 1 {
			l.t.Errorf("snapshot %s is there %d times", id, times[id])
		}
	}
	if len(list) > len(l.told)+failed {
		l.t.Errorf("%d snapshots of %d that were acknowledged and %d that failed", len(list), len(l.told), failed)
	}
	if err := l.day(); err != nil {
		l.t.Errorf("after the faults: %v", err)
	} else {
		holds(l.t, l.a, l.told[len(l.told)-1], l.history)
	}
	check(l.t, l.a)
}

// Faults that come now and then cost time only: what is acknowledged is there, once.
func TestFaultsNowAndThen(t *testing.T) {
	for name, faults := range map[string][]storetest.Fault{
		"statuses": {storetest.Status(500), storetest.Status(503, "Retry-After: 0"), storetest.Status(429), storetest.Status(409), storetest.Status(423)},
		"network":  {storetest.Reset, storetest.Lost, storetest.Cut, storetest.CutRequest(1), storetest.CutAnswer(1)},
		"ranges":   {storetest.Whole},
		"taken":    {storetest.Text(412, "<Error><Code>PreconditionFailed</Code></Error>")},
		"pages":    {storetest.Page, storetest.Shifted},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			failed := 0
			for seed := range uint64(3) {
				l.choose = storetest.Storm(seed, func(r *http.Request) bool { return name == "taken" && r.Method != http.MethodPut }, faults...)
				if err := l.day(); err != nil {
					failed++
					if name != "pages" && name != "taken" {
						t.Errorf("%v", err)
					}
					l.named(err)
				}
			}
			l.sound(failed)
		})
	}
}

// named checks that an error says what was done to which object, and no credential.
func (l *faultyLine) named(err error) {
	l.t.Helper()
	var call *fs.PathError
	if overtaken := strings.Contains(err.Error(), "overtaken"); !errors.As(err, &call) && !overtaken || strings.Contains(err.Error(), secretOfTests) {
		l.t.Errorf("error is %v, want one that names the call", err)
	}
}

// Faults that stay end the call: after so many requests, with the right error.
func TestFaultsThatStay(t *testing.T) {
	put := func(r *http.Request) bool { return r.Method == http.MethodPut }
	list := func(r *http.Request) bool { return r.URL.Query().Has("list-type") }
	get := func(r *http.Request) bool { return r.Method == http.MethodGet && !list(r) }
	refused := func(status int, code string) storetest.Fault {
		return storetest.Text(status, "<Error><Code>"+code+"</Code></Error>")
	}
	for _, c := range []struct {
		name      string
		when      func(*http.Request) bool
		fault     storetest.Fault
		want      string // in the error; "" is success
		temporary bool
		is        error
	}{
		{"500", put, storetest.Status(500), "status 500", true, nil},
		{"503 for lists", list, storetest.Status(503), "status 503", true, nil},
		{"429", put, storetest.Status(429), "status 429", true, nil},
		{"409", put, refused(409, "ConditionalRequestConflict"), "Conflict", true, nil},
		{"423", put, storetest.Status(423), "status 423", true, nil},
		{"412 though nothing is there", put, refused(412, "PreconditionFailed"), "overtaken", false, nil},
		{"412 for packs that are not there", func(r *http.Request) bool { return put(r) && strings.Contains(r.URL.Path, "/packs/") }, refused(412, "PreconditionFailed"), "overtaken", false, nil},
		{"reset", put, storetest.Reset, "put packs/", true, nil},
		{"acknowledgements lost", put, storetest.Lost, "", false, nil},
		{"cut", list, storetest.Cut, "cut short", true, nil},
		{"page", list, storetest.Page, "list ", false, nil},
		{"page for a put", put, storetest.Text(403, "<html>log in</html>"), "put packs/", false, nil},
		{"endless list", list, storetest.Endless(200, "<ListBucketResult>", "<x/>"), "does not end", false, nil},
		{"full", put, refused(507, "InsufficientStorage"), "no space", false, store.ErrNoSpace},
		{"denied", put, refused(403, "AccessDenied"), "AccessDenied", false, fs.ErrPermission},
		{"nothing may be read", get, refused(403, "AccessDenied"), "get snapshots/", false, fs.ErrPermission},
		{"clock", put, refused(403, "RequestTimeTooSkewed"), "clock", false, nil},
		{"expired", put, refused(400, "ExpiredToken"), "ExpiredToken", false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t)
			l.choose = func(r *http.Request) storetest.Fault {
				if c.when(r) {
					return c.fault
				}
				return nil
			}
			l.proxy.Requests()
			err := l.day()
			if n := l.proxy.Requests(); n > 300 {
				t.Errorf("%d requests", n)
			}
			if c.want == "" {
				if err != nil {
					t.Errorf("got %v, want success", err)
				}
				l.sound(0)
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || store.IsTemporary(err) != c.temporary || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v; want %q, temporary: %v", err, c.want, c.temporary)
			} else {
				l.named(err)
			}
			l.sound(1)
		})
	}
}
