package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"weir/configs"
	"weir/engine"
)

// demoOptions are the flags of weir demo.
type demoOptions struct {
	address string
	access  bool
	tls     bool
}

func newDemo() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Start weir with embedded backends and a page, no file needed",
		Long: `Starts a proxy on --address and, on free loopback ports, the backends behind it: a
WebSocket echo and chat, an HTTP echo that answers with the request as it arrived,
a large download, and server-sent events. Prints what to open and what to try.`,
		Example: `  weir demo
  weir demo --address 127.0.0.1:0     # a free port
  weir demo --access                  # with the access log on stdout
  weir demo --tls                     # https and wss, with a certificate made in memory`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&o.address, "address", "127.0.0.1:8080", "`host:port` to serve on; port 0 takes a free one")
	cmd.Flags().BoolVar(&o.tls, "tls", false, "speak TLS, with a certificate made in memory that no one trusts")
	cmd.Flags().BoolVar(&o.access, "access", false, "write the access log to stdout")
	return cmd
}

// demoListener is the name of the demo's one listener.
const demoListener = "demo"

// demo serves until ctx ends or a signal arrives.
func demo(ctx context.Context, o demoOptions, stdout, stderr io.Writer) error {
	b, err := startBackends()
	if err != nil {
		return err
	}
	defer b.close()
	cfg := demoConfig(o, b.site.Addr().String(), b.echo.Addr().String())
	if o.tls {
		if err := secureDemo(cfg, o.address); err != nil {
			return err
		}
	}
	if err := cfg.Check(); err != nil {
		return err
	}
	e, err := engine.New(cfg, engineOptions(stdout, stderr))
	if err != nil {
		return explainBusy(err, o.address)
	}
	printDemo(stdout, invocation(), demoBase(o.tls, e.Addr(demoListener)))
	return serveUntilSignal(ctx, e, time.Duration(cfg.Engine.DrainTimeout), stderr)
}

// demoConfig is what a file would say: the site behind its own paths, so that any
// other path shows weir's 404, and two routes that weir answers by itself.
func demoConfig(o demoOptions, site, echo string) *configs.Config {
	cfg := configs.Default()
	cfg.Engine.DrainTimeout = configs.Duration(time.Second)
	cfg.Log.Level, cfg.Log.Format, cfg.Log.Access = "warn", "text", "off"
	if o.access {
		cfg.Log.Access = "stdout"
	}
	cfg.Listeners[demoListener] = configs.NewListener(o.address)
	cfg.Clusters["site"] = configs.NewCluster(site)
	cfg.Clusters["echo"] = configs.NewCluster(echo)

	route := func(set func(*configs.Route)) {
		r := configs.NewRoute()
		set(r)
		cfg.Routes = append(cfg.Routes, r)
	}
	for _, path := range []string{"/", "/download", "/events"} {
		route(func(r *configs.Route) { r.Path, r.Cluster = path, "site" })
	}
	route(func(r *configs.Route) { r.Prefix, r.Cluster = "/ws/", "site" })
	route(func(r *configs.Route) { r.Prefix, r.Cluster = "/echo", "echo" })
	route(func(r *configs.Route) { r.Path, r.Respond = "/healthz", configs.NewRespond("ok\n") })
	route(func(r *configs.Route) { r.Path, r.Redirect = "/old", configs.NewRedirect("/echo") })
	return cfg
}

// secureDemo makes the listener end TLS, with a certificate that only lives in cfg.
func secureDemo(cfg *configs.Config, address string) error {
	hosts := developmentHosts
	if host, _, err := net.SplitHostPort(address); err == nil {
		if name, err := checkHost(host); err == nil && !slices.Contains(hosts, name) {
			hosts = append(slices.Clone(hosts), name)
		}
	}
	p, err := selfMade(time.Now(), hosts)
	if err != nil {
		return err
	}
	cfg.Listeners[demoListener].TLS = configs.NewListenerTLS(&configs.Certificate{Cert: string(p.cert), Key: string(p.key)})
	return nil
}

// explainBusy adds the way out to an address that is in use.
func explainBusy(err error, address string) error {
	if !errors.Is(err, unix.EADDRINUSE) {
		return err
	}
	host, _, _ := net.SplitHostPort(address)
	return fmt.Errorf("%s is in use by another program; take a free port with: weir demo --address %s",
		address, net.JoinHostPort(host, "0"))
}
