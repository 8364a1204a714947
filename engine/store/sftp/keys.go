package sftp

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// config is what the handshake needs; done is to be called after it.
func (t target) config() (config *ssh.ClientConfig, done func(), err error) {
	hosts, err := knownhosts.New(t.KnownHosts...)
	if err != nil {
		return nil, nil, fmt.Errorf("read known hosts: %w", err)
	}
	done = func() {}
	var auth []ssh.AuthMethod
	if t.agent != "" {
		if c, err := net.Dial("unix", t.agent); err == nil {
			auth = append(auth, ssh.PublicKeysCallback(func() ([]ssh.Signer, error) { return t.agreed(agent.NewClient(c)) }))
			done = func() { c.Close() }
		}
	}
	signers, err := t.signers()
	if err == nil && len(signers) > 0 {
		auth = append(auth, ssh.PublicKeys(signers...))
	} else if err == nil && auth == nil {
		err = fmt.Errorf("%w: there is no agent and no private key", fs.ErrPermission)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return &ssh.ClientConfig{User: t.User, Auth: auth, HostKeyCallback: hosts, HostKeyAlgorithms: algorithms(hosts, t.known)}, done, nil
}

// agreed are the keys of the agent that may be shown.
func (t target) agreed(a agent.ExtendedAgent) ([]ssh.Signer, error) {
	signers, err := a.Signers()
	if err != nil || !t.chosen {
		return signers, err
	}
	named := map[string]bool{}
	for _, file := range t.KeyFiles {
		text, err := os.ReadFile(strings.TrimSuffix(file, ".pub") + ".pub")
		if err != nil {
			continue
		}
		if key, _, _, _, err := ssh.ParseAuthorizedKey(text); err == nil {
			named[string(key.Marshal())] = true
		}
	}
	return slices.DeleteFunc(signers, func(s ssh.Signer) bool { return !named[string(s.PublicKey().Marshal())] }), nil
}

// signers are the private keys.
func (t target) signers() ([]ssh.Signer, error) {
	var signers []ssh.Signer
	for _, file := range t.KeyFiles {
		text, err := os.ReadFile(file)
		if err != nil {
			if !t.spare {
				return nil, fmt.Errorf("read private key: %v", err) // not that the store is not there
			}
			continue
		}
		signer, err := ssh.ParsePrivateKey(text)
		var locked *ssh.PassphraseMissingError
		if errors.As(err, &locked) && len(t.Passphrase) > 0 {
			signer, err = ssh.ParsePrivateKeyWithPassphrase(text, t.Passphrase)
		}
		if err == nil {
			signers = append(signers, signer)
		} else if !t.spare {
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
