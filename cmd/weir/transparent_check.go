package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"weir/engine/intercept"
)

func newTransparentCheck() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "check -c FILE",
		Short: "Find out why connections are not intercepted",
		Long: `Compares the kernel with what a file needs, and looks for all else that is known to
break transparent proxying: a weir that does not run, capabilities, interfaces, ip rules
that come first, sysctls, loops. It changes nothing. Run it as the user that weir runs as to see what that user
may do, and as root to see the rules.

One line for each thing it looked at, with what mends it. Exit code 1 if anything is
bad.`,
		Example: `  sudo weir transparent check -c weir.toml`,
		Args:    onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef("which file? Name it: weir transparent check -c weir.toml")
			}
			return transparentCheck(file, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	configFlag(cmd, &file)
	return cmd
}

func transparentCheck(file string, stdout, stderr io.Writer) error {
	cfg, err := load(file, stderr)
	if err != nil {
		return err
	}
	findings := intercept.Check(intercept.NewPlan(cfg), intercept.Fixes{
		Up:     "weir transparent up -c " + quoteShell(file),
		Run:    "weir run -c " + quoteShell(file),
		Setcap: setcap(executable()),
	})
	if len(findings) == 0 {
		fmt.Fprintf(stdout, "%s leads nothing to a listener, and nothing of weir is in the kernel\n", file)
	}
	p := paletteFor(stdout)
	levels := [...]string{
		intercept.OK:      p.green("ok     "),
		intercept.Note:    p.dim("note   "),
		intercept.Warning: p.yellow("warning"),
		intercept.Bad:     p.red("bad    "),
	}
	bad := 0
	for _, f := range findings {
		line := levels[f.Level] + " " + f.What
		if f.Fix != "" {
			line += p.dim("; fix: ") + f.Fix
		}
		fmt.Fprintln(stdout, line)
		if f.Level == intercept.Bad {
			bad++
		}
	}
	if bad > 0 {
		fmt.Fprintln(stderr, paletteFor(stderr).red(fmt.Sprintf("%s: %s in the way", file, count(bad, "thing"))))
		return errReported
	}
	return nil
}
