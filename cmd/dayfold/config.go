package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The config file gives values to flags. Tables named like a command are for that
// command only; a profile is chosen with --profile and goes before the rest.
//
//	repo = "/mnt/disk/dayfold"
//	[backup]
//	keep-daily = 30
//	[profile.nas]
//	repo = "sftp:me@nas:/srv/dayfold"
//	[profile.nas.backup]
//	tag = ["nas"]
//
// A name that is no flag is an error, for a mistyped one would be silently without effect.
type table = map[string]any

const profiles = "profile"

// fixed are the flags that the file cannot hold.
var fixed = []string{"config", "profile", "help"}

func (c *cli) fromConfig(cmd *cobra.Command) error {
	file, err := c.readConfig(cmd)
	if err != nil || file == nil {
		return err
	}
	layers := []table{file}
	if c.profile != "" {
		all, _ := file[profiles].(table)
		chosen, ok := all[c.profile].(table)
		if !ok {
			return misused("%s: no profile %q", c.config, c.profile)
		}
		layers = []table{chosen, file}
	}
	return each(cmd.Flags(), func(f *pflag.Flag) error {
		if f.Changed || slices.Contains(fixed, f.Name) {
			return nil
		}
		for _, layer := range layers {
			own, _ := layer[commandName(cmd)].(table)
			for _, t := range []table{own, layer} {
				if v, ok := t[f.Name]; ok {
					return c.set(cmd.Flags(), f.Name, v)
				}
			}
		}
		return nil
	})
}

// set gives a flag the value that the file has for it.
func (c *cli) set(flags *pflag.FlagSet, name string, value any) error {
	values, ok := value.([]any)
	if !ok {
		values = []any{value}
	}
	for _, v := range values {
		if err := flags.Set(name, fmt.Sprint(v)); err != nil {
			return misused("%s: %s: %v", c.config, name, err)
		}
	}
	return nil
}

// readConfig reads and checks the file; nil: there is none, and none was asked for.
func (c *cli) readConfig(cmd *cobra.Command) (table, error) {
	data, err := os.ReadFile(c.config)
	if errors.Is(err, fs.ErrNotExist) && !cmd.Flags().Changed("config") {
		if c.profile != "" {
			return nil, misused("--profile %s: there is no config file %s", c.profile, c.config)
		}
		return nil, nil
	}
	if err != nil {
		return nil, misused("config file: %v", err)
	}
	var file table
	if err := toml.NewDecoder(bytes.NewReader(data)).Decode(&file); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			row, column := at.Position()
			return nil, misused("%s:%d:%d: %v", c.config, row, column, at)
		}
		return nil, misused("%s: %v", c.config, err)
	}
	known := flagsByCommand(cmd.Root())
	if err := c.checkTable(file, known, known[""]); err != nil {
		return nil, err
	}
	all, _ := file[profiles].(table)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t, ok := all[name].(table)
		if !ok {
			return nil, misused("%s: profile %q is no table", c.config, name)
		}
		if err := c.checkTable(t, known, known[""]); err != nil {
			return nil, err
		}
	}
	return file, nil
}

// checkTable finds the names that mean nothing.
func (c *cli) checkTable(t table, known map[string][]string, flags []string) error {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		below, isTable := t[name].(table)
		own, isCommand := known[name]
		switch {
		case isTable && name == profiles:
		case isTable && isCommand && name != "":
			if err := c.checkTable(below, nil, own); err != nil {
				return err
			}
		case isTable || !slices.Contains(flags, name):
			return misused("%s: %q is neither a flag nor a command here", c.config, name)
		}
	}
	return nil
}

// flagsByCommand lists the flags of each command, and under "" all there are.
func flagsByCommand(root *cobra.Command) map[string][]string {
	known := map[string][]string{}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		note := func(f *pflag.Flag) {
			if !slices.Contains(fixed, f.Name) {
				known[""] = append(known[""], f.Name)
				known[commandName(cmd)] = append(known[commandName(cmd)], f.Name)
			}
		}
		cmd.LocalFlags().VisitAll(note)
		cmd.InheritedFlags().VisitAll(note)
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	return known
}
