//go:build servers

package s3_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/s3"
	"github.com/dayfold/dayfold/engine/store/storetest"
)

// address is where `.ci/servers.d/start` put a server: its absence is a failure.
func address(t *testing.T, env string) []string {
	t.Helper()
	urls := strings.Fields(os.Getenv(env))
	if len(urls) == 0 {
		t.Fatalf("%s is not set: see .ci/servers.d/start", env)
	}
	return urls
}

func real(t *testing.T, url, prefix string) *s3.Store {
	t.Helper()
	opt, err := s3.ParseURL("s3:" + url)
	if err != nil {
		t.Fatal(err)
	}
	opt.AccessKey, opt.SecretKey, opt.Prefix = "test", "testsecret", prefix
	s, err := s3.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestServer(t *testing.T) {
	url := address(t, "DAYFOLD_TEST_S3")[0]
	storetest.Run(t, func(t *testing.T) store.Store { return real(t, url, "t-"+strings.ToLower(rand.Text())) })
}

// Three processes that serve one bucket.
func TestServersTogether(t *testing.T) {
	urls := address(t, "DAYFOLD_TEST_S3X3")
	prefix := "t-" + strings.ToLower(rand.Text())
	var stores []*s3.Store
	for _, url := range urls {
		stores = append(stores, real(t, url, prefix))
	}
	for round := range 10 {
		name := fmt.Sprintf("gc/fence/%d", round)
		var wg sync.WaitGroup
		var errs [32]error
		for w := range errs {
			wg.Go(func() { errs[w] = stores[w%len(stores)].Put(t.Context(), name, fmt.Append(nil, w)) })
		}
		wg.Wait()
		winner, winners := 0, 0
		for w, err := range errs {
			if err == nil {
				winner, winners = w, winners+1
			} else if !errors.Is(err, fs.ErrExist) {
				t.Errorf("writer %d: %v", w, err)
			}
		}
		for _, s := range stores {
			got, err := s.Get(t.Context(), name, 0, -1)
			if winners != 1 || err != nil || string(got) != fmt.Sprint(winner) {
				t.Errorf("round %d: %d winners, then get says %q, %v; want %d", round, winners, got, err, winner)
			}
		}
	}
}

func TestServerRefuses(t *testing.T) {
	url := address(t, "DAYFOLD_TEST_S3")[0]
	for _, c := range []struct {
		name   string
		change func(*s3.Options)
		want   string
		is     error
	}{
		{"no bucket", func(o *s3.Options) { o.Bucket = "none" }, "no such bucket", nil},
		{"wrong key", func(o *s3.Options) { o.SecretKey = "wrong-secret" }, "SignatureDoesNotMatch", fs.ErrPermission},
		{"unknown key", func(o *s3.Options) { o.AccessKey = "nobody" }, "server says", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			opt, _ := s3.ParseURL(url)
			opt.AccessKey, opt.SecretKey = "test", "testsecret"
			c.change(&opt)
			s, err := s3.Open(t.Context(), opt)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			_, get := s.Get(t.Context(), "config", 0, -1)
			var list error
			for _, list = range s.List(t.Context(), "") {
			}
			for _, err := range []error{get, list, s.Put(t.Context(), "config", nil)} {
				if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) ||
					errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "wrong-secret") {
					t.Errorf("got %v, want %s", err, c.want)
				}
			}
		})
	}
}
