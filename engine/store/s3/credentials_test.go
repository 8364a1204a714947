package s3_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine/store/s3"
	"github.com/dayfold/dayfold/engine/store/storetest"
)

// Credentials, and the region, come from where AWS's own programs look for them, in their
// order; and without any nothing is asked of a server.
func TestCredentials(t *testing.T) {
	const credentials = `
[default]
aws_access_key_id = of-default
aws_secret_access_key = top-secret
[mine]
aws_access_key_id = of-mine
aws_secret_access_key = top-secret
aws_session_token = token-of-mine
[half]
aws_access_key_id = of-half
`
	const config = `
[default]
region = eu-west-1
[profile mine]
region = eu-west-2
[profile process]
credential_process = /bin/echo {"Version":1,"AccessKeyId":"of-process","SecretAccessKey":"top-secret"}
[profile nothing]
output = json
`
	home := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(home, ".aws", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	write("config", config)
	write("credentials", credentials)
	other := write("others", "[default]\naws_access_key_id = of-others\naws_secret_access_key = top-secret\n")
	garbage := write("garbage", "aws_secret_access_key top-secret\n[")
	last := func(access string, err error) func(*s3.Options) {
		return func(o *s3.Options) { o.Last = func() (string, string, error) { return access, "top-secret", err } }
	}
	type env = map[string]string
	none := env{"AWS_SHARED_CREDENTIALS_FILE": "none", "AWS_CONFIG_FILE": "none"}
	for _, c := range []struct {
		name   string
		env    env
		change func(*s3.Options)
		want   string // "key token region" of the request, or what the error says
		asked  bool
	}{
		{"environment", env{"AWS_ACCESS_KEY_ID": "of-env", "AWS_SECRET_ACCESS_KEY": "s"}, nil, "of-env  eu-west-1", true},
		{"session", env{"AWS_ACCESS_KEY_ID": "of-env", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t", "AWS_REGION": "us-east-2"}, nil, "of-env t us-east-2", true},
		{"half an environment", env{"AWS_ACCESS_KEY_ID": "of-env"}, nil, "AWS_SECRET_ACCESS_KEY is not", false},
		{"default profile", nil, nil, "of-default  eu-west-1", true},
		{"profile of the environment", env{"AWS_PROFILE": "mine"}, nil, "of-mine token-of-mine eu-west-2", true},
		{"profile that is named", env{"AWS_ACCESS_KEY_ID": "of-env", "AWS_SECRET_ACCESS_KEY": "s"}, func(o *s3.Options) { o.Profile = "mine" }, "of-mine token-of-mine eu-west-2", true},
		{"profile that is not there", env{"AWS_PROFILE": "yours"}, nil, `no profile "yours"`, false},
		{"profile without credentials", env{"AWS_PROFILE": "nothing"}, nil, "no credentials for S3", false},
		{"half a profile", env{"AWS_PROFILE": "half"}, nil, "must both be set", false},
		{"process", env{"AWS_PROFILE": "process"}, func(o *s3.Options) { o.Region = "eu-west-3" }, "of-process  eu-west-3", true},
		{"other files", env{"AWS_SHARED_CREDENTIALS_FILE": other}, nil, "of-others  eu-west-1", true},
		{"no files, last", none, last("of-last", nil), "of-last  us-east-1", true},
		{"no files, last has none", none, last("", nil), "no credentials for S3", false},
		{"no files, last fails", none, last("", errors.New("it is locked")), "it is locked", false},
		{"no files", none, nil, "no credentials for S3", false},
		{"files before last", nil, last("of-last", nil), "of-default  eu-west-1", true},
		{"no file of that kind", env{"AWS_SHARED_CREDENTIALS_FILE": garbage}, nil, "it is not one", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"} {
				t.Setenv(name, c.env[name])
			}
			t.Setenv("HOME", home)
			got := ""
			_, proxy, opt := serve(t, func(r *http.Request) storetest.Fault {
				if _, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential="); r.Method == http.MethodPut {
					part := strings.Split(scope, "/")
					got = part[0] + " " + r.Header.Get("X-Amz-Security-Token") + " " + part[2]
				}
				return storetest.Text(http.StatusOK, "<LocationConstraint></LocationConstraint>", `ETag: "x"`)
			})
			opt.AccessKey, opt.SecretKey, opt.Region = "", "", ""
			if c.change != nil {
				c.change(&opt)
			}
			err := open(t, opt).Put(t.Context(), "a", nil)
			if c.asked && (err != nil || got != c.want) {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
			if !c.asked && (proxy.Requests() > 0 || err == nil || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "top-secret")) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// A server that sends the client elsewhere does not get it to show its credentials there,
// nor what it was to put.
func TestRedirectionsAreNotFollowed(t *testing.T) {
	followed := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed++ }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, what := range []string{"get", "part", "put", "list"} {
			armed := false
			s, _, _ := serve(t, func(*http.Request) storetest.Fault {
				if armed {
					return storetest.Status(status, "Location: "+elsewhere.URL+"/bucket/some/where/a")
				}
				return nil
			})
			armed = true
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
	url, ca := storetest.Expired(t, new(storetest.S3))
	opt, err := s3.ParseURL("s3:" + url + "/bucket")
	if err != nil {
		t.Fatal(err)
	}
	opt.AccessKey, opt.SecretKey, opt.Region, opt.CA = "key", "s", "us-east-1", ca
	storetest.WantExpired(t, open(t, opt).Put(t.Context(), "a", nil))
}
