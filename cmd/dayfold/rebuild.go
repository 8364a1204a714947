package main

import "github.com/spf13/cobra"

func (c *cli) rebuildIndexCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rebuild-index", GroupID: "care", Args: misuse(cobra.NoArgs),
		Short: "Throw this machine's index away and read it anew",
		Long: `The index says where blobs lie. It is a hint: nothing is lost with it, and a damaged one
is never believed. This reads it anew from the store.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := c.open(cmd.Context())
			if err != nil {
				return err
			}
			defer a.Close()
			if err := a.RebuildIndex(cmd.Context()); err != nil {
				return err
			}
			c.tell("rebuilt the index of archive %s\n", a.ID()[:shortID])
			return c.emit(struct {
				Type string `json:"message_type"`
				ID   string `json:"archive_id"`
			}{"summary", a.ID()})
		},
	}
}
