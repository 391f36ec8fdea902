package works

import (
	"fmt"
	"strings"
	"time"

	"weir/bench/comparison/peers"
)

// Who takes part. Larger buffers matter from 16 KiB on. Caddy and httputil are left
// out where they would only show again that they are several times slower, and take
// the time that a run has.
var (
	everyone = []string{peers.Weir, peers.Nginx, peers.HAProxy, peers.Caddy, peers.HTTPUtil, peers.Gnet}
	large    = []string{peers.Weir, peers.Nginx, peers.Nginx64K, peers.HAProxy, peers.Caddy, peers.HTTPUtil, peers.Gnet}
	fast     = []string{peers.Weir, peers.Nginx, peers.HAProxy, peers.Gnet}
	proxies  = []string{peers.Weir, peers.Nginx, peers.HAProxy}
)

// Names of groups, which are names of tables.
const (
	WebSocket  = "websocket"
	Broadcast  = "broadcast"
	HTTP       = "http"
	Handshakes = "handshake"
	Storm      = "storm"
	Bulk       = "bulk"
	Idling     = "idle"
	Growth     = "growth"
	Loops      = "loops"
	CrossCheck = "crosscheck"
)

// Works that tables and targets speak of.
const (
	Echo125     = "ws-125"
	Idle1000    = "idle-1000"
	Idle9000    = "idle-9000"
	IdlePings   = "idle-9000-pings"
	Download    = "bulk-download"
	Upload      = "bulk-upload"
	GET128      = "http-get-128"
	Handshake   = "handshake"
	BroadcastTo = "broadcast-1000"
	StormName   = "storm-9000"
)

const (
	connections = 64
	crowd       = 9000
	survivors   = 200
)

// All are the works, in the order in which they are measured.
var All = append(plain, withTLS...)

// plain are the works without TLS.
var plain = []*Work{
	echo("ws-32", "32 B", "32", everyone),
	echo(Echo125, "125 B", "125", everyone),
	echo("ws-1k", "1 KiB", "1KiB", everyone),
	echo("ws-16k", "16 KiB", "16KiB", large),
	echo("ws-256k", "256 KiB", "256KiB", large),
	{
		Name: BroadcastTo, Group: Broadcast, Title: "one message of 125 B to 1,000 clients", Unit: "delivery", Kind: Loaded, Peers: fast,
		Command:     words("broadcast ws://ADDRESS/room --connections 1000 --size 125"),
		Connections: 1000, UnitsPerDue: 1000,
	},
	get(GET128, "keep-alive GET, 128 B", everyone, "http://ADDRESS/bytes/128"),
	get("http-get-64k", "keep-alive GET, 64 KiB", large, "http://ADDRESS/bytes/65536"),
	get("http-post-64k", "keep-alive POST, 64 KiB", large, "http://ADDRESS/ --size 64KiB"),
	get("http-pipelined", "pipelined GET, 128 B, 16 deep", fast, "http://ADDRESS/bytes/128 --pipeline 16"),
	get("http-new", "GET, 128 B, new connection each", everyone, "http://ADDRESS/bytes/128 --new-connections"),
	{
		Name: Handshake, Group: Handshakes, Title: "connect, WebSocket handshake, close", Unit: "handshake", Kind: Saturated, Peers: everyone,
		Command:     words("handshake ws://ADDRESS/ws --connections 64"),
		Connections: connections,
	},
	{
		Name: StormName, Group: Storm, Title: "9,000 tunnels cut at once and coming back, 200 others active", Unit: "tunnel", Kind: Once, Peers: fast,
		Command:     words("storm ws://ADDRESS/ws --connections 9000 --survivors 200 --rate 1000 --size 125 --duration BEFORE"),
		Connections: crowd + survivors, Takes: 3500 * time.Millisecond,
	},
	{
		Name: Download, Group: Bulk, Title: "download of 1 GiB", Unit: "GiB", Kind: Once, Peers: large,
		Command:     words("bulk http://ADDRESS/bytes/1073741824"),
		Connections: 1, Takes: 1100 * time.Millisecond,
	},
	{
		Name: Upload, Group: Bulk, Title: "upload of 1 GiB", Unit: "GiB", Kind: Once, Peers: large,
		Command:     words("bulk http://ADDRESS/ --upload --size 1GiB"),
		Connections: 1, Takes: 1100 * time.Millisecond,
	},
	grown(10), grown(100), grown(1000), grown(crowd),
	looped(1), looped(2),
	tool("check-wrk-get-128", "wrk: GET, 128 B", everyone, "wrk -t1 -c64 -dSECONDSs http://ADDRESS/bytes/128"),
	tool("check-h2load-get-128", "h2load: GET, 128 B", everyone, "h2load --h1 -t1 -c64 -m1 -DSECONDS http://ADDRESS/bytes/128"),
	tool("check-wrk-get-64k", "wrk: GET, 64 KiB", everyone, "wrk -t1 -c64 -dSECONDSs http://ADDRESS/bytes/65536"),
	{
		Name: "check-wrk-new", Group: CrossCheck, Title: "wrk: GET, 128 B, new connection each", Unit: "request", Kind: Tool, Peers: everyone,
		Command:     append(words("wrk -t1 -c64 -dSECONDSs -H"), "Connection: close", "http://ADDRESS/bytes/128"),
		Connections: connections,
	},
	idle(Idle1000, "1,000 tunnels", 1000, ""),
	idle(Idle9000, "9,000 tunnels", crowd, ""),
	idle(IdlePings, "9,000 tunnels, a ping per 30 s each", crowd, " --ping-every 30s"),
}

