package works

import (
	"time"

	"weir/bench/comparison/peers"
)

// Groups of works whose proxies end TLS. The backend speaks none.
const (
	TLSIdling     = "tls-idle"
	TLSHandshakes = "tls-handshake"
	TLSMessages   = "tls-websocket"
	TLSBulk       = "tls-bulk"
	TLSCrowded    = "tls-rsa"
)

// Works with TLS that tables speak of.
const (
	TLSIdle     = "tls-idle-2000"
	TLSIdleUsed = "tls-idle-2000-used"
	TLSAlone    = "tls-rsa-none"
	TLSBeside   = "tls-rsa-300"
)

var secured = []string{peers.Weir, peers.Nginx, peers.HAProxy, peers.Caddy}

// offer is what every generator offers: what the peers take, and no certificate
// chain to verify.
const offer = " --insecure --curves X25519"

const tlsTunnels = 2000

// withTLS are the works with TLS, in the order in which they are measured.
var withTLS = []*Work{
	tlsHandshake("full", "full, ECDSA P-256, X25519", ""),
	tlsHandshake("resumed", "resumed", " --resume"),
	{
		Name: "tls-ws-16k", Group: TLSMessages, Title: "echo, 16 KiB, TLS", Unit: "message", Kind: Loaded, Peers: secured, TLS: peers.ECDSA,
		Command:     words("ws wss://ADDRESS/ws --connections 64 --size 16KiB" + offer),
		Connections: connections,
	},
	{
		Name: "tls-bulk-download", Group: TLSBulk, Title: "download of 1 GiB, TLS", Unit: "GiB", Kind: Once, Peers: secured, TLS: peers.ECDSA,
		Command:     words("bulk https://ADDRESS/bytes/1073741824" + offer),
		Connections: 1, Takes: 2 * time.Second,
	},
	crowded(TLSAlone, "alone", nil),
	crowded(TLSBeside, "beside 300 handshakes a second with RSA-2048",
		words("tls https://ADDRESS/ --connections 64 --rate 300"+offer)),
	tlsIdle(TLSIdle, "2,000 tunnels with TLS", ""),
	tlsIdle(TLSIdleUsed, "2,000 tunnels with TLS, after 64 KiB each way", " --exchange 64KiB"),
}

func tlsHandshake(name, title, flags string) *Work {
	return &Work{
		Name: "tls-handshake-" + name, Group: TLSHandshakes, Title: title, Unit: "handshake", Kind: Saturated, Peers: secured, TLS: peers.ECDSA,
		Command:     words("tls https://ADDRESS/ --connections 64" + offer + flags),
		Connections: connections,
	}
}

// crowded are tunnels with a steady rate of messages on one loop.
func crowded(name, title string, beside []string) *Work {
	return &Work{
		Name: name, Group: TLSCrowded, Title: title, Unit: "message", Kind: Rated, Peers: secured, TLS: peers.RSA,
		Command:     words("ws wss://ADDRESS/ws --connections 64 --size 125" + offer),
		Connections: 2 * connections, Rate: 1000, Beside: beside,
	}
}

func tlsIdle(name, title, flags string) *Work {
	return &Work{
		Name: name, Group: TLSIdling, Title: title, Unit: "tunnel", Kind: Idle, Peers: secured, TLS: peers.ECDSA,
		Command:     words("idle wss://ADDRESS/ws --connections 2000 --timeout 30s" + offer + flags),
		Connections: tlsTunnels,
	}
}
