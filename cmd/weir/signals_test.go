package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/engine/e2e/probe"
)

// fakeServer drains until release is closed, or Stop is called.
type fakeServer struct {
	serving, draining, release, stopped chan struct{}
	failure                             error // returned at once, if not nil
}

func newFakeServer() *fakeServer {
	return &fakeServer{
		serving: make(chan struct{}), draining: make(chan struct{}),
		release: make(chan struct{}), stopped: make(chan struct{}),
	}
}

func (f *fakeServer) Run(ctx context.Context) error {
	if f.failure != nil {
		return f.failure
	}
	close(f.serving)
	<-ctx.Done()
	close(f.draining)
	select {
	case <-f.release:
	case <-f.stopped:
	}
	return nil
}

func (f *fakeServer) Stop() { close(f.stopped) }

// start serves f and returns its signals and its end.
func (f *fakeServer) start(ctx context.Context, stderr *probe.Buffer) (chan<- os.Signal, <-chan error) {
	signals, done := make(chan os.Signal, 2), make(chan error, 1)
	go func() { done <- serve(ctx, f, signals, 7*time.Second, stderr) }()
	return signals, done
}

func TestFirstSignalDrains(t *testing.T) {
	var stderr probe.Buffer
	f := newFakeServer()
	signals, done := f.start(t.Context(), &stderr)
	<-f.serving
	signals <- unix.SIGTERM
	<-f.draining
	select {
	case err := <-done:
		t.Fatalf("ended before the drain did: %v", err)
	case <-f.stopped:
		t.Fatal("cut by the first signal")
	default:
	}
	if got := stderr.String(); !strings.HasPrefix(got, "draining: up to 7s") || !strings.Contains(got, "press Ctrl-C again to stop now") {
		t.Errorf("stderr %q", got)
	}
	close(f.release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSecondSignalStops(t *testing.T) {
	var stderr probe.Buffer
	f := newFakeServer()
	signals, done := f.start(t.Context(), &stderr)
	<-f.serving
	signals <- unix.SIGINT
	<-f.draining
	signals <- unix.SIGINT
	<-f.stopped
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCancelDrainsWithoutAWord(t *testing.T) {
	var stderr probe.Buffer
	f := newFakeServer()
	ctx, cancel := context.WithCancel(t.Context())
	_, done := f.start(ctx, &stderr)
	<-f.serving
	cancel()
	<-f.draining
	close(f.release)
	if err := <-done; err != nil || stderr.String() != "" {
		t.Errorf("%v, stderr %q", err, stderr.String())
	}
}

func TestServeReturnsTheFailure(t *testing.T) {
	var stderr probe.Buffer
	f := newFakeServer()
	f.failure = errors.New("broken")
	if _, done := f.start(t.Context(), &stderr); <-done != f.failure {
		t.Error("the failure of Run was lost")
	}
}
