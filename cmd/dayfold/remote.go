package main

import (
	"context"
	"net/url"
	"os"

	"github.com/spf13/pflag"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/rclone"
	"github.com/dayfold/dayfold/engine/store/s3"
	"github.com/dayfold/dayfold/engine/store/sftp"
	"github.com/dayfold/dayfold/engine/store/webdav"
)

// reach is what there is to say of a place on another machine beside its URL. None of it
// is secret.
type reach struct {
	caFile    string
	s3Region  string
	s3Style   string
	s3Profile string
	sshConfig string
}

func (r *reach) flags(f *pflag.FlagSet) {
	f.StringVar(&r.caFile, "ca-file", "", "trust the certificates in this PEM `FILE`, and no others, of s3 and webdav")
	f.StringVar(&r.s3Region, "s3-region", "", "`REGION` of the bucket (or $AWS_REGION, or that of the profile)")
	f.StringVar(&r.s3Style, "s3-style", "auto", "where S3 has the bucket's name: auto, path or host")
	f.StringVar(&r.s3Profile, "s3-profile", "", "`NAME` of the profile in AWS's shared files (or $AWS_PROFILE)")
	f.StringVar(&r.sshConfig, "ssh-config", "", "read this `FILE` instead of ssh's configuration; none: no such file")
}

// authorities are the certificates that are trusted instead of the system's; nil: those.
func (r *reach) authorities(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, misused("certificates to trust: %v", err)
	}
	return pem, nil
}

// openS3 opens a bucket. Its credentials are found where AWS's own programs find theirs, or
// in the keyring.
func (c *cli) openS3(ctx context.Context, rest string, _ bool) (store.Store, error) {
	opt, err := s3.ParseURL(rest)
	if err != nil {
		return nil, misused("%v", err)
	}
	switch c.s3Style {
	case "auto":
	case "path":
		opt.PathStyle = true
	case "host":
		opt.HostStyle = true
	default:
		return nil, misused("--s3-style: %q is none of auto, path, host", c.s3Style)
	}
	opt.Region, opt.Profile = c.s3Region, c.s3Profile
	if opt.CA, err = c.authorities(firstOf(c.caFile, os.Getenv("AWS_CA_BUNDLE"))); err != nil {
		return nil, err
	}
	opt.Last = func() (string, string, error) {
		l, err := c.fromKeyring()
		return l.User, l.Secret, err
	}
	return opened(s3.Open(ctx, opt))
}

// openWebDAV opens a collection. Its credentials are WEBDAV_USERNAME and WEBDAV_PASSWORD,
// or stand in the netrc file, or in the keyring; some servers ask for none.
func (c *cli) openWebDAV(ctx context.Context, rest string, _ bool) (store.Store, error) {
	opt := webdav.Options{URL: rest}
	l, err := c.webdavLogin(rest)
	if err != nil {
		return nil, err
	}
	opt.Username, opt.Password = l.User, l.Secret
	if opt.CA, err = c.authorities(c.caFile); err != nil {
		return nil, err
	}
	return opened(webdav.Open(ctx, opt))
}

func (c *cli) webdavLogin(address string) (login, error) {
	l := login{os.Getenv("WEBDAV_USERNAME"), os.Getenv("WEBDAV_PASSWORD")}
	if l.Secret != "" {
		return l, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return l, misused("not a WebDAV address") // the text may hold a secret
	}
	if found, ok, err := fromNetrc(u.Hostname(), l.User); ok || err != nil {
		return found, err
	}
	found, err := c.fromKeyring()
	if err != nil || found.Secret == "" || l.User != "" && l.User != found.User {
		return l, err
	}
	return found, nil
}

// openSFTP opens a folder of another machine, as ssh's configuration says, with its keys
// and agent. Without an agent the keyring is asked for the passphrase of key files.
func (c *cli) openSFTP(ctx context.Context, rest string, _ bool) (store.Store, error) {
	opt, err := sftp.ParseURL("sftp:" + rest)
	if err != nil {
		return nil, misused("%v", err)
	}
	switch c.sshConfig {
	case "":
	case "none":
		opt.Config = []string{}
	default:
		opt.Config = []string{c.sshConfig}
	}
	if os.Getenv("SSH_AUTH_SOCK") == "" {
		l, err := c.fromKeyring()
		if err != nil {
			return nil, err
		}
		opt.Passphrase = []byte(l.Secret)
	}
	return opened(sftp.Open(ctx, opt))
}

// openRclone opens what the program rclone reaches, as its own configuration says.
func (c *cli) openRclone(ctx context.Context, rest string, _ bool) (store.Store, error) {
	opt, err := rclone.ParseURL("rclone:" + rest)
	if err != nil {
		return nil, misused("%v", err)
	}
	return opened(rclone.Open(ctx, opt))
}

// opened keeps a nil pointer from becoming a store that is not nil.
func opened[S store.Store](s S, err error) (store.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// firstOf is the first of the values that is not empty.
func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
