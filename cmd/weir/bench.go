package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os/signal"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"weir/bench"
	"weir/configs"
)

func newBench() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Load a proxy or a server and measure it",
		Long: `Opens connections, exchanges WebSocket messages or HTTP requests over them, and
reports throughput, latency percentiles and errors by kind.

Without --rate the loop is closed: a connection sends when its last reply is in.
That finds the throughput. With --rate every message has a time at which it is due
and its latency counts from then, so that a stall shows in all it held up.

Targets may be wss:// and https://: see --ca and --insecure of each command.

Ctrl-C ends a run early and reports what was measured until then.`,
		Example: `  weir bench serve --address 127.0.0.1:9001
  weir bench ws ws://127.0.0.1:8080/ws/echo --connections 64 --duration 10s
  weir bench http http://127.0.0.1:8080/healthz --connections 64 --rate 20000
  weir bench idle ws://127.0.0.1:8080/ws/echo --connections 9000 --pid 1234
  weir bench handshake ws://127.0.0.1:8080/ws/echo --connections 64 --pid 1234
  weir bench tls https://127.0.0.1:8443/ --insecure --pid 1234`,
		Args: knownCommand,
		RunE: showHelp,
	}
	cmd.AddCommand(newBenchWS(), newBenchHTTP(), newBenchIdle(), newBenchHandshake(), newBenchServe())
	cmd.AddCommand(newBenchBroadcast(), newBenchStorm(), newBenchBulk(), newBenchTLS())
	return cmd
}

func newBenchWS() *cobra.Command {
	b := &benchRun{measure: bench.WebSocket}
	cmd := b.command(&cobra.Command{
		Use:   "ws URL",
		Short: "Exchange WebSocket messages with an echo",
		Long: `Opens WebSockets to URL, sends messages and waits for one reply to each. What
answers must be an echo, or anything that sends one message for each it gets.`,
		Example: `  weir bench ws ws://127.0.0.1:8080/ws/echo
  weir bench ws ws://127.0.0.1:8080/ws/echo --connections 1000 --active 0.1 --size 16KiB --verify
  weir bench ws ws://127.0.0.1:8080/ws/echo --rate 5000 --duration 30s --json`,
	})
	b.loadFlags(cmd, "125B", "payload of a message, like 125B or 16KiB")
	return cmd
}

func newBenchHTTP() *cobra.Command {
	b := &benchRun{measure: bench.HTTP}
	cmd := b.command(&cobra.Command{
		Use:   "http URL",
		Short: "Send HTTP/1.1 requests over keep-alive connections",
		Long: `Sends GET requests to URL, or POST requests with a body if --size is given, over
keep-alive connections that are reopened when they end. With --new-connections every
request is sent on a connection of its own, which it tells the server to close, and
the latency begins with the connect.`,
		Example: `  weir bench http http://127.0.0.1:8080/healthz
  weir bench http http://127.0.0.1:8080/echo --size 1KiB --header 'X-Trace: 1'
  weir bench http http://127.0.0.1:8080/healthz --rate 20000 --duration 30s
  weir bench http http://127.0.0.1:8080/healthz --new-connections --connections 16`,
	})
	b.loadFlags(cmd, "0", "body of a request, like 1KiB; 0 sends GET")
	cmd.Flags().IntVar(&b.options.Pipeline, "pipeline", 1, "requests in flight on a connection")
	cmd.Flags().BoolVar(&b.options.NewConnections, "new-connections", false, "a connection for every request, closed by the server")
	return cmd
}

func newBenchIdle() *cobra.Command {
	b := &benchRun{measure: bench.Idle}
	cmd := b.command(&cobra.Command{
		Use:   "idle URL",
		Short: "Hold idle WebSockets and measure what each costs",
		Long: `Opens WebSockets to URL and holds them without sending. Reports those that were
lost and, with --pid, the memory that a process spends on each. With --exchange each
carries a message before that, so that what traffic leaves behind counts. With
--ping-every each is pinged that often, in turns: pongs are counted with their
latencies, those that do not come are errors, and the CPU time of the process is
given by ping.`,
		Example: `  weir bench idle ws://127.0.0.1:8080/ws/echo --connections 9000
  weir bench idle ws://127.0.0.1:8080/ws/echo --connections 9000 --pid 1234 --verify
  weir bench idle wss://127.0.0.1:8443/ws/echo --connections 2000 --exchange 64KiB --insecure --pid 1234
  weir bench idle ws://127.0.0.1:8080/ws/echo --connections 9000 --ping-every 30s --duration 60s`,
	})
	cmd.Flags().Var(sizeFlag{&b.options.Exchange}, "exchange", "one message that each connection exchanges before it is held, like 64KiB")
	cmd.Flags().DurationVar(&b.options.PingEvery, "ping-every", 0, "how often to ping each connection, like 30s; 0: never")
	return cmd
}

