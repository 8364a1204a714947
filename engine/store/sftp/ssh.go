package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/dayfold/dayfold/engine/store"
)

// Options name a folder of another machine and say how to reach it. The host's key is
// always checked: it must be in one of the known_hosts files.
type Options struct {
	Host       string        // host or host:port, or a name that ssh's configuration gives to one
	User       string        // "": as ssh's configuration says, or the name in USER or LOGNAME
	Dir        string        // the folder, which must be there; relative to where the server puts the user
	Config     []string      // files of ssh's configuration; nil: ~/.ssh/config and /etc/ssh/ssh_config
	KeyFiles   []string      // private keys; nil: those of ssh's configuration, or of usual names in ~/.ssh
	Passphrase []byte        // opens key files that are locked
	NoAgent    bool          // do not ask the agent at SSH_AUTH_SOCK
	KnownHosts []string      // nil: those of ssh's configuration, or ~/.ssh/known_hosts, and /etc/ssh/ssh_known_hosts
	Timeout    time.Duration // of one call; zero: 5 minutes
}

// ParseURL reads "sftp://user@host:port/dir" (the folder is relative to where the server
// puts the user, and absolute after a second slash) or "sftp:user@host:dir".
func ParseURL(text string) (Options, error) {
	if !strings.HasPrefix(text, "sftp://") {
		at, dir, ok := strings.Cut(strings.TrimPrefix(text, "sftp:"), ":")
		user, host, named := strings.Cut(at, "@")
		if !named {
			user, host = "", at
		}
		if !ok || host == "" || strings.ContainsAny(host, "/@") {
			return Options{}, errors.New("not an SFTP address")
		}
		return Options{Host: host, User: user, Dir: orDot(dir)}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return Options{}, errors.New("not an SFTP address") // the text may hold a secret
	}
	if _, secret := u.User.Password(); secret {
		return Options{}, errors.New("an SFTP address holds no password")
	}
	return Options{Host: u.Host, User: u.User.Username(), Dir: orDot(strings.TrimPrefix(u.Path, "/"))}, nil
}

func orDot(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}

// String is the address, without credentials.
func (o Options) String() string {
	user := o.User
	if user != "" {
		user += "@"
	}
	return "sftp://" + user + o.Host + "/" + o.Dir
}

// GoString is String, so that no printer shows a passphrase.
func (o Options) GoString() string { return o.String() }

// Open connects to what opt names.
func Open(ctx context.Context, opt Options) (*Store, error) {
	if opt.Dir == "" {
		opt.Dir = "."
	}
	all := store.Capabilities{CreateIfAbsent: true, ConsistentList: true, Durable: true}
	return Over(ctx, opt.Dir, all, opt.Timeout, opt.dial)
}

// dial makes an SSH connection and starts the server's SFTP on it.
func (o Options) dial(ctx context.Context) (Link, error) {
	t, err := o.target()
	if err != nil {
		return Link{}, err
	}
	config, done, err := t.config()
	if err != nil {
		return Link{}, err
	}
	defer done()
	raw, err := (&net.Dialer{Timeout: 15 * time.Second}).DialContext(ctx, "tcp", t.address)
	if err != nil {
		return Link{}, &store.Temporary{Err: err}
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	raw.SetDeadline(time.Now().Add(30 * time.Second))
	conn, channels, requests, err := ssh.NewClientConn(raw, t.known, config)
	if err != nil {
		raw.Close()
		return Link{}, refusal(err)
	}
	raw.SetDeadline(time.Time{})
	client := ssh.NewClient(conn, channels, requests)
	link, err := subsystem(client)
	if err != nil {
		client.Close()
		return Link{}, &store.Temporary{Err: err}
	}
	return link, nil
}

func subsystem(client *ssh.Client) (Link, error) {
	session, err := client.NewSession()
	if err != nil {
		return Link{}, err
	}
	out, err := session.StdinPipe()
	if err != nil {
		return Link{}, err
	}
	in, err := session.StdoutPipe()
	if err != nil {
		return Link{}, err
	}
	if err := session.RequestSubsystem("sftp"); err != nil {
		return Link{}, err
	}
	return Link{In: in, Out: out, Close: client.Close}, nil
}

// refusal is the error for a handshake that failed.
func refusal(err error) error {
	var key *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	switch {
	case errors.As(err, &key) && len(key.Want) > 0:
		return errors.New("the host's key is another than the known one")
	case errors.As(err, &key):
		return errors.New("the host's key is not known")
	case errors.As(err, &revoked):
		return errors.New("the host's key is revoked")
	case strings.Contains(err.Error(), "unable to authenticate"):
		return fmt.Errorf("%w: the server accepts none of the keys", fs.ErrPermission)
	}
	return &store.Temporary{Err: err}
}
