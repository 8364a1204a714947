// Command dayfold archives chat histories: incrementally, deduplicated, encrypted end
// to end. Each command stands in a file of its own: it parses, makes one call of the
// engine, and prints.
//
// Data goes to stdout, talk and progress to stderr. With --json, stdout has JSON lines
// and nothing else, and a failure is one JSON line on stderr.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:])) }

// run is one run of the command; it returns the exit code. The first interrupt lets
// the command end cleanly, a second one ends it at once.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	c := newCLI()
	root := c.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	c.progress.clear()
	if err == nil {
		return 0
	}
	// A command line that was not understood has not set --json.
	c.json = c.json || slices.Contains(args, "--json")
	return c.fail(ctx, err)
}

// root is the command with all its commands below it.
func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "dayfold",
		Short: "Incremental, end-to-end encrypted archives of chat histories",
		Long: `Dayfold archives chat histories. Each day it uploads only what changed since yesterday;
what was deleted or has expired is not in the new snapshot, and can no longer be
decrypted once the old ones are forgotten.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          misuse(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return c.prepare(cmd)
		},
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return misused("%v", err) })
	c.flags(root.PersistentFlags())
	root.AddGroup(
		&cobra.Group{ID: "work", Title: "Archiving and getting back:"},
		&cobra.Group{ID: "care", Title: "Looking after the archive:"},
		&cobra.Group{ID: "more", Title: "More:"},
	)
	root.AddCommand(
		c.initCommand(), c.backupCommand(), c.inspectCommand(), c.snapshotsCommand(), c.lsCommand(), c.catCommand(), c.restoreCommand(), c.diffCommand(),
		c.forgetCommand(), c.eraseCommand(), c.pruneCommand(), c.verifyErasedCommand(), c.copyCommand(), c.checkCommand(), c.repairCommand(), c.statsCommand(), c.keyCommand(), c.rebuildIndexCommand(), c.storeCommand(),
		c.versionCommand(), c.demoCommand(), c.manCommand(),
	)
	root.SetHelpCommandGroupID("more")
	root.SetCompletionCommandGroupID("more")
	return root
}

// misuse makes what a check of the arguments finds an error of the command line.
func misuse(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			if cmd.HasParent() {
				err = fmt.Errorf("%s: %w (dayfold help %s)", commandName(cmd), err, commandName(cmd))
			}
			return misused("%v", err)
		}
		return nil
	}
}
