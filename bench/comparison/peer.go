package main

import (
	"context"

	"github.com/spf13/cobra"

	"weir/bench/comparison/httpproxy"
	"weir/bench/comparison/peers"
	"weir/bench/comparison/relay"
)

// builtIn are the peers that are this program.
var builtIn = map[string]func(ctx context.Context, listen, backend string) error{
	peers.HTTPUtil: httpproxy.Run,
	peers.Gnet:     relay.Run,
}

func newPeer() *cobra.Command {
	var listen, backend string
	cmd := &cobra.Command{
		Use:     "peer NAME",
		Short:   "Run a peer that is written in Go, until Ctrl-C",
		Long:    "Runs net/http/httputil.ReverseProxy (httputil) or a blind relay on gnet (gnet) alone.",
		Example: "  bench/compare peer httputil --listen 127.0.0.1:8080 --backend 127.0.0.1:9001",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || builtIn[args[0]] == nil {
				return usagef("'%s' takes %s or %s", cmd.CommandPath(), peers.HTTPUtil, peers.Gnet)
			}
			if listen == "" || backend == "" {
				return usagef("'%s' needs --listen and --backend", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return builtIn[args[0]](cmd.Context(), listen, backend)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "`host:port` to listen on")
	cmd.Flags().StringVar(&backend, "backend", "", "`host:port` to forward to")
	return cmd
}
