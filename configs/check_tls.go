package configs

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
)

// listenerTLS checks how a listener ends TLS.
func (ck *checker) listenerTLS(p keyPath, l *Listener) {
	t := l.TLS
	if len(t.Certificates) == 0 && t.ACME == nil {
		ck.missingf(p, `add certificates = [{ cert = "FILE", key = "FILE" }]`, "tls has neither certificates nor acme")
	}
	for i, c := range t.Certificates {
		if c == nil {
			c = &Certificate{}
			t.Certificates[i] = c
		}
		ck.certificate(p.child("certificates").elem(i), c)
	}
	if t.ACME != nil {
		ck.acme(p.child("acme"), t.ACME)
	}
	ck.versions(p, t.MinVersion, t.MaxVersion)
	ck.curves(p.child("curves"), t.Curves)
	ck.cipherSuites(p.child("cipher_suites"), t)
	if t.ALPN == nil && l.Protocol != "tcp" && !ck.broken[p.child("alpn")] {
		t.ALPN = slices.Clone(httpALPN)
	}
	ck.alpn(p.child("alpn"), t.ALPN)
	if l.Protocol == "http" {
		ck.httpALPN(p.child("alpn"), t.ALPN)
	}
	ck.agreedForwards(p, l)
	ck.clientAuth(p, t)
	if l.Protocol == "auto" && t.ClientAuth == "require" {
		ck.warnf(p.child("client_auth"), "give clients without TLS a listener of their own, with routes of their own",
			"client_auth = \"require\" is no lock here: protocol auto serves those who come without TLS too")
	}
	ck.ticketKeys(p.child("ticket_keys"), &t.TicketKeys)
	if t.TicketKeys != "" && !t.SessionTickets {
		if ck.lines.has(p.child("session_tickets")) {
			ck.problemf(p.child("session_tickets"), "leave out one of the two", "session_tickets = false, and ticket_keys names a file of keys for them")
		}
		t.SessionTickets = true
	}
}

// agreedForwards reports protocols that connections are led by and that no handshake
// can agree on.
func (ck *checker) agreedForwards(p keyPath, l *Listener) {
	for i, f := range l.Forward {
		if f == nil || l.Protocol != "tcp" && l.Protocol != "auto" {
			continue
		}
		for _, name := range f.ALPN {
			if !slices.Contains(l.TLS.ALPN, name) {
				ck.problemf(p.parent().child("forward").elem(i).child("alpn"), "add it to alpn of "+p.String()+", before http/1.1 if clients offer both",
					"no client can agree on %s", quote(name))
			}
		}
	}
}

// clientAuth checks what is asked of clients, and by whom it is believed.
func (ck *checker) clientAuth(p keyPath, t *ListenerTLS) {
	auth, ca, crl := p.child("client_auth"), p.child("client_ca"), p.child("client_crl")
	ck.word(auth, t.ClientAuth, clientAuths)
	asks := t.ClientAuth == "request" || t.ClientAuth == "require"
	switch {
	case asks && t.ClientCA == "" && !ck.partial[p]:
		ck.problemf(auth, `add client_ca = "FILE"`, "client_auth = %q does not say who signs the certificates of clients", t.ClientAuth)
	case t.ClientCA != "" && t.ClientAuth == "none" && !ck.broken[auth]:
		ck.warnf(ca, `set client_auth = "require" or "request"`, "client_ca does nothing: no client is asked for a certificate")
	}
	if t.ClientCRL != "" && t.ClientCA == "" && !ck.partial[p] {
		ck.problemf(crl, `add client_ca = "FILE"`, "client_crl without client_ca")
	}
	ck.revocations(crl, &t.ClientCRL, ck.authorities(ca, &t.ClientCA))
}

// versions checks min_version and max_version of the table at p.
func (ck *checker) versions(p keyPath, least, most string) {
	ck.version(p.child("min_version"), least)
	ck.version(p.child("max_version"), most)
	if slices.Contains(tlsVersions, least) && slices.Contains(tlsVersions, most) && least > most {
		at := p.child("min_version")
		if !ck.lines.has(at) {
			at = p.child("max_version")
		}
		ck.problemf(at, "", "min_version = %q is above max_version = %q", least, most)
	}
}

