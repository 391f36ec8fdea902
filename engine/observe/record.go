package observe

import (
	"strconv"
	"unicode/utf8"

	"weir/engine/fault"
)

// Record is one line of the access log: an exchange, a tunnel, or a connection that
// was refused before either. Byte slices are
// borrowed for the call that writes it. Durations are nanoseconds; 0 is left out.
type Record struct {
	Kind       string // exchange | tunnel | refused
	Now        int64  // the loop's clock at the end
	Conn       uint64 // number of the downstream connection
	RequestID  []byte
	Client     []byte // ip:port of the peer
	Original   []byte // ip:port that it meant to connect to, where a transparent listener took it
	ForwardFor []byte // the client's address as a trusted proxy told it; empty: none
	Listener   string
	Method     []byte
	Host       []byte
	Target     []byte
	UserAgent  []byte
	Route      string
	Cluster    string
	Endpoint   string
	Status     int   // below 0: no HTTP
	BytesIn    int64 // from the client, heads included
	BytesOut   int64 // to the client
	Duration   int64 // from the first byte of the request to the end
	Connect    int64 // of the upstream connection; 0: reused
	Response   int64 // from the request sent to the response head: the upstream service time
	Reused     bool
	Retries    int
	Fault      fault.Kind
	Detail     string // more about the fault
	TLS        string // version of the client's TLS; empty: none
	ServerName string // its SNI
	ALPN       string // its protocol
	PeerName   string // the common name of the client's certificate
	Resumed    bool   // it resumed a session
	ClosedBy   string // client | endpoint | weir; empty: the connection lives on
}

// Append appends the record as one JSON line. What peers sent is escaped; bytes
// that are not UTF-8 become U+FFFD. It does not allocate if dst has room.
func (r *Record) Append(dst []byte, stamp *Stamp) []byte {
	dst = append(dst, `{"time":"`...)
	dst = stamp.AppendRFC3339(dst, r.Now)
	dst = append(dst, `","kind":"`...)
	dst = append(dst, r.Kind...)
	dst = append(dst, `","conn":`...)
	dst = strconv.AppendUint(dst, r.Conn, 10)
	dst = field(dst, "request_id", r.RequestID)
	dst = field(dst, "client", r.Client)
	dst = field(dst, "original_dst", r.Original)
	dst = field(dst, "forwarded_for", r.ForwardFor)
	dst = field(dst, "listener", r.Listener)
	dst = field(dst, "method", r.Method)
	dst = field(dst, "host", r.Host)
	dst = field(dst, "target", r.Target)
	dst = field(dst, "user_agent", r.UserAgent)
	dst = field(dst, "route", r.Route)
	dst = field(dst, "cluster", r.Cluster)
	dst = field(dst, "endpoint", r.Endpoint)
	if r.TLS != "" {
		dst = field(dst, "tls", r.TLS)
		dst = field(dst, "server_name", r.ServerName)
		dst = field(dst, "alpn", r.ALPN)
		dst = field(dst, "client_cert", r.PeerName)
		if r.Resumed {
			dst = append(dst, `,"resumed":true`...)
		}
	}
	if r.Status >= 0 {
		dst = append(dst, `,"status":`...)
		dst = strconv.AppendInt(dst, int64(r.Status), 10)
	}
	dst = append(dst, `,"bytes_in":`...)
	dst = strconv.AppendInt(dst, r.BytesIn, 10)
	dst = append(dst, `,"bytes_out":`...)
	dst = strconv.AppendInt(dst, r.BytesOut, 10)
	dst = millis(dst, "duration_ms", r.Duration)
	dst = millis(dst, "connect_ms", r.Connect)
	dst = millis(dst, "response_ms", r.Response)
	if r.Reused {
		dst = append(dst, `,"reused":true`...)
	}
	if r.Retries > 0 {
		dst = append(dst, `,"retries":`...)
		dst = strconv.AppendInt(dst, int64(r.Retries), 10)
	}
	if r.Fault != fault.None {
		dst = field(dst, "fault", r.Fault.String())
		dst = field(dst, "fault_side", r.Fault.Fault().String())
		dst = field(dst, "detail", r.Detail)
	}
	dst = field(dst, "closed_by", r.ClosedBy)
	return append(dst, "}\n"...)
}

func field[T string | []byte](dst []byte, name string, value T) []byte {
	if len(value) == 0 {
		return dst
	}
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":"`...)
	dst = escape(dst, value)
	return append(dst, '"')
}

func millis(dst []byte, name string, ns int64) []byte {
	if ns <= 0 {
		return dst
	}
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	us := ns / 1000
	dst = strconv.AppendInt(dst, us/1000, 10)
	us %= 1000
	return append(dst, '.', byte('0'+us/100), byte('0'+us/10%10), byte('0'+us%10))
}

// escape appends value as the inside of a JSON string (RFC 8259 7).
func escape[T string | []byte](dst []byte, value T) []byte {
	const hex = "0123456789abcdef"
	for i := 0; i < len(value); {
		c := value[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
			i++
		case c < ' ' || c == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			i++
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, size := decodeRune(value[i:])
			if r < 0xa0 || r == '\u2028' || r == '\u2029' {
				// C1 controls steer a terminal that shows the log; the separators
				// are line ends to some readers.
				dst = append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
			} else {
				dst = utf8.AppendRune(dst, r)
			}
			i += size
		}
	}
	return dst
}

func decodeRune[T string | []byte](value T) (rune, int) {
	var b [utf8.UTFMax]byte
	return utf8.DecodeRune(b[:copy(b[:], value)])
}
