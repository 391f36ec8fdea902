package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"weir/configs"
)

// backends are the endpoints of the demo, on loopback ports of their own. They are
// plain net/http servers that know nothing of weir.
type backends struct {
	site, echo net.Listener
	servers    []*http.Server
	sockets    *sockets
}

// startBackends serves until close.
func startBackends() (*backends, error) {
	b := &backends{sockets: newSockets(socketsMax)}
	var err error
	if b.site, err = b.serve(siteMux(b.sockets), nil); err != nil {
		return nil, err
	}
	if b.echo, err = b.serve(http.HandlerFunc(echo), recordHead); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// serve starts one server on a free port. If wrap is not nil, every connection
// passes through it and carries one request only.
func (b *backends) serve(h http.Handler, wrap func(net.Listener, *http.Server) net.Listener) (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("demo backend: %w", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: headMax}
	served := l
	if wrap != nil {
		served = wrap(l, s)
	}
	b.servers = append(b.servers, s)
	go s.Serve(served) // ends by close, which is the only error it can meet
	return l, nil
}

// close ends every connection and every goroutine of the backends' sockets.
func (b *backends) close() {
	for _, s := range b.servers {
		s.Close()
	}
	b.sockets.close()
}

// siteMux is everything but the HTTP echo.
func siteMux(s *sockets) *http.ServeMux {
	hub := newHub()
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", newPage())
	mux.HandleFunc("GET /ws/echo", s.handler(serveEchoSocket))
	mux.HandleFunc("GET /ws/chat", s.handler(hub.serve))
	mux.HandleFunc("GET /download", download)
	mux.HandleFunc("GET /events", events)
	return mux
}

const (
	downloadDefault = configs.Size(256 << 20)
	downloadMax     = configs.Size(1 << 40)
	eventsMax       = 3600
)

// download sends ?size= bytes, the same ones every time, with a Content-Length.
// Ranges work.
func download(w http.ResponseWriter, r *http.Request) {
	size := downloadDefault
	if s := r.URL.Query().Get("size"); s != "" {
		if err := size.UnmarshalText([]byte(s)); err != nil {
			http.Error(w, "size: "+err.Error(), http.StatusBadRequest)
			return
		}
	}
	if size > downloadMax {
		http.Error(w, "size: at most 1024GiB", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, &pattern{size: int64(size)})
}

// pattern is a file of size bytes that repeats patternBlock, so that any part of a
// download can be checked without keeping it.
type pattern struct{ off, size int64 }

var patternBlock = func() []byte {
	block := make([]byte, 64<<10)
	rand.NewChaCha8([32]byte{}).Read(block)
	return block
}()

func (p *pattern) Read(b []byte) (int, error) {
	if p.off >= p.size {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), p.size-p.off)]
	n := copy(b, patternBlock[p.off%int64(len(patternBlock)):])
	p.off += int64(n)
	return n, nil
}

func (p *pattern) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.off
	case io.SeekEnd:
		offset += p.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	p.off = offset
	return offset, nil
}

// events sends server-sent events, one a second, the first at once, ?count= of
// them or until the client leaves.
func events(w http.ResponseWriter, r *http.Request) {
	count := eventsMax
	if s := r.URL.Query().Get("count"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > eventsMax {
			http.Error(w, fmt.Sprintf("count: 1 to %d", eventsMax), http.StatusBadRequest)
			return
		}
		count = n
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	sendEvents(r.Context(), w, count, time.Second)
}

func sendEvents(ctx context.Context, w http.ResponseWriter, count int, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for n := 1; ; n++ {
		_, err := fmt.Fprintf(w, "id: %d\ndata: {\"n\":%d,\"at\":%q}\n\n", n, n, time.Now().UTC().Format(time.RFC3339Nano))
		if err != nil || http.NewResponseController(w).Flush() != nil || n == count {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
