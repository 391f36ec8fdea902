package session

import (
	"bytes"
	"net/netip"
	"strconv"

	"weir/codec/http1"
	"weir/engine/fault"
)

// The order of what goes upstream: the start line, Host, the client's fields
// without those of its connection, the framing, weir's own fields, the route's.

// forward builds the request for the endpoint and looks for a connection.
func (s *Session) forward(path, rest []byte) {
	x, w := s.x, s.w
	x.local = w.Clusters[x.route.Cluster]
	if w.req.Upgrade && s.offersWebSocket() {
		if kind := s.checkUpgrade(); kind != fault.None {
			s.down.Unread(rest)
			s.reply(kind)
			return
		}
	}
	out := path
	if x.route.HasRewrite && string(path) != "*" {
		var ok bool
		if out, ok = x.route.AppendPath(w.rewrite[:0], path); !ok {
			s.down.Unread(rest)
			s.reply(fault.BadPath)
			return
		}
		w.rewrite = out[:0]
	}
	if kind := s.pick(); kind != fault.None {
		s.down.Unread(rest)
		s.reply(kind)
		return
	}
	w.out = s.appendRequest(w.out[:0], out)
	// Made to measure: a pooled buffer that grows is lost to the pool.
	x.wire = w.Loop.Pool.Get(len(w.out) + s.holdable(rest))
	x.wire.B = append(x.wire.B, w.out...)
	rest = s.appendHeldBody(rest)
	x.replayable = x.idempotent && x.reqDone
	s.down.Unread(rest)
	s.on(evHead)
	s.connect()
}

// holdable is how many bytes of rest are a request body that can be held whole, so
// that head and body go in one piece and can be sent again. 0: it is to be streamed.
func (s *Session) holdable(rest []byte) int {
	h := &s.w.req
	if s.x.reqDone || h.Framing != http1.BodyLength || h.Length > int64(min(len(rest), maxHeldBody)) {
		return 0
	}
	return int(h.Length)
}

// appendHeldBody takes a holdable body along with the head. It returns what is left.
func (s *Session) appendHeldBody(rest []byte) []byte {
	x := s.x
	if s.holdable(rest) == 0 {
		return rest
	}
	data, used, done, _ := x.reqBody.Next(rest)
	x.wire.B = append(x.wire.B, data...)
	x.reqBytes += int64(len(data))
	x.reqDone = done
	x.expecting = false
	return rest[used:]
}

