package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"weir/configs"
)

func newCheck() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "check -c FILE",
		Short: "Find every mistake in a configuration file",
		Long: `Reads a configuration file as run does, opens no socket, and prints every mistake
at once, each as FILE:LINE: what is wrong; what was meant.

Exit code 0 if there is none, 1 otherwise. Warnings do not fail a file.`,
		Example: `  weir check -c weir.toml
  weir check -c configs/examples/minimal.toml`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef("which file? Name it: weir check -c weir.toml")
			}
			return check(file, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	configFlag(cmd, &file)
	return cmd
}

func configFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "config", "c", "", "the TOML `FILE` to read")
}

// check prints the verdict on file: good news to stdout, the rest to stderr.
func check(file string, stdout, stderr io.Writer) error {
	cfg, err := load(file, stderr)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s: %s (%s, %s, %s)\n", file, paletteFor(stdout).green("ok"),
		count(len(cfg.Listeners), "listener"), count(len(cfg.Routes), "route"), count(len(cfg.Clusters), "cluster"))
	return err
}

// load reads and checks file and prints what is wrong with it. The error is
// errReported then.
func load(file string, stderr io.Writer) (*configs.Config, error) {
	cfg, err := configs.Load(file)
	p := paletteFor(stderr)
	var bad *configs.Errors
	switch {
	case errors.As(err, &bad):
		printWarnings(bad.Warnings, p, stderr)
		for _, problem := range bad.Problems {
			fmt.Fprintln(stderr, problem)
		}
		fmt.Fprintln(stderr, p.red(fmt.Sprintf("%s: %s", file, count(len(bad.Problems), "mistake"))))
		return nil, errReported
	case err != nil:
		return nil, err
	}
	printWarnings(cfg.Warnings, p, stderr)
	return cfg, nil
}

func printWarnings(warnings []configs.Problem, p palette, stderr io.Writer) {
	for _, w := range warnings {
		fmt.Fprintf(stderr, "%s %v\n", p.yellow("warning:"), w)
	}
}

// count is n with its noun: "1 route", "2 routes".
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
