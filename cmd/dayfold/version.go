package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set when a release is built.
var version = "0.1.0"

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", GroupID: "more", Args: misuse(cobra.NoArgs),
		Short: "Print the version",
		RunE: func(*cobra.Command, []string) error {
			commit := ""
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						commit = s.Value
					}
				}
			}
			c.print("dayfold %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return c.emit(struct {
				Type    string `json:"message_type"`
				Version string `json:"version"`
				Commit  string `json:"commit,omitempty"`
				Go      string `json:"go_version"`
				OS      string `json:"go_os"`
				Arch    string `json:"go_arch"`
			}{"summary", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH})
		},
	}
}
