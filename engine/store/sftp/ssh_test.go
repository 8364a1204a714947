package sftp_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	wire "github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/sftp"
)

func newKey(t *testing.T) (ed25519.PrivateKey, ssh.Signer) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, signer
}

func line(k ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k))) }

// daemon is an SSH server in this process that lets one user with one key at its files.
// It says how many keys each connection was shown.
type daemon struct {
	address string
	mu      sync.Mutex
	shown   int
}

func serveSSH(t *testing.T, host ssh.Signer, user string, key ssh.PublicKey) *daemon {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{address: l.Addr().String()}
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		d.mu.Lock()
		d.shown++
		d.mu.Unlock()
		if c.User() != user || line(k) != line(key) {
			return nil, fmt.Errorf("not this one")
		}
		return nil, nil
	}}
	config.AddHostKey(host)
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { session(c, config) })
		}
	})
	return d
}

// session serves one connection: a channel on which SFTP is asked for.
func session(c net.Conn, config *ssh.ServerConfig) {
	defer c.Close()
	_, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for ch := range channels {
		channel, requests, err := ch.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				r.Reply(r.Type == "subsystem", nil)
			}
		}()
		if srv, err := wire.NewServer(channel); err == nil {
			go srv.Serve()
		}
	}
}

// serveAgent is an agent with these keys, at a socket whose name is returned.
func serveAgent(t *testing.T, keys ...ed25519.PrivateKey) string {
	t.Helper()
	ring := agent.NewKeyring()
	for _, k := range keys {
		if err := ring.Add(agent.AddedKey{PrivateKey: k}); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "agent") // the name of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { agent.ServeAgent(ring, c); c.Close() }()
		}
	}()
	return l.Addr().String()
}

// What ssh's own configuration says about a host holds here, and the host's key is
// checked whatever it says.
func TestConfiguration(t *testing.T) {
	_, host := newKey(t)
	key, signer := newKey(t)
	other, otherSigner := newKey(t)
	d := serveSSH(t, host, "me", signer.PublicKey())
	_, port, err := net.SplitHostPort(d.address)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USER", "somebody")
	t.Setenv("SSH_AUTH_SOCK", serveAgent(t, other, key))
	write := func(name, text string) string {
		file := filepath.Join(home, ".ssh", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for name, k := range map[string]ed25519.PrivateKey{"mine": key, "other": other} {
		block, err := ssh.MarshalPrivateKey(k, "")
		if err != nil {
			t.Fatal(err)
		}
		write(name, string(pem.EncodeToMemory(block)))
	}
	write("mine.pub", line(signer.PublicKey()))
	write("known_hosts", "["+"127.0.0.1]:"+port+" "+line(host.PublicKey())+"\n")
	write("changed", "nas-key "+line(otherSigner.PublicKey())+"\n")
	write("renamed", "nas-key "+line(host.PublicKey())+"\n")
	reach := "Host nas\n HostName 127.0.0.1\n Port " + port + "\n User me\n"
	for _, c := range []struct {
		name, config string
		change       func(*sftp.Options)
		want         string // "": it opens
		shown        int    // keys at most
	}{
		{"agent", reach, nil, "", 2},
		{"first counts", reach + " IdentityAgent none\n IdentityFile ~/.ssh/mine\nHost *\n User other\n Port 1\n", nil, "", 1},
		{"tokens", "Host 127.0.0.*\n HostName %h\n", func(o *sftp.Options) { o.Host, o.User = d.address, "me" }, "", 2},
		{"the key of a file that is named, of all the agent's", reach + " IdentitiesOnly yes\n IdentityFile ~/.ssh/mine\n", nil, "", 1},
		{"its public half", reach + " IdentitiesOnly yes\n IdentityFile %d/.ssh/mine.pub\n", nil, "", 1},
		{"a key that is not accepted", reach + " IdentityAgent none\n IdentityFile ~/.ssh/other\n", nil, "accepts none", 1},
		{"a key file that is not there", reach + " IdentityAgent none\n IdentityFile ~/.ssh/none\n", nil, "no private key", 0},
		{"another agent", reach + " IdentityAgent ~/.ssh/socket\n IdentityFile ~/.ssh/mine\n", nil, "", 1},
		{"the agent of a variable", reach + " IdentityAgent ${SSH_AUTH_SOCK}\n", nil, "", 2},
		{"not the agent", reach, func(o *sftp.Options) { o.NoAgent = true }, "no private key", 0},
		{"the user of the URL", reach, func(o *sftp.Options) { o.User = "other" }, "accepts none", 3},
		{"alias of the key", reach + " HostKeyAlias nas-key\n UserKnownHostsFile ~/.ssh/renamed\n", nil, "", 2},
		{"alias of a key that is not known", reach + " HostKeyAlias nas-key\n", nil, "is not known", 0},
		{"key changed", reach + " HostKeyAlias nas-key\n UserKnownHostsFile ~/.ssh/changed\n StrictHostKeyChecking no\n", nil, "another than the known one", 0},
		{"known nowhere", reach + " UserKnownHostsFile /dev/null\n StrictHostKeyChecking no\n", nil, "is not known", 0},
		{"by way of another", reach + " ProxyJump gate\n", nil, "by way of another", 0},
		{"by way of a command", reach + " ProxyCommand nc %h %p\n", nil, "by way of another", 0},
		{"by no way", reach + " ProxyJump none\n", nil, "", 2},
		{"a condition that is a command", "Match exec true\n Port 1\n" + reach, nil, "Match Exec is not supported", 0},
		{"no configuration", reach, func(o *sftp.Options) { o.Config, o.Host, o.User = []string{}, d.address, "me" }, "", 2},
		{"another file", "nonsense", func(o *sftp.Options) { o.Config = []string{write("more", reach)} }, "", 2},
		{"a file that is not there", reach, func(o *sftp.Options) { o.Config = []string{"none"} }, "read ssh's configuration", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			write("config", c.config)
			opt := sftp.Options{Host: "nas", Dir: t.TempDir()}
			if c.change != nil {
				c.change(&opt)
			}
			d.mu.Lock()
			d.shown = 0
			d.mu.Unlock()
			s, err := sftp.Open(t.Context(), opt)
			if err == nil {
				err = s.Put(t.Context(), "config", []byte("x"))
				s.Close()
			}
			if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || store.IsTemporary(err)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.shown > c.shown {
				t.Errorf("%d keys were shown, want %d at most", d.shown, c.shown)
			}
		})
	}
}
