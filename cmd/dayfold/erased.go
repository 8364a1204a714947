package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine/store"
)

const receiptUsage = "write a signed receipt, of the first place, to `FILE`: verify-erased checks it"

// writeReceipt writes a receipt where it was asked for. A dry run has none.
func writeReceipt(file string, receipt []byte) error {
	if file == "" || receipt == nil {
		return nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(receipt)
	return errors.Join(err, f.Close())
}

func (c *cli) verifyErasedCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify-erased ITEM|RECEIPT", GroupID: "care", Args: misuse(cobra.ExactArgs(1)),
		Short: "Look whether something is gone for good",
		Long: `Looks for an item, by its key, in every snapshot; or checks a receipt that erase or prune
has written: its signature, that no snapshot has the items, and that the packs are gone.
What the place itself keeps of deleted objects, in old versions or a trash, cannot be
seen from here: then it says so.`,
		Example: `  dayfold erase --group 4f0c --receipt erased.txt
  dayfold prune --max-unused 0
  dayfold verify-erased erased.txt`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.verifyErased(cmd.Context(), args[0]) },
	}
}

func (c *cli) verifyErased(ctx context.Context, what string) error {
	target := []byte(what)
	data, err := os.ReadFile(what)
	switch {
	case err == nil && bytes.HasPrefix(data, []byte("dayfold receipt")):
		target = data
	case errors.Is(err, fs.ErrPermission):
		return err
	} // else it is the key of an item
	a, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	r, err := a.VerifyErased(ctx, target)
	if err != nil {
		return err
	}
	found := []string{}
	for _, p := range r.Problems {
		found = append(found, visible(string(p.Key))+" "+p.Err.Error())
		c.tell("%s\n", found[len(found)-1])
	}
	if r.Items > 0 {
		c.tell("looked for %s in every snapshot\n", plural(r.Items, "item"))
	}
	if r.Packs > 0 {
		c.tell("looked for %s that had been deleted\n", plural(r.Packs, "pack"))
	}
	if r.Bytes > 0 {
		c.tell("%s of it lie there as ciphertext that nothing opens: \"dayfold prune --max-unused 0\" deletes it\n", bytesOf(r.Bytes))
	}
	switch r.Kept {
	case store.Yes:
		c.tell("the place keeps what is deleted, in old versions or a trash: its owner has to purge it\n")
	case store.Unknown:
		c.tell("whether the place keeps what is deleted is not known\n")
	}
	if err := c.emit(struct {
		Type       string   `json:"message_type"`
		Items      int64    `json:"items"`
		Packs      int64    `json:"packs"`
		Ciphertext int64    `json:"bytes_ciphertext"`
		Kept       string   `json:"store_keeps_deleted"`
		Found      []string `json:"found"`
		Seconds    float64  `json:"duration_s"`
	}{"summary", r.Items, r.Packs, r.Bytes, r.Kept.String(), found, seconds(r.Duration)}); err != nil {
		return err
	}
	if r.Missing > 0 {
		return damaged("not gone: %s", plural(r.Missing, "finding"))
	}
	c.tell("gone\n")
	return nil
}
