package sftp

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

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
