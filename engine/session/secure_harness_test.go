package session

import (
	"crypto/tls"
	"io"
	"strings"
	"sync"
	"testing"

	"weir/configs"
	"weir/engine/tlsconn"
	"weir/engine/tlstest"
	"weir/engine/transport/transporttest"
)

// pki is what all tests of TLS share: one authority, and a certificate for each name
// they use.
type pki struct {
	authority *tlstest.Authority
	a, b      *tlstest.Leaf // a.example, and b.example with what is below it
	endpoint  *tlstest.Leaf // 10.1.0.1 and .2
}

var (
	pkiOnce sync.Once
	shared  pki
)

func newPKI(t testing.TB) *pki {
	pkiOnce.Do(func() {
		authority := tlstest.New(t)
		shared = pki{
			authority: authority,
			a:         authority.Issue([]string{"a.example"}),
			b:         authority.Issue([]string{"b.example", "*.b.example"}),
			endpoint:  authority.Issue([]string{"10.1.0.1", "10.1.0.2"}),
		}
	})
	return &shared
}

func (p *pki) listener() *configs.ListenerTLS {
	return configs.NewListenerTLS(&configs.Certificate{Cert: p.a.Chain, Key: p.a.Key}, &configs.Certificate{Cert: p.b.Chain, Key: p.b.Key})
}

func (p *pki) cluster() *configs.ClusterTLS {
	c := configs.NewClusterTLS()
	c.CA = p.authority.PEM
	return c
}

// client is what a client that trusts the authority uses.
func (p *pki) client(name string) *tls.Config {
	return &tls.Config{RootCAs: p.authority.Pool(), ServerName: name, CurvePreferences: []tls.CurveID{tls.X25519}}
}

// server is what an endpoint uses.
func (p *pki) server(t testing.TB) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{p.endpoint.Pair(t)}}
}

// Options of a fixture.
func overTLS(s *setup)   { s.listener.TLS = shared.listener() }
func toTLS(s *setup)     { s.cluster.TLS = shared.cluster() }
func logged(s *setup)    { s.access = true }
func optional(s *setup)  { proxied(s); s.listener.ProxyProtocol.Mode = "optional" }
func opaqueTCP(s *setup) { s.listener.Protocol, s.listener.Cluster = "tcp", "c" }

func proxied(s *setup) {
	s.listener.ProxyProtocol = &configs.ProxyProtocol{Mode: "required", From: []string{"10.0.0.0/24"}}
}

func protocol(name, cluster string) func(*setup) {
	return func(s *setup) { s.listener.Protocol, s.listener.Cluster = name, cluster }
}

// spoken is the far end of TLS on a link: a client, or an endpoint.
type spoken struct {
	*transporttest.Link
	tls   *tlsconn.Conn
	state tlsconn.State
	in    []byte // received, not yet a whole record
	out   []byte // to be sent
	plain []byte // received, not yet given by hear
	err   error  // io.EOF: close_notify came
}

func (p *spoken) Ciphertext(b []byte) { p.out = append(p.out, b...) }

// clientTLS begins a handshake on a client's link: its ClientHello is in out.
func clientTLS(link *transporttest.Link, cfg *tls.Config) *spoken {
	p := &spoken{Link: link, tls: tlsconn.Client(cfg)}
	p.step(nil)
	return p
}

func endpointTLS(link *transporttest.Link, cfg *tls.Config) *spoken {
	return &spoken{Link: link, tls: tlsconn.Server(cfg)}
}

func (p *spoken) step(records []byte) {
	p.state = p.tls.Step(records)
	p.out = append(p.out, p.tls.Output()...)
	switch p.state {
	case tlsconn.Open:
		p.in = append(p.tls.Finish(), p.in...)
	case tlsconn.Failed:
		p.err = p.tls.Err()
	}
}

// take takes in what has arrived.
func (p *spoken) take() (news bool) {
	fresh := p.Take()
	p.in = append(p.in, fresh...)
	for p.err == nil {
		n := tlsconn.Whole(p.in)
		if n == 0 {
			break
		}
		records := p.in[:n:n]
		p.in = append([]byte(nil), p.in[n:]...)
		if p.state == tlsconn.Handshaking {
			p.step(records)
			continue
		}
		buf := make([]byte, n)
		got, err := p.tls.Open(buf, records, p)
		p.plain, p.err = append(p.plain, buf[:got]...), err
	}
	return fresh != ""
}

// drop gives what is to be sent, so that a test can send it as it likes.
func (p *spoken) drop() string {
	out := string(p.out)
	p.out = nil
	return out
}

// flow lets both sides go on until neither has anything to say. It sends nothing on
// a connection that has ended.
func (p *spoken) flow() {
	for {
		out := p.drop()
		if out != "" && !p.Closed() {
			p.Send(out)
		}
		if !p.take() && len(p.out) == 0 {
			return
		}
	}
}

// seal is text in records.
func (p *spoken) seal(text string) string {
	before := p.drop()
	if p.state != tlsconn.Open {
		panic("the handshake is not complete") // crypto/tls would wait for it
	}
	if err := p.tls.Seal([]byte(text), p); err != nil {
		panic(err)
	}
	return before + p.drop()
}

func (p *spoken) say(text string) {
	p.Send(p.seal(text))
	p.flow()
}

// notify is close_notify, without FIN.
func (p *spoken) notify() string {
	_ = p.tls.CloseWrite(p)
	return p.drop()
}

// hear is what has come since the last call.
func (p *spoken) hear() string {
	p.flow()
	s := string(p.plain)
	p.plain = p.plain[:0]
	return s
}

// ended reports whether close_notify has come, behind all that was sent.
func (p *spoken) ended() bool { p.flow(); return p.err == io.EOF }

// gotAlert reports whether TLS failed of an alert that says text.
func (p *spoken) gotAlert(text string) bool {
	p.flow()
	return p.err != nil && strings.Contains(p.err.Error(), "remote error: tls: "+text)
}

// secureClient is a client whose handshake is complete.
func (f *fixture) secureClient(name string) *spoken {
	f.Helper()
	p := clientTLS(f.client(), newPKI(f).client(name))
	p.flow()
	if p.state != tlsconn.Open {
		f.Fatalf("the handshake gave %v: %v", p.state, p.err)
	}
	return p
}

// secureUp is the endpoint of a new upstream connection, its handshake complete.
func (f *fixture) secureUp() *spoken {
	f.Helper()
	p := endpointTLS(f.up(), newPKI(f).server(f))
	p.flow()
	if p.state != tlsconn.Open {
		f.Fatalf("the handshake with the endpoint gave %v: %v", p.state, p.err)
	}
	return p
}

// spoiled is a record with its last bit turned over.
func spoiled(record string) string {
	b := []byte(record)
	b[len(b)-1] ^= 1
	return string(b)
}
