package e2e

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/configs"
	"weir/engine/tlstest"
)

// opaqueEdge is the keys of a listener that leads all it gets to the cluster "main".
const opaqueEdge = "protocol = \"tcp\"\ncluster = \"main\""

// startText is start with a whole file.
func startText(t *testing.T, text string) *weir {
	t.Helper()
	cfg, err := configs.Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatalf("config: %v\n%s", err, text)
	}
	return startConfig(t, cfg)
}

// clusterOf is the table of a cluster; keys are further lines of it.
func clusterOf(name string, endpoints []string, keys ...string) string {
	quoted := make([]string, len(endpoints))
	for i, e := range endpoints {
		quoted[i] = fmt.Sprintf("%q", e)
	}
	return fmt.Sprintf("[clusters.%s]\nendpoints = [%s]\n%s\n", name, strings.Join(quoted, ", "), strings.Join(keys, "\n"))
}

// mainCluster is clusterOf "main" with one endpoint.
func mainCluster(endpoint string, keys ...string) string {
	return clusterOf("main", []string{endpoint}, keys...)
}

// endingTLS is the table with which the listener "edge" ends TLS.
func endingTLS(leaf *tlstest.Leaf, keys ...string) string {
	return fmt.Sprintf("[listeners.edge.tls]\n%s\n[[listeners.edge.tls.certificates]]\ncert = '''%s'''\nkey = '''%s'''\n",
		strings.Join(keys, "\n"), leaf.Chain, leaf.Key)
}

// originatingTLS is the table with which weir speaks TLS to a cluster.
func originatingTLS(cluster string, ca *tlstest.Authority, name string) string {
	return fmt.Sprintf("[clusters.%s.tls]\nca = '''%s'''\nserver_name = %q\n", cluster, ca.PEM, name)
}

// opaqueConn is a connection whose directions end one by one: TCP, or TLS over it.
type opaqueConn interface {
	net.Conn
	CloseWrite() error
}

// tcpOf is the socket of a connection.
func tcpOf(c opaqueConn) *net.TCPConn {
	if s, ok := c.(*tls.Conn); ok {
		return s.NetConn().(*net.TCPConn)
	}
	return c.(*net.TCPConn)
}

// secured is a TLS client on a fresh connection to weir, its handshake done.
func (w *weir) secured(cfg *tls.Config) *tls.Conn {
	w.t.Helper()
	c, err := w.trySecured(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *weir) trySecured(cfg *tls.Config) (*tls.Conn, error) {
	w.t.Helper()
	c := tls.Client(w.dial(), cfg)
	return c, c.Handshake()
}

// tlsBackend is rawBackend inside TLS. What fails its handshake is dropped.
func tlsBackend(t *testing.T, cfg *tls.Config, serve func(c *tls.Conn)) string {
	t.Helper()
	return rawBackend(t, func(tcp *net.TCPConn) {
		c := tls.Server(tcp, cfg)
		if c.Handshake() == nil {
			serve(c)
		}
	})
}

// greeting is a backend of a protocol in which the server speaks first: it says name
// and a line feed, and echoes what comes.
func greeting(t *testing.T, name string) string {
	t.Helper()
	return rawBackend(t, func(c *net.TCPConn) { greet(c, name) })
}

func greet(c opaqueConn, name string) {
	if _, err := io.WriteString(c, name+"\n"); err != nil {
		return
	}
	_, _ = io.Copy(onlyWriter{c}, onlyReader{c})
	_ = c.CloseWrite()
}

// greetingTLS is greeting inside TLS, with the name also that of its certificate.
func greetingTLS(t *testing.T, ca *tlstest.Authority, name string, alpn ...string) string {
	t.Helper()
	cfg := &tls.Config{Certificates: []tls.Certificate{ca.Issue([]string{name}).Pair(t)}, NextProtos: alpn}
	return tlsBackend(t, cfg, func(c *tls.Conn) { greet(c, name) })
}

// requireGreeting demands the greeting of name, an echo, and an end in order.
func requireGreeting(t *testing.T, c opaqueConn, name string) {
	t.Helper()
	requireBytes(t, c, []byte(name+"\n"))
	requireEcho(t, c)
}

// requireEcho demands that what is sent comes back, and then that each end follows
// the other.
func requireEcho(t *testing.T, c opaqueConn) {
	t.Helper()
	if _, err := io.WriteString(c, "there and back"); err != nil {
		t.Fatal(err)
	}
	requireBytes(t, c, []byte("there and back"))
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
		t.Errorf("instead of an end: %q, %v", rest, err)
	}
	_ = c.Close()
}

