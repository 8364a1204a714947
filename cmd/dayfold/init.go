package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/pack/seal"
)

func (c *cli) initCommand() *cobra.Command {
	var strict, hideExpiry bool
	cmd := &cobra.Command{
		Use: "init", GroupID: "work", Args: misuse(cobra.NoArgs),
		Short: "Create an archive and its recovery key",
		Long: `Creates an archive in the place that --repo names, prints its recovery key once and
writes it to the key file. Whoever has the key and the store can read everything;
without the key nobody can. Write it down and keep it away from this machine.

If the key file, or $` + keyVariable + `, holds a key already, the archive gets that key.`,
		Example: `  dayfold init --repo /mnt/disk/archive
  dayfold init --repo /mnt/disk/archive --key-file ~/keys/disk`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			made, a, err := c.initialize(cmd.Context(), strict, hideExpiry)
			if err != nil {
				return err
			}
			defer a.Close()
			return c.announce(made)
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "deduplicate received items within their conversation only")
	cmd.Flags().BoolVar(&hideExpiry, "hide-expiry", false, "store expiring items among the permanent ones")
	return cmd
}

// A creation is an archive that was made.
type creation struct {
	Type string `json:"message_type"`
	Repo string `json:"repo"`
	ID   string `json:"archive_id"`
	Key  string `json:"recovery_key"`
	File string `json:"key_file,omitempty"` // where the key was written
	*storeLine

	groups string
}

// initialize makes an archive. Its key lies in the key file before anything is sealed
// with it.
func (c *cli) initialize(ctx context.Context, strict, hideExpiry bool) (*creation, *archive, error) {
	key, file, fresh, err := c.keyForNew()
	if err != nil {
		return nil, nil, err
	}
	a, err := c.create(ctx, key, strict, hideExpiry)
	if err != nil {
		if errors.Is(err, fs.ErrExist) && fresh {
			os.Remove(c.keyFile) // it opens nothing
		}
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%s: there is an archive already", c.place())
		}
		return nil, nil, err
	}
	probed := a.Probed()
	c.cautions(&probed)
	return &creation{"summary", c.place(), a.ID(), key.Reveal(), file, storeLineOf(&probed), key.Groups()}, a, nil
}

// keyForNew is the key of a new archive: the one that is given, else a new one, which
// it writes to the key file. file is where it lies; "" if it came by the environment.
func (c *cli) keyForNew() (key seal.RecoveryKey, file string, fresh bool, err error) {
	given, err := c.givenSecret()
	var misuse *exitError
	if err == nil {
		key, ok := given.(seal.RecoveryKey)
		if !ok {
			return key, "", false, misused("an archive begins with a recovery key; \"dayfold key add-passphrase\" comes later")
		}
		if _, err := os.Stat(c.keyFile); err == nil && os.Getenv(keyVariable) == "" {
			file = c.keyFile
		}
		return key, file, false, nil
	}
	if !errors.Is(err, errNoKey) && !errors.As(err, &misuse) {
		return key, "", false, err
	}
	if key, err = newKey(); err != nil {
		return key, "", false, err
	}
	if err := keepKey(c.keyFile, key); err != nil {
		return key, "", false, fmt.Errorf("key file: %w", err)
	}
	return key, c.keyFile, true, nil
}

// announce prints a new archive's key.
func (c *cli) announce(made *creation) error {
	c.print("created archive %s in %s\n\n%s\n", made.ID[:8], made.Repo, made.keyText())
	return c.emit(made)
}

// keyText is the key as people are to keep it.
func (m *creation) keyText() string {
	text := "recovery key:\n\n" + fourLines(m.groups) + "\nWrite it down and keep it away from this machine: without it nobody can read the archive.\n"
	if m.File != "" {
		text += "It is also in " + visible(m.File) + ".\n"
	}
	return text
}

// fourLines breaks the 16 groups of a key into 4 lines.
func fourLines(groups string) string {
	const line = 4 * 5
	text := ""
	for ; len(groups) > line; groups = groups[line:] {
		text += "    " + groups[:line-1] + "\n"
	}
	return text + "    " + groups + "\n"
}
