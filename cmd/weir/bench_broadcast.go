package main

import (
	"github.com/spf13/cobra"

	"weir/bench"
)

func newBenchBroadcast() *cobra.Command {
	b := &benchRun{measure: bench.Broadcast}
	cmd := b.command(&cobra.Command{
		Use:   "broadcast URL",
		Short: "Send messages to a room and measure each delivery",
		Long: `Opens WebSockets to URL, a room whose server hands each message to everyone in it,
such as /room of 'weir bench serve'. The first connection sends; each delivery to
each of them is a unit, and one that does not come is an error.

Without --rate the next message is sent when all have the last one; with it, so many
broadcasts are due a second. Runs at the same time need rooms of their own: /room/NAME.`,
		Example: `  weir bench broadcast ws://127.0.0.1:8080/room --connections 1000
  weir bench broadcast ws://127.0.0.1:8080/room/a --connections 1000 --size 16KiB --rate 10`,
	})
	b.sizeFlag(cmd, &b.options.Size, "125B", "payload of a message, like 125B or 16KiB; at least 8 bytes")
	cmd.Flags().Float64Var(&b.options.Rate, "rate", 0, "broadcasts due a second; 0: closed loop")
	b.checkFirst(cmd, func() error { return bench.CheckBroadcast(b.options) })
	return cmd
}

// sizeFlag adds --size, with a default that is written as a user would.
func (b *benchRun) sizeFlag(cmd *cobra.Command, to *int, size, usage string) {
	value := sizeFlag{to}
	if err := value.Set(size); err != nil {
		panic(err) // a constant of its caller
	}
	cmd.Flags().Var(value, "size", usage)
}

// setDefault changes the default and the meaning of a flag that all measuring
// commands have.
func setDefault(cmd *cobra.Command, name, value, usage string) {
	f := cmd.Flags().Lookup(name)
	if err := f.Value.Set(value); err != nil {
		panic(err) // a constant of its caller
	}
	f.DefValue, f.Usage = f.Value.String(), usage
}

// checkFirst makes what check finds wrong with the options a usage error.
func (b *benchRun) checkFirst(cmd *cobra.Command, check func() error) {
	cmd.PreRunE = func(_ *cobra.Command, args []string) error {
		b.options.URL = args[0]
		if err := check(); err != nil {
			return &usageError{err}
		}
		return nil
	}
}
