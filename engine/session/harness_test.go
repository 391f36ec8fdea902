package session

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"weir/codec/http1"
	"weir/configs"
	"weir/engine/certs"
	"weir/engine/cluster"
	"weir/engine/fault"
	"weir/engine/observe"
	"weir/engine/route"
	"weir/engine/transport"
	"weir/engine/transport/transporttest"
	"weir/pool"
)

// setup is what a test may change of the defaults: one route for everything, to one
// cluster of one endpoint.
type setup struct {
	listener   *configs.Listener
	route      *configs.Route
	cluster    *configs.Cluster
	more       []*configs.Route // tried before route where more specific
	others     map[string]*configs.Cluster
	tls        *certs.Server // nil: made of listener.TLS
	token      func(host, token []byte) ([]byte, bool)
	pauseAbove int
	access     bool
	log        *zap.Logger
	net        *transporttest.Net // nil: one without sockets
	local      transport.Addr     // where clients connect to
	owns       func(transport.Addr) bool
}

// fixture is a worker on a scripted network.
type fixture struct {
	testing.TB
	*setup
	n         *transporttest.Net
	worker    *Worker
	ln        *Listener
	counters  observe.Counters
	upstreams pool.Slab[cluster.Upstream]
	accessLog *observe.AccessLog
	lines     bytes.Buffer
	clients   []*transporttest.Link
	hooks     []*hook // the same
	ups       []*transporttest.Link
}

// newFixture makes the worker. When the test ends, everything must have come back.
func newFixture(t testing.TB, edit ...func(*setup)) *fixture {
	t.Helper()
	newPKI(t)
	f := &fixture{TB: t, n: transporttest.New(), setup: &setup{
		listener: configs.NewListener("127.0.0.1:80"), route: configs.NewRoute(),
		cluster: configs.NewCluster("10.1.0.1:80"), pauseAbove: 256 << 10, log: zap.NewNop(),
	}}
	f.route.Cluster = "c"
	for _, e := range edit {
		e(f.setup)
	}
	if f.net != nil {
		f.n = f.net
	}
	clusters, index := f.locals()
	table, err := route.Compile(append(f.more, f.route), index, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.access {
		if f.accessLog, err = observe.OpenAccessLog("stdout", &f.lines, nil); err != nil {
			t.Fatal(err)
		}
	}
	f.ln = newListener(t, f.listener, index)
	if f.tls != nil {
		f.ln.TLS = f.tls
	}
	f.worker = NewWorker(Config{
		Loop: f.n.Loop, Table: table, Clusters: clusters, HTTPToken: f.token, Owns: f.owns,
		Counters: &f.counters, Log: f.log, Access: f.accessLog, PauseAbove: f.pauseAbove, FirstID: 1, IDStep: 1,
	})
	t.Cleanup(func() {
		if !t.Failed() {
			f.quiet()
		}
	})
	return f
}

// locals are the clusters, c first.
func (f *fixture) locals() (list []*cluster.Local, index map[string]int) {
	index = map[string]int{}
	add := func(name string, cfg *configs.Cluster) {
		c, err := cluster.Compile(context.Background(), name, cfg, nil)
		if err != nil {
			f.Fatal(err)
		}
		index[name] = len(list)
		list = append(list, c.Local(f.n.Loop, &f.counters, &f.upstreams, 0))
	}
	add("c", f.cluster)
	for name, cfg := range f.others {
		add(name, cfg)
	}
	return list, index
}

func newListener(t testing.TB, cfg *configs.Listener, clusters map[string]int) *Listener {
	ln := &Listener{
		Name:             "edge",
		Limits:           http1.Limits{HeadBytes: int(cfg.MaxHead), TargetBytes: int(cfg.MaxTarget), Fields: cfg.MaxFields},
		MaxBody:          int64(cfg.MaxBody),
		MinBodyRate:      int64(cfg.MinBodyRate),
		KeepEncodedSlash: cfg.EncodedSlash == "keep",
		RequestHead:      cfg.Timeouts.RequestHead.Nanoseconds(),
		BodyIdle:         cfg.Timeouts.BodyIdle.Nanoseconds(),
		KeepAliveIdle:    cfg.Timeouts.KeepAliveIdle.Nanoseconds(),
		Protocol:         protocols[cfg.Protocol],
		Sniff:            cfg.Timeouts.Sniff.Nanoseconds(),
		Handshake:        cfg.Timeouts.Handshake.Nanoseconds(),
		TunnelIdle:       cfg.Timeouts.TunnelIdle.Nanoseconds(),
	}
	var err error
	if ln.Forwards, err = route.CompileForwards(cfg.Forward, cfg.Cluster, clusters); err != nil {
		t.Fatal(err)
	}
	if cfg.TLS != nil {
		if ln.TLS, err = certs.NewServer(cfg.TLS, nil); err != nil {
			t.Fatal(err)
		}
	}
	if p := cfg.ProxyProtocol; p != nil {
		ln.Proxy = map[string]ProxyMode{"optional": ProxyOptional, "required": ProxyRequired}[p.Mode]
		for _, from := range p.From {
			ln.ProxyFrom = append(ln.ProxyFrom, netip.MustParsePrefix(from))
		}
	}
	ln.Transparent = map[string]Transparency{"off": TransparentOff, "tproxy": TransparentTProxy, "redirect": TransparentRedirect}[cfg.Transparent]
	for _, p := range cfg.TrustedProxies {
		ln.Trusted = append(ln.Trusted, netip.MustParsePrefix(p))
	}
	return ln
}

var protocols = map[string]Protocol{
	"http": ProtocolHTTP, "tcp": ProtocolTCP, "tls-passthrough": ProtocolPassthrough, "auto": ProtocolAuto,
}

// quiet demands that everything comes back once everybody has left.
func (f *fixture) quiet() {
	f.Helper()
	for l := f.n.Dialled(); l != nil; l = f.n.Dialled() {
		f.ups = append(f.ups, l)
	}
	for _, l := range append(f.clients, f.ups...) {
		if !l.Closed() {
			l.ResetByPeer()
		}
	}
	f.worker.Drain()
	f.worker.FlushAccess()
	f.n.Advance(time.Second)
	if err := f.leftover(); err != nil {
		f.Fatal(err)
	}
}

// leftover is nil if nothing is out: connections, timers, buffers, slab values.
func (f *fixture) leftover() error {
	if err := f.n.Quiet(); err != nil {
		return err
	}
	c := &f.counters
	if s, a, t, i := c.Sessions.Load(), c.Active.Load(), c.TunnelsOpen.Load(), c.Idle.Load(); s|a|t|i != 0 {
		return fmt.Errorf("gauges: %d sessions, %d exchanges, %d tunnels, %d idle", s, a, t, i)
	}
	if held, ups := f.worker.Held(), f.upstreams.Live(); held != 0 || ups != 0 {
		return fmt.Errorf("slabs: %d of sessions, %d upstream connections", held, ups)
	}
	return nil
}

// client is a new downstream connection, with an address of its own.
func (f *fixture) client() *transporttest.Link { return f.hooked().Link }

// hook is a client's link whose reads a test may replace.
type hook struct {
	*transporttest.Link
	read func(p []byte) (int, syscall.Errno) // nil: Link's
}

func (h *hook) Read(p []byte) (int, syscall.Errno) {
	if h.read != nil {
		return h.read(p)
	}
	return h.Link.Read(p)
}

func (f *fixture) hooked() *hook {
	h := &hook{Link: f.n.Client()}
	h.Local = f.local
	f.clients = append(f.clients, h.Link)
	f.hooks = append(f.hooks, h)
	f.worker.AcceptLink(h, clientAddr(len(f.clients)), f.ln)
	f.n.Settle()
	return h
}

func clientAddr(i int) transport.Addr {
	return transport.AddrFrom(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 4000))
}