// requireCut demands that the connection ends without a byte, by FIN or RST.
func requireCut(t *testing.T, c net.Conn) {
	t.Helper()
	if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil && !isReset(err) {
		t.Errorf("instead of an end: %q, %v", rest, err)
	}
}

// opaqueLine is what these tests look at in a line of the access log.
type opaqueLine struct {
	Kind     string  `json:"kind"`
	Client   string  `json:"client"`
	Listener string  `json:"listener"`
	Cluster  string  `json:"cluster"`
	Endpoint string  `json:"endpoint"`
	Host     string  `json:"host"`
	Forward  string  `json:"forwarded_for"`
	Name     string  `json:"server_name"`
	TLS      string  `json:"tls"`
	ALPN     string  `json:"alpn"`
	Status   int     `json:"status"`
	BytesIn  int64   `json:"bytes_in"`
	BytesOut int64   `json:"bytes_out"`
	Duration float64 `json:"duration_ms"`
	Connect  float64 `json:"connect_ms"`
	Fault    string  `json:"fault"`
	Side     string  `json:"fault_side"`
	Detail   string  `json:"detail"`
	ClosedBy string  `json:"closed_by"`
}

// opaqueLines stops weir, once no session is left, and gives the lines of the access
// log, of which there must be n.
func (w *weir) opaqueLines(n int) []opaqueLine {
	w.t.Helper()
	w.eventually("all sessions have ended", func() bool { return w.stats().Sessions == 0 })
	w.stop()
	var lines []opaqueLine
	for text := range strings.Lines(w.access.String()) {
		var line opaqueLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			w.t.Errorf("not JSON: %q: %v", text, err)
		}
		lines = append(lines, line)
	}
	if len(lines) != n {
		w.t.Fatalf("%d lines in the access log, want %d:\n%s", len(lines), n, w.access)
	}
	return lines
}

// dialFrom opens a raw connection to weir from a loopback address of its own.
func (w *weir) dialFrom(ip string) *net.TCPConn {
	w.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: deadline}
	c, err := d.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(deadline))
	w.t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn)
}

// captured is a backend that hands over the first n bytes of every connection.
func captured(t *testing.T, n int) (addr string, got chan []byte) {
	t.Helper()
	got = make(chan []byte, 64)
	return rawBackend(t, func(c *net.TCPConn) {
		data := make([]byte, n)
		k, _ := io.ReadFull(c, data)
		got <- data[:k]
	}), got
}

// helloRecord is the ClientHello that crypto/tls sends, in one record.
func helloRecord(t *testing.T, cfg *tls.Config) []byte {
	t.Helper()
	here, there := net.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() { _ = tls.Client(here, cfg).Handshake() })
	defer wg.Wait()
	defer func() { _ = there.Close() }()
	head := make([]byte, 5)
	if _, err := io.ReadFull(there, head); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, int(head[3])<<8|int(head[4]))
	if _, err := io.ReadFull(there, body); err != nil {
		t.Fatal(err)
	}
	return append(head, body...)
}

// recut cuts the handshake message in a record into records of size bytes.
func recut(record []byte, size int) []byte {
	var out []byte
	for rest := record[5:]; len(rest) > 0; {
		n := min(size, len(rest))
		out = append(out, 22, 3, 1, byte(n>>8), byte(n))
		out = append(out, rest[:n]...)
		rest = rest[n:]
	}
	return out
}

// sendSlowly sends each byte in a segment of its own.
func sendSlowly(t *testing.T, c *net.TCPConn, data []byte) {
	t.Helper()
	_ = c.SetNoDelay(true)
	for i := range data {
		if _, err := c.Write(data[i : i+1]); err != nil {
			t.Fatalf("byte %d of %d: %v", i, len(data), err)
		}
	}
}

// requireResponse demands a 200 that carries text, and reads no byte more.
func requireResponse(t *testing.T, r net.Conn, text string) {
	t.Helper()
	head, err := readHeadOnly(r)
	if err != nil || !strings.HasPrefix(head, "HTTP/1.1 200 ") || field(head, "Content-Length") != fmt.Sprint(len(text)) {
		t.Fatalf("%q, %v; want %q in the body", head, err, text)
	}
	requireBytes(t, r, []byte(text))
}

// between is what stands in text between two others.
func between(text, before, after string) string {
	_, text, _ = strings.Cut(text, before)
	text, _, _ = strings.Cut(text, after)
	return text
}
