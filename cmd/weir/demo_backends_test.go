package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// testBackends are the backends of the demo without weir in front.
func testBackends(t *testing.T) *backends {
	t.Helper()
	b, err := startBackends()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return b
}

func TestEchoKeepsOrderCaseAndRepetitions(t *testing.T) {
	b := testBackends(t)
	conn, err := net.Dial("tcp", b.echo.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := "POST /echo/a%2Fb?x=1 HTTP/1.1\r\nhOST: demo\r\nX-B: 2\r\nx-a:  1 \r\nX-B: 3\r\nContent-Length: 5\r\n\r\nhello"
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(conn) // one request a connection: it is closed
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(raw), "\r\n\r\n")
	var got echoed
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v in %q", err, raw)
	}
	want := []echoedField{{"hOST", "demo"}, {"X-B", "2"}, {"x-a", "1"}, {"X-B", "3"}, {"Content-Length", "5"}}
	if fmt.Sprint(got.Headers) != fmt.Sprint(want) {
		t.Errorf("fields %v, want %v", got.Headers, want)
	}
	if got.Method != "POST" || got.Target != "/echo/a%2Fb?x=1" || got.Host != "demo" || got.Body != "hello" || got.BodyBytes != 5 || got.Peer != conn.LocalAddr().String() {
		t.Errorf("%+v", got)
	}
}

// readConn is a connection that gives what r gives.
type readConn struct {
	net.Conn
	r io.Reader
}

func (c readConn) Read(b []byte) (int, error) { return c.r.Read(b) }

func TestHeadRecorder(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nA: 1\r\nB: x:y"
	for _, tt := range []struct{ name, in, kept string }{
		{"with a body", head + "\r\n\r\nbody\r\n\r\n", head},
		{"no end", strings.Repeat("a", 3*headMax), strings.Repeat("a", 2*headMax+1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &headRecorder{Conn: readConn{r: iotest.OneByteReader(strings.NewReader(tt.in))}}
			if got, err := io.ReadAll(c); err != nil || string(got) != tt.in {
				t.Fatalf("read %d bytes, %v", len(got), err)
			}
			if string(c.head) != tt.kept {
				t.Errorf("kept %d bytes, want %d", len(c.head), len(tt.kept))
			}
		})
	}
	c := &headRecorder{head: []byte(head)}
	if got := fmt.Sprint(c.fields()); got != "[{A 1} {B x:y}]" {
		t.Error(got)
	}
}

func TestEchoBoundsTheBody(t *testing.T) {
	b := testBackends(t)
	for _, tt := range []struct {
		name  string
		body  []byte
		shown int
	}{
		{"text", []byte("a"), 1},
		{"too long", bytes.Repeat([]byte("a"), 3*echoBodyMax), echoBodyMax},
		{"not UTF-8", []byte{0xff, 0}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.Post("http://"+b.echo.Addr().String()+"/echo", "text/plain", bytes.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			var got echoed
			if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
			if shown := got.Body + string(got.BodyBase64); shown != string(tt.body[:tt.shown]) || got.BodyBytes != int64(len(tt.body)) {
				t.Errorf("%d bytes shown of %d, want %d of %d", len(shown), got.BodyBytes, tt.shown, len(tt.body))
			}
		})
	}
}

func TestDownload(t *testing.T) {
	mux := siteMux(newSockets(1))
	get := func(target, byteRange string) *http.Response {
		r := httptest.NewRequest("GET", target, nil)
		if byteRange != "" {
			r.Header.Set("Range", byteRange)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w.Result()
	}
	body := func(r *http.Response) []byte {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}

	r := get("/download?size=150KiB", "")
	whole := body(r)
	if r.StatusCode != 200 || r.ContentLength != 150<<10 || len(whole) != 150<<10 {
		t.Fatalf("status %d, Content-Length %d, %d bytes", r.StatusCode, r.ContentLength, len(whole))
	}
	for i, c := range whole {
		if c != patternBlock[i%len(patternBlock)] {
			t.Fatalf("byte %d differs", i)
		}
	}
	if part := body(get("/download?size=150KiB", "bytes=70000-140000")); !bytes.Equal(part, whole[70000:140001]) {
		t.Error("a range differs from the whole")
	}
	for _, bad := range []string{"x", "-1", "10", "2000GiB", "99999999999999GiB"} {
		if r := get("/download?size="+bad, ""); r.StatusCode != http.StatusBadRequest {
			t.Errorf("size=%s: %d", bad, r.StatusCode)
		}
	}
	if r := get("/download?size=0", ""); r.StatusCode != 200 || len(body(r)) != 0 {
		t.Error("an empty download")
	}
	head := httptest.NewRecorder()
	mux.ServeHTTP(head, httptest.NewRequest("HEAD", "/download", nil))
	if got := head.Result().ContentLength; got != int64(downloadDefault) {
		t.Errorf("default size %d", got)
	}
}

func TestEvents(t *testing.T) {
	w := httptest.NewRecorder()
	sendEvents(t.Context(), w, 3, time.Nanosecond)
	if got := w.Body.String(); strings.Count(got, "\n\n") != 3 || !strings.HasPrefix(got, "id: 1\ndata: {\"n\":1,") || !strings.Contains(got, "id: 3\n") || !w.Flushed {
		t.Errorf("%q", got)
	}
	mux := siteMux(newSockets(1))
	for _, bad := range []string{"0", "-1", "x", "3601"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", "/events?count="+bad, nil))
		if w.Code != http.StatusBadRequest {
			t.Errorf("count=%s: %d", bad, w.Code)
		}
	}
}