// dialled is the connect that hangs since the last look.
func (f *fixture) dialled() *transporttest.Link {
	f.Helper()
	l := f.n.Dialled()
	if l == nil {
		f.Fatal("no upstream connection was begun")
	}
	f.ups = append(f.ups, l)
	return l
}

// up is the endpoint's end of a new upstream connection.
func (f *fixture) up() *transporttest.Link {
	f.Helper()
	l := f.dialled()
	l.Connect()
	return l
}

// exchanging brings a new session as far as the endpoint having the request.
func (f *fixture) exchanging(request string) (client, up *transporttest.Link) {
	f.Helper()
	client = f.client()
	client.Send(request)
	up = f.up()
	if got := up.Take(); !strings.Contains(got, "\r\n\r\n") {
		f.Fatalf("the endpoint got %q", got)
	}
	return client, up
}

// faults is how often kind was counted.
func (f *fixture) faults(kind fault.Kind) int64 { return f.counters.Faults[kind].Load() }

// record is the part of an access log line that tests look at.
type record struct {
	Kind     string `json:"kind"`
	Target   string `json:"target"`
	Status   int    `json:"status"`
	In       int64  `json:"bytes_in"`
	Out      int64  `json:"bytes_out"`
	Fault    string `json:"fault"`
	Detail   string `json:"detail"`
	ClosedBy string `json:"closed_by"`
	Retries  int    `json:"retries"`
	Reused   bool   `json:"reused"`
	Original string `json:"original_dst"`
}

// records ends everything, the access log too, and gives its lines.
func (f *fixture) records() (list []record) {
	f.Helper()
	f.quiet()
	if err := f.accessLog.Close(); err != nil {
		f.Fatal(err)
	}
	f.worker.lines = nil
	for line := range strings.Lines(f.lines.String()) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			f.Fatalf("%q: %v", line, err)
		}
		list = append(list, r)
	}
	return list
}

// wantHead demands that a message begins with start and has each of the lines.
func wantHead(t testing.TB, message, start string, lines ...string) {
	t.Helper()
	head, _, ok := strings.Cut(message, "\r\n\r\n")
	if !ok || !strings.HasPrefix(head, start) {
		t.Fatalf("got %q, want it to begin with %q", message, start)
	}
	for _, l := range lines {
		if !strings.Contains(head+"\r\n", "\r\n"+l+"\r\n") {
			t.Errorf("no %q in %q", l, head)
		}
	}
}

// body is what stands behind the head of a message.
func body(message string) string {
	_, b, _ := strings.Cut(message, "\r\n\r\n")
	return b
}

// everySplit runs check with s whole, byte by byte, and cut at each offset.
func everySplit(t *testing.T, s string, check func(t *testing.T, pieces []string)) {
	t.Helper()
	check(t, []string{s})
	check(t, strings.Split(s, ""))
	for i := 1; i < len(s); i++ {
		check(t, []string{s[:i], s[i:]})
	}
}

const (
	get    = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	ok     = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	second = time.Second
	tick   = 9 * time.Millisecond // what a deadline may be rounded up by
)

// until brings the clock to just before a deadline d from now.
func (f *fixture) until(d time.Duration) { f.n.Advance(d - time.Millisecond) }

// past brings the clock from until over the deadline.
func (f *fixture) past() { f.n.Advance(tick + time.Millisecond) }
