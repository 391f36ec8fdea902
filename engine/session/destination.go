package session

import (
	"net/netip"

	"weir/codec/http1"
	"weir/engine/fault"
	"weir/engine/transport"
)

// Transparency is how connections that were meant for others reach a listener.
type Transparency uint8

const (
	// TransparentOff: none do.
	TransparentOff Transparency = iota
	// TransparentTProxy: as they are. The connection's own end is what they were meant for.
	TransparentTProxy
	// TransparentRedirect: the kernel has translated the address, and remembers.
	TransparentRedirect
)

// learnDestination finds out what a connection of a transparent listener was meant for.
// false: for weir itself, which would connect to itself for ever.
func (s *Session) learnDestination() bool {
	dst := s.down.LocalAddr()
	if s.ln.Transparent == TransparentRedirect {
		if original, errno := s.down.OriginalDst(s.peer); errno == 0 {
			dst = original
		}
	}
	s.learn().local = dst
	if s.w.debug {
		s.tellDestination()
	}
	return !s.w.owns(dst)
}

// refuseDirect ends a connection that nothing has led here.
func (s *Session) refuseDirect() {
	s.logRefused(fault.DirectConnection, s.edge.local.String(), byWeir)
	s.down.Reset()
	s.on(evCut)
}

// pick finds the endpoint of the exchange.
func (s *Session) pick() fault.Kind {
	x := s.x
	if x.local.Original == nil {
		x.endpoint = x.local.Pick()
		return fault.None
	}
	dst, kind := s.destination()
	if kind != fault.None {
		return kind
	}
	dst = x.local.Original.Map(dst)
	switch ip := dst.Addr(); {
	case ip.IsUnspecified() || ip.IsMulticast() || ip == broadcast || dst.Port() == 0:
		// The kernel takes an unspecified one for this machine.
		return fault.BadDestination
	case s.w.owns(dst):
		return fault.DirectConnection
	}
	if x.endpoint = x.local.Destination(dst); x.endpoint == nil {
		return fault.EndpointsFull
	}
	return fault.None
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// destination is where a trusted peer's field says that the request is to go, or where
// the client meant to connect to.
func (s *Session) destination() (transport.Addr, fault.Kind) {
	x, w := s.x, s.w
	if name := x.local.Original.Header; name != "" && !x.opaque && x.trusted {
		if i := http1.FindName(w.head, w.req.Fields, name); i >= 0 {
			if http1.FindName(w.head, w.req.Fields[i+1:], name) >= 0 {
				// The trusted peer may have added its own to a stranger's.
				return transport.Addr{}, fault.BadDestination
			}
			return parseDestination(w.req.Fields[i].Value.Of(w.head))
		}
	}
	return s.localAddr(), fault.None
}

// parseDestination reads "ip:port". It allocates; only peers that are trusted get here.
func parseDestination(text []byte) (transport.Addr, fault.Kind) {
	at, err := netip.ParseAddrPort(string(text))
	if err != nil || at.Addr().Zone() != "" {
		return transport.Addr{}, fault.BadDestination
	}
	return transport.AddrFrom(at), fault.None
}

// namesDestination reports whether a field called name says where to connect to, in any
// spelling that somebody may read as that (see isOurs). It is for weir alone: the next
// proxy, which trusts this one, must not take a stranger's for weir's.
func (s *Session) namesDestination(name []byte) bool {
	o := s.x.local.Original
	if o == nil || len(name) != len(o.Header) || len(name) == 0 {
		return false
	}
	for i, c := range name {
		if spelling(c) != spelling(o.Header[i]) {
			return false
		}
	}
	return true
}

// spelling is what letter case and "_" for "-" do not change.
func spelling(c byte) byte {
	switch {
	case c == '_':
		return '-'
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	}
	return c
}

// owns reports whether weir itself listens on an address.
func (w *Worker) owns(a transport.Addr) bool { return w.Owns != nil && w.Owns(a) }