func (s *Session) appendRequest(dst, path []byte) []byte {
	x, w := s.x, s.w
	h, data := &w.req, w.head
	rules := &x.route.RequestHeaders
	dst = http1.AppendRequestLine(dst, h.MethodName.Of(data), path, h.Query.Of(data), h.HasQuery)
	if !rules.SetsHost() {
		dst = append(dst, "Host: "...)
		if h.Host.Len > 0 {
			dst = append(dst, h.Host.Of(data)...)
		} else {
			dst = append(dst, x.endpoint.Address...)
		}
		dst = append(dst, "\r\n"...)
	}
	trusted := x.trusted
	for i := range h.Fields {
		f := &h.Fields[i]
		if f.Hop || !forwarded(f.ID, trusted) || f.ID == http1.FieldUnknown && isOurs(f.Name.Of(data)) || s.namesDestination(f.Name.Of(data)) {
			continue
		}
		if name := f.Name.Of(data); !rules.Drops(name) {
			dst = http1.AppendField(dst, name, f.Value.Of(data))
		}
	}
	switch {
	case x.upgrade:
		dst = append(dst, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	case h.Framing == http1.BodyLength:
		dst = http1.AppendContentLength(dst, h.Length)
	case h.Framing == http1.BodyChunked:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	dst = s.appendForwarding(dst, trusted)
	if !rules.Empty() {
		s.fillVars()
		dst = rules.Append(dst, &w.vars)
	}
	return append(dst, "\r\n"...)
}

// forwarded reports whether an end-to-end field of a request is copied. What weir
// writes itself is not; and forwarding fields are a trusted proxy's word, or
// nobody's.
func forwarded(id http1.FieldID, trusted bool) bool {
	switch id {
	case http1.FieldHost, http1.FieldContentLength, http1.FieldXForwardedFor, http1.FieldXForwardedProto,
		http1.FieldXForwardedHost, http1.FieldXRequestID, http1.FieldVia:
		return false
	case http1.FieldForwarded:
		return trusted
	}
	return true
}

// isOurs reports whether name is an X-Forwarded-* field that weir has no business
// believing and no value for (-Port, -Server, -Prefix), or a field weir writes
// spelled with "_": CGI and its heirs read both spellings as one name, and a
// stranger's X_Forwarded_For would stand beside ours.
func isOurs(name []byte) bool {
	const prefix = "x-forwarded-"
	var buf [maxOurName]byte
	if len(name) > len(buf) {
		return len(name) > len(prefix) && http1.EqualFold(name[:len(prefix)], prefix)
	}
	spelled := false
	for i, c := range name {
		spelled = spelled || c == '_'
		buf[i] = spelling(c)
	}
	plain := buf[:len(name)]
	if bytes.HasPrefix(plain, []byte(prefix)) {
		return true
	}
	if !spelled {
		return false
	}
	switch string(plain) {
	case "content-length", "transfer-encoding", "x-request-id":
		return true
	}
	return false
}

// maxOurName is longer than any name that isOurs compares whole.
const maxOurName = 32

var (
	nameForwardedFor   = []byte("X-Forwarded-For")
	nameForwardedProto = []byte("X-Forwarded-Proto")
	nameForwardedHost  = []byte("X-Forwarded-Host")
	nameRequestID      = []byte("X-Request-Id")
	nameVia            = []byte("Via")
	viaOne             = []byte("1.1 weir")
	viaZero            = []byte("1.0 weir")
)

// appendForwarding appends who asked, how, and under which id. A rule of the route
// that removes or sets one of these fields has the last word.
func (s *Session) appendForwarding(dst []byte, trusted bool) []byte {
	x, w := s.x, s.w
	h, data := &w.req, w.head
	rules := &x.route.RequestHeaders
	if !rules.Drops(nameForwardedFor) {
		dst = append(dst, "X-Forwarded-For: "...)
		if trusted {
			dst = appendList(dst, data, h.Fields, http1.FieldXForwardedFor)
		}
		dst = s.peer.Addr().AppendTo(dst)
		dst = append(dst, "\r\n"...)
	}
	dst = s.appendBelieved(dst, nameForwardedProto, http1.FieldXForwardedProto, trusted, []byte(s.scheme()))
	dst = s.appendBelieved(dst, nameForwardedHost, http1.FieldXForwardedHost, trusted, h.Host.Of(data))
	if !rules.Drops(nameRequestID) {
		dst = http1.AppendField(dst, nameRequestID, x.note.of(x.note.id))
	}
	if !rules.Drops(nameVia) {
		dst = append(dst, "Via: "...)
		dst = appendList(dst, data, h.Fields, http1.FieldVia)
		dst = append(dst, via(h.Minor)...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}

func via(minor uint8) []byte {
	if minor == 0 {
		return viaZero
	}
	return viaOne
}

// appendBelieved appends a field with a trusted proxy's value, or with ours.
func (s *Session) appendBelieved(dst, name []byte, id http1.FieldID, trusted bool, ours []byte) []byte {
	w := s.w
	if s.x.route.RequestHeaders.Drops(name) {
		return dst
	}
	if trusted {
		if i := http1.Find(w.req.Fields, id); i >= 0 {
			ours = w.req.Fields[i].Value.Of(w.head)
		}
	}
	if len(ours) == 0 {
		return dst
	}
	return http1.AppendField(dst, name, ours)
}

// appendList appends the values of all fields called id, each with ", " behind.
func appendList(dst, data []byte, fields []http1.Field, id http1.FieldID) []byte {
	for i := range fields {
		if fields[i].ID == id && fields[i].Value.Len > 0 {
			dst = append(dst, fields[i].Value.Of(data)...)
			dst = append(dst, ", "...)
		}
	}
	return dst
}

// forwardedClient is the client as the trusted proxies in front tell it: the last
// address in X-Forwarded-For that is not itself a trusted proxy's. What a client
// wrote stands left of what the proxies added, and is never reached.
func forwardedClient(data []byte, fields []http1.Field, ln *Listener) (client netip.Addr, ok bool) {
	for i := len(fields) - 1; i >= 0; i-- {
		if fields[i].ID != http1.FieldXForwardedFor {
			continue
		}
		for list := fields[i].Value.Of(data); len(list) > 0; {
			var last []byte
			list, last = cutLast(list)
			addr, parsed := parseAddr(last)
			if !parsed {
				return client, ok
			}
			client, ok = addr, true
			if !ln.trusts(addr) {
				return client, true
			}
		}
	}
	return client, ok
}

// cutLast splits the last element off a comma list.
func cutLast(list []byte) (rest, last []byte) {
	i := len(list) - 1
	for i >= 0 && list[i] != ',' {
		i--
	}
	last = list[i+1:]
	for len(last) > 0 && (last[0] == ' ' || last[0] == '\t') {
		last = last[1:]
	}
	for len(last) > 0 && (last[len(last)-1] == ' ' || last[len(last)-1] == '\t') {
		last = last[:len(last)-1]
	}
	return list[:max(i, 0)], last
}

// parseAddr reads an address, with a port or without. It allocates; only peers
// that are trusted get here.
func parseAddr(b []byte) (netip.Addr, bool) {
	text := string(b)
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(text)
	return a.Unmap().WithZone(""), err == nil
}

func appendPort(dst []byte, port uint16) []byte { return strconv.AppendUint(dst, uint64(port), 10) }
