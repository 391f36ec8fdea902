package session

import (
	"weir/codec/http1"
	"weir/pool"
)

// part is a range of a note's buffer.
type part struct{ off, n uint32 }

// note keeps what the log and the templates need of a request head, whose own
// bytes are gone as soon as the loop reads again.
type note struct {
	buf *pool.Buffer
	method, host, target, agent, id, forwarded,
	clientIP, path, query,
	protocols, extensions part
	hasQuery bool
}

// of gives a part's bytes; they live as long as the note.
func (n *note) of(p part) []byte {
	if n.buf == nil || p.n == 0 {
		return nil
	}
	return n.buf.B[p.off : p.off+p.n]
}

// add copies text, at most limit bytes of it.
func (n *note) add(text []byte, limit int) part {
	text = text[:min(len(text), limit)]
	p := part{uint32(len(n.buf.B)), uint32(len(text))}
	n.buf.B = append(n.buf.B, text...)
	return p
}

// What a log line holds of what a client may make long.
const (
	loggedTarget = 2048
	loggedAgent  = 256
	maxRequestID = 128
)

// takeNote fills the note from the head in w.req. path is in canonical form.
func (s *Session) takeNote(n *note, path []byte) {
	w, h, data := s.w, &s.w.req, s.w.head
	agent := http1.Find(h.Fields, http1.FieldUserAgent)
	n.buf = w.Loop.Pool.Get(noteBytes(h, agent, len(path)))
	n.method = n.add(h.MethodName.Of(data), 64)
	n.host = n.add(h.Host.Of(data), 512)
	n.target = n.add(h.Target.Of(data), loggedTarget)
	n.path = n.add(path, len(path))
	n.query = n.add(h.Query.Of(data), int(h.Query.Len))
	n.hasQuery = h.HasQuery
	if agent >= 0 {
		n.agent = n.add(h.Fields[agent].Value.Of(data), loggedAgent)
	}
	peer := s.peer.Addr()
	trusted := s.x.trusted
	if trusted {
		if client, ok := forwardedClient(data, h.Fields, s.ln); ok {
			peer = client
			w.small = client.AppendTo(w.small[:0])
			n.forwarded = n.add(w.small, len(w.small))
		}
	}
	w.small = peer.AppendTo(w.small[:0])
	n.clientIP = n.add(w.small, len(w.small))
	n.id = s.noteRequestID(n, trusted)
}

// noteBytes is the most that takeNote keeps of h, where agent is the index of
// User-Agent: a pooled buffer that grows is lost to the pool.
func noteBytes(h *http1.RequestHead, agent, path int) int {
	const addresses = 2 * len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
	n := int(h.MethodName.Len) + int(h.Host.Len) + min(int(h.Target.Len), loggedTarget) + path + int(h.Query.Len)
	if agent >= 0 {
		n += min(int(h.Fields[agent].Value.Len), loggedAgent)
	}
	return n + maxRequestID + addresses
}

// noteRequestID keeps the id a trusted proxy sent, else makes one.
func (s *Session) noteRequestID(n *note, trusted bool) part {
	w := s.w
	if trusted {
		if i := http1.Find(w.req.Fields, http1.FieldXRequestID); i >= 0 {
			if v := w.req.Fields[i].Value.Of(w.head); len(v) > 0 && len(v) <= maxRequestID {
				return n.add(v, maxRequestID)
			}
		}
	}
	off := len(n.buf.B)
	n.buf.B = w.appendRequestID(n.buf.B)
	return part{uint32(off), uint32(len(n.buf.B) - off)}
}

// fillVars makes the note the source of the templates' variables. The memory is
// the note's.
func (s *Session) fillVars() {
	x, w := s.x, s.w
	n := &x.note
	v := &w.vars
	v.ClientIP, v.Host, v.Method = n.of(n.clientIP), n.of(n.host), n.of(n.method)
	v.Path, v.Query, v.HasQuery = n.of(n.path), n.of(n.query), n.hasQuery
	v.RequestID, v.Scheme = n.of(n.id), schemeName(x.https)
	w.small = appendPort(w.small[:0], s.peer.Port())
	v.ClientPort = w.small
	v.Route, v.Cluster, v.Endpoint = "", "", ""
	if x.route != nil {
		v.Route, v.Cluster = x.route.Name, x.route.ClusterName
	}
	if x.endpoint != nil {
		v.Endpoint = x.endpoint.Address
	}
}
