// Command compare runs weir and its peers on the same work, in one run and in
// pairs, and writes the tables and plots that BENCHMARKS.md shows. bench/compare
// starts it.
//
// Exit codes: 0 all went well, 1 something failed or was measured with errors, 2 the
// command line was wrong. Tables go to stdout; what a person should know to stderr.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// caller is the variable in which bench/compare tells where the user stands.
const caller = "COMPARE_FROM"

const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	// Later signals are swallowed too: what was started must be stopped.
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	if os.Getenv(caller) != "" {
		// go run passes no signal on, and dies of the first: this program would run on
		// with nobody to stop it.
		_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0)
	}
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// usageError is a mistake in the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// execute runs one command line and returns the exit code. When it returns nothing
// that it started runs any more; cancelling ctx makes it return early.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "compare: %v\nSee '%s --help'.\n", err, cmd.CommandPath())
		return exitUsage
	}
	fmt.Fprintf(stderr, "compare: %v\n", err)
	return exitFailure
}

func newRoot() *cobra.Command {
	var f flags
	root := &cobra.Command{
		Use:   "compare",
		Short: "Run weir and its peers on the same work, in pairs",
		Long: `Builds weir and runs it and its peers on the same work: in rounds that interleave
them, in an order that moves on each round. The load generator and the backend are
'weir bench'; wrk and h2load check it. Prints tables in markdown.

For each loaded work, all rounds of closed loop come first: CPU per unit and
throughput at saturation. Then open loop at half the capacity of the slowest: p50,
p99 and p99.9 at a rate that all can keep. Peers that are not installed are left out.

All of it stays on loopback, and everything that was started is stopped at the end,
after an error and on Ctrl-C. Do nothing else on the machine meanwhile.`,
		Example: `  bench/compare                                # all, some 50 minutes on 2 cores
  bench/compare --only '^ws-' --rounds 3       # WebSocket echo alone
  bench/compare --peers weir,nginx --only http-get-128
  bench/compare --out results.json --write     # and put the tables into BENCHMARKS.md
  bench/compare report results.json --write    # the same tables again, measuring nothing
  bench/compare --quick                        # two minutes; fails on an allocation or fat tunnels`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.quick {
				if f.write || f.out != "" {
					return usagef("--quick keeps nothing: leave out --write and --out")
				}
				return quick(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	f.add(root)
	root.AddCommand(newReport(), newPeer())
	return root
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unexpected argument %q; '%s' takes flags, or 'report FILE'", args[0], cmd.CommandPath())
	}
	return nil
}

// isTerminal reports whether w is one.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// fromCaller makes a path that the user gave absolute: bench/compare starts this
// program in another folder than its own.
func fromCaller(path string) string {
	if from := os.Getenv(caller); from != "" && path != "" && !filepath.IsAbs(path) {
		return filepath.Join(from, path)
	}
	return path
}
