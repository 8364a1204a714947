package sftp

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// A target is what Options name, with what ssh's own configuration says about the host
// where they are silent: HostName, Port, User, IdentityFile, IdentitiesOnly, IdentityAgent,
// UserKnownHostsFile and HostKeyAlias. Its other settings are about people's sessions, or
// would weaken the check of the host's key.
type target struct {
	Options
	address string // to connect to, host:port
	known   string // the host:port that known_hosts files know its key by
	agent   string // socket of the agent; "": none
	spare   bool   // key files that cannot be used are passed over
	chosen  bool   // the agent is asked only for keys that the key files name
}

// settings are ssh's configuration of one host: what is said first, counts.
type settings struct {
	files []*ssh_config.Config
	alias string
}

// target reads the configuration.
func (o Options) target() (target, error) {
	alias, port, err := net.SplitHostPort(o.Host)
	if err != nil {
		alias, port = strings.Trim(o.Host, "[]"), ""
	}
	s := settings{alias: alias}
	if s.files, err = o.readConfig(); err != nil {
		return target{}, err
	}
	if s.first("ProxyJump", "none") != "none" || s.first("ProxyCommand", "none") != "none" {
		return target{}, errors.New("ssh's configuration reaches the host by way of another (ProxyJump or ProxyCommand), which this does not do")
	}
	t := target{Options: o, agent: os.Getenv("SSH_AUTH_SOCK")}
	host := strings.NewReplacer("%h", alias, "%%", "%").Replace(s.first("HostName", alias))
	if port == "" {
		port = s.first("Port", "22")
	}
	t.address = net.JoinHostPort(host, port)
	t.known = t.address
	if name := s.first("HostKeyAlias", ""); name != "" {
		t.known = net.JoinHostPort(name, "22")
	}
	if t.User == "" {
		t.User = s.first("User", firstOf(os.Getenv("USER"), os.Getenv("LOGNAME")))
	}
	expand := s.expander(host, port, t.User)
	if files := s.all("IdentityFile"); t.KeyFiles == nil && files != nil {
		t.KeyFiles, t.spare = expand(files...), true
	} else if t.KeyFiles == nil {
		t.KeyFiles, t.spare = expand("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"), true
	}
	t.chosen = strings.EqualFold(s.first("IdentitiesOnly", "no"), "yes")
	switch socket := s.first("IdentityAgent", "SSH_AUTH_SOCK"); {
	case t.NoAgent || socket == "none":
		t.agent = ""
	case strings.HasPrefix(socket, "$"):
		t.agent = os.Getenv(strings.Trim(socket, "${}"))
	case socket != "SSH_AUTH_SOCK":
		t.agent = expand(socket)[0]
	}
	if t.KnownHosts == nil {
		named := strings.Fields(s.first("UserKnownHostsFile", "~/.ssh/known_hosts ~/.ssh/known_hosts2"))
		t.KnownHosts = there(append(expand(named...), "/etc/ssh/ssh_known_hosts"))
	}
	return t, nil
}

func firstOf(values ...string) string {
	i := slices.IndexFunc(values, func(v string) bool { return v != "" })
	if i < 0 {
		return ""
	}
	return values[i]
}

// readConfig reads the files of o; those of ssh that are there if o names none.
func (o Options) readConfig() (read []*ssh_config.Config, err error) {
	files := o.Config
	if files == nil {
		files = []string{"/etc/ssh/ssh_config"}
		if home, err := os.UserHomeDir(); err == nil {
			files = []string{filepath.Join(home, ".ssh", "config"), files[0]}
		}
		files = there(files)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read ssh's configuration: %v", err) // not that the store is not there
		}
		c, err := ssh_config.DecodeBytes(text)
		if err != nil {
			return nil, fmt.Errorf("read ssh's configuration %s: %w", name, err)
		}
		read = append(read, c)
	}
	return read, nil
}

// there are those of the files that are there.
func there(files []string) []string {
	return slices.DeleteFunc(files, func(name string) bool {
		_, err := os.Stat(name)
		return errors.Is(err, fs.ErrNotExist)
	})
}

// all are the values of a setting, in order.
func (s settings) all(key string) (values []string) {
	for _, f := range s.files {
		more, _ := f.GetAll(s.alias, key) // fails for no file that was decoded
		values = append(values, more...)
	}
	for i := range values {
		values[i] = strings.Trim(values[i], `"`)
	}
	return values
}

// first is the value of a setting that counts.
func (s settings) first(key, otherwise string) string {
	if values := s.all(key); len(values) > 0 {
		return values[0]
	}
	return otherwise
}

// expander fills what names of files may hold: the user's home, and ssh's tokens.
func (s settings) expander(host, port, user string) func(...string) []string {
	home, _ := os.UserHomeDir()
	tokens := strings.NewReplacer("%%", "%", "%d", home, "%h", host, "%n", s.alias, "%p", port, "%r", user,
		"%u", firstOf(os.Getenv("USER"), os.Getenv("LOGNAME")))
	return func(names ...string) []string {
		full := make([]string, len(names))
		for i, n := range names {
			if below, ok := strings.CutPrefix(n, "~/"); ok {
				n = filepath.Join(home, below)
			}
			full[i] = tokens.Replace(n)
		}
		return full
	}
}
