// Package acmetest is a certificate authority for tests: Let's Encrypt's pebble in
// this process, and a name server that leads every name to 127.0.0.1.
package acmetest

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"weir/configs"
)

// Authority answers no request before Validate has told it where to look for answers
// to its challenges. It ends with its test.
type Authority struct {
	// Orders were asked for; a nonce that pebble refuses, as it does by chance, is
	// not one.
	Orders   atomic.Int64
	Requests atomic.Int64
	Conns    atomic.Int64 // open

	server    *httptest.Server             // the directory
	pebble    atomic.Pointer[http.Handler] // nil before Validate
	gate      atomic.Pointer[http.HandlerFunc]
	roots     atomic.Pointer[x509.CertPool]
	ready     chan struct{}
	once      sync.Once
	dns       string
	options   Options
	http, tls int // ports of the challenges
}

// Options change what the authority does.
type Options struct {
	Validity time.Duration // of certificates; 90 days if 0
	Reuse    string        // percentage of valid authorizations that serve another order
}

// New starts an authority.
func New(t testing.TB, options Options) *Authority {
	t.Helper()
	a := &Authority{options: options, dns: nameServer(t), ready: make(chan struct{})}
	a.server = httptest.NewUnstartedServer(http.HandlerFunc(a.serve))
	a.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			a.Conns.Add(1)
		case http.StateClosed:
			a.Conns.Add(-1)
		}
	}
	a.server.StartTLS()
	t.Cleanup(func() {
		a.open() // a request may wait
		a.server.Close()
	})
	return a
}

func (a *Authority) open() { a.once.Do(func() { close(a.ready) }) }

// Validate names the ports of 127.0.0.1 where answers to challenges are: those of
// HTTP-01 and of TLS-ALPN-01.
func (a *Authority) Validate(http, tls int) {
	a.http, a.tls = http, tls
	a.Reset()
	a.open()
}

var environment sync.Mutex // pebble takes options from it

// Reset makes it an authority that knows no accounts, with a root of its own.
func (a *Authority) Reset() {
	environment.Lock()
	defer environment.Unlock()
	os.Setenv("PEBBLE_AUTHZREUSE", "0"+a.options.Reuse)
	os.Setenv("PEBBLE_VA_NOSLEEP", "1") // or it waits before it validates
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	signer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{
		"default": {ValidityPeriod: uint64(a.options.Validity / time.Second)},
	})
	validator := va.New(quiet, a.http, a.tls, true, a.dns, store)
	front := wfe.New(quiet, store, validator, signer, []string{"ca.weir.test"}, true, false, 0, 0)
	handler := front.Handler()
	a.pebble.Store(&handler)
	roots := x509.NewCertPool()
	roots.AddCert(signer.GetRootCert(0).Cert)
	a.roots.Store(roots)
}

// Roots are those of what it signs now.
func (a *Authority) Roots() *x509.CertPool { return a.roots.Load() }

// Pebble is what answers.
func (a *Authority) Pebble() http.Handler { return *a.pebble.Load() }

// Block puts gate in place of pebble; nil: nothing.
func (a *Authority) Block(gate http.HandlerFunc) {
	if gate == nil {
		a.gate.Store(nil)
		return
	}
	a.gate.Store(&gate)
}

// Table is a configuration that uses the authority.
func (a *Authority) Table(storage string, hosts ...string) *configs.ACME {
	cfg := configs.NewACME(hosts...)
	cfg.Directory = a.server.URL + wfe.DirectoryPath
	cfg.Email = "ops@weir.test"
	cfg.Storage = storage
	cfg.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.server.Certificate().Raw}))
	return cfg
}

// NewOrderPath is where pebble takes orders, for gates that look for them.
const NewOrderPath = "/order-plz"

// serve is the directory, and all it leads to.
func (a *Authority) serve(w http.ResponseWriter, r *http.Request) {
	a.Requests.Add(1)
	<-a.ready
	if r.URL.Path == NewOrderPath {
		answer := &statusWriter{ResponseWriter: w}
		defer func() {
			if answer.status != http.StatusBadRequest {
				a.Orders.Add(1)
			}
		}()
		w = answer
	}
	if gate := a.gate.Load(); gate != nil {
		(*gate)(w, r)
		return
	}
	if pebble := a.pebble.Load(); pebble != nil {
		(*pebble).ServeHTTP(w, r)
	}
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// nameServer answers every name with 127.0.0.1, and returns its address.
func nameServer(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	server := &dns.Server{Listener: listener, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(answerName)}
	var done sync.WaitGroup
	done.Go(func() { _ = server.ActivateAndServe() })
	<-started
	t.Cleanup(func() {
		_ = server.Shutdown()
		done.Wait()
	})
	return listener.Addr().String()
}

func answerName(w dns.ResponseWriter, query *dns.Msg) {
	reply := new(dns.Msg).SetReply(query)
	if q := query.Question[0]; q.Qtype == dns.TypeA {
		reply.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET},
			A:   net.IPv4(127, 0, 0, 1),
		}}
	}
	_ = w.WriteMsg(reply)
}
