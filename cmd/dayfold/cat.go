package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
)

func (c *cli) catCommand() *cobra.Command {
	return &cobra.Command{
		Use: "cat [SNAPSHOT] KEY", GroupID: "work", Args: misuse(cobra.RangeArgs(1, 2)),
		Short: "Write one item's content to stdout",
		Example: `  dayfold cat Documents/letter.txt
  dayfold cat 3f2a p/2891/69a820d0 > photo.jpg`,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := c.open(cmd.Context())
			if err != nil {
				return err
			}
			defer a.Close()
			snapshot := latest
			if len(args) == 2 {
				snapshot = args[0]
			}
			v, err := a.view(cmd.Context(), snapshot)
			if err != nil {
				return err
			}
			it, err := v.Item(cmd.Context(), []byte(args[len(args)-1]))
			if err != nil {
				return err
			}
			return writeContent(cmd.Context(), c.out, &it)
		},
	}
}

// writeContent writes an item's content to w.
func writeContent(ctx context.Context, w io.Writer, it *engine.Item) error {
	if it.Open == nil {
		_, err := w.Write(it.Inline)
		return err
	}
	r, err := it.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return err
}
