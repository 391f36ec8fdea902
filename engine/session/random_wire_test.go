package session

import (
	"io"
	"math/rand/v2"
	"net/netip"

	"weir/codec/proxyproto"
	"weir/engine/tlsconn"
	"weir/engine/transport/transporttest"
)

// wire is the far end of a random connection, in TLS or not.
type wire struct {
	*transporttest.Link
	tls  *spoken // nil: plain
	raw  string  // to be sent, in the clear or not
	got  string  // received, without TLS; take brings it up to date
	read int     // of got
	shut bool    // FIN was sent
}

// queue has text sent by later calls of push. It says false while TLS is not open.
func (x *wire) queue(text string) bool {
	switch {
	case x.tls == nil:
		x.raw += text
	case !x.open():
		return false
	default:
		x.raw += x.tls.seal(text)
	}
	return true
}

// open reports whether TLS takes anything; close_notify ends the other direction only.
func (x *wire) open() bool {
	return x.tls.state == tlsconn.Open && (x.tls.err == nil || x.tls.err == io.EOF)
}

// take takes in what has come; TLS may have to say something about it.
func (x *wire) take() {
	if x.tls == nil {
		x.got += x.Take()
		return
	}
	for x.tls.take() {
	}
	x.raw += x.tls.drop()
	x.got += string(x.tls.plain)
	x.tls.plain = x.tls.plain[:0]
}

// push sends at most n of the bytes that are queued, and reports whether there were any.
func (x *wire) push(n int) bool {
	x.take()
	if x.raw == "" || x.Closed() || x.shut {
		return false
	}
	n = min(n, len(x.raw))
	piece := x.raw[:n]
	x.raw = x.raw[n:]
	x.Send(piece)
	x.take()
	return true
}

// fresh is what has come since the last call.
func (x *wire) fresh() string {
	x.take()
	s := x.got[x.read:]
	x.read = len(x.got)
	return s
}

// bye is FIN, behind all that is queued: in order, with close_notify, or truncated.
func (x *wire) bye(inOrder bool) {
	if x.tls != nil && inOrder && x.open() {
		x.raw += x.tls.notify()
	}
	rest := x.raw
	x.raw, x.shut = "", true
	if !x.Closed() {
		x.SendShut(rest)
	}
}

// ended reports whether the session's end of the stream has come, in order.
func (x *wire) ended() bool {
	x.take()
	return x.GotFIN() && (x.tls == nil || x.tls.err == io.EOF)
}

// randomClient begins a client's connection as the listener wants it, with a PROXY
// header of an address that owner tells.
func (f *fixture) randomClient(id int) (x *wire, owner string) {
	x = &wire{Link: f.client()}
	owner = clientAddr(id).Addr().String()
	if f.ln.Proxy == ProxyRequired {
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(id)}), 4711)
		to := netip.MustParseAddrPort("198.51.100.9:443")
		owner = from.Addr().String()
		if id%2 == 0 {
			x.raw = string(proxyproto.AppendV1(nil, from, to))
		} else {
			x.raw = string(proxyproto.AppendV2(nil, from, to, nil))
		}
	}
	if f.ln.TLS != nil {
		x.tls = clientTLS(x.Link, newPKI(f).client("a.example"))
		x.raw += x.tls.drop()
	}
	return x, owner
}

// randomEndpoint is the far end of a dialled link.
func (f *fixture) randomEndpoint(link *transporttest.Link) *wire {
	x := &wire{Link: link}
	if f.cluster.TLS != nil {
		x.tls = endpointTLS(link, newPKI(f).server(f))
	}
	return x
}

// randomSecurity switches on TLS on either side and PROXY headers, each in one case of
// the given number. Handshakes take most of the time of those that have them.
func (s *setup) randomSecurity(rnd *rand.Rand, oneIn int) {
	for _, edit := range []func(*setup){overTLS, toTLS, proxied} {
		if rnd.IntN(oneIn) == 0 {
			edit(s)
		}
	}
}
