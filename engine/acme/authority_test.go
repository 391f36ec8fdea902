package acme

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/configs"
	"weir/engine/acme/acmetest"
)

// authority is pebble, and the two listeners that it finds: they answer as weir's do,
// through a manager.
type authority struct {
	*acmetest.Authority
	t       testing.TB
	manager atomic.Pointer[Manager]
	tls     net.Listener
	http    *httptest.Server
	options authorityOptions
}

type authorityOptions struct {
	acmetest.Options
	tlsClosed bool // nothing listens on the port of TLS-ALPN-01
	httpDead  bool // HTTP-01 gets 404
}

func newAuthority(t testing.TB, options authorityOptions) *authority {
	a := &authority{Authority: acmetest.New(t, options.Options), t: t, options: options}
	a.http = httptest.NewServer(http.HandlerFunc(a.serveHTTP01))
	t.Cleanup(a.http.Close)
	a.tls = a.serveTLS()
	a.Validate(port(a.http.Listener), port(a.tls))
	return a
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// down is a gate: the connection ends without an answer.
func down(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func (a *authority) serveHTTP01(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.URL.Path, "/.well-known/acme-challenge/")
	m := a.manager.Load()
	if !ok || m == nil || a.options.httpDead {
		http.NotFound(w, r)
		return
	}
	keyAuth, ok := m.HTTPToken([]byte(r.Host), []byte(token))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(keyAuth)
}

// serveTLS listens as a listener of weir with ACME does: challenges get their own
// config, all other hellos the certificate of their server name.
func (a *authority) serveTLS() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		a.t.Fatal(err)
	}
	if a.options.tlsClosed {
		listener.Close()
		return listener
	}
	config := &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Equal(hello.SupportedProtos, []string{ALPN}) {
			return &tls.Config{NextProtos: []string{ALPN}, GetCertificate: a.manager.Load().Challenge}, nil
		}
		return &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return a.manager.Load().Certificate(hello.ServerName), nil
		}}, nil
	}}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			done.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(10 * time.Second))
				tls.Server(conn, config).Handshake()
			})
		}
	})
	a.t.Cleanup(func() {
		listener.Close()
		done.Wait()
	})
	return listener
}

// run is a manager that has started and answers the authority's challenges, with
// waits of milliseconds after failures.
func (a *authority) run(cfg *configs.ACME) (*Manager, *journal) {
	a.t.Helper()
	pace := realPace()
	pace.first, pace.last = 20*time.Millisecond, 100*time.Millisecond
	return a.runAt(cfg, pace)
}

func (a *authority) runAt(cfg *configs.ACME, pace pace) (*Manager, *journal) {
	a.t.Helper()
	j := &journal{t: a.t, events: make(chan entry, 1000)}
	m, err := newManager(cfg, j.log, pace)
	if err != nil {
		a.t.Fatal(err)
	}
	a.manager.Store(m)
	a.t.Cleanup(m.Close)
	m.Start()
	return m, j
}

// dial is a client's handshake with the listener. It verifies what it gets.
func (a *authority) dial(host string) (*x509.Certificate, error) {
	conn, err := tls.Dial("tcp", a.tls.Addr().String(), &tls.Config{ServerName: host, RootCAs: a.Roots()})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

// journal gathers what a manager logs.
type journal struct {
	t      testing.TB
	events chan entry
}

type entry struct {
	host string
	Event
}

func (j *journal) log(host string, event Event) { j.events <- entry{host, event} }

// next waits for an event.
func (j *journal) next() entry {
	j.t.Helper()
	select {
	case e := <-j.events:
		return e
	case <-time.After(20 * time.Second):
		j.t.Fatal("no event")
		return entry{}
	}
}

// until waits for an event of a kind, and returns those before it too.
func (j *journal) until(kind EventKind) (seen []entry) {
	j.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		e := j.next()
		seen = append(seen, e)
		if e.Kind == kind {
			return seen
		}
	}
	j.t.Fatalf("no %q, but %v", kind, seen)
	return nil
}

// none demands that nothing more was logged.
func (j *journal) none() {
	j.t.Helper()
	select {
	case e := <-j.events:
		j.t.Errorf("unexpected: %s %s %v", e.host, e.Kind, e.Err)
	default:
	}
}
