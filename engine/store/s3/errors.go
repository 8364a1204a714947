package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/dayfold/dayfold/engine/store"
)

// maxAnswer bounds what is read of a listing's page or of an error's text, in bytes.
const maxAnswer = 8 << 20

// emptyPages is how many pages without a name a listing may have.
const emptyPages = 20

// A budget bounds the pages that a listing may ask for: one for every name it yields.
type budget struct{ left atomic.Int64 }

type budgetKey struct{}

func (b *budget) add(n int64) { b.left.Add(n) }

func (b *budget) spend() error {
	if b.left.Add(-1) < 0 {
		return errEndless
	}
	return nil
}

var errEndless = errors.New("the listing does not end")

// A guard bounds what a server can make the client library do, and how long one request
// may take.
type guard struct {
	next    http.RoundTripper
	timeout time.Duration
	clock   *dial
}

// RoundTrip makes one request.
func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if b, ok := r.Context().Value(budgetKey{}).(*budget); ok {
		if err := b.spend(); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), g.timeout)
	resp, err := g.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	g.clock.note(resp.Header)
	body := answer{&capped{resp.Body, maxAnswer}, resp.Body, cancel}
	if r.URL.RawQuery == "" && resp.StatusCode < 300 {
		body.Reader = io.LimitReader(resp.Body, store.MaxObject+1) // one more, so that it shows
	}
	resp.Body = body
	return resp, nil
}

// A capped reader fails after so many bytes.
type capped struct {
	r    io.Reader
	left int
}

// Read reads on.
func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errEndless
	}
	n, err := c.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// An answer is a body that ends its request when it is closed.
type answer struct {
	io.Reader
	body   io.Closer
	cancel context.CancelFunc
}

// Close ends the request.
func (a answer) Close() error {
	err := a.body.Close()
	a.cancel()
	return err
}

func isConflict(err error) bool {
	return err != nil && minio.ToErrorResponse(err).StatusCode == http.StatusConflict
}

// plain turns what the client library says into the errors of the contract. What a
// server says beside its code is left out: it may repeat what was sent to it.
func plain(err error) error {
	var resp minio.ErrorResponse
	switch {
	case err == nil, errors.Is(err, errOrder):
		return err
	case errors.As(err, &resp):
		return answered(resp)
	}
	return unanswered(err)
}

func answered(r minio.ErrorResponse) error {
	err := fmt.Errorf("server says %.60q (status %d)", r.Code, r.StatusCode)
	switch {
	case r.StatusCode == 0:
		return errors.New("the answer is not one of S3")
	case r.Code == "NoSuchBucket":
		return errors.New("there is no such bucket")
	case r.StatusCode == http.StatusPreconditionFailed || r.Code == "PreconditionFailed":
		return fs.ErrExist
	case r.Code == "NoSuchKey" || r.Code == "NotFound" || r.Code == "" && r.StatusCode == http.StatusNotFound:
		return fs.ErrNotExist
	case r.StatusCode == http.StatusInsufficientStorage || strings.Contains(r.Code, "Quota") || strings.HasSuffix(r.Code, "StorageFull"):
		return store.ErrNoSpace
	case r.StatusCode == http.StatusNotImplemented:
		return err
	case r.Code == "RequestTimeTooSkewed":
		return fmt.Errorf("%w: this machine's clock is wrong", err)
	case r.Code == "RequestTimeout" || r.Code == "SlowDown" || r.Code == "BadDigest":
		return &store.Temporary{Err: err}
	case r.Code == "ExpiredToken" || r.Code == "TokenRefreshRequired":
		return fmt.Errorf("%w: %w: the credentials have expired", fs.ErrPermission, err)
	case r.Code == "AuthorizationHeaderMalformed" || r.Code == "PermanentRedirect" || r.Code == "IllegalLocationConstraintException":
		return fmt.Errorf("%w: the bucket lies in another region", err)
	case r.StatusCode == http.StatusUnauthorized || r.Code == "InvalidAccessKeyId" || r.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%w: %w", fs.ErrPermission, err)
	case r.StatusCode == http.StatusConflict || r.StatusCode == http.StatusTooManyRequests || r.StatusCode == http.StatusRequestTimeout ||
		r.StatusCode == http.StatusLocked || r.StatusCode >= 500:
		return &store.Temporary{Err: err}
	}
	return err
}

// unanswered is for requests that got no answer, or one that could not be read.
func unanswered(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the address
	}
	var cert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var dns *net.DNSError
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &cert), errors.As(err, &unknown):
		return fmt.Errorf("the server's certificate is not to be trusted: %w", err)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("there is no such host: %w", err)
	case strings.HasPrefix(err.Error(), "Connection closed"): // the library's words, with the address
		return &store.Temporary{Err: errors.New("the connection was closed")}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF"):
		return &store.Temporary{Err: errors.New("the answer was cut short")}
	case errors.Is(err, errEndless), u == nil && !isNet(err):
		return err
	}
	return &store.Temporary{Err: err}
}

func isNet(err error) bool {
	var n net.Error
	return errors.As(err, &n)
}
