package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/dayfold/dayfold/pack/seal"
)

// rotateKey gives the archive a new recovery key. The new key is on the disk, or shown,
// before the old one stops to open anything.
func (c *cli) rotateKey(ctx context.Context) error {
	a, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	old, err := a.Slots(ctx)
	if err != nil {
		return err
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	file, err := c.replaceable(a)
	if err != nil {
		return err
	}
	if file != "" {
		if err := keepKey(file+".new", key); err != nil {
			return fmt.Errorf("new key file: %w", err)
		}
	}
	id, err := a.AddSlot(ctx, a.secret, key)
	if err != nil {
		os.Remove(file + ".new")
		return err
	}
	if err := c.replaceKey(a, file, id); err != nil {
		return fmt.Errorf("the new key is in %s.new, and the old one still works: %w", visible(file), err)
	}
	made := creation{"summary", c.place(), a.ID(), key.Reveal(), file, nil, key.Groups()}
	c.print("new %s", made.keyText())
	if err := c.emit(keySummary{"summary", a.ID(), made.Key, file, id}); err != nil {
		return err
	}
	for _, s := range old {
		if s.Kind == "recovery" {
			if err := a.RemoveSlot(ctx, s.ID); err != nil {
				return fmt.Errorf("the old key still works: %w", err)
			}
		}
	}
	c.tell("The old key opens nothing any more, but for copies of the store made before.\n")
	return nil
}

// replaceable is the key file, if the archive was opened with what it holds or if it
// does not exist yet; "" if it holds the key of something else.
func (c *cli) replaceable(a *archive) (string, error) {
	held, err := c.keyFromFile()
	if errors.Is(err, fs.ErrNotExist) || err == nil && sameKey(held, a.secret) {
		return c.keyFile, nil
	}
	if err == nil {
		c.say("%s holds another key and is left alone", visible(c.keyFile))
	}
	return "", err
}

func sameKey(a, b seal.Secret) bool {
	x, ok := a.(seal.RecoveryKey)
	y, ok2 := b.(seal.RecoveryKey)
	return ok && ok2 && x.Reveal() == y.Reveal()
}

// replaceKey puts the new key file in the place of the old one. The old key stays beside
// it, for it may open another archive, or an old copy of this one.
func (c *cli) replaceKey(a *archive, file, slot string) error {
	if file == "" {
		return nil
	}
	if held, err := c.keyFromFile(); err == nil && sameKey(held, a.secret) {
		if err := keepKey(file+".old-"+slot[:shortID], a.secret.(seal.RecoveryKey)); err != nil {
			return err
		}
	}
	return os.Rename(file+".new", file)
}
