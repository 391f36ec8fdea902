package e2e

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

// A client that offers protocols gets http/1.1, or is refused; one that offers none
// is taken to speak it.
func TestTLSProtocolNegotiation(t *testing.T) {
	ca := tlstest.New(t)
	w := start(t, respondAll, edgeTLS(ca))
	for _, tt := range []struct {
		offers []string
		want   string // "-": refused
	}{
		{nil, ""},
		{[]string{"http/1.1"}, "http/1.1"},
		{[]string{"h2", "http/1.1"}, "http/1.1"},
		{[]string{"h2"}, "-"},
		{[]string{"h2", "http/1.0"}, "-"},
		{[]string{"acme-tls/1"}, "-"}, // nobody asked for a certificate here
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			cfg := trusting(ca)
			cfg.NextProtos, cfg.MaxVersion = tt.offers, version
			state, err := w.handshake(cfg)
			switch {
			case tt.want == "-":
				requireError(t, err, "no application protocol")
			case err != nil || state.NegotiatedProtocol != tt.want:
				t.Errorf("%v: got %q, %v; want %q", tt.offers, state.NegotiatedProtocol, err, tt.want)
			}
		}
	}
	w.requireFault(fault.HandshakeFailed, 6)
	for _, line := range w.handshakeLines(6) {
		if line["fault"] != "handshake_failed" || line["detail"] == nil {
			t.Errorf("access log: %v", line)
		}
	}
	if out := w.sClient(ca, "-alpn", "h2"); !strings.Contains(out, "no application protocol") {
		t.Errorf("openssl was not told: %s", out)
	}
}

// What a listener allows, as openssl finds it. The names are openssl's.
func TestTLSVersionsCurvesAndSuites(t *testing.T) {
	ca := tlstest.New(t)
	type try struct{ args, want string } // want "": refused with an alert
	old := "-cipher ALL:@SECLEVEL=0"
	tests := []struct {
		name  string
		keys  []string
		tries []try
	}{
		{"by default", nil, []try{
			{"-tls1_1 " + old, ""},
			{"-tls1 " + old, ""},
			{"-tls1_2", "Protocol version: TLSv1.2"},
			{"", "Protocol version: TLSv1.3"},
			{"-groups X25519", "X25519"},
			{"-groups P-256", "prime256v1"},
			{"-groups P-521", "521"},
			{"-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305"},
			// Neither forward secrecy nor CBC are what they were.
			{"-tls1_2 -cipher AES128-GCM-SHA256", ""},
			{"-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256", ""},
			{"-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", ""},
		}},
		{"1.3 only", []string{`min_version = "1.3"`}, []try{
			{"-tls1_2", ""},
			{"-tls1_3", "Protocol version: TLSv1.3"},
		}},
		{"1.2 only", []string{`max_version = "1.2"`}, []try{
			{"-tls1_3", ""},
			{"", "Protocol version: TLSv1.2"},
		}},
		{"X25519 only", []string{`curves = ["X25519"]`}, []try{
			{"-groups X25519", "X25519"},
			{"-groups P-256:X25519", "X25519"}, // by a HelloRetryRequest
			{"-groups P-256", ""},
			{"-tls1_2 -groups P-256", ""},
		}},
		{"one suite of 1.2", []string{`cipher_suites = ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]`}, []try{
			{"-tls1_2", "ECDHE-ECDSA-AES256-GCM-SHA384"},
			{"-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", ""},
			{"-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"}, // which has suites of its own
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, respondAll, edgeTLS(ca, tt.keys...))
			refused := int64(0)
			for _, try := range tt.tries {
				out := w.sClient(ca, append(strings.Fields(try.args), "-brief")...)
				served := strings.Contains(out, "HTTP/1.1 200 OK")
				switch {
				case try.want == "":
					refused++
					if served || !strings.Contains(out, "alert") {
						t.Errorf("%q: no alert in\n%s", try.args, out)
					}
				case !served || !strings.Contains(out, try.want):
					t.Errorf("%q: no %q in\n%s", try.args, try.want, out)
				}
			}
			w.requireFault(fault.HandshakeFailed, refused)
		})
	}
}

// The post-quantum key exchange is on, as Go has it, unless curves say otherwise.
func TestTLSPostQuantumByDefault(t *testing.T) {
	ca := tlstest.New(t)
	for _, tt := range []struct {
		keys []string
		want tls.CurveID
	}{{nil, tls.X25519MLKEM768}, {[]string{`curves = ["X25519"]`}, tls.X25519}} {
		w := start(t, respondAll, edgeTLS(ca, tt.keys...))
		if state, err := w.handshake(trusting(ca)); err != nil || state.CurveID != tt.want {
			t.Errorf("%v: %v, %v", tt.keys, state.CurveID, err)
		}
	}
}

// A listener without HTTP may agree on any protocol, and lead by it.
func TestTLSForwardsByProtocolAndName(t *testing.T) {
	ca := tlstest.New(t)
	one, two := echoBackend(t, "one "), echoBackend(t, "two ")
	w := start(t, fmt.Sprintf("[clusters.one]\nendpoints = [%q]\n[clusters.two]\nendpoints = [%q]\n", one, two),
		`protocol = "tcp"`, `forward = [{ alpn = ["mqtt"], cluster = "one" }, { server_names = ["two.test"], cluster = "two" }]`,
		endsTLS([]*tlstest.Leaf{ca.Issue([]string{edgeName, "two.test"})}, `alpn = ["mqtt", "x"]`))
	for _, tt := range []struct{ name, alpn, want string }{
		{edgeName, "mqtt", "one "}, {"two.test", "mqtt", "one "}, {"two.test", "x", "two "}, {edgeName, "x", ""},
	} {
		cfg := trusting(ca)
		cfg.ServerName, cfg.NextProtos = tt.name, []string{tt.alpn}
		c := w.secure(cfg)
		buf := make([]byte, 4)
		n, err := c.Read(buf)
		if got := string(buf[:n]); got != tt.want {
			t.Errorf("%s, %s: led to %q, %v; want %q", tt.name, tt.alpn, got, err, tt.want)
		}
		_ = c.Close()
	}
}
