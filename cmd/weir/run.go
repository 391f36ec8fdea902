package main

import (
	"io"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"weir/engine"
)

func newRun() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "run -c FILE",
		Short: "Serve what a configuration file says",
		Long: `Starts the proxy in the foreground. The access log goes to stdout and the log to
stderr, unless [log] in the file says otherwise.

SIGINT (Ctrl-C) and SIGTERM drain: no new connections, and what is under way may
end until engine.drain_timeout. A second signal stops at once.`,
		Example: `  weir run -c weir.toml
  weir run -c configs/examples/minimal.toml`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef(`no configuration file
  to see weir at work first:   weir demo
  with a file of your own:     weir run -c weir.toml
  files to start from:         configs/examples/minimal.toml, and reference.toml beside it for every key`)
			}
			return run(cmd, file)
		},
	}
	configFlag(cmd, &file)
	return cmd
}

func run(cmd *cobra.Command, file string) error {
	cfg, err := load(file, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	e, err := engine.New(cfg, engineOptions(cmd.OutOrStdout(), cmd.ErrOrStderr()))
	if err != nil {
		return remedy(err)
	}
	fitProcs(cfg.Engine.Loops, e.SignsWithRSA())
	defer runtime.KeepAlive(fitHeap(e.SignsWithRSA()))
	return serveUntilSignal(cmd.Context(), e, time.Duration(cfg.Engine.DrainTimeout), cmd.ErrOrStderr())
}

func engineOptions(stdout, stderr io.Writer) engine.Options {
	return engine.Options{Stdout: stdout, Stderr: stderr, Version: version}
}
