package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/zalando/go-keyring"
)

// ringService is the name under which the keyring keeps what is ours: for each place what
// it wants to see.
const ringService = "dayfold"

// ringName is the place in the keyring.
func (c *cli) ringName() string { return strings.TrimSuffix(shownURL(c.repo), "/") }

// haveKeyring says whether there may be a keyring: on Linux it is a service of a session,
// which must not be started for the sake of the question.
func haveKeyring() bool {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" || os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	_, err := os.Stat(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "bus"))
	return err == nil && os.Getenv("XDG_RUNTIME_DIR") != ""
}

// fromKeyring is what the keyring of this session has for the place; nothing if it has
// none, or if there is no keyring.
func (c *cli) fromKeyring() (l login, err error) {
	if !haveKeyring() {
		return login{}, nil
	}
	text, err := keyring.Get(ringService, c.ringName())
	if err == nil && json.Unmarshal([]byte(text), &l) != nil {
		return login{}, fmt.Errorf("the keyring has something else for %s", c.ringName())
	}
	if err != nil && !errors.Is(err, keyring.ErrNotFound) && c.verbose {
		c.say("keyring: %v; going on without", err)
	}
	return l, nil
}

// hasSecret are the places that can want to see something.
var hasSecret = map[string]bool{"s3": true, "webdav": true, "sftp": true}

func (c *cli) loginCommand() *cobra.Command {
	var user, file string
	cmd := &cobra.Command{
		Use: "login [URL]", Args: misuse(cobra.MaximumNArgs(1)),
		Short: "Keep what a store wants to see in the keyring of this machine",
		Long: `Asks for the user and the password of a WebDAV server, the access key and secret key of an
S3 bucket, or the passphrase of the key files for SFTP, and keeps them in the keyring (the
Secret Service on Linux, the Keychain, the Credential Manager). Commands look there last:
the environment, AWS's shared files, the netrc file and ssh's agent come before.`,
		Example: `  dayfold store login webdav:https://cloud.example.org/remote.php/dav/files/me/dayfold`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				c.repo = args[0]
			}
			return c.login(cmd.Context(), user, file)
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "`NAME` of the user, or the access key")
	cmd.Flags().StringVar(&file, "secret-file", "", "`FILE` with the password; - is stdin")
	return cmd
}

func (c *cli) login(ctx context.Context, user, file string) (err error) {
	s, _, err := parseURL(c.repo)
	switch {
	case err != nil:
		return err
	case !hasSecret[s.name]:
		return misused("%s: such a place wants to see nothing of ours", c.place())
	case !haveKeyring():
		return fmt.Errorf("there is no keyring in this session")
	}
	l := login{User: user}
	if l.User == "" && s.name != "sftp" {
		if l.User, err = c.ask(ctx, "User or access key: "); err != nil {
			return misused("no user: give --user")
		}
	}
	if file != "" {
		l.Secret, err = readSecret(file)
	} else if l.Secret, err = c.ask(ctx, "Password, secret key or passphrase: "); errors.Is(err, errNobody) {
		err = misused("no password: give --secret-file")
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := keyring.Set(ringService, c.ringName(), string(text)); err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	c.tell("kept for %s\n", c.ringName())
	return nil
}

func (c *cli) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout [URL]", Args: misuse(cobra.MaximumNArgs(1)),
		Short: "Remove from the keyring what \"store login\" put there",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				c.repo = args[0]
			}
			if !haveKeyring() {
				return fmt.Errorf("there is no keyring in this session")
			}
			if err := keyring.Delete(ringService, c.ringName()); err != nil {
				return fmt.Errorf("keyring: %w", err)
			}
			return nil
		},
	}
}
