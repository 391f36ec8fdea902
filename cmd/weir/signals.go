package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// server is what a signal acts on: an engine.
type server interface {
	Run(ctx context.Context) error // serves until ctx ends, then drains
	Stop()                         // ends a drain early
}

// serveUntilSignal runs s until ctx ends or SIGINT or SIGTERM arrives; both drain.
// drain is how long that may take, for the message on stderr.
func serveUntilSignal(ctx context.Context, s server, drain time.Duration, stderr io.Writer) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM)
	defer signal.Stop(signals)
	return serve(ctx, s, signals, drain, stderr)
}

// serve is serveUntilSignal with the signals handed in. The first one drains, the
// second one cuts what is left, and from then on the default action is back, so
// that a third one ends even a process that hangs.
func serve(ctx context.Context, s server, signals <-chan os.Signal, drain time.Duration, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()

	for draining := false; ; draining = true {
		select {
		case err := <-done:
			return err
		case <-signals:
			if draining {
				signal.Reset(unix.SIGINT, unix.SIGTERM)
				s.Stop()
				return <-done
			}
			fmt.Fprintf(stderr, "draining: up to %v for what is still open; press Ctrl-C again to stop now\n", drain)
			cancel()
		}
	}
}