func words(s string) []string { return strings.Fields(s) }

func echo(name, size, flag string, who []string) *Work {
	return &Work{
		Name: name, Group: WebSocket, Title: "echo, " + size, Unit: "message", Kind: Loaded, Peers: who,
		Command:     words("ws ws://ADDRESS/ws --connections 64 --size " + flag),
		Connections: connections,
	}
}

func get(name, title string, who []string, rest string) *Work {
	return &Work{
		Name: name, Group: HTTP, Title: title, Unit: "request", Kind: Loaded, Peers: who,
		Command: words("http " + rest + " --connections 64"), Connections: connections,
	}
}

func grown(tunnels int) *Work {
	return &Work{
		Name: fmt.Sprintf("growth-%d", tunnels), Group: Growth, Title: count(tunnels) + " tunnels", Unit: "message", Kind: Rated, Peers: fast,
		Command:     words(fmt.Sprintf("ws ws://ADDRESS/ws --size 125 --connections %d", tunnels)),
		Connections: tunnels, RateOf: Echo125,
	}
}

func looped(n int) *Work {
	plural := "s"
	if n == 1 {
		plural = ""
	}
	return &Work{
		Name: fmt.Sprintf("loops-%d", n), Group: Loops, Title: fmt.Sprintf("echo, 125 B, %d loop%s or worker%s", n, plural, plural),
		Unit: "message", Kind: Saturated, Peers: proxies, Workers: n,
		Command:     words("ws ws://ADDRESS/ws --connections 64 --size 125"),
		Connections: connections,
	}
}

func tool(name, title string, who []string, command string) *Work {
	return &Work{
		Name: name, Group: CrossCheck, Title: title, Unit: "request", Kind: Tool, Peers: who,
		Command: words(command), Connections: connections,
	}
}

func idle(name, title string, tunnels int, flags string) *Work {
	return &Work{
		Name: name, Group: Idling, Title: title, Unit: "tunnel", Kind: Idle, Peers: large,
		Command:     words(fmt.Sprintf("idle ws://ADDRESS/ws --connections %d --timeout 30s%s", tunnels, flags)),
		Connections: tunnels,
	}
}

// count is n, of up to six digits, with a comma before the last three.
func count(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
