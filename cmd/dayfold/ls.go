package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
)

const latest = "latest"

// An itemLine is an item as JSON carries it. A key that is not UTF-8 comes in base64
// as well.
type itemLine struct {
	Key     string  `json:"key"`
	Raw     string  `json:"key_base64,omitempty"`
	Kind    string  `json:"kind"`
	Group   string  `json:"group"`
	Time    *string `json:"time"`
	Expires *string `json:"expires"`
	Size    int64   `json:"size"`
}

func itemLineOf(it *engine.Item) itemLine {
	return itemLine{string(it.Key), rawKey(it.Key), it.Kind.String(), string(it.Group), stamp(it.Time), stamp(it.Expires), it.Size}
}

func rawKey(key []byte) string {
	if utf8.Valid(key) {
		return ""
	}
	return base64.StdEncoding.EncodeToString(key)
}

func (c *cli) lsCommand() *cobra.Command {
	var pick selection
	cmd := &cobra.Command{
		Use: "ls [SNAPSHOT] [KEYPREFIX]", GroupID: "work", Args: misuse(cobra.MaximumNArgs(2)),
		Short: "List the items of a snapshot",
		Long: `Lists the items of a snapshot in the order of their keys: kind, time, size, key.
SNAPSHOT is an ID, the beginning of one, or "latest", which may be left out.`,
		Example: `  dayfold ls
  dayfold ls latest Documents/
  dayfold ls 3f2a --kind media --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := c.open(cmd.Context())
			if err != nil {
				return err
			}
			defer a.Close()
			v, rest, err := a.viewOrLatest(cmd.Context(), args, 2)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				pick.prefix = rest[0]
			}
			h, err := pick.of(cmd.Context(), v)
			if err != nil {
				return err
			}
			return c.list(cmd.Context(), h)
		},
	}
	pick.flags(cmd.Flags())
	return cmd
}

func (c *cli) list(ctx context.Context, h engine.History) error {
	out := bufio.NewWriter(c.out)
	defer out.Flush()
	plain := c.out
	c.out = out
	defer func() { c.out = plain }()
	for it, err := range h.Items(ctx) {
		if err != nil {
			return err
		}
		c.print("%-7s  %19s  %10s  %s\n", it.Kind, clock(it.Time), bytesOf(it.Size), visible(it.Key))
		if err := c.emit(itemLineOf(&it)); err != nil {
			return err
		}
	}
	return nil
}

// viewOrLatest opens the snapshot that the first of args names. With fewer args than
// most, an argument that names none is the first of the rest, and the snapshot the
// latest.
func (a *archive) viewOrLatest(ctx context.Context, args []string, most int) (*engine.View, []string, error) {
	if len(args) == 0 {
		v, err := a.view(ctx, latest)
		return v, nil, err
	}
	v, err := a.view(ctx, args[0])
	if err != nil && len(args) < most && errors.Is(err, fs.ErrNotExist) {
		v, latestErr := a.view(ctx, latest)
		if latestErr != nil || looksLikeID(args[0]) {
			return nil, nil, err
		}
		return v, args, nil
	}
	return v, args[1:], err
}

// view opens a snapshot and says what to do when there is none.
func (a *archive) view(ctx context.Context, snapshot string) (*engine.View, error) {
	v, err := a.View(ctx, snapshot)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no snapshot %s: \"dayfold snapshots\" lists them: %w", visible(snapshot), fs.ErrNotExist)
	}
	return v, err
}

// looksLikeID says that an argument is more likely a mistyped snapshot than a key.
func looksLikeID(s string) bool {
	return s == latest || len(s) >= 4 && len(s) <= 32 && strings.Trim(s, "0123456789abcdef") == ""
}
