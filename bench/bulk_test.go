package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

func shortBulk(url string) BulkOptions {
	return BulkOptions{Options: Options{URL: "http://" + url, Connections: 3, Duration: time.Minute, Timeout: 10 * time.Second}}
}

// fill is a reader of n bytes of EchoServer's pattern, of which the byte at bad,
// if there is one, differs.
type fill struct{ at, n, bad int64 }

var fillTable = func() (b [64 << 10]byte) {
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}()

func (f *fill) Read(b []byte) (int, error) {
	if f.at == f.n {
		return 0, io.EOF
	}
	from := f.at % int64(len(fillTable))
	n := copy(b, fillTable[from:min(int64(len(fillTable)), from+f.n-f.at)])
	if i := f.bad - f.at; i >= 0 && i < int64(n) {
		b[i]++
	}
	f.at += int64(n)
	return n, nil
}

// bulkServer sends fills of ?n bytes, and takes uploads.
func bulkServer(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
	bad, err := strconv.ParseInt(r.URL.Query().Get("bad"), 10, 64)
	if err != nil {
		bad = -1
	}
	switch r.URL.Path {
	case "/length":
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	case "/close":
		w.Header().Set("Connection", "close")
	case "/upload":
		want, got := sha256.New(), sha256.New()
		io.Copy(want, &fill{n: n, bad: -1})
		if size, _ := io.Copy(got, r.Body); size != n || r.ContentLength != n || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
			w.WriteHeader(http.StatusBadRequest)
		}
		return
	}
	io.Copy(w, &fill{n: n, bad: bad})
}

func TestBulk(t *testing.T) {
	web := func(t *testing.T) string { return serveHTTP(t, http.HandlerFunc(bulkServer)) }
	own := func(t *testing.T) string { return echoServer(t).Addr() }
	const large = 5_000_003
	for _, tt := range []struct {
		name   string
		start  func(t *testing.T) string
		path   string
		upload bool
		bytes  int64 // of one connection
	}{
		{"net/http", web, "/length?n=5000003", false, large},
		{"net/http, small", web, "/length?n=10", false, 10},
		{"net/http, empty", web, "/length?n=0", false, 0},
		{"net/http, chunked", web, "/?n=3000000", false, 3_000_000},
		{"net/http, until close", web, "/close?n=3000000", false, 3_000_000},
		{"own", own, "/bytes/5000003", false, large},
		{"own, 64 KiB", own, "/bytes/65536", false, 65536},
		{"upload to net/http", web, "/upload?n=5000003", true, large},
		{"upload to net/http, small", web, "/upload?n=1", true, 1},
		{"upload to own", own, "/", true, large},
		{"upload to own, small", own, "/bytes/100000", true, 100},
	} {
		for _, verify := range []bool{false, true} {
			if verify && tt.upload {
				continue
			}
			t.Run(fmt.Sprintf("%s, verify %v", tt.name, verify), func(t *testing.T) {
				quiet(t)
				o := shortBulk(tt.start(t) + tt.path)
				o.Verify, o.Upload, o.PID = verify, tt.upload, os.Getpid()
				if tt.upload {
					o.Bytes = tt.bytes
				}
				r, err := Bulk(context.Background(), o)
				if err != nil || r.Errors != 0 || r.Received != 3 || r.Sent != 3 || len(r.ErrorKinds) != 0 || r.Kind != "bulk" {
					t.Fatalf("%+v, %v", r, err)
				}
				b := r.Bulk
				if b.Bytes != 3*tt.bytes || b.Upload != tt.upload || b.Seconds <= 0 || b.BytesPerSecond != float64(b.Bytes)/b.Seconds {
					t.Errorf("%+v", b)
				}
				moved := r.BytesIn
				if tt.upload {
					moved = r.BytesOut
				}
				if moved < uint64(b.Bytes) || moved > uint64(b.Bytes+3*20_000) { // heads, and the sizes of chunks
					t.Errorf("%d bytes on the wire for %d of bodies", moved, b.Bytes)
				}
				if p := r.Process; p == nil || b.Bytes > 0 && p.CPUSecondsPerGiB != p.CPUSeconds*(1<<30)/float64(b.Bytes) {
					t.Errorf("%+v", p)
				}
			})
		}
	}
}

// One wrong byte anywhere is found, and nowhere else.
func TestBulkVerify(t *testing.T) {
	quiet(t)
	server := serveHTTP(t, http.HandlerFunc(bulkServer))
	for _, bad := range []int{0, 1, 65535, 65536, 131_071, 299_999} {
		for _, path := range []string{"/length", "/", "/close"} {
			o := shortBulk(fmt.Sprintf("%s%s?n=300000&bad=%d", server, path, bad))
			o.Verify = true
			r, err := Bulk(context.Background(), o)
			if err != nil || r.Errors != 3 || r.ErrorKinds["bad body"] != 3 || r.Bulk.Bytes != 900_000 {
				t.Errorf("%s, byte %d: %+v, %v", path, bad, r, err)
			}
		}
	}
}

