package s3

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/dayfold/dayfold/engine/store"
)

// Options name a bucket and say how to reach it.
type Options struct {
	Endpoint  string // host or host:port
	PlainHTTP bool   // no TLS: for a server on this machine
	Bucket    string
	Prefix    string // what the names of all objects begin with in the bucket, in segments as store.ValidName has them
	Region    string // "": AWS_REGION, AWS_DEFAULT_REGION, that of the profile, or what the server says
	PathStyle bool   // bucket in the path, always; else in the host where that is known to work
	HostStyle bool   // bucket in the host, always

	// Without an access key, credentials are those of the profile if one is named here;
	// else AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; else those of
	// the profile AWS_PROFILE, or "default", in the files that AWS's own programs share
	// (keys, session tokens, single sign-on, credential_process); else what Last says.
	AccessKey, SecretKey, SessionToken string

	Profile string
	Last    func() (accessKey, secretKey string, err error) // asked once; nil: there is nobody to ask

	CA      []byte        // PEM certificates to trust instead of the system's
	Timeout time.Duration // of one request; zero: 5 minutes
}

// ParseURL reads "s3:https://host/bucket/prefix", "s3:http://…" or "s3:host/bucket/prefix",
// with or without the "s3:". Credentials are never part of it.
func ParseURL(text string) (Options, error) {
	text = strings.TrimPrefix(text, "s3:")
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return Options{}, errors.New("not an S3 address") // the text may hold a secret
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	switch {
	case u.User != nil:
		return Options{}, errors.New("an S3 address holds no credentials")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return Options{}, errors.New("not an S3 address")
	case bucket == "":
		return Options{}, errors.New("an S3 address names a bucket")
	}
	return Options{Endpoint: u.Host, PlainHTTP: u.Scheme == "http", Bucket: bucket, Prefix: prefix}, nil
}

// String is the address, without credentials.
func (o Options) String() string {
	scheme := "https"
	if o.PlainHTTP {
		scheme = "http"
	}
	return strings.TrimSuffix(fmt.Sprintf("s3:%s://%s/%s/%s", scheme, o.Endpoint, o.Bucket, o.Prefix), "/")
}

// GoString is String, so that no printer shows credentials.
func (o Options) GoString() string { return o.String() }

func (o Options) open() (*Store, error) {
	if o.Prefix != "" && !store.ValidName(o.Prefix) {
		return nil, fmt.Errorf("prefix %q is not made of letters, digits, dots and dashes", o.Prefix)
	}
	transport, err := o.transport()
	if err != nil {
		return nil, err
	}
	timeout := o.Timeout
	if timeout <= 0 {
		timeout = 5 * time.Minute
	}
	clock := new(dial)
	client, err := minio.New(o.Endpoint, &minio.Options{
		Creds: credentials.New(&chosen{opt: o}), Secure: !o.PlainHTTP, Transport: guard{transport, timeout, clock}, Region: o.region(),
		BucketLookup: o.lookup(), MaxRetries: 1,
	})
	if err != nil {
		return nil, plain(err)
	}
	s := &Store{core: minio.Core{Client: client}, bucket: o.Bucket, prefix: o.Prefix, close: transport.CloseIdleConnections, dial: clock}
	if s.prefix != "" {
		s.prefix += "/"
	}
	return s, nil
}

func (o Options) lookup() minio.BucketLookupType {
	switch {
	case o.PathStyle:
		return minio.BucketLookupPath
	case o.HostStyle:
		return minio.BucketLookupDNS
	}
	return minio.BucketLookupAuto
}

func (o Options) transport() (*http.Transport, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   32,
		DisableCompression:    true,
	}
	if o.CA != nil {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(o.CA) {
			return nil, errors.New("no certificate to trust")
		}
		t.TLSClientConfig.RootCAs = pool
	}
	return t, nil
}
