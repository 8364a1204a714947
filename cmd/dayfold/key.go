package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/pack/seal"
)

// A keySummary is what JSON says of the key commands.
type keySummary struct {
	Type string `json:"message_type"`
	ID   string `json:"archive_id,omitempty"`
	Key  string `json:"recovery_key,omitempty"`
	File string `json:"key_file,omitempty"`
	Slot string `json:"slot,omitempty"`
}

func (c *cli) keyCommand() *cobra.Command {
	key := &cobra.Command{
		Use: "key", GroupID: "care", Args: misuse(cobra.NoArgs),
		Short: "Show, check and change what opens the archive",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return misused("key what? There are show, verify, rotate, list, add-passphrase, remove")
		},
	}
	passphrase := ""
	add := c.keyVerb("add-passphrase", "Let a passphrase open the archive as well", func(ctx context.Context, _ []string) error {
		return c.addPassphrase(ctx, passphrase)
	})
	add.Flags().StringVar(&passphrase, "passphrase-file", "", "`FILE` with the passphrase, - for stdin; asked for on a terminal")
	remove := c.keyVerb("remove ID", "Take one way to open the archive away", func(ctx context.Context, args []string) error { return c.removeKey(ctx, args[0]) })
	remove.Args = misuse(cobra.ExactArgs(1))
	key.AddCommand(
		c.keyVerb("show", "Print the recovery key that this machine has", func(context.Context, []string) error { return c.showKey() }),
		c.keyVerb("verify", "Check that a recovery key opens the archive; on a terminal, the one that you type", func(ctx context.Context, _ []string) error { return c.verifyKey(ctx) }),
		c.keyVerb("rotate", "Replace the recovery key by a new one", func(ctx context.Context, _ []string) error { return c.rotateKey(ctx) }),
		c.keyVerb("list", "List the ways to open the archive", func(ctx context.Context, _ []string) error { return c.listKeys(ctx) }),
		add, remove,
	)
	return key
}

func (c *cli) keyVerb(use, short string, do func(context.Context, []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: misuse(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, args []string) error { return do(cmd.Context(), args) }}
}

func (c *cli) showKey() error {
	given, err := c.givenSecret()
	if err != nil {
		return err
	}
	key, ok := given.(seal.RecoveryKey)
	if !ok {
		return misused("a passphrase is given, not a recovery key")
	}
	c.print("%s", fourLines(key.Groups()))
	return c.emit(keySummary{Type: "summary", Key: key.Reveal()})
}

// verifyKey asks for the key, so that people can check what they wrote down.
func (c *cli) verifyKey(ctx context.Context) error {
	if c.asks() && !c.keyTyped {
		text, err := c.ask(ctx, "Recovery key, as you wrote it down: ")
		if err != nil {
			return err
		}
		if _, err := seal.ParseRecoveryKey(text); err != nil {
			return err
		}
		if err := os.Setenv(keyVariable, text); err != nil {
			return err
		}
	}
	a, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	c.tell("the key opens archive %s in %s\n", a.ID()[:shortID], c.place())
	return c.emit(keySummary{Type: "summary", ID: a.ID()})
}

func (c *cli) listKeys(ctx context.Context) error {
	a, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	slots, err := a.Slots(ctx)
	if err != nil {
		return err
	}
	for _, s := range slots {
		c.print("%s  %s\n", s.ID, s.Kind)
		if err := c.emit(struct {
			ID   string `json:"id"`
			Kind string `json:"kind"`
		}{s.ID, s.Kind}); err != nil {
			return err
		}
	}
	return nil
}

func (c *cli) addPassphrase(ctx context.Context, file string) error {
	a, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	var text string
	if file != "" {
		text, err = readSecret(file)
	} else if text, err = c.askTwice(ctx, "New passphrase: "); errors.Is(err, errNobody) {
		err = misused("give the passphrase with --passphrase-file")
	}
	if err != nil {
		return err
	}
	if len(text) < leastPassphrase {
		return misused("a passphrase needs at least %d characters", leastPassphrase)
	}
	id, err := a.AddSlot(ctx, a.secret, seal.NewPassphrase([]byte(text)))
	if err != nil {
		return err
	}
	c.tell("a passphrase opens the archive now as well (slot %s)\n", id)
	return c.emit(keySummary{Type: "summary", ID: a.ID(), Slot: id})
}

const leastPassphrase = 8

func (c *cli) removeKey(ctx context.Context, prefix string) error {
	a, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	slots, err := a.Slots(ctx)
	if err != nil {
		return err
	}
	slot, err := slotOf(slots, prefix)
	if err != nil {
		return err
	}
	if err := a.RemoveSlot(ctx, slot.ID); err != nil {
		return err
	}
	c.tell("removed slot %s (%s)\n", slot.ID, slot.Kind)
	return c.emit(keySummary{Type: "summary", ID: a.ID(), Slot: slot.ID})
}

// slotOf finds the slot whose ID begins with prefix.
func slotOf(slots []engine.Slot, prefix string) (found engine.Slot, err error) {
	n := 0
	for _, s := range slots {
		if len(prefix) >= 4 && len(prefix) <= len(s.ID) && s.ID[:len(prefix)] == prefix {
			found, n = s, n+1
		}
	}
	if n != 1 {
		return found, misused("%d slots have an ID that begins with %q: \"dayfold key list\" shows them", n, visible(prefix))
	}
	return found, nil
}