func newBenchServe() *cobra.Command {
	var (
		address string
		secure  bool
	)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a cheap echo to put behind a proxy under test",
		Long: `Serves HTTP and WebSocket on one port until Ctrl-C: /bytes/N answers a body of N
bytes, any other path two bytes, and an upgrade on any path gives a WebSocket echo,
but on /room or /room/NAME a place in that room: each message goes to all in it.
It has no limits and no deadlines: keep it on loopback. With --tls the port speaks
TLS, with a certificate for localhost that is made for this run and that no one
trusts.`,
		Example: `  weir bench serve
  weir bench serve --address 127.0.0.1:9001
  weir bench serve --address 127.0.0.1:9443 --tls`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), unix.SIGINT, unix.SIGTERM)
			defer stop()
			s, err := startEcho(address, secure)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "echo on %s; Ctrl-C stops it\n", s.Addr())
			<-ctx.Done()
			return s.Close()
		},
	}
	cmd.Flags().StringVar(&address, "address", "127.0.0.1:9001", "`host:port` to listen on")
	cmd.Flags().BoolVar(&secure, "tls", false, "speak TLS, with a certificate made in memory")
	return cmd
}

// startEcho starts the echo server, with TLS if secure is set.
func startEcho(address string, secure bool) (*bench.EchoServer, error) {
	if !secure {
		return bench.NewEchoServer(address)
	}
	p, err := selfMade(time.Now(), developmentHosts)
	if err != nil {
		return nil, err
	}
	made, err := tls.X509KeyPair(p.cert, p.key)
	if err != nil {
		return nil, err
	}
	return bench.NewTLSEchoServer(address, tlsServer(made))
}

// tlsServer is how the echo server speaks TLS: small first records would cost a
// system call each, which is no proxy's fault.
func tlsServer(c tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c}, DynamicRecordSizingDisabled: true}
}

// benchRun is one measuring command: its options as flags, and what runs them.
type benchRun struct {
	options bench.Options
	json    bool
	measure func(context.Context, bench.Options) (*bench.Result, error)
}

// command completes cmd with what all measuring commands share.
func (b *benchRun) command(cmd *cobra.Command) *cobra.Command {
	cmd.Args = oneURL
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		b.options.URL = args[0]
		return b.run(cmd)
	}
	o, flags := &b.options, cmd.Flags()
	flags.IntVar(&o.Connections, "connections", 64, "connections open at once")
	flags.DurationVar(&o.Duration, "duration", 10*time.Second, "how long to measure")
	flags.DurationVar(&o.Warmup, "warmup", time.Second, "how long to run before that")
	flags.IntVar(&o.ConnectRate, "connect-rate", 0, "connections opened a second; 0: no limit")
	flags.DurationVar(&o.Timeout, "timeout", 5*time.Second, "for a connect, a handshake and the last replies")
	flags.StringArrayVar(&o.Header, "header", nil, "`field` to add, as 'Name: value'; may be repeated")
	flags.IntVar(&o.PID, "pid", 0, "a `process` whose CPU time and memory to measure, with its descendants")
	flags.BoolVar(&o.Verify, "verify", false, "check every byte that comes back")
	tlsFlags(flags, &o.TLS)
	flags.BoolVar(&b.json, "json", false, "print the result as JSON")
	return cmd
}

// loadFlags adds the flags of the commands that send.
func (b *benchRun) loadFlags(cmd *cobra.Command, size, sizeUsage string) {
	value := sizeFlag{&b.options.Size}
	if err := value.Set(size); err != nil {
		panic(err) // a constant of this file
	}
	flags := cmd.Flags()
	flags.Var(value, "size", sizeUsage)
	flags.Float64Var(&b.options.Active, "active", 1, "share of the connections that send, above 0 and up to 1")
	flags.Float64Var(&b.options.Rate, "rate", 0, "messages or requests due a second over all connections; 0: closed loop")
}

func (b *benchRun) run(cmd *cobra.Command) error {
	if err := b.options.Validate(); err != nil {
		return &usageError{err}
	}
	if !b.json && isTerminal(cmd.ErrOrStderr()) {
		b.options.Progress = cmd.ErrOrStderr()
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	result, err := b.measure(ctx, b.options)
	if result != nil {
		if b.json {
			out := json.NewEncoder(cmd.OutOrStdout())
			out.SetIndent("", "  ")
			if err := out.Encode(result); err != nil {
				return err
			}
		} else {
			result.WriteText(cmd.OutOrStdout())
		}
	}
	if err == nil && (result.Errors > 0 || result.Failed > 0 || result.Lost > 0) {
		return fmt.Errorf("%d errors, %d connections not opened, %d lost", result.Errors, result.Failed, result.Lost)
	}
	return err
}

func oneURL(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("'%s' takes one URL, got %d arguments", cmd.CommandPath(), len(args))
	}
	return nil
}

// sizeFlag is a count of bytes as in a configuration file; a bare number is bytes.
type sizeFlag struct{ n *int }

func (f sizeFlag) Type() string   { return "size" }
func (f sizeFlag) String() string { return strconv.Itoa(*f.n) }

func (f sizeFlag) Set(s string) error {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 {
		*f.n = n
		return nil
	}
	var size configs.Size
	if err := size.UnmarshalText([]byte(s)); err != nil {
		return err
	}
	*f.n = int(size)
	return nil
}
