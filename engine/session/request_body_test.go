package session

import (
	"strings"
	"testing"

	"weir/configs"
	"weir/engine/fault"
)

// A request body in any cut reaches the endpoint whole, in the framing it came in,
// and the next request begins where it should.
func TestRequestBodiesThroughEverySplit(t *testing.T) {
	for _, tt := range []struct{ name, in, framing, want string }{
		{"length", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "Content-Length: 5", "hello"},
		{"none", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "Content-Length: 0", ""},
		{"chunks", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: t\r\n\r\n", "Transfer-Encoding: chunked", "hello"},
		{"no chunk but the last", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: chunked", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			everySplit(t, tt.in+get, func(t *testing.T, pieces []string) {
				f := newFixture(t)
				f.n.AutoConnect = true
				client := f.client()
				client.Send(pieces...)
				up := f.dialled()
				request := up.Take()
				wantHead(t, request, "PUT / HTTP/1.1\r\n", tt.framing)
				b := body(request)
				if strings.Contains(tt.framing, "chunked") {
					b = dechunk(t, b)
				}
				if b != tt.want {
					t.Fatalf("%q: the endpoint got %q", pieces, b)
				}
				up.Send(ok)
				wantHead(t, up.Take(), "GET / HTTP/1.1\r\n")
				up.Send(ok)
				if client.Closed() || strings.Count(client.Take(), "HTTP/1.1 200 ") != 2 {
					t.Fatalf("%q: the client got %q", pieces, client.Received())
				}
				f.quiet()
			})
		})
	}
}

// A body whose end is not clear is refused, and nothing behind it is a request.
func TestMalformedChunkIsAnswered400(t *testing.T) {
	for _, bad := range []string{
		"zz\r\n", "5\nhello", "5 \r\nhello", "-1\r\n", "0x5\r\n", "5\r\nhello0\r\n\r\n", "fffffffffffffffff\r\n", "\r\n",
		"5;" + strings.Repeat("x", 300) + "\r\n", "0\r\nA b\r\n\r\n", "0\r\nA: b\n\r\n", "0\r\n" + strings.Repeat("A: b\r\n", 100) + "\r\n",
	} {
		everyCut := []string{postAny + "2\r\nok\r\n" + bad + get}
		for i := 1; i < len(bad); i += 1 + len(bad)/20 {
			everyCut = append(everyCut, postAny+"2\r\nok\r\n"+bad[:i]+"\x00"+bad[i:]+get)
		}
		for i, in := range everyCut {
			cut := len(postAny) + min(i, len(bad))
			f := newFixture(t)
			f.n.AutoConnect = true
			client := f.client()
			client.Send(in[:cut], strings.ReplaceAll(in[cut:], "\x00", ""))
			up := f.dialled()
			closedWith(t, client, fault.MalformedRequest)
			if got := up.Received(); !up.GotRST() || strings.Contains(got, "\r\n0\r\n\r\n") || strings.Contains(got, "GET") {
				t.Fatalf("%q: endpoint reset %v, it got %q", bad, up.GotRST(), got)
			}
			f.quiet()
		}
	}
}

func TestBodyThatGrowsTooLargeIsAnswered413(t *testing.T) {
	f := newFixture(t, func(s *setup) { s.listener.MaxBody = configs.Size(10) })
	client, up := f.exchanging(postAny + "a\r\n0123456789\r\n")
	client.Send("1\r\nx\r\n")
	closedWith(t, client, fault.BodyTooLarge)
	if !up.GotRST() {
		t.Error("the endpoint waits for the rest")
	}
	client = f.client()
	client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n")
	closedWith(t, client, fault.BodyTooLarge)
	if f.n.Dials() != 1 {
		t.Error("an endpoint was dialled for a body known to be too large")
	}
}
