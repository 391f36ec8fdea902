package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by a release build: -ldflags "-X main.version=v1.2.3".
var version = "dev"

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print what this binary was built from",
		Long:    "Prints the version, the commit, the Go release and the platform of this binary.",
		Example: "  weir version",
		Args:    onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info, _ := debug.ReadBuildInfo()
			return printVersion(cmd.OutOrStdout(), info)
		},
	}
}

// printVersion writes what info knows. info may be nil, and has no commit in a
// binary of go run or go test.
func printVersion(w io.Writer, info *debug.BuildInfo) error {
	commit, modified, when := "unknown", "", ""
	if info != nil {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				commit = s.Value
			case "vcs.time":
				when = ", " + s.Value
			case "vcs.modified":
				if s.Value == "true" {
					modified = ", modified"
				}
			}
		}
	}
	_, err := fmt.Fprintf(w, "weir %s\ncommit %s%s%s\n%s %s/%s\n",
		version, commit, when, modified, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