func TestBulkFailures(t *testing.T) {
	reply := func(head string, body int, then func(c *net.TCPConn, in *bufio.Reader)) func(c *net.TCPConn, in *bufio.Reader) {
		return func(c *net.TCPConn, in *bufio.Reader) {
			http.ReadRequest(in)
			write(c, head+strings.Repeat("x", body))
			then(c, in)
		}
	}
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
	hangUp := func(c *net.TCPConn, in *bufio.Reader) {}
	stall := func(c *net.TCPConn, in *bufio.Reader) { io.Copy(io.Discard, in) }
	reset := func(c *net.TCPConn, in *bufio.Reader) {
		for c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); ; { // what was sent is to arrive first
			if _, err := in.ReadByte(); err != nil {
				break
			}
		}
		c.SetLinger(0)
	}
	for _, tt := range []struct {
		name, kind string
		upload     bool
		moved      int64 // of one connection; -1: whatever
		serve      func(*net.TCPConn, *bufio.Reader)
	}{
		{"answers short", "closed", false, 1000, reply(ok, 1000, hangUp)},
		{"answers short, chunked", "closed", false, 3, reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nxxx", 0, hangUp)},
		{"no answer", "closed", false, 0, func(c *net.TCPConn, in *bufio.Reader) { http.ReadRequest(in) }},
		{"resets", "reset", false, 200_000, reply(ok, 200_000, reset)},
		{"stalls", "timeout", false, 200_000, reply(ok, 200_000, stall)},
		{"stalls before it answers", "timeout", false, 0, stall},
		{"not found", "status 404", false, 0, reply("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n", 3, hangUp)},
		{"another protocol", "malformed", false, 0, reply("SSH-2.0\r\n", 0, hangUp)},
		{"upload refused", "status 413", true, -1, func(c *net.TCPConn, in *bufio.Reader) {
			in.Peek(1)
			write(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			io.Copy(io.Discard, in)
		}},
		{"upload refused and cut off", "status 413", true, -1, func(c *net.TCPConn, in *bufio.Reader) {
			in.Peek(1) // and so most is unread: closing resets
			write(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}},
		{"upload stalls", "timeout", true, -1, func(c *net.TCPConn, in *bufio.Reader) {
			for c.SetDeadline(time.Now().Add(5 * time.Second)); ; time.Sleep(20 * time.Millisecond) {
				if _, err := c.Write(nil); err != nil {
					return
				}
			}
		}},
		{"upload resets", "reset", true, -1, reset},
	} {
		t.Run(tt.name, func(t *testing.T) {
			quiet(t)
			o := shortBulk(script(t, tt.serve) + "/")
			o.Timeout = 300 * time.Millisecond
			if tt.upload {
				o.Upload, o.Bytes = true, 50_000_000
			}
			r, err := Bulk(context.Background(), o)
			if err != nil || r.Errors != 3 || r.Received != 0 || !hasPrefix(r, tt.kind) {
				t.Fatalf("%+v, %v", r, err)
			}
			if tt.moved >= 0 && r.Bulk.Bytes != 3*tt.moved {
				t.Errorf("%d bytes, want 3 times %d", r.Bulk.Bytes, tt.moved)
			}
		})
	}
}

// hasPrefix reports whether all errors of r are of a kind that begins so.
func hasPrefix(r *Result, kind string) bool {
	for k := range r.ErrorKinds {
		if !strings.HasPrefix(k, kind) {
			return false
		}
	}
	return len(r.ErrorKinds) == 1
}

// A transfer that moves, but would never end, ends with the duration.
func TestBulkDuration(t *testing.T) {
	quiet(t)
	o := shortBulk(script(t, func(c *net.TCPConn, in *bufio.Reader) {
		http.ReadRequest(in)
		write(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
		for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
			if write(c, "x") != nil {
				tick.Stop()
				return
			}
		}
	}))
	o.Duration, o.Timeout = 300*time.Millisecond, 200*time.Millisecond
	r, err := Bulk(context.Background(), o)
	if err != nil || r.Errors != 3 || r.ErrorKinds["timeout"] != 3 || r.Elapsed < 0.3 || r.Bulk.Bytes < 3 {
		t.Errorf("%+v, %+v, %v", r, r.Bulk, err)
	}
}

func TestBulkCancel(t *testing.T) {
	for _, upload := range []bool{false, true} {
		quiet(t)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		o := shortBulk(script(t, func(c *net.TCPConn, in *bufio.Reader) {
			in.Peek(1)
			cancel()
			<-ctx.Done()
			io.Copy(io.Discard, in)
		}))
		o.Timeout = time.Hour
		if o.Upload = upload; upload {
			o.Bytes = maxBulk
		}
		begun := time.Now()
		r, err := Bulk(ctx, o)
		if err != nil || r.Sent != 0 || len(r.ErrorKinds) != 0 || time.Since(begun) > time.Minute {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

func TestBulkValidate(t *testing.T) {
	good := shortBulk("127.0.0.1:1")
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		set  func(*BulkOptions)
		want string
	}{
		{func(o *BulkOptions) { o.Upload = true }, "size: 0 is out of range"},
		{func(o *BulkOptions) { o.Upload, o.Bytes = true, maxBulk+1 }, "out of range"},
		{func(o *BulkOptions) { o.Upload, o.Bytes, o.Verify = true, 1, true }, "verify"},
		{func(o *BulkOptions) { o.Bytes = 1 }, "only an upload"},
		{func(o *BulkOptions) { o.Duration = 0 }, "duration"},
	} {
		o := good
		tt.set(&o)
		if _, err := Bulk(context.Background(), o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

// curl is a client that no one here wrote, and so are the bytes it counts.
func TestEchoBulkCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl:", err)
	}
	quiet(t)
	s := echoServer(t)
	const size = 10_000_001
	body, sum := &fill{n: size, bad: -1}, sha256.New()
	io.Copy(sum, body)
	for _, tt := range []struct {
		name string
		args []string
		want string
		in   io.Reader
	}{
		{"download", []string{"http://" + s.Addr() + "/bytes/10000001"}, string(sum.Sum(nil)), nil},
		{"HEAD of a large one", []string{"-I", "-o", os.DevNull, "-w", "%{http_code}", "http://" + s.Addr() + "/bytes/10000001"}, "200", nil},
		{"upload", []string{"--data-binary", "@-", "-w", " %{size_upload}", "http://" + s.Addr() + "/"}, "\x00\x01 10000001", &fill{n: size, bad: -1}},
		{"upload, chunked, and 100-continue", []string{"-T", "-", "-H", "Expect: 100-continue", "-w", " %{http_code}", "http://" + s.Addr() + "/"}, "\x00\x01 200", &fill{n: size, bad: -1}},
		{"two on one connection", []string{"--data-binary", "@-", "http://" + s.Addr() + "/bytes/1", "http://" + s.Addr() + "/bytes/3", "-w", " %{num_connects} "}, "\x00 1 \x00\x01\x02 0 ", &fill{n: size, bad: -1}},
	} {
		cmd := exec.CommandContext(t.Context(), "curl", append([]string{"-sS", "--max-time", "30"}, tt.args...)...)
		cmd.Stdin = tt.in
		out, err := cmd.Output()
		if len(out) == size {
			h := sha256.Sum256(out)
			out = h[:]
		}
		if err != nil || string(out) != tt.want {
			t.Errorf("%s: %q, %v", tt.name, out[:min(len(out), 100)], err)
		}
	}
}

// What is thrown away ends where the body does, wherever that falls in a read, and
// large answers keep their order among small ones.
func TestEchoBulkPipelined(t *testing.T) {
	quiet(t)
	s := echoServer(t)
	var in, want strings.Builder
	for _, size := range []int{0, 1, discardMin - 1, discardMin, discardMin + 1, echoBuffer - 40, echoBuffer, echoBuffer + 1, 300_000} {
		fmt.Fprintf(&in, "POST /bytes/%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", size, size, strings.Repeat("P", size))
		fmt.Fprintf(&want, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
		io.Copy(&want, &fill{n: int64(size), bad: -1})
	}
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	go func() {
		io.WriteString(c, in.String())
		c.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || string(got) != want.String() {
		t.Errorf("%d bytes, want %d; %v", len(got), want.Len(), err)
	}
}

// A client may wait for a 100 before a body that is thrown away.
func TestEchoBulkContinue(t *testing.T) {
	quiet(t)
	client, server := pair(t)
	go newEchoConn(server).serve()
	defer client.Close()
	client.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(client, "POST /bytes/1 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 200000\r\n\r\n")
	in := bufio.NewReader(client)
	if line, err := in.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	io.WriteString(client, strings.Repeat("x", 200_000))
	if line, err := in.ReadString('H'); err != nil || line != "\r\nH" {
		t.Fatalf("%q, %v", line, err)
	}
}

// A body that is cut short is not answered.
func TestEchoBulkCutShort(t *testing.T) {
	quiet(t)
	s := echoServer(t)
	if got := talk(t, s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"+strings.Repeat("x", 200_000), false); got != "" {
		t.Errorf("%q", got)
	}
}

func TestDiscarder(t *testing.T) {
	quiet(t)
	client, server := pair(t)
	raw, err := server.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		io.Copy(client, &fill{n: 5_000_000, bad: -1})
		io.WriteString(client, "rest")
		client.Close()
	}()
	d := newDiscarder(raw)
	if err := d.all(5_000_000); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(server); err != nil || string(rest) != "rest" {
		t.Errorf("%q is left, %v", rest, err)
	}
	if err := d.all(1); err != io.EOF {
		t.Error(err)
	}
	for i, b := range discardRoom() {
		if b != 0 {
			t.Fatalf("byte %d was written: something was copied", i)
		}
	}
}
