// Package httpproxy is the reverse proxy of Go's standard library as one would
// deploy it, as a peer to measure weir against.
package httpproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// stopWithin bounds the wait for requests at the end.
const stopWithin = 2 * time.Second

// Run proxies HTTP and WebSockets from listen, host:port, to backend, host:port,
// until ctx ends. It returns nil then, with every connection closed and every
// goroutine ended.
func Run(ctx context.Context, listen, backend string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("httpproxy: %w", err)
	}
	// Not ctx: a request must not be cut before no more of them can come.
	requests, cancel := context.WithCancel(context.Background())
	defer cancel()
	transport := newTransport()
	h := &handler{proxy: newProxy(backend, transport)}
	server := &http.Server{
		Handler:     h,
		ErrorLog:    silent(),
		BaseContext: func(net.Listener) context.Context { return requests },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	h.refuse()
	cancel() // ends tunnels and the requests under way
	within, done := context.WithTimeout(context.Background(), stopWithin)
	defer done()
	if server.Shutdown(within) != nil {
		server.Close()
	}
	h.tunnels.Wait()
	transport.CloseIdleConnections()
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("httpproxy: %w", err)
	}
	return nil
}

// newTransport keeps as many connections to the backend as there are requests at a
// time, and adds nothing to a request.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext: (&net.Dialer{
			Timeout:   5 * time.Second,
			KeepAlive: -1, // no probes: the other peers send none
		}).DialContext,
		MaxIdleConnsPerHost: 1024,
		DisableCompression:  true,
	}
}

func newProxy(backend string, transport http.RoundTripper) *httputil.ReverseProxy {
	target := &url.URL{Scheme: "http", Host: backend}
	return &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:  transport,
		BufferPool: newBuffers(),
		ErrorLog:   silent(),
	}
}

func silent() *log.Logger { return log.New(io.Discard, "", 0) }

// handler counts the upgrades, which http.Server loses sight of.
type handler struct {
	proxy *httputil.ReverseProxy

	mu       sync.Mutex
	stopping bool
	tunnels  sync.WaitGroup
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		h.proxy.ServeHTTP(w, r)
		return
	}
	h.mu.Lock()
	if h.stopping {
		h.mu.Unlock()
		panic(http.ErrAbortHandler) // closes the connection
	}
	h.tunnels.Add(1)
	h.mu.Unlock()
	defer h.tunnels.Done()
	h.proxy.ServeHTTP(w, r)
}

// refuse lets no more tunnels begin.
func (h *handler) refuse() {
	h.mu.Lock()
	h.stopping = true
	h.mu.Unlock()
}
