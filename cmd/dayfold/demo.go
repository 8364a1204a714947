package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store/local"
	"github.com/dayfold/dayfold/pack/seal"
)

const demoDays = 10

func (c *cli) demoCommand() *cobra.Command {
	seed := uint64(1)
	cmd := &cobra.Command{
		Use: "demo", GroupID: "more", Args: misuse(cobra.NoArgs),
		Short: "Show ten days of backups of an invented history",
		Long: `Invents a chat history, archives it on ten days in a temporary archive, and shows what
each day uploaded beside what writing the whole history anew would have cost. Then it
opens the archive with nothing but its recovery key, reads the last day back, compares
every byte, and deletes the temporary archive. It touches nothing else.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.demo(cmd.Context(), seed) },
	}
	cmd.Flags().Uint64Var(&seed, "seed", 1, "another seed is another history")
	return cmd
}

// A demoDay is a line of the demo's table.
type demoDay struct {
	Day      int   `json:"day"`
	Items    int64 `json:"items"`
	Bytes    int64 `json:"full_rewrite_bytes"`
	New      int64 `json:"new"`
	Changed  int64 `json:"changed"`
	Removed  int64 `json:"removed"`
	Expired  int64 `json:"expired"`
	Media    int64 `json:"bytes_new"`
	Uploaded int64 `json:"bytes_uploaded"`
}

func (c *cli) demo(ctx context.Context, seed uint64) error {
	start := time.Now()
	temp, err := os.MkdirTemp("", "dayfold-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	key, err := newKey()
	if err != nil {
		return err
	}
	h := newDemoHistory(seed)
	sum, last, err := c.demoBackups(ctx, temp, key, h)
	if err != nil {
		return err
	}
	items, read, err := demoRestore(ctx, temp, key, last, h)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(temp); err != nil {
		return err
	}
	c.print("\nRestored the last day with the recovery key alone: %s, %s, every byte compared.\n", plural(items, "item"), bytesOf(read))
	c.print("Took %s. The temporary archive is deleted.\n", lasting(time.Since(start)))
	return c.emit(struct {
		Type     string  `json:"message_type"`
		Days     int     `json:"days"`
		Uploaded int64   `json:"bytes_uploaded"`
		Rewrites int64   `json:"full_rewrite_bytes"`
		Items    int64   `json:"items_verified"`
		Read     int64   `json:"bytes_verified"`
		Seconds  float64 `json:"duration_s"`
	}{"summary", demoDays, sum.Uploaded, sum.Bytes, items, read, seconds(time.Since(start))})
}

// demoBackups archives ten days and prints a line for each; it returns the sums and the
// last snapshot.
func (c *cli) demoBackups(ctx context.Context, temp string, key seal.RecoveryKey, h *demoHistory) (sum demoDay, last string, err error) {
	st, err := local.Create(filepath.Join(temp, "archive"))
	if err != nil {
		return sum, "", err
	}
	defer st.Close()
	a, err := engine.Create(ctx, st, key, engine.Options{State: filepath.Join(temp, "device"), Temp: temp, Blind: true,
		Memory: int64(c.memory), Now: func() time.Time { return h.today }})
	if err != nil {
		return sum, "", err
	}
	defer a.Close()
	c.print("An invented history of %d days, %s; each day people write, delete and edit, and timers run out.\n\n",
		demoFirstDays, plural(int64(len(h.messages)), "message"))
	const row = "%4s  %8s  %6s  %6s  %6s  %7s  %10s  %10s  %12s\n"
	c.print(row, "day", "items", "new", "edited", "gone", "expired", "new bytes", "uploaded", "full rewrite")
	for n := 1; n <= demoDays; n++ {
		r, err := a.Backup(ctx, h, engine.BackupOptions{})
		if err != nil {
			return sum, "", err
		}
		last = r.Snapshot
		d := demoDay{n, r.Items, r.Bytes, r.New, r.Changed, r.Removed, r.Expired, r.BytesNew, r.BytesUploaded}
		c.print(row, fmt.Sprint(n), count(d.Items), count(d.New), count(d.Changed), count(d.Removed), count(d.Expired), bytesOf(d.Media), bytesOf(d.Uploaded), bytesOf(d.Bytes))
		if err := c.emit(d); err != nil {
			return sum, "", err
		}
		sum.Uploaded, sum.Bytes = sum.Uploaded+d.Uploaded, sum.Bytes+d.Bytes
		if n < demoDays {
			h.pass()
		}
	}
	c.print(row, "sum", "", "", "", "", "", "", bytesOf(sum.Uploaded), bytesOf(sum.Bytes))
	c.print("\nuploaded: all that went to the store, encrypted: contents, tree, padding, snapshots.\nfull rewrite: the contents of the whole history, neither compressed nor padded.\n")
	return sum, last, nil
}

// errDemo: the archive did not give back what went into it.
var errDemo = errors.New("what came back is not what was archived")

// demoRestore opens the archive as a new machine would and compares a snapshot with the
// history.
func demoRestore(ctx context.Context, temp string, key seal.RecoveryKey, snapshot string, h *demoHistory) (items, read int64, err error) {
	st, err := local.Open(filepath.Join(temp, "archive"))
	if err != nil {
		return 0, 0, err
	}
	defer st.Close()
	a, err := engine.Open(ctx, st, key, engine.Options{Temp: temp, Now: func() time.Time { return h.today }})
	if err != nil {
		return 0, 0, err
	}
	defer a.Close()
	v, err := a.View(ctx, snapshot)
	if err != nil {
		return 0, 0, err
	}
	want := map[string]engine.Item{}
	for it := range h.Items(ctx) {
		if it.Expires.IsZero() || it.Expires.Sub(h.today) >= day { // else never archived, as in Signal's own backups
			want[string(it.Key)] = it
		}
	}
	var old, back bytes.Buffer
	for it, err := range v.Items(ctx) {
		if err != nil {
			return 0, 0, err
		}
		archived := want[string(it.Key)]
		old.Reset()
		back.Reset()
		if err := errors.Join(writeContent(ctx, &old, &archived), writeContent(ctx, &back, &it)); err != nil {
			return 0, 0, err
		}
		if archived.Key == nil || !bytes.Equal(old.Bytes(), back.Bytes()) {
			return 0, 0, damaged("%v", errDemo)
		}
		delete(want, string(it.Key))
		items, read = items+1, read+int64(back.Len())
	}
	if len(want) != 0 {
		return 0, 0, damaged("%v: %s missing", errDemo, plural(int64(len(want)), "item"))
	}
	return items, read, nil
}
