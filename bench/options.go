// Package bench is weir's load generator: it opens connections, exchanges WebSocket
// messages or HTTP requests over them, and reports throughput, latency, errors by
// kind, and what a process under test spent.
//
// It shares the machine with what it measures, so it is built to be cheap: bytes to
// send are made once, replies are parsed by codec/* in one buffer a connection, and
// a latency is one add into a histogram. It never imports the engine: a load
// generator must not share code paths with what it measures.
//
// Closed loop (Rate 0): a connection sends when its last reply is in. This finds
// the throughput; its latencies leave out whatever a stalled server kept from being
// sent. Open loop (Rate > 0): every message has a time at which it is due, and its
// latency counts from then, whether or not it could be sent. One stall then shows
// in every message that was due during it: no coordinated omission.
package bench

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/codec/http1"
)

// Options say what to run. Zero values of the fields marked optional have a
// default.
type Options struct {
	// URL is ws://host:port/path or http://host:port/path, or the same with wss or
	// https. The host is resolved once.
	URL string
	// TLS is how to speak to wss:// and https://. Optional: as a browser does.
	TLS ClientTLS
	// Connections is how many are open at once.
	Connections int
	// Active is the share of them that send, above 0 and up to 1; the others are
	// held open and watched. Optional: all.
	Active float64
	// Size is the payload of a WebSocket message, or the body of an HTTP request,
	// in bytes. An HTTP request without a body is a GET, with one a POST.
	Size int
	// Duration is how long is measured, after Warmup, which starts when every
	// connection is open.
	Duration, Warmup time.Duration
	// Rate is the messages or requests due a second over all connections; 0: closed
	// loop. Idle ignores it.
	Rate float64
	// ConnectRate is how many connections are opened a second; 0: as fast as
	// openersMax of them in flight allow.
	ConnectRate int
	// Header are fields to add to the request or handshake, as "Name: value". One
	// named Host replaces the authority of URL. Optional.
	Header []string
	// Timeout bounds a connect, a handshake, an orderly close, and the wait for
	// outstanding replies once Duration is over. Optional: 5 s.
	Timeout time.Duration
	// Progress is where a bar is drawn, if it is a terminal. Optional: none.
	Progress io.Writer
	// PID is a process whose CPU time and memory are measured, with all its
	// descendants. Optional: none.
	PID int
	// Verify checks what comes back. WebSocket: each message equals the one sent,
	// which differs between connections. HTTP: each body equals the first. Idle:
	// every connection answers a ping at the end.
	Verify bool
	// Pipeline is the requests in flight an HTTP connection. Optional: 1.
	Pipeline int
	// NewConnections gives every HTTP request a connection of its own, which the
	// server closes: see HTTP.
	NewConnections bool
	// Exchange is the payload of one message that Idle has each connection exchange
	// with an echo before it is held, so that the memory which traffic leaves behind is
	// part of what a connection costs. Optional: none.
	Exchange int
	// PingEvery is how often Idle pings each connection: see there. Optional: never.
	PingEvery time.Duration
}

const (
	defaultTimeout = 5 * time.Second
	// openersMax bounds the connections being opened at once, below the usual listen
	// backlog of 128.
	openersMax  = 64
	maxRate     = 1e7
	maxPipeline = 1024
	maxSize     = 64 << 20
	// spareDescriptors is what the process needs beside its connections.
	spareDescriptors = 32
)

func (o Options) withDefaults() Options {
	if o.Active == 0 {
		o.Active = 1
	}
	if o.Pipeline == 0 {
		o.Pipeline = 1
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	return o
}

// Validate reports everything that is wrong with o, and what to do about it.
func (o Options) Validate() error {
	o = o.withDefaults()
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	t, err := parseTarget(o.URL)
	if err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, o.TLS.validate(t))
	check(o.Connections >= 1, "connections: %d is too few; give at least 1", o.Connections)
	if limit := descriptorLimit(); o.Connections >= 1 {
		check(o.Connections+spareDescriptors <= limit,
			"connections: %d need more than the %d descriptors this process may open; raise it (ulimit -n) or run several generators", o.Connections, limit)
	}
	check(o.Active > 0 && o.Active <= 1, "active: %v is no share; give a number above 0 and up to 1", o.Active)
	check(o.Size >= 0 && o.Size <= maxSize, "size: %d is out of range; give 0 to %d bytes", o.Size, maxSize)
	check(o.Duration > 0, "duration: %v is no time to measure in; give a positive duration such as 10s", o.Duration)
	check(o.Warmup >= 0, "warmup: %v is negative; give 0 or a positive duration", o.Warmup)
	check(o.Rate >= 0 && o.Rate <= maxRate && !math.IsNaN(o.Rate), "rate: %v is out of range; give 0 (closed loop) to %.0f a second", o.Rate, maxRate)
	check(o.ConnectRate >= 0, "connect rate: %d is negative; give 0 for no limit", o.ConnectRate)
	check(o.Timeout > 0, "timeout: %v is negative; give a positive duration", o.Timeout)
	check(o.Pipeline >= 1 && o.Pipeline <= maxPipeline, "pipeline: %d is out of range; give 1 to %d", o.Pipeline, maxPipeline)
	check(!o.NewConnections || o.Pipeline == 1, "new connections: a pipeline of %d needs a connection that stays; leave one of the two out", o.Pipeline)
	check(!o.NewConnections || o.Active == 1, "new connections: there are none to hold, so active must be 1")
	check(o.Exchange >= 0 && o.Exchange <= maxSize, "exchange: %d is out of range; give 0 to %d bytes", o.Exchange, maxSize)
	check(o.PingEvery >= 0, "ping every: %v is negative; give a positive duration such as 30s, or 0 for no pings", o.PingEvery)
	check(o.PID >= 0, "pid: %d is negative; give 0 to measure no process", o.PID)
	for _, line := range o.Header {
		if err := checkHeader(line); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// ownFields are those the generator writes itself.
var ownFields = []string{
	"connection", "content-length", "expect", "sec-websocket-extensions", "sec-websocket-key",
	"sec-websocket-version", "te", "trailer", "transfer-encoding", "upgrade",
}

func checkHeader(line string) error {
	name, value, ok := splitHeader(line)
	if !ok || !http1.ValidFieldName(name) || !http1.ValidFieldValue(value) {
		return fmt.Errorf("header: %q is not a field; write it as \"Name: value\"", line)
	}
	for _, own := range ownFields {
		if strings.EqualFold(name, own) {
			return fmt.Errorf("header: %s is written by weir bench itself; leave it out", name)
		}
	}
	return nil
}

func splitHeader(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line, ":")
	return name, strings.Trim(value, " \t"), ok
}

func descriptorLimit() int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil || l.Cur > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(l.Cur)
}
