package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	headMax     = 64 << 10 // bytes of a request head
	echoBodyMax = 64 << 10 // bytes of a body that are shown
)

// echoed is the answer of the HTTP echo: a request as it reached the endpoint.
type echoed struct {
	Method  string        `json:"method"`
	Target  string        `json:"target"`
	Version string        `json:"version"`
	Host    string        `json:"host"`
	Peer    string        `json:"peer"` // the address weir connected from
	Headers []echoedField `json:"headers"`
	// Body is the start of the body, up to echoBodyMax: text, or base64 if it is
	// not UTF-8.
	Body       string `json:"body"`
	BodyBase64 []byte `json:"body_base64,omitempty"`
	BodyBytes  int64  `json:"body_bytes"` // all of it
}

// echoedField is a field line as it was written: order, case and repetitions kept.
type echoedField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// echo answers with the request. It needs a server set up by recordHead.
func echo(w http.ResponseWriter, r *http.Request) {
	answer := echoed{
		Method: r.Method, Target: r.RequestURI, Version: r.Proto, Host: r.Host, Peer: r.RemoteAddr,
		Headers: []echoedField{},
	}
	if rec, ok := r.Context().Value(recorderKey{}).(*headRecorder); ok {
		answer.Headers = rec.fields()
	}
	shown, err := io.ReadAll(io.LimitReader(r.Body, echoBodyMax))
	if err == nil {
		answer.BodyBytes, err = io.Copy(io.Discard, r.Body)
	}
	if err != nil {
		http.Error(w, "the body did not arrive whole: "+err.Error(), http.StatusBadRequest)
		return
	}
	answer.BodyBytes += int64(len(shown))
	if utf8.Valid(shown) {
		answer.Body = string(shown)
	} else {
		answer.BodyBase64 = shown
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	out.Encode(answer) // an error here is a client that left
}

type recorderKey struct{}

// recordHead makes the fields of a request available as they were sent: net/http
// keeps neither their order nor their case. The price is one request a connection,
// so that the first bytes of a connection are the head and nothing else has to be
// known of HTTP here.
func recordHead(l net.Listener, s *http.Server) net.Listener {
	s.SetKeepAlivesEnabled(false)
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, recorderKey{}, c.(*headRecorder))
	}
	return recordingListener{l}
}

type recordingListener struct{ net.Listener }

func (l recordingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &headRecorder{Conn: c}, nil
}

var headEnd = []byte("\r\n\r\n")

// headRecorder keeps the first head that is read from a connection.
type headRecorder struct {
	net.Conn
	mu   sync.Mutex // net/http reads ahead on another goroutine
	head []byte
	full bool
}

func (c *headRecorder) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.full {
		from := max(0, len(c.head)-len(headEnd)+1)
		c.head = append(c.head, b[:n]...)
		if end := bytes.Index(c.head[from:], headEnd); end >= 0 {
			c.head, c.full = c.head[:from+end], true
		}
		// net/http refuses such a head; it is only not kept here.
		c.full = c.full || len(c.head) > 2*headMax
	}
	return n, err
}

// fields are the field lines of the head, in order.
func (c *headRecorder) fields() []echoedField {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := []echoedField{}
	for i, line := range strings.Split(string(c.head), "\r\n") {
		if i == 0 {
			continue // the request line
		}
		name, value, _ := strings.Cut(line, ":")
		list = append(list, echoedField{name, strings.Trim(value, " \t")})
	}
	return list
}
