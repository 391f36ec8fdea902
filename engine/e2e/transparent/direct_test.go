package transparent

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"weir/engine/fault"
	"weir/engine/intercept"
)

// Who connects to weir itself is refused at once: it would be led to weir for ever.
func TestDirectConnection(t *testing.T) {
	n := build(t)
	inEveryMode(t, func(t *testing.T, mode string, ip addresses) {
		w := led(t, intercept.Nft, web(mode, "", ""))
		to := at(ip.router, 15001)
		c, err := n.tryDial(at(ip.client, 0), to)
		if err == nil { // otherwise the reset was faster than its return
			_, err = c.Read(make([]byte, 1))
			_ = c.Close()
		}
		if !isReset(err) {
			t.Errorf("the client got %v, not a reset", err)
		}
		l := w.onlyLine()
		if l.Kind != "refused" || l.Fault != fault.DirectConnection.String() || l.Original != to.String() || l.ClosedBy != "weir" {
			t.Errorf("log line %+v", l)
		}
		if s := w.stats(); s.Accepted != 1 || s.Dialled != 0 || s.Endpoints != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// The port of a listener is no reason to refuse another machine's.
func TestPortOfTheListenerElsewhere(t *testing.T) {
	n := build(t)
	n.serve(t, "15001", func(c *net.TCPConn) { _, _ = c.Write([]byte(endsOf(c).String() + "\n")) })
	inEveryMode(t, func(t *testing.T, mode string, ip addresses) {
		w := led(t, intercept.Nft, strings.Replace(raw(mode, ""), `["7000"]`, `["15001"]`, 1))
		to := at(ip.server, 15001)
		c := n.dial(t, at(ip.client, 0), to)
		if got := readEnds(t, bufio.NewReader(c)); got.peer.Addr() != ip.router || got.local != to {
			t.Errorf("the server saw %v", got)
		}
		_ = c.Close()
		if l := w.onlyLine(); l.Kind != "tunnel" || l.Fault != "" || l.Endpoint != to.String() {
			t.Errorf("log line %+v", l)
		}
	})
}
