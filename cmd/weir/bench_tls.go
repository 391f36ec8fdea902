package main

import (
	"context"

	"github.com/spf13/cobra"

	"weir/bench"
)

func newBenchTLS() *cobra.Command {
	var o bench.TLSHandshakeOptions
	b := &benchRun{}
	all := func() bench.TLSHandshakeOptions {
		o.Options = b.options
		return o
	}
	b.measure = func(ctx context.Context, _ bench.Options) (*bench.Result, error) {
		return bench.TLSHandshake(ctx, all())
	}
	cmd := b.command(&cobra.Command{
		Use:   "tls URL",
		Short: "Do TLS handshakes and measure what each costs",
		Long: `Connects to URL, https:// or wss://, does the TLS handshake, and closes in order with
close_notify, for which the server ends the connection, so that no local port stays
in TIME_WAIT. --connections are in flight at once. The latency is that from the
connect to the end of the handshake, with --rate from when it was due: those that
find all connections busy wait, and that counts. With --request one GET is sent on
each connection, and the latency ends with its response.

Handshakes are full, or with --resume those of a session that is resumed, as far as
the server has given a ticket. What was agreed is reported, and how many resumed.
With --pid, cpu_us_per_unit is the processor time of one handshake with its close.`,
		Example: `  weir bench tls https://127.0.0.1:8443/ --insecure --curves X25519 --pid 1234
  weir bench tls https://localhost:8443/ --ca certs/ca.pem --resume --rate 500 --json
  weir bench tls https://127.0.0.1:8443/healthz --insecure --tls-max 1.2 --request`,
	})
	flags := cmd.Flags()
	flags.Lookup("connections").Usage = "handshakes in flight at once"
	flags.Lookup("timeout").Usage = "for a connect, a handshake, a close and the last answers"
	flags.Float64Var(&b.options.Rate, "rate", 0, "handshakes due a second; 0: closed loop")
	flags.BoolVar(&o.Request, "request", false, "send a GET on each connection and wait for its response")
	flags.IntVar(&o.Count, "count", 0, "handshakes to begin at most, those of the warm-up included; 0: no limit")
	b.checkFirst(cmd, func() error { return all().Validate() })
	refuse(cmd, map[string]string{
		"connect-rate": "--rate says how many handshakes begin a second",
		"verify":       "the server's certificate is verified unless --insecure is given",
	})
	return cmd
}