func (ck *checker) version(p keyPath, v string) {
	digits := strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(v), "tls"), "v")
	switch digits {
	case "1.0", "1.1", "1", "1_0", "1_1":
		ck.problemf(p, "write "+oneOf(tlsVersions), "%s = %s: weir speaks no TLS before 1.2", p.last(), quote(v))
	default:
		ck.word(p, v, tlsVersions)
	}
}

func (ck *checker) curves(p keyPath, names []string) {
	known := CurveNames()
	for i, name := range names {
		if !slices.Contains(known, name) {
			ck.unlisted(p, i, name, known, "write "+oneOf(known))
		}
	}
	ck.repeated(p, names)
}

func (ck *checker) cipherSuites(p keyPath, t *ListenerTLS) {
	known, insecure := suites12(tls.CipherSuites()), suites12(tls.InsecureCipherSuites())
	for i, name := range t.CipherSuites {
		at := p.elem(i)
		_, ok := known[name]
		_, bad := insecure[name]
		switch {
		case ok:
		case bad:
			ck.problemf(at, "leave it out", "cipher_suites: %s is insecure", name)
		case isSuite13(name):
			ck.problemf(at, "leave it out: those of TLS 1.3 are always on", "cipher_suites: %s is a suite of TLS 1.3", name)
		default:
			hint := `write IANA names, like "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"`
			if iana := fromOpenSSL(name, ordered(known)); iana != "" {
				hint = fmt.Sprintf("write %q", iana)
			}
			ck.unlisted(p, i, name, ordered(known), hint)
		}
	}
	ck.repeated(p, t.CipherSuites)
	if len(t.CipherSuites) > 0 && t.MinVersion == "1.3" {
		ck.warnf(p, "TLS 1.3 chooses its own", "cipher_suites does nothing with min_version = \"1.3\"")
	}
}

// unlisted reports element i of the list at p, which is none of those known. hint is
// for a name that is near to none of them.
func (ck *checker) unlisted(p keyPath, i int, name string, known []string, hint string) {
	if near := nearest(name, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	ck.problemf(p.elem(i), hint, "%s: %s is not known", p.last(), quote(name))
}

// fromOpenSSL is the IANA name, out of known, of a suite that has the name OpenSSL
// gives it, or "". Most documents on the web write those.
func fromOpenSSL(name string, known []string) string {
	words := strings.NewReplacer("TLS_", "", "_WITH_", "", "_CBC", "", "_", "", "-", "")
	for _, iana := range known {
		if rest, ok := strings.CutPrefix(words.Replace(iana), words.Replace(name)); ok && name != "" && (rest == "" || rest == "SHA256") {
			return iana
		}
	}
	return ""
}

// repeated reports an element that a list has twice.
func (ck *checker) repeated(p keyPath, list []string) {
	for i, s := range list {
		if slices.Contains(list[:i], s) {
			ck.problemf(p.elem(i), "leave it out", "%s: %s is listed twice", p.last(), quote(s))
		}
	}
}

// alpn checks names of protocols (RFC 7301 section 3.1).
func (ck *checker) alpn(p keyPath, names []string) {
	for i, name := range names {
		if len(name) == 0 || len(name) > 255 {
			ck.problemf(p.elem(i), "from 1 to 255 bytes", "alpn: %s is not a protocol", quote(name))
		}
	}
	ck.repeated(p, names)
}

// httpALPN reports protocols that would promise a peer more than HTTP/1.1.
func (ck *checker) httpALPN(p keyPath, names []string) {
	for i, name := range names {
		if name != "" && name != "http/1.1" && name != "http/1.0" {
			ck.problemf(p.elem(i), `write "http/1.1"`, "alpn: weir speaks HTTP/1.1 here, not %s", quote(name))
		}
	}
}
