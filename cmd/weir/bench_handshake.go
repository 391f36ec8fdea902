package main

import (
	"github.com/spf13/cobra"

	"weir/bench"
)

func newBenchHandshake() *cobra.Command {
	b := &benchRun{measure: bench.Handshake}
	cmd := b.command(&cobra.Command{
		Use:   "handshake URL",
		Short: "Open and close WebSockets and measure what each handshake costs",
		Long: `Connects to URL, does the WebSocket handshake, and closes in order: a close frame
each way, then the server ends the connection, so that no local port stays in
TIME_WAIT. --connections are in flight at once. The latency is that from the connect
to the whole answer of the handshake, with --rate from when the handshake was due:
those that find all connections busy wait, and that counts.

With --pid, cpu_us_per_unit is the processor time of one handshake with its close.`,
		Example: `  weir bench handshake ws://127.0.0.1:8080/ws/echo --connections 64 --pid 1234
  weir bench handshake ws://127.0.0.1:8080/ws/echo --rate 2000 --duration 30s --json`,
	})
	flags := cmd.Flags()
	flags.Lookup("connections").Usage = "handshakes in flight at once"
	flags.Lookup("timeout").Usage = "for a connect, a handshake, a close and the last answers"
	flags.Float64Var(&b.options.Rate, "rate", 0, "handshakes due a second; 0: closed loop")
	refuse(cmd, map[string]string{
		"connect-rate": "--rate says how many handshakes begin a second",
		"verify":       "every handshake is checked in full",
	})
	return cmd
}

// refuse makes it a usage error to give cmd a flag that all measuring commands have
// and this one does not, with what to do instead.
func refuse(cmd *cobra.Command, instead map[string]string) {
	for name := range instead {
		cmd.Flags().Lookup(name).Hidden = true
	}
	then := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		for name, what := range instead {
			if cmd.Flags().Changed(name) {
				return usagef("'%s' takes no --%s: %s", cmd.CommandPath(), name, what)
			}
		}
		if then != nil {
			return then(cmd, args)
		}
		return nil
	}
}
