package bench

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// identity is a certificate for 127.0.0.1 that is valid until then, and the roots
// that know it.
func identity(t *testing.T, until time.Time) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: until.Add(-24 * time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"bench.test"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}

func tomorrow() time.Time { return time.Now().Add(12 * time.Hour) }

// serveHTTPS runs a net/http server with TLS and returns its address.
func serveHTTPS(t *testing.T, config *tls.Config, h http.Handler) string {
	t.Helper()
	l := listen(t)
	s := &http.Server{Handler: h, TLSConfig: config.Clone(), ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() { s.ServeTLS(l, "", ""); close(done) }()
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().String()
}

func tlsEchoServer(t *testing.T) (addr string, roots *x509.CertPool) {
	t.Helper()
	config, roots := identity(t, tomorrow())
	s, err := NewTLSEchoServer("127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.Addr(), roots
}

// Every kind that opens connections works over TLS as it does without.
func TestKindsOverTLS(t *testing.T) {
	type measure func(context.Context, Options) (*Result, error)
	bulk := func(upload bool, size int64) measure {
		return func(ctx context.Context, o Options) (*Result, error) {
			o.Verify = !upload
			return Bulk(ctx, BulkOptions{Options: o, Upload: upload, Bytes: size})
		}
	}
	storm := func(ctx context.Context, o Options) (*Result, error) {
		o.Rate = 200
		return Storm(ctx, StormOptions{Options: o, Survivors: 2})
	}
	for _, tt := range []struct {
		name, path string
		measure    measure
		set        func(*Options)
	}{
		{"ws", "wss /", WebSocket, nil},
		{"ws, larger than any buffer", "wss /", WebSocket, func(o *Options) { o.Size = 200_000 }},
		{"ws, 16 KiB in open loop", "wss /", WebSocket, func(o *Options) { o.Rate, o.Size = 500, 16<<10 }},
		{"ws, more than a socket holds in open loop", "wss /", WebSocket, func(o *Options) { o.Rate, o.Size = 20, 3_000_000 }},
		{"ws, one byte more than a record", "wss /", WebSocket, func(o *Options) { o.Size = 16<<10 + 1 - 8 }},
		{"http", "https /bytes/100", HTTP, nil},
		{"http, pipelined in open loop", "https /bytes/100", HTTP, func(o *Options) { o.Pipeline, o.Rate = 4, 500 }},
		{"http, body of a request", "https /bytes/100000", HTTP, func(o *Options) { o.Size = 100_000 }},
		{"http, new connections", "https /bytes/100", HTTP, func(o *Options) { o.NewConnections = true }},
		{"handshake", "wss /", Handshake, nil},
		{"idle", "wss /", Idle, func(o *Options) { o.PingEvery = 30 * time.Millisecond }},
		{"broadcast", "wss /room", Broadcast, nil},
		{"broadcast of 64 KiB", "wss /room", Broadcast, func(o *Options) { o.Size = 64 << 10 }},
		{"storm", "wss /", storm, nil},
		{"bulk download", "https /bytes/3000000", bulk(false, 0), func(o *Options) { o.Duration = time.Minute }},
		{"bulk upload", "https /", bulk(true, 3_000_000), func(o *Options) { o.Duration = time.Minute }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			quiet(t)
			addr, roots := tlsEchoServer(t)
			scheme, path, _ := strings.Cut(tt.path, " ")
			o := short(scheme + "://" + addr + path)
			if scheme == "https" {
				o.Size = 0
			}
			o.TLS.Roots, o.Timeout = roots, 20*time.Second
			if tt.set != nil {
				tt.set(&o)
			}
			r, err := tt.measure(context.Background(), o)
			sound(t, r, err)
			if r.TLS == nil || r.TLS.Handshakes < 4 || r.TLS.Resumed != 0 || r.TLS.Agreed["TLS 1.3 TLS_AES_128_GCM_SHA256 X25519MLKEM768"] != r.TLS.Handshakes {
				t.Errorf("%+v", r.TLS)
			}
		})
	}
}

// The judge of the generator's TLS, and of its WebSocket in it, is net/http.
func TestTLSWithNetHTTP(t *testing.T) {
	quiet(t)
	config, roots := identity(t, tomorrow())
	addr := serveHTTPS(t, config, http.HandlerFunc(coderEcho))
	for _, rate := range []float64{0, 500} {
		o := short("wss://" + addr + "/echo")
		o.TLS.Roots, o.Rate, o.Size = roots, rate, 20_000
		r, err := WebSocket(context.Background(), o)
		sound(t, r, err)
	}
}

func TestTLSHandshake(t *testing.T) {
	const suite = "TLS_AES_128_GCM_SHA256"
	for _, tt := range []struct {
		name    string
		set     func(*TLSHandshakeOptions)
		agreed  string
		resumes bool
	}{
		{"full", nil, "TLS 1.3 " + suite + " X25519MLKEM768", false},
		{"open loop", func(o *TLSHandshakeOptions) { o.Rate = 200 }, "TLS 1.3 " + suite + " X25519MLKEM768", false},
		{"a curve", func(o *TLSHandshakeOptions) { o.TLS.Curves = []tls.CurveID{tls.CurveP384} }, "TLS 1.3 " + suite + " CurveP384", false},
		{"resumed", func(o *TLSHandshakeOptions) { o.TLS.Resume = true }, "TLS 1.3 " + suite + " X25519MLKEM768", true},
		{"with a request", func(o *TLSHandshakeOptions) { o.Request, o.TLS.Resume = true, true }, "TLS 1.3 " + suite + " X25519MLKEM768", true},
		{"TLS 1.2", func(o *TLSHandshakeOptions) { o.TLS.MaxVersion = tls.VersionTLS12 },
			"TLS 1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 X25519", false},
		{"TLS 1.2 resumed", func(o *TLSHandshakeOptions) { o.TLS.MaxVersion, o.TLS.Resume = tls.VersionTLS12, true },
			"TLS 1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 X25519", true},
		{"another name", func(o *TLSHandshakeOptions) { o.TLS.ServerName = "bench.test" }, "TLS 1.3 " + suite + " X25519MLKEM768", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			quiet(t)
			config, roots := identity(t, tomorrow())
			var requests atomic.Uint64
			addr := serveHTTPS(t, config, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { requests.Add(1) }))
			before := remains(t, addr)
			o := TLSHandshakeOptions{Options: short("https://" + addr)}
			o.TLS.Roots, o.PID = roots, os.Getpid()
			if tt.set != nil {
				tt.set(&o)
			}
			r, err := TLSHandshake(context.Background(), o)
			if err != nil || r.Errors != 0 || r.Received < 4 || r.Kind != "tls" || r.Latency.P50 < 1 || r.Process == nil || r.Process.CPUMicrosPerUnit <= 0 {
				t.Fatalf("%+v, %v", r, err)
			}
			if r.TLS.Agreed[tt.agreed] == 0 || uint64(r.TLS.Handshakes) < r.Received {
				t.Errorf("%+v, want %s", r.TLS, tt.agreed)
			}
			// The first of each connection may have begun before there was a ticket.
			if full := r.TLS.Handshakes - r.TLS.Resumed; tt.resumes && full > o.Connections || !tt.resumes && r.TLS.Resumed > 0 {
				t.Errorf("%d of %d resumed", r.TLS.Resumed, r.TLS.Handshakes)
			}
			if got := requests.Load(); o.Request && got < r.Received || !o.Request && got > 0 {
				t.Errorf("%d requests for %d handshakes", got, r.Received)
			}
			if n := remains(t, addr) - before; n > 0 {
				t.Errorf("%d connections of the client were left", n)
			}
		})
	}
}

