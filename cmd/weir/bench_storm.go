package main

import (
	"context"

	"github.com/spf13/cobra"

	"weir/bench"
)

func newBenchStorm() *cobra.Command {
	var o bench.StormOptions
	b := &benchRun{}
	all := func() bench.StormOptions {
		o.Options = b.options
		return o
	}
	b.measure = func(ctx context.Context, _ bench.Options) (*bench.Result, error) { return bench.Storm(ctx, all()) }
	cmd := b.command(&cobra.Command{
		Use:   "storm URL",
		Short: "Cut WebSockets all at once and measure their return",
		Long: `Opens WebSockets to URL, an echo. After --duration it resets --connections of them
at once; they come back at once, and try again until all are served. The survivors
exchange messages all the while: their latencies before and during the storm say
what it does to others. With --pid, CPU time is that of the storm, a unit a
connection that came back.`,
		Example: `  weir bench storm ws://127.0.0.1:8080/ws/echo --connections 9000 --survivors 200 --rate 1000
  weir bench storm ws://127.0.0.1:8080/ws/echo --connections 1000 --in-flight 100 --pid 1234`,
	})
	flags := cmd.Flags()
	b.sizeFlag(cmd, &b.options.Size, "125B", "payload of the survivors' messages")
	flags.Float64Var(&b.options.Rate, "rate", 1000, "messages due a second over all survivors")
	flags.IntVar(&o.Survivors, "survivors", 200, "connections that are not cut")
	flags.IntVar(&o.InFlight, "in-flight", 1000, "connections coming back at a time, at most")
	setDefault(cmd, "connections", "9000", "connections that are cut")
	setDefault(cmd, "duration", "5s", "how long to measure before the cut")
	setDefault(cmd, "timeout", "30s", "for a connect, a handshake, and for all to be back")
	b.checkFirst(cmd, func() error { return all().Validate() })
	return cmd
}
