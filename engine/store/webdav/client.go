package webdav

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dayfold/dayfold/engine/store"
)

// Options name a collection and say how to reach it.
type Options struct {
	URL                string // of the collection, which must be there; without credentials
	Username, Password string
	PlainHTTP          bool          // send the password without TLS to another machine
	CA                 []byte        // PEM certificates to trust instead of the system's
	Timeout            time.Duration // of one request; zero: 5 minutes
}

// String is the address, without credentials.
func (o Options) String() string { return o.URL }

// GoString is String, so that no printer shows credentials.
func (o Options) GoString() string { return o.URL }

// A client makes requests below one address. It follows no redirection: the address of
// another host would be sent the password, and that of this one is to be given right.
type client struct {
	http               *http.Client
	base               *url.URL // path ends with a slash
	username, password string
	timeout            time.Duration
	date               *atomic.Pointer[time.Time] // the server's, in its last answer
}

func (o Options) client() (client, error) {
	base, err := url.Parse(o.URL)
	switch {
	case err != nil || base.Host == "" || base.RawQuery != "" || base.Fragment != "" || base.Scheme != "https" && base.Scheme != "http":
		return client{}, errors.New("not a WebDAV address") // the text may hold a secret
	case base.User != nil:
		return client{}, errors.New("a WebDAV address holds no credentials")
	case base.Scheme == "http" && o.Password != "" && !o.PlainHTTP && !isLoopback(base.Hostname()):
		return client{}, errors.New("a password is not sent without TLS")
	}
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
		base.RawPath = ""
	}
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   32,
		DisableCompression:    true,
		ForceAttemptHTTP2:     true,
	}
	if o.CA != nil {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(o.CA) {
			return client{}, errors.New("no certificate to trust")
		}
		t.TLSClientConfig.RootCAs = pool
	}
	c := client{base: base, username: o.Username, password: o.Password, timeout: o.Timeout, date: new(atomic.Pointer[time.Time])}
	c.http = &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if c.timeout <= 0 {
		c.timeout = 5 * time.Minute
	}
	return c, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// url is the address of a name, which needs no escapes, or of the base for ".".
func (c *client) url(name string) string {
	u := *c.base
	if name != "." {
		u.Path += name
		u.RawPath = ""
	}
	return u.String()
}

// open makes a request; the caller reads the body and calls done.
func (c *client) open(ctx context.Context, method, name string, header http.Header, body []byte) (*http.Response, func(), error) {
	return c.ask(ctx, method, c.url(name), header, body)
}

// ask is open for any address of the server.
func (c *client) ask(ctx context.Context, method, url string, header http.Header, body []byte) (*http.Response, func(), error) {
	inner, cancel := context.WithTimeout(ctx, c.timeout)
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(inner, method, url, reader)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	if header != nil {
		req.Header = header
	}
	if c.username != "" || c.password != "" {
		req.SetBasicAuth(c.username, c.password)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		cancel()
		return nil, nil, unanswered(err)
	}
	c.note(resp.Header)
	return resp, func() {
		io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
		resp.Body.Close()
		cancel()
	}, nil
}

// request makes a request whose answer's body does not matter.
func (c *client) request(ctx context.Context, method, name string, header http.Header, body []byte) (*http.Response, error) {
	resp, done, err := c.open(ctx, method, name, header, body)
	if err == nil {
		done()
	}
	return resp, err
}

// refusal is the error for an answer whose status is none of those hoped for.
func refusal(resp *http.Response) error {
	err := fmt.Errorf("server says status %d", resp.StatusCode)
	switch code := resp.StatusCode; {
	case code/100 == 3:
		return errors.New("the server redirects to another address")
	case code == http.StatusNotFound || code == http.StatusGone:
		return fs.ErrNotExist
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fmt.Errorf("%w: %w", fs.ErrPermission, err)
	case code == http.StatusInsufficientStorage:
		return store.ErrNoSpace
	case code == http.StatusNotImplemented || code == http.StatusHTTPVersionNotSupported:
		return err
	case code == http.StatusRequestTimeout || code == http.StatusConflict || code == http.StatusLocked || code == http.StatusTooEarly ||
		code == http.StatusTooManyRequests || code == http.StatusFailedDependency || code >= 500:
		return &store.Temporary{Err: err, After: retryAfter(resp.Header)}
	}
	return err
}

// retryAfter is how long the server asks to be left alone, at most an hour.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	after := time.Duration(0)
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		after = time.Duration(min(seconds, 3600)) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		after = time.Until(at)
	}
	return max(0, min(after, time.Hour))
}

// unanswered is for requests that got no answer.
func unanswered(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the address
	}
	var cert *tls.CertificateVerificationError
	var dns *net.DNSError
	switch {
	case errors.As(err, &cert):
		return fmt.Errorf("the server's certificate is not to be trusted: %w", err)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("there is no such host: %w", err)
	}
	return &store.Temporary{Err: err}
}
