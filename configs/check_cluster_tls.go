package configs

import (
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"
)

// clusterTLS checks how TLS is spoken to the endpoints of a cluster. http says that
// a route leads to it.
func (ck *checker) clusterTLS(p keyPath, t *ClusterTLS, http bool) {
	ck.revocations(p.child("crl"), &t.CRL, ck.authorities(p.child("ca"), &t.CA))
	if name := strings.TrimSuffix(strings.ToLower(t.ServerName), "."); name != "" {
		if _, err := netip.ParseAddr(name); err != nil && (!isHostName(name) || looksLikeIP(name)) {
			ck.problemf(p.child("server_name"), `write a name like "app.internal", without a port`, "server_name %s is neither a host name nor an IP address", quote(t.ServerName))
		} else {
			t.ServerName = name
		}
	}
	switch {
	case t.Cert != "" && t.Key == "":
		ck.missingf(p, `add key = "FILE"`, "cert without key")
	case t.Cert == "" && t.Key != "":
		ck.missingf(p, `add cert = "FILE"`, "key without cert")
	}
	ck.pair(p, &t.Cert, &t.Key)
	if t.ALPN == nil && http && !ck.broken[p.child("alpn")] {
		t.ALPN = slices.Clone(httpALPN)
	}
	ck.alpn(p.child("alpn"), t.ALPN)
	if http {
		ck.httpALPN(p.child("alpn"), t.ALPN)
	}
	ck.versions(p, t.MinVersion, t.MaxVersion)
	for i, pin := range t.Pins {
		ck.pin(p.child("pins").elem(i), pin)
	}
	ck.repeated(p.child("pins"), t.Pins)
	if t.Insecure {
		ck.insecure(p, t)
	}
}

func (ck *checker) pin(p keyPath, pin string) {
	const hint = "openssl x509 -in CERT -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64"
	hash, err := base64.StdEncoding.Strict().DecodeString(pin)
	switch rest, prefixed := strings.CutPrefix(pin, "sha256/"); {
	case prefixed:
		ck.problemf(p, "write "+quote(rest), "pins: %s has a prefix", quote(pin))
	case err != nil || len(hash) != 32 || strings.ContainsAny(pin, "\r\n"):
		ck.problemf(p, "make one with: "+hint, "pins: %s is not 32 bytes in base64", quote(pin))
	}
}

// insecure warns of what is given up, and of keys that have lost their meaning.
func (ck *checker) insecure(p keyPath, t *ClusterTLS) {
	at := p.child("insecure")
	if len(t.Pins) > 0 {
		ck.warnf(at, "leave insecure out and give a ca", "endpoints are verified by their pins only, not by chain, name or dates")
		return
	}
	ck.warnf(at, "leave it out and give a ca, or pins", "anyone who can intercept the connections to the endpoints can read and change them")
	if t.CA != "" {
		ck.warnf(p.child("ca"), "leave insecure out", "ca does nothing: insecure switches the verification off")
	}
	if t.CRL != "" {
		ck.warnf(p.child("crl"), "leave insecure out", "crl does nothing: insecure switches the verification off")
	}
}
