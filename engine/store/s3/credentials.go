package s3

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"gopkg.in/ini.v1"
)

// A chosen provider is the first of the usual places that has credentials. The choice is
// made when they are first needed, and then stays: they may be renewed there. Nothing is
// ever asked of a server without any.
type chosen struct {
	opt  Options
	from credentials.Provider
}

// Retrieve is RetrieveWithCredContext; the library has both.
func (c *chosen) Retrieve() (credentials.Value, error) { return c.RetrieveWithCredContext(nil) }

// RetrieveWithCredContext returns the credentials.
func (c *chosen) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	if c.from == nil {
		from, err := c.opt.choose(cc)
		if err != nil {
			return credentials.Value{}, fmt.Errorf("%w: %w", fs.ErrPermission, err)
		}
		c.from = from
	}
	v, err := c.from.RetrieveWithCredContext(cc)
	if err == nil && (v.AccessKeyID == "" || v.SecretAccessKey == "") {
		err = errors.New("half of the credentials is missing")
	}
	if err != nil {
		return credentials.Value{}, fmt.Errorf("%w: read credentials: %w", fs.ErrPermission, err)
	}
	return v, nil
}

// IsExpired says whether they have to be read again.
func (c *chosen) IsExpired() bool { return c.from == nil || c.from.IsExpired() }

func (o Options) choose(cc *credentials.CredContext) (credentials.Provider, error) {
	static := func(access, secret, token string) credentials.Provider {
		return &credentials.Static{Value: credentials.Value{AccessKeyID: access, SecretAccessKey: secret, SessionToken: token, SignerType: credentials.SignatureV4}}
	}
	if o.AccessKey != "" {
		return static(o.AccessKey, o.SecretKey, o.SessionToken), nil
	}
	if id := os.Getenv("AWS_ACCESS_KEY_ID"); id != "" && o.Profile == "" {
		if os.Getenv("AWS_SECRET_ACCESS_KEY") == "" {
			return nil, errors.New("AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not")
		}
		return &credentials.EnvAWS{}, nil
	}
	_, found, err := o.profile()
	if err != nil {
		return nil, err
	}
	if found {
		return &credentials.FileAWSCredentials{Profile: o.Profile}, nil
	}
	if o.Last != nil {
		if access, secret, err := o.Last(); err != nil || access != "" {
			return static(access, secret, ""), err
		}
	}
	return nil, errors.New("there are no credentials for S3")
}

// profile is what the shared files say of the profile that is to be used. It is an error
// if one was named and is not there.
func (o Options) profile() (keys map[string]string, found bool, err error) {
	name := o.Profile
	if name == "" {
		name = os.Getenv("AWS_PROFILE")
	}
	named := name != ""
	if !named {
		name = "default"
	}
	keys = map[string]string{}
	home, _ := os.UserHomeDir()
	for _, f := range []struct{ variable, file, section string }{
		{"AWS_CONFIG_FILE", "config", "profile " + name},
		{"AWS_SHARED_CREDENTIALS_FILE", "credentials", name},
	} {
		file := os.Getenv(f.variable)
		if file == "" {
			file = filepath.Join(home, ".aws", f.file)
		}
		all, err := ini.Load(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, false, fmt.Errorf("read AWS's %s file: it is not one", f.file) // the error may quote a secret
		}
		for _, section := range []string{f.section, name} {
			if s, err := all.GetSection(section); err == nil {
				for k, v := range s.KeysHash() {
					keys[k] = v
				}
			}
		}
	}
	for _, k := range []string{"aws_access_key_id", "aws_secret_access_key", "sso_role_name", "sso_session", "sso_start_url", "credential_process"} {
		found = found || strings.TrimSpace(keys[k]) != ""
	}
	if named && len(keys) == 0 {
		return nil, false, fmt.Errorf("AWS's shared files have no profile %q", name)
	}
	return keys, found, nil
}

// region is where the bucket lies, "" if it is not known.
func (o Options) region() string {
	for _, r := range []string{o.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")} {
		if r != "" {
			return r
		}
	}
	keys, _, _ := o.profile() // what is wrong with it shows when credentials are needed
	return keys["region"]
}
