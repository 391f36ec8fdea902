package e2e

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

// Both directions of a tunnel at once, more than any buffer holds, TLS on either side
// or on both.
func TestTLSTunnelBothWays(t *testing.T) {
	const size = 8 << 20
	ca := tlstest.New(t)
	// exchange sends the stream and takes it at the same time.
	exchange := func(c io.ReadWriter) (sum string, err error) {
		sent := make(chan error, 1)
		go func() {
			_, err := sendRibbon(c, size)
			sent <- err
		}()
		h := sha256.New()
		_, err = io.CopyN(h, onlyReader{c}, size)
		if e := <-sent; err == nil {
			err = e
		}
		return sumOf(h), err
	}
	type result struct {
		sum string
		err error
	}
	for _, shape := range []struct {
		name            string
		client, backend bool
	}{{"wss to ws", true, false}, {"wss to wss", true, true}, {"ws to wss", false, true}} {
		t.Run(shape.name, func(t *testing.T) {
			there := make(chan result, 1)
			serve := func(c net.Conn) {
				if _, err := readHeadOnly(c); err != nil {
					return
				}
				_, _ = io.WriteString(c, switching)
				sum, err := exchange(c)
				there <- result{sum, err}
			}
			toml := oneCluster(rawBackend(t, func(c *net.TCPConn) { serve(c) }))
			if shape.backend {
				toml = secureCluster(secureBackend(t, serving(t, ca), func(c *tls.Conn) { serve(c) }), ca)
			}
			var c net.Conn
			var w *weir
			if shape.client {
				w = start(t, toml, edgeTLS(ca))
				c = w.secure(trusting(ca)).Conn
			} else {
				w = start(t, toml)
				c = w.dial()
			}
			must(t, second(io.WriteString(c, strings.Replace(upgradeRequest("/"), "Host: a", "Host: "+edgeName, 1))))
			if head, err := readHeadOnly(c); err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 ") {
				t.Fatalf("no tunnel: %q, %v", head, err)
			}
			sum, err := exchange(c)
			want := ribbonSum(size)
			if err != nil || sum != want {
				t.Errorf("the client got others than were sent: %v", err)
			}
			if r := receive(t, there); r.err != nil || r.sum != want {
				t.Errorf("the endpoint got others than were sent: %v", r.err)
			}
			_ = c.Close()
		})
	}
}

// Requests that come many to a record are answered in order.
func TestTLSPipelining(t *testing.T) {
	const requests = 300
	ca := tlstest.New(t)
	w := start(t, oneCluster(answering(t, ok("endpoint")))+"[[routes]]\npath = \"/local\"\nrespond = { body = \"local\" }\n", edgeTLS(ca))
	c := w.secure(trusting(ca))
	go func() {
		one := "GET /local HTTP/1.1\r\nHost: edge.test\r\n\r\nGET / HTTP/1.1\r\nHost: edge.test\r\n\r\n"
		_, _ = io.WriteString(c, strings.Repeat(one, requests/2))
	}()
	for i := range requests {
		want := "local"
		if i%2 == 1 {
			want = "endpoint"
		}
		if res, body := c.response("GET"); res.StatusCode != 200 || body != want {
			t.Fatalf("%d: %s %q, want %q", i, res.Status, body, want)
		}
	}
	_ = c.Close()
}

// A client may change its keys at any time, and have the server change its own.
func TestTLSKeyUpdate(t *testing.T) {
	ca := tlstest.New(t)
	w := start(t, respondAll, edgeTLS(ca))
	cmd, in, out := w.openssl(ca, "-tls1_3")
	for i, command := range []string{"k\n", "K\n"} { // the client's own; and the server's too
		must(t, second(io.WriteString(in, command)))
		w.eventually("the keys change", func() bool { return strings.Count(out.String(), "KEYUPDATE") > i })
		must(t, second(io.WriteString(in, "GET / HTTP/1.1\r\nHost: edge.test\r\n\r\n")))
		w.eventually("an answer", func() bool { return strings.Count(out.String(), "HTTP/1.1 200 OK") > i })
	}
	_ = in.Close()
	_ = cmd.Wait()
}

// Clients of every kind at once, most of them rude, leave nothing behind, and nobody
// else notices.
func TestTLSChurn(t *testing.T) {
	ca := tlstest.New(t)
	backend := secureBackend(t, serving(t, ca), func(c *tls.Conn) {
		r := bufio.NewReader(c)
		for readRequest(r) == nil {
			if _, err := io.WriteString(c, ok("churn")); err != nil {
				return
			}
		}
	})
	w := start(t, secureCluster(backend, ca), endsTLS([]*tlstest.Leaf{ca.Issue([]string{edgeName}), ca.Issue([]string{edgeName}, tlstest.RSA)}))
	hello := clientHello(t, smallHello())
	cache := tls.NewLRUClientSessionCache(8)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 1))
			for range 40 {
				raw, err := net.Dial("tcp", w.addr)
				if err != nil {
					t.Error(err)
					return
				}
				churn(t, ca, raw.(*net.TCPConn), hello, cache, random)
				_ = raw.Close()
			}
		})
	}
	wg.Wait()
	w.finish()
	if s := w.stats(); s.HandshakesOpen != 0 || s.Faults[fault.Bug] != 0 {
		t.Errorf("%+v", s)
	}
}

// churn is one client.
func churn(t *testing.T, ca *tlstest.Authority, raw *net.TCPConn, hello []byte, cache tls.ClientSessionCache, random *rand.Rand) {
	what := random.IntN(8)
	switch what {
	case 0: // leaves in its ClientHello, or behind it
		_, _ = raw.Write(hello[:random.IntN(len(hello)+1)])
		return
	case 1:
		_, _ = raw.Write(hello[:random.IntN(len(hello)+1)])
		reset(raw)
		return
	case 2:
		_, _ = raw.Write(pattern(random.Uint32(), random.IntN(500)))
		return
	}
	cfg := trusting(ca)
	cfg.ClientSessionCache = cache
	if random.IntN(2) == 0 {
		cfg.MaxVersion = tls.VersionTLS12
	}
	c := tls.Client(raw, cfg)
	if err := c.Handshake(); err != nil {
		t.Errorf("handshake: %v", err)
		return
	}
	if what == 3 {
		reset(raw)
		return
	}
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: edge.test\r\n\r\n")
	switch what {
	case 4:
		reset(raw)
		return
	case 5:
		_, _ = raw.Write(brokenRecord())
		return
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != 200 {
		t.Errorf("a response: %v", err)
	}
	if what == 6 {
		_ = c.Close()
	}
}
