//go:build servers

package sftp_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/sftp"
	"github.com/dayfold/dayfold/engine/store/storetest"
)

// address is where `.ci/servers.d/start` put the server, and the folder of its keys: their
// absence is a failure.
func address(t *testing.T) (opt sftp.Options, keys string) {
	t.Helper()
	url, keys := os.Getenv("DAYFOLD_TEST_SFTP"), os.Getenv("DAYFOLD_TEST_SFTP_DIR")
	if url == "" || keys == "" {
		t.Fatal("DAYFOLD_TEST_SFTP is not set: see .ci/servers.d/start")
	}
	opt, err := sftp.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	opt.NoAgent = true
	opt.KeyFiles = []string{filepath.Join(keys, "id")}
	opt.KnownHosts = []string{filepath.Join(keys, "known_hosts")}
	return opt, keys
}

func real(t *testing.T, opt sftp.Options) *sftp.Store {
	t.Helper()
	s, err := sftp.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// folder makes a folder of its own, on this machine, where the server is.
func folder(t *testing.T) sftp.Options {
	opt, _ := address(t)
	opt.Dir += "/t-" + strings.ToLower(rand.Text())
	if err := os.Mkdir(opt.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return opt
}

func TestServer(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s := real(t, folder(t))
		if got := s.Capabilities(); got != all {
			t.Errorf("capabilities %+v", got)
		}
		return s
	})
}

// Several connections are as good as several machines.
func TestConnectionsRace(t *testing.T) {
	opt := folder(t)
	var stores []*sftp.Store
	for range 4 {
		stores = append(stores, real(t, opt))
	}
	for range 10 {
		name := "gc/fence/" + strings.ToLower(rand.Text())
		var wg sync.WaitGroup
		var errs [16]error
		for w := range errs {
			wg.Go(func() { errs[w] = stores[w%4].Put(t.Context(), name, []byte{byte(w)}) })
		}
		wg.Wait()
		winner, winners := 0, 0
		for w, err := range errs {
			if err == nil {
				winner, winners = w, winners+1
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		}
		got, err := stores[0].Get(t.Context(), name, 0, -1)
		if winners != 1 || err != nil || got[0] != byte(winner) {
			t.Errorf("%d winners, then get says %v, %v", winners, got, err)
		}
	}
}

func TestKeys(t *testing.T) {
	good, keys := address(t)
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(other)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	host := strings.Fields(read(t, good.KnownHosts[0]))[0]
	block, err := ssh.MarshalPrivateKey(other, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*sftp.Options)
		want   string // "": it opens
	}{
		{"sound", func(*sftp.Options) {}, ""},
		{"host unknown", func(o *sftp.Options) { o.KnownHosts = []string{write("known", "")} }, "the host's key is not known"},
		{"host changed", func(o *sftp.Options) {
			o.KnownHosts = []string{write("known", host+" "+string(ssh.MarshalAuthorizedKey(signer.PublicKey())))}
		}, "another than the known one"},
		{"locked key", func(o *sftp.Options) {
			o.KeyFiles, o.Passphrase = []string{filepath.Join(keys, "id-locked")}, []byte("a passphrase")
		}, ""},
		{"locked key, no passphrase", func(o *sftp.Options) { o.KeyFiles = []string{filepath.Join(keys, "id-locked")} }, "open private key"},
		{"locked key, wrong passphrase", func(o *sftp.Options) {
			o.KeyFiles, o.Passphrase = []string{filepath.Join(keys, "id-locked")}, []byte("wrong-secret")
		}, "open private key"},
		{"key not accepted", func(o *sftp.Options) { o.KeyFiles = []string{write("id", string(pem.EncodeToMemory(block)))} }, "accepts none"},
		{"no key", func(o *sftp.Options) { o.KeyFiles = []string{} }, "no private key"},
		{"no folder", func(o *sftp.Options) { o.Dir += "/none" }, "not there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			opt := good
			c.change(&opt)
			s, err := sftp.Open(t.Context(), opt)
			if err == nil {
				s.Close()
			}
			if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || store.IsTemporary(err) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
