package session

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"weir/engine/fault"
	"weir/engine/transport/transporttest"
)

// framed is what a client may get of one response, without the fields that every
// response has.
func framed(got string) string {
	var b strings.Builder
	for line := range strings.Lines(got) {
		if !strings.HasPrefix(line, "Via: ") && !strings.HasPrefix(line, "X-Weir-Upstream-Service-Time: ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// Each response in each cut gives the client the same bytes, up to the sizes of the
// chunks weir makes.
func TestResponsesThroughEverySplit(t *testing.T) {
	const old, head = "GET / HTTP/1.0\r\nHost: a\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, tt := range []struct {
		name, request, response string
		shut                    bool
		want                    string // head and decoded body
		kept                    bool
	}{
		{"length", get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true},
		{"length 0", get, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
		{"204", get, "HTTP/1.1 204 No Content\r\n\r\n", false, "HTTP/1.1 204 No Content\r\n\r\n", true},
		{"304 with a length", get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", true},
		{"HEAD with a length", head, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", false, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true},
		{"HEAD of chunks", head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, "HTTP/1.1 200 OK\r\n\r\n", true},
		{"chunks, extensions, trailers", get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: t\r\n\r\n", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello", true},
		{"chunks for HTTP/1.0", old, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", false, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", false},
		{"until close", get, "HTTP/1.1 200 OK\r\n\r\nhello", true, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello", true},
		{"until close for HTTP/1.0", old, "HTTP/1.1 200 OK\r\n\r\nhello", true, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", false},
		{"100 unasked", get, "HTTP/1.1 100 Continue\r\n\r\n" + ok, false, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true},
		{"several interim", get, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + ok, false,
			"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true},
		{"interim to HTTP/1.0", old, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok, false, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			everySplit(t, tt.response, func(t *testing.T, pieces []string) {
				f := newFixture(t)
				client, up := f.exchanging(tt.request)
				up.Send(pieces...)
				if tt.shut {
					up.Shut()
				}
				got := framed(client.Take())
				if strings.Contains(tt.want, "chunked") {
					head, chunks, _ := strings.Cut(got, "\r\n\r\n")
					got = head + "\r\n\r\n" + dechunk(t, chunks)
				}
				if got != tt.want || client.Closed() == tt.kept {
					t.Fatalf("%q: got %q, closed %v; want %q", pieces, got, client.Closed(), tt.want)
				}
				f.quiet()
			})
		})
	}
}

// dechunk decodes chunks as strictly as weir writes them.
func dechunk(t *testing.T, in string) string {
	t.Helper()
	var out strings.Builder
	for {
		line, rest, ok := strings.Cut(in, "\r\n")
		n := 0
		if _, err := fmt.Sscanf(line, "%x", &n); err != nil || !ok || len(rest) < n+2 || rest[n:n+2] != "\r\n" {
			t.Fatalf("not a whole chunk: %q", in)
		}
		out.WriteString(rest[:n])
		in = rest[n+2:]
		if n == 0 {
			if in != "" {
				t.Fatalf("%q behind the last chunk", in)
			}
			return out.String()
		}
	}
}

// What goes wrong inside a body is seen by the client: nothing completes it.
func TestTruncatedResponseIsSeenToBe(t *testing.T) {
	const old = "GET / HTTP/1.0\r\nHost: a\r\n\r\n"
	for _, tt := range []struct {
		name, request, response string
		last                    string // what the client must not get
		reset                   bool   // only RST can tell
	}{
		{"length", get, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "", false},
		{"chunks", get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "0\r\n\r\n", false},
		{"inside a chunk", get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello", "0\r\n\r\n", false},
		{"before the end of trailers", get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n", "0\r\n\r\n", false},
		{"malformed chunk", get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", "0\r\n\r\n", false},
		{"chunk without its CRLF", get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n", "0\r\n\r\n", false},
		{"chunks for HTTP/1.0", old, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello", "", true},
	} {
		for name, die := range map[string]func(*transporttest.Link){"FIN": (*transporttest.Link).Shut, "RST": (*transporttest.Link).ResetByPeer} {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				everySplit(t, tt.response, func(t *testing.T, pieces []string) {
					f := newFixture(t)
					client, up := f.exchanging(tt.request)
					up.Send(pieces...)
					if !up.Closed() {
						die(up)
					}
					got := client.Take()
					if !strings.Contains(got, "llo") && !strings.Contains(got, "o\r\n") || tt.last != "" && strings.HasSuffix(got, tt.last) {
						t.Fatalf("%q: got %q", pieces, got)
					}
					if !client.Closed() || client.GotRST() != tt.reset {
						t.Fatalf("%q: closed %v, reset %v", pieces, client.Closed(), client.GotRST())
					}
					if f.faults(fault.ResponseTruncated)+f.faults(fault.MalformedResponse) != 1 {
						t.Error("not counted")
					}
					f.quiet()
				})
			})
		}
	}
}

// An endpoint that breaks the connection of a response that ends with it.
func TestResetOfAnUntilCloseResponseIsNoEnd(t *testing.T) {
	for _, version := range []string{"1.0", "1.1"} {
		f := newFixture(t)
		client, up := f.exchanging("GET / HTTP/" + version + "\r\nHost: a\r\n\r\n")
		up.Send("HTTP/1.1 200 OK\r\n\r\nhello")
		up.ResetByPeer()
		if got := client.Take(); !client.Closed() || strings.HasSuffix(got, "0\r\n\r\n") || version == "1.0" != client.GotRST() {
			t.Errorf("%s: closed %v, reset %v, %q", version, client.Closed(), client.GotRST(), got)
		}
		f.quiet()
	}
}

func TestMalformedResponseHeadIsAnswered502(t *testing.T) {
	for _, head := range []string{
		"garbage", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\nA: b\n\n", "\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("b", 40_000),
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
	} {
		f := newFixture(t)
		client, up := f.exchanging(get)
		up.Send(head)
		got := client.Take()
		if !strings.HasPrefix(got, "HTTP/1.1 502 ") || client.Closed() || !up.Closed() {
			t.Errorf("%.60q: got %q, client closed %v", head, got, client.Closed())
		}
		f.quiet()
	}
}

func TestExpectContinue(t *testing.T) {
	const expect = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
	t.Run("asked and told", func(t *testing.T) {
		f := newFixture(t)
		client, up := f.exchanging(expect)
		f.n.Advance(50 * second) // the client owes nothing until it is told
		up.Send("HTTP/1.1 100 Continue\r\n\r\n")
		if got := client.Take(); got != "HTTP/1.1 100 Continue\r\n\r\n" {
			t.Fatalf("got %q", got)
		}
		client.Send("abc")
		if got := up.Take(); got != "abc" {
			t.Fatalf("the endpoint got %q", got)
		}
		up.Send(ok)
		if wantHead(t, client.Take(), "HTTP/1.1 200 "); client.Closed() {
			t.Error("closed")
		}
	})
	t.Run("refused", func(t *testing.T) {
		f := newFixture(t)
		client, up := f.exchanging(expect)
		up.Send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
		// Whether the body still comes is anybody's guess.
		if wantHead(t, client.Take(), "HTTP/1.1 417 ", "Connection: close"); !client.GotFIN() {
			t.Error("kept")
		}
	})
	t.Run("told, then nothing comes", func(t *testing.T) {
		f := newFixture(t, func(s *setup) { s.listener.MinBodyRate = 0 })
		client, up := f.exchanging(expect)
		f.n.Advance(50 * second)
		up.Send("HTTP/1.1 100 Continue\r\n\r\n")
		f.n.Advance(30*second + tick)
		if got := client.Take(); !strings.Contains(got, "HTTP/1.1 408 ") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("never told", func(t *testing.T) {
		f := newFixture(t)
		client, _ := f.exchanging(expect)
		f.n.Advance(60*second + tick)
		if wantHead(t, client.Take(), "HTTP/1.1 504 "); !client.GotFIN() {
			t.Error("kept")
		}
	})
}

// The endpoint refuses an upload while it runs, and leaves in one way or another.
func TestEarlyResponseReachesTheUploadingClient(t *testing.T) {
	const refusal = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"
	for name, leave := range map[string]func(*transporttest.Link){
		"stays":             func(up *transporttest.Link) { up.Send(refusal) },
		"FIN":               func(up *transporttest.Link) { up.SendShut(refusal) },
		"RST":               func(up *transporttest.Link) { up.Send(refusal); up.ResetByPeer() },
		"RST before it was": func(up *transporttest.Link) { sendReset(up, refusal) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(s *setup) { s.pauseAbove = 4096 })
			client, up := f.exchanging(post)
			up.SetWindow(1000)
			client.Send(strings.Repeat("x", 20_000))
			leave(up)
			got := client.Take()
			if wantHead(t, got, "HTTP/1.1 413 ", "Connection: close"); body(got) != "no" || !client.GotFIN() {
				t.Fatalf("got %q, FIN %v", got, client.GotFIN())
			}
			// The rest of the upload is read and dropped, so that it does not reset the
			// connection under the answer; not for ever.
			client.Send(strings.Repeat("x", 20_000))
			if client.Unread() != 0 || client.Closed() {
				t.Errorf("%d bytes unread, closed %v", client.Unread(), client.Closed())
			}
			f.n.Advance(2*second + tick)
			if !client.Closed() || !up.Closed() {
				t.Errorf("client closed %v, endpoint closed %v", client.Closed(), up.Closed())
			}
		})
	}
}

func TestResetBehindAWholeResponseLosesNothing(t *testing.T) {
	f := newFixture(t)
	client, up := f.exchanging(get)
	sendReset(up, ok)
	if got := body(client.Take()); got != "ok" || client.Closed() {
		t.Errorf("got %q, closed %v", got, client.Closed())
	}
}

// sendReset sends s and RST, of which the first read and the first write after it
// already know.
func sendReset(l *transporttest.Link, s string) {
	l.BreakQuietly(syscall.ECONNRESET)
	l.Send(s)
	l.ResetByPeer()
}
