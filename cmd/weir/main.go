// Command weir is the proxy, its configuration checker, its demonstration and its
// load generator in one binary.
//
// Exit codes: 0 all went well, 1 something failed while running, 2 the command
// line was wrong. Results go to stdout; what a person should know goes to stderr.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs one command line and returns the exit code. Cancelling ctx ends
// run, demo and bench as a first signal does.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(stderr, "weir: %v\nSee '%s --help'.\n", err, cmd.CommandPath())
		return exitUsage
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintf(stderr, "weir: %v\n", err)
	}
	return exitFailure
}

// errReported is the failure of a command that has already said what is wrong.
var errReported = errors.New("already reported")

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "weir",
		Short: "A high-density edge proxy for HTTP/1.1, WebSocket, TLS and TCP",
		Long: `weir accepts HTTP/1.1, WebSocket, TLS and TCP connections at the edge of a network,
routes each by host and path, by server name, or to where it was going, and holds
tens of thousands of mostly idle ones on a few event loops.

Try it without a file: weir demo`,
		Example: `  weir demo                    # a proxy with embedded backends, nothing to set up
  weir check -c weir.toml      # find every mistake in a file
  weir run -c weir.toml        # serve
  weir cert                    # certificates for development
  weir transparent up -c weir.toml   # lead connections meant for others here
  weir bench ws ws://127.0.0.1:8080/ws/echo`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          showHelp,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newRun(), newCheck(), newDemo(), newBench(), newCert(), newTransparent(), newVersion())
	return root
}

// showHelp is what a command does that only groups others.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }
