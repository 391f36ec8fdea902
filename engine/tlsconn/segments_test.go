package tlsconn

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

func pattern(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// Handshake, data and the end of both directions, in segments of every size, with the
// records lent and copied, and the handshake fed with records or with what comes.
func TestEverySegmentation(t *testing.T) {
	for _, version := range versions {
		for _, size := range []int{1, 2, 3, 7, 1000, 1 << 20} {
			for _, copied := range []bool{false, true} {
				for _, raw := range []bool{false, true} {
					name := fmt.Sprintf("%s/%d/copied=%v/raw=%v", VersionName(version), size, copied, raw)
					t.Run(name, func(t *testing.T) {
						server, client := peers(version)
						for _, e := range []*end{server, client} {
							e.copied, e.raw = copied, raw
						}
						meet(t, server, client, size)
						if !server.opened || !client.opened {
							t.Fatalf("the handshake did not end: %v, %v", server.err, client.err)
						}
						exchange(t, server, client, size)
						endBoth(t, server, client, size)
					})
				}
			}
		}
	}
}

func exchange(t *testing.T, server, client *end, size int) {
	t.Helper()
	for _, amount := range []int{1, 125, 40 << 10, 3} {
		for _, from := range []*end{client, server} {
			to := server
			if from == server {
				to = client
			}
			to.plain = nil
			from.seal(t, pattern(amount))
			meet(t, server, client, size)
			if !bytes.Equal(to.plain, pattern(amount)) || to.err != nil {
				t.Fatalf("%d bytes came as %d, %v", amount, len(to.plain), to.err)
			}
		}
	}
}

// endBoth ends one direction, uses the other, and ends that.
func endBoth(t *testing.T, server, client *end, size int) {
	t.Helper()
	server.plain, client.plain = nil, nil
	client.seal(t, []byte("last words"))
	if err := client.c.CloseWrite(client); err != nil {
		t.Fatal(err)
	}
	meet(t, server, client, size)
	if !IsCloseNotify(server.err) || string(server.plain) != "last words" {
		t.Fatalf("the server read %q, %v", server.plain, server.err)
	}
	if err := client.c.Seal([]byte("x"), client); err == nil {
		t.Error("a write behind close_notify")
	}
	server.seal(t, pattern(20_000))
	if err := server.c.CloseWrite(server); err != nil {
		t.Fatal(err)
	}
	meet(t, server, client, size)
	if !IsCloseNotify(client.err) || !bytes.Equal(client.plain, pattern(20_000)) {
		t.Fatalf("the client read %d bytes, %v", len(client.plain), client.err)
	}
	if _, err := client.c.Open(nil, nil, client); err != nil && err != io.EOF {
		t.Error(err)
	}
}

// crypto/tls keeps most errors for ever. That "no bytes now" is not one of them is
// undocumented: if it changes, everything here stops.
func TestReadGoesOnAfterWouldBlock(t *testing.T) {
	for _, version := range versions {
		server, client := open(t, version)
		client.seal(t, []byte("message"))
		b := client.take()
		p := make([]byte, 100)
		for i := range b {
			server.c.mem.in = b[i : i+1]
			n, err := server.c.tls.Read(p)
			if last := i == len(b)-1; !last && (n != 0 || err != errWouldBlock) || last && (err != nil || string(p[:n]) != "message") {
				t.Fatalf("TLS %s, byte %d: %q, %v", VersionName(version), i, p[:n], err)
			}
		}
	}
}

// Who speaks last in the handshake may have data right behind it: it must come out, with
// the flight and the data cut anywhere.
func TestDataBehindTheLastFlight(t *testing.T) {
	for _, version := range versions {
		for cut, size := 0, 1; cut < size; cut++ {
			last, first := lastFlight(version)
			last.seal(t, []byte("early"))
			b := last.take()
			size = len(b)
			first.feed(b[:cut])
			first.feed(b[cut:])
			if string(first.plain) != "early" || first.err != nil {
				t.Fatalf("TLS %s, cut at %d of %d: %q, %v", VersionName(version), cut, size, first.plain, first.err)
			}
		}
	}
}

// lastFlight goes up to where last has ended the handshake, and first has not heard.
func lastFlight(version uint16) (last, first *end) {
	server, client := peers(version)
	client.step(nil)
	server.feed(client.take())
	client.feed(server.take())
	if client.opened {
		return client, server
	}
	server.feed(client.take())
	return server, client
}
