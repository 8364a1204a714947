package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/dayfold/dayfold/engine/store"
)

// Options name a folder of another machine and say how to reach it. The host's key is
// always checked: it must be in one of the known_hosts files.
type Options struct {
	Host       string        // host or host:port
	User       string        // "": the name in USER or LOGNAME
	Dir        string        // the folder, which must be there; relative to where the server puts the user
	KeyFiles   []string      // private keys; nil: those of usual names in ~/.ssh
	Passphrase []byte        // opens key files that are locked
	NoAgent    bool          // do not ask the agent at SSH_AUTH_SOCK
	KnownHosts []string      // nil: ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts
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
	address := o.Host
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(strings.Trim(address, "[]"), "22")
	}
	config, done, err := o.config(address)
	if err != nil {
		return Link{}, err
	}
	defer done()
	raw, err := (&net.Dialer{Timeout: 15 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return Link{}, &store.Temporary{Err: err}
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	raw.SetDeadline(time.Now().Add(30 * time.Second))
	conn, channels, requests, err := ssh.NewClientConn(raw, address, config)
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

// config is what the handshake needs; done is to be called after it.
func (o Options) config(address string) (config *ssh.ClientConfig, done func(), err error) {
	hosts, err := knownhosts.New(o.knownHosts()...)
	if err != nil {
		return nil, nil, fmt.Errorf("read known hosts: %w", err)
	}
	user := o.User
	for _, env := range []string{"USER", "LOGNAME"} {
		if user == "" {
			user = os.Getenv(env)
		}
	}
	done = func() {}
	var auth []ssh.AuthMethod
	if socket := os.Getenv("SSH_AUTH_SOCK"); socket != "" && !o.NoAgent {
		if c, err := net.Dial("unix", socket); err == nil {
			auth = append(auth, ssh.PublicKeysCallback(agent.NewClient(c).Signers))
			done = func() { c.Close() }
		}
	}
	signers, err := o.signers()
	if err == nil && len(signers) > 0 {
		auth = append(auth, ssh.PublicKeys(signers...))
	} else if err == nil && auth == nil {
		err = fmt.Errorf("%w: there is no agent and no private key", fs.ErrPermission)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return &ssh.ClientConfig{User: user, Auth: auth, HostKeyCallback: hosts, HostKeyAlgorithms: algorithms(hosts, address)}, done, nil
}

func (o Options) knownHosts() []string {
	if o.KnownHosts != nil {
		return o.KnownHosts
	}
	files := []string{"/etc/ssh/ssh_known_hosts"}
	if home, err := os.UserHomeDir(); err == nil {
		files = append(files, filepath.Join(home, ".ssh", "known_hosts"))
	}
	var there []string
	for _, f := range files {
		if _, err := os.Stat(f); err == nil {
			there = append(there, f)
		}
	}
	return there
}

// signers are the private keys. A key file of a usual name that is locked is passed over
// without a passphrase; one that was asked for is an error.
func (o Options) signers() ([]ssh.Signer, error) {
	files, asked := o.KeyFiles, true
	if files == nil {
		asked = false
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, nil
		}
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			files = append(files, filepath.Join(home, ".ssh", name))
		}
	}
	var signers []ssh.Signer
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			if asked {
				return nil, fmt.Errorf("read private key: %w", err)
			}
			continue
		}
		signer, err := ssh.ParsePrivateKey(text)
		var locked *ssh.PassphraseMissingError
		if errors.As(err, &locked) && len(o.Passphrase) > 0 {
			signer, err = ssh.ParsePrivateKeyWithPassphrase(text, o.Passphrase)
		}
		if err == nil {
			signers = append(signers, signer)
		} else if asked {
			return nil, fmt.Errorf("open private key: %w", err)
		}
	}
	return signers, nil
}

// algorithms are those of the keys that are known for a host, so that it shows one of
// them; nil, for any, if none is.
func algorithms(hosts ssh.HostKeyCallback, address string) []string {
	var known *knownhosts.KeyError
	if err := hosts(address, &net.TCPAddr{IP: net.IPv4zero}, noKey{}); !errors.As(err, &known) {
		return nil
	}
	var names []string
	for _, k := range known.Want {
		if t := k.Key.Type(); t == ssh.KeyAlgoRSA {
			names = append(names, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512)
		} else {
			names = append(names, t)
		}
	}
	return names
}

// noKey is a key that no host has.
type noKey struct{}

// Type is none.
func (noKey) Type() string { return "none" }

// Marshal is nothing.
func (noKey) Marshal() []byte { return nil }

// Verify fails.
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }
