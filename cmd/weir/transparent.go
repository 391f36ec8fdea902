package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"weir/engine/intercept"
)

func newTransparent() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "transparent",
		Short: "Lead connections meant for others to weir, and stop doing so",
		Long: `Makes, removes and examines what the kernel needs for listeners with transparent =
"tproxy" or "redirect" and an intercept table: rules of the packet filter, and ip rules
and routes. They outlive weir: connections that would be led to a weir that does not
run are refused or dropped, never let through.

Only CAP_NET_ADMIN in the network namespace is needed, not root. Nothing else on the
machine is touched.`,
		Example: `  sudo weir transparent up -c weir.toml
  sudo weir transparent check -c weir.toml
  sudo weir transparent down`,
		Args: knownCommand,
		RunE: showHelp,
	}
	cmd.AddCommand(newTransparentUp(), newTransparentDown(), newTransparentCheck())
	return cmd
}

func newTransparentUp() *cobra.Command {
	var file, tool string
	var script bool
	cmd := &cobra.Command{
		Use:   "up -c FILE",
		Short: "Make the rules that the listeners of a file need",
		Long: `Makes the rules, ip rules and routes that lead connections to the transparent
listeners of a file, in place of all that it made before. Doing it again changes
nothing; after a change of the file it leaves exactly what the file needs now.

Connections that are open already and match new rules of tproxy are reset: weir does not
know them. Run it before clients come, or when they can connect again.

With --print it changes nothing and prints commands that do the same.`,
		Example: `  sudo weir transparent up -c weir.toml
  sudo weir transparent up -c weir.toml --tool iptables
  weir transparent up -c weir.toml --print | sudo sh`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := toolOf(tool)
			if err != nil {
				return err
			}
			if file == "" {
				return usagef("which file? Name it: weir transparent up -c weir.toml")
			}
			return transparentUp(file, t, script, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&tool, "tool", string(intercept.Nft), "make rules with `TOOL`: nft, which needs no program, or iptables")
	cmd.Flags().BoolVar(&script, "print", false, "print the commands instead")
	return cmd
}

func toolOf(name string) (intercept.Tool, error) {
	switch t := intercept.Tool(name); t {
	case intercept.Nft, intercept.Iptables:
		return t, nil
	}
	return "", usagef("tool: %q is not known; give nft or iptables", name)
}

func transparentUp(file string, tool intercept.Tool, script bool, stdout, stderr io.Writer) error {
	cfg, err := load(file, stderr)
	if err != nil {
		return err
	}
	plan := intercept.NewPlan(cfg)
	if plan.Empty() {
		fmt.Fprintf(stderr, "weir: %s leads nothing to a listener; add [listeners.NAME.intercept] to one with transparent = \"tproxy\" or \"redirect\"; what was made before is removed by: weir transparent down\n", file)
		return errReported
	}
	if script {
		_, err := io.WriteString(stdout, intercept.Script(plan, tool))
		return err
	}
	done, err := intercept.Up(plan, tool)
	printChanges(stdout, done)
	if err != nil {
		return remedy(err)
	}
	fmt.Fprintln(stdout, paletteFor(stdout).dim("# to take it away: weir transparent down"))
	return nil
}

func newTransparentDown() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Remove what up has made",
		Long: `Removes all that up has made, whatever the file was and whichever tool it used, and
nothing that others made. It needs no file, and works after a crash.`,
		Example: `  sudo weir transparent down`,
		Args:    onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			done, err := intercept.Down()
			stdout := cmd.OutOrStdout()
			printChanges(stdout, done)
			if err != nil {
				return remedy(err)
			}
			if len(done) == 0 {
				fmt.Fprintln(stdout, "nothing to remove")
			}
			return nil
		},
	}
	// Who has just typed it for up will type it again.
	cmd.Flags().StringP("config", "c", "", "accepted as for up, and not read: `FILE` is not needed")
	return cmd
}

func printChanges(w io.Writer, done []intercept.Change) {
	p := paletteFor(w)
	for _, c := range done {
		fmt.Fprintln(w, p.green(c.Verb), c.What)
	}
}