// A server that answers a client who leaves without a request is no failure, up to a
// point.
func TestTLSFarewell(t *testing.T) {
	for size, want := range map[int]string{400: "", farewellMost + 1000: "bytes after the end"} {
		quiet(t)
		config, roots := identity(t, tomorrow())
		addr := script(t, func(c *net.TCPConn, in *bufio.Reader) {
			s := tls.Server(c, config)
			io.Copy(io.Discard, s)
			s.Write(make([]byte, size))
			s.CloseWrite()
			c.CloseWrite()
			io.Copy(io.Discard, in)
		})
		o := TLSHandshakeOptions{Options: short("https://" + addr), Count: 8}
		o.TLS.Roots, o.Warmup, o.Timeout = roots, 0, 10*time.Second
		r, err := TLSHandshake(context.Background(), o)
		if r == nil || (err == nil) != (want == "") || want == "" && r.Received != 8 || want != "" && r.ErrorKinds[want] != 8 {
			t.Errorf("%d bytes: %+v, %v", size, r, err)
		}
	}
}

// A run ends when there have been as many handshakes as were asked for.
func TestTLSHandshakeCount(t *testing.T) {
	for _, rate := range []float64{0, 1000} {
		quiet(t)
		config, roots := identity(t, tomorrow())
		addr := serveHTTPS(t, config, http.NotFoundHandler())
		o := TLSHandshakeOptions{Options: short("https://" + addr), Count: 25}
		o.TLS.Roots, o.Rate, o.Warmup, o.Duration = roots, rate, 0, time.Hour
		r, err := TLSHandshake(context.Background(), o)
		if err != nil || r.Received != 25 || r.TLS.Handshakes != 25 || r.Errors != 0 || r.Elapsed > 60 {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

// What goes wrong in a TLS handshake is counted by what it was.
func TestTLSFailures(t *testing.T) {
	config, roots := identity(t, tomorrow())
	stale, staleRoots := identity(t, time.Now().Add(-time.Hour))
	strict := config.Clone()
	strict.ClientAuth, strict.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
	serve := func(c *tls.Config) string { return serveHTTPS(t, c, http.NotFoundHandler()) }
	for _, tt := range []struct {
		kind, addr string
		tls        ClientTLS
	}{
		{"tls certificate of an unknown authority", serve(config), ClientTLS{}},
		{"tls certificate of another name", serve(config), ClientTLS{Roots: roots, ServerName: "other.test"}},
		{"tls certificate out of date", serve(stale), ClientTLS{Roots: staleRoots}},
		{"tls alert: ", serve(strict), ClientTLS{Roots: roots}},
		{"tls answer without TLS", serveHTTP(t, http.NotFoundHandler()), ClientTLS{Insecure: true}},
		{"tls closed", script(t, func(c *net.TCPConn, in *bufio.Reader) { in.Peek(1) }), ClientTLS{Insecure: true}},
		{"tls timeout", script(t, func(c *net.TCPConn, in *bufio.Reader) { io.Copy(io.Discard, in) }), ClientTLS{Insecure: true}},
	} {
		o := TLSHandshakeOptions{Options: short("https://" + tt.addr)}
		o.Timeout, o.TLS = 100*time.Millisecond, tt.tls
		if tt.kind != "tls timeout" {
			o.Timeout = 10 * time.Second
		}
		r, err := TLSHandshake(context.Background(), o)
		if err == nil || r == nil || r.Received != 0 {
			t.Errorf("%s: %+v, %v", tt.kind, r, err)
			continue
		}
		for kind := range r.ErrorKinds {
			if !strings.HasPrefix(kind, tt.kind) && kind != "tls reset" {
				t.Errorf("%s: %v", tt.kind, r.ErrorKinds)
			}
		}
	}
}

// A write that has to wait is left to someone who can: with a server that takes
// nothing, writes end in "no room" and never in a wait.
func TestSealNeverWaits(t *testing.T) {
	config, roots := identity(t, tomorrow())
	l := listen(t)
	defer l.Close()
	shaken := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err == nil && tls.Server(c, config).Handshake() == nil {
			shaken <- c
		}
	}()
	target, _ := parseTarget("https://" + l.Addr().String())
	to, err := target.resolve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o := &opener{Options: Options{Timeout: 10 * time.Second}, agreed: newAgreements()}
	o.tls = (&ClientTLS{Roots: roots}).config("bench.test")
	link := &link{address: to}
	if err := o.dialWithin(t.Context(), link); err != nil {
		t.Fatal(err)
	}
	defer link.close()
	defer (<-shaken).Close()
	link.limit(time.Now().Add(20 * time.Second)) // a write that waits fails
	if n, err := link.try.write(make([]byte, sealMost+1)); n != 0 || err != nil {
		t.Errorf("too much: %d, %v", n, err)
	}
	for sum := 0; ; {
		n, err := link.try.write(make([]byte, sealMost))
		if err != nil || n != 0 && n != sealMost || sum > 1<<30 {
			t.Fatalf("after %d bytes: %d, %v", sum, n, err)
		}
		if sum += n; n == 0 {
			break
		}
	}
	// Even an alert does not fit any more; and closing does not wait either.
	var raw tryWriter
	if err := raw.bind(link.conn); err != nil {
		t.Fatal(err)
	}
	for n := 1; n > 0; {
		if n, err = raw.write(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	link.drop()
	if d := time.Since(begun); d > 4*time.Second {
		t.Errorf("closing took %v", d)
	}
}

// A connection with TLS that waits holds no buffer either, unless bytes of an
// unfinished head are kept in it. What one record holds and another reads past its
// end is not lost.
func TestEchoTLSIdleHoldsNoBuffer(t *testing.T) {
	quiet(t)
	config, _ := identity(t, tomorrow())
	plain, server := pair(t)
	client := tls.Client(plain, &tls.Config{InsecureSkipVerify: true})
	e := newEchoConn(server)
	held, done := make(chan bool, 100), make(chan struct{})
	go func() {
		defer close(done)
		e.shakeHands(config)
		wait := e.call
		e.call = func(fd uintptr) bool {
			ready := wait(fd)
			if !ready {
				held <- e.buf != nil || e.ahead != nil
			}
			return ready
		}
		e.serve()
	}()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if <-held {
		t.Error("a buffer is held before the first byte")
	}
	io.WriteString(client, "GET / HTTP/1.1\r\n")
	for kept := false; !kept; kept = <-held { // a record may come in two parts
	}
	io.WriteString(client, "Host: a\r\n\r\nGET /bytes/3 HTTP/1.1\r\nHost: a\r\n\r\n")
	in := bufio.NewReader(client)
	for range 2 {
		r, err := http.ReadResponse(in, nil)
		if err != nil || r.StatusCode != 200 {
			t.Fatal(r, err)
		}
		io.Copy(io.Discard, r.Body)
	}
	for kept := true; kept; kept = <-held {
	}
	client.Close()
	<-done
	if e.buf != nil || e.ahead != nil {
		t.Error("a buffer is held after the end")
	}
}

func TestValidateTLS(t *testing.T) {
	good := Options{URL: "wss://127.0.0.1:1/x", Connections: 1, Duration: time.Second}
	for _, tt := range []struct {
		set  func(*Options)
		want string // "": nothing is wrong
	}{
		{func(o *Options) { o.TLS.Insecure, o.TLS.Resume = true, true }, ""},
		{func(o *Options) { o.TLS.MaxVersion = tls.VersionTLS12 }, ""},
		{func(o *Options) { o.TLS.MaxVersion = tls.VersionTLS10 }, "give 1.2 or 1.3"},
		{func(o *Options) { o.TLS.Insecure, o.TLS.Roots = true, x509.NewCertPool() }, "leave one of the two out"},
		{func(o *Options) { o.URL, o.TLS.Resume = "ws://127.0.0.1:1/", true }, "give wss://"},
		{func(o *Options) { o.URL, o.TLS.Insecure = "http://127.0.0.1:1/", true }, "give https://"},
	} {
		o := good
		tt.set(&o)
		if err := o.Validate(); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", o.TLS, err, tt.want)
		}
	}
	plain := TLSHandshakeOptions{Options: good, Count: -1}
	plain.URL = "http://127.0.0.1:1/"
	if err := plain.Validate(); err == nil || !strings.Contains(err.Error(), "tls needs https://") || !strings.Contains(err.Error(), "count: -1") {
		t.Error(err)
	}
	if _, err := NewTLSEchoServer("127.0.0.1:0", &tls.Config{}); err == nil || errors.Is(err, net.ErrClosed) {
		t.Error("an echo server without a certificate")
	}
}
