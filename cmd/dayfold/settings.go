package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// globals are what the flags of every command say.
type globals struct {
	repo, keyFile, cacheDir string
	copies                  []string // further places, where copies lie
	memory                  size
	upload, download        rate
	quiet, verbose, json    bool
	config, profile         string
	reach

	command             string // the word after "dayfold"
	repoGiven, keyGiven bool   // not the defaults
	isCopy              bool   // repo is one of copies
	keyTyped            bool   // --key-file stands on the command line
}

// environment names the variable of each flag that has one. For every flag the value
// is the first there is: command line, environment, config file, default.
var environment = map[string]string{
	"repo":      "DAYFOLD_REPO",
	"key-file":  "DAYFOLD_KEY_FILE",
	"cache-dir": "DAYFOLD_CACHE_DIR",
	"memory":    "DAYFOLD_MEMORY",
	"config":    "DAYFOLD_CONFIG",
	"profile":   "DAYFOLD_PROFILE",
	"ca-file":   "DAYFOLD_CA_FILE",
}

// What is given by environment alone: secrets are no flags, for other users see those.
const (
	keyVariable        = "DAYFOLD_RECOVERY_KEY"
	passphraseVariable = "DAYFOLD_PASSPHRASE"
)

const (
	leastMemory = 96 << 20
	program     = 32 << 20 // bytes of the program's own pages, measured
	leastIndex  = 13 << 20 // bytes that an index may grow to unseen
)

// needless are the commands that work whatever environment and config file say.
var needless = []string{"help", "version", "completion", "man", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}

func (c *cli) flags(f *pflag.FlagSet) {
	c.repo = xdg("XDG_DATA_HOME", ".local/share", "archive")
	f.VarP(&repos{first: &c.repo, further: &c.copies}, "repo", "r", "`URL` of the place where the archive lies: a path, "+schemes()+"; of further ones, where copies lie that backup, forget, erase and prune keep in step")
	f.StringVar(&c.keyFile, "key-file", xdg("XDG_CONFIG_HOME", ".config", "recovery-key"), "`FILE` with the recovery key (or the key itself in $"+keyVariable+")")
	f.StringVar(&c.cacheDir, "cache-dir", xdg("XDG_CACHE_HOME", ".cache", ""), "`DIR` for the index, copies of objects and sealed temporary files; it can be deleted at any time")
	c.memory = 128 << 20
	f.Var(&c.memory, "memory", "bound of the memory used")
	f.Var(&c.upload, "limit-upload", "bytes a second sent to the store, like 2M (without a unit: KiB)")
	f.Var(&c.download, "limit-download", "bytes a second read from the store")
	f.BoolVarP(&c.quiet, "quiet", "q", false, "no progress, no talk")
	f.BoolVarP(&c.verbose, "verbose", "v", false, "say more; with --json also status lines")
	f.BoolVar(&c.json, "json", false, "JSON lines on stdout, for programs")
	f.StringVar(&c.config, "config", xdg("XDG_CONFIG_HOME", ".config", "config.toml"), "TOML `FILE` with values for any flag")
	f.StringVar(&c.profile, "profile", "", "use the profile `NAME` of the config file")
	c.reach.flags(f)
	for name, shown := range map[string]string{"repo": "~/.local/share/dayfold/archive", "key-file": "~/.config/dayfold/recovery-key",
		"cache-dir": "~/.cache/dayfold", "config": "~/.config/dayfold/config.toml"} {
		f.Lookup(name).DefValue = shown // the same on every machine that writes the manual
	}
}

// xdg is a place below one of the user's base directories, "" if there is no home.
func xdg(variable, below, name string) string {
	base := os.Getenv(variable)
	if !filepath.IsAbs(base) {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		base = filepath.Join(home, filepath.FromSlash(below))
	}
	return filepath.Join(base, "dayfold", name)
}

// prepare fills the flags that the command line left out, and sets the memory bound.
func (c *cli) prepare(cmd *cobra.Command) error {
	c.command = commandName(cmd)
	if slices.Contains(needless, c.command) {
		return nil
	}
	c.keyTyped = cmd.Flags().Changed("key-file")
	fromEnvironment := func(f *pflag.Flag) error {
		if v := os.Getenv(environment[f.Name]); v != "" && !f.Changed && environment[f.Name] != "" {
			if err := cmd.Flags().Set(f.Name, v); err != nil {
				return misused("%s: %v", environment[f.Name], err)
			}
		}
		return nil
	}
	if err := each(cmd.Flags(), fromEnvironment); err != nil {
		return err
	}
	if err := c.fromConfig(cmd); err != nil {
		return err
	}
	flags := cmd.Flags()
	c.repoGiven, c.keyGiven = flags.Changed("repo"), flags.Changed("key-file")
	if c.repo == "" {
		return misused("no --repo, and no home directory to have a default in")
	}
	if c.memory < leastMemory {
		return misused("--memory: %s is too little, %s is the least", bytesOf(int64(c.memory)), bytesOf(leastMemory))
	}
	c.bound(0)
	return nil
}

func each(flags *pflag.FlagSet, do func(*pflag.Flag) error) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		if err == nil {
			err = do(f)
		}
	})
	return err
}

// bound makes --memory hold for the process. The runtime does not see what lies outside
// its heap: the program's own pages, and those of the index, all of which a run may touch.
func (c *cli) bound(index int64) {
	index = min(max(index*3/2, leastIndex), int64(c.memory)/3)
	debug.SetMemoryLimit(int64(c.memory) - program - index)
	debug.SetGCPercent(60)
}

// place is the archive's place as it may be shown.
func (c *cli) place() string { return shownURL(c.repo) }

// commandName is the word after "dayfold" that cmd belongs to.
func commandName(cmd *cobra.Command) string {
	words := strings.Fields(cmd.CommandPath())
	if len(words) < 2 {
		return ""
	}
	return words[1]
}
