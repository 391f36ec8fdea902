package session

import (
	"bytes"

	"weir/codec/http1"
	"weir/engine/fault"
)

// scheme is what the client used to reach weir.
func (s *Session) scheme() string { return schemeName(s.down.Secured()) }

func schemeName(https bool) string {
	if https {
		return "https"
	}
	return "http"
}

// cameByHTTPS reports whether the client uses https: with weir, or with a trusted
// proxy in front that says so.
func (s *Session) cameByHTTPS() bool {
	w := s.w
	if s.x.trusted {
		if i := http1.Find(w.req.Fields, http1.FieldXForwardedProto); i >= 0 {
			return http1.EqualFold(w.req.Fields[i].Value.Of(w.head), "https")
		}
	}
	return s.down.Secured()
}

// misdirected reports whether a request asks for a host that leads to another entry of
// certificates than the SNI of its connection did (RFC 9110 15.5.20): had the client
// asked for that name in its ClientHello, it would have met another certificate.
func (s *Session) misdirected() bool {
	if s.edge == nil || !s.down.Secured() {
		return false
	}
	host := s.w.req.Host.Of(s.w.head)
	// HTTP/1.0 has requests without a host: they ask for none that could be wrong.
	return len(host) > 0 && !s.ln.TLS.Covers(s.edge.tls.ServerName, host)
}

// redirectToHTTPS sends a client that came without TLS to the same place with it.
func (s *Session) redirectToHTTPS() {
	x, w := s.x, s.w
	host := x.note.of(x.note.host)
	if len(host) == 0 {
		s.reply(fault.MalformedRequest)
		return
	}
	out := s.beginReply(308)
	out = append(out, "Location: "...)
	out = x.route.AppendHTTPS(out, host, w.req.Target.Of(w.head))
	out = append(out, "\r\n"...)
	s.endReply(out, "", nil)
}

var nameHSTS = []byte("Strict-Transport-Security")

// appendHSTS appends the route's Strict-Transport-Security. Without TLS it would be
// ignored, and must not be sent (RFC 6797 7.2). A rule of the route that sets or
// removes the field has the last word: there must be one only (RFC 6797 7.1).
func (s *Session) appendHSTS(dst []byte) []byte {
	if r := s.x.route; r.HSTS != "" && s.x.https && !r.ResponseHeaders.Drops(nameHSTS) {
		dst = http1.AppendFieldString(dst, "Strict-Transport-Security", r.HSTS)
	}
	return dst
}

var challengePath = []byte("/.well-known/acme-challenge/")

// answerChallenge answers a certificate authority that wants to see whether a host is
// ours, if path is such a question and a challenge is under way.
func (s *Session) answerChallenge(path []byte) bool {
	token, ok := bytes.CutPrefix(path, challengePath)
	if !ok {
		return false
	}
	x, w := s.x, s.w
	answer, ok := w.HTTPToken(x.note.of(x.note.host), token)
	if !ok {
		return false
	}
	s.endReply(s.beginReply(200), "application/octet-stream", answer)
	return true
}
