// Package fault names every way a session can fail, and what each one means to
// the peer, to the endpoint and to the operator. One row each, in one table.
package fault

// Fault says who caused a failure.
type Fault uint8

const (
	FaultNone       Fault = iota
	FaultDownstream       // the client
	FaultUpstream         // the endpoint
	FaultLocal            // weir: limits, configuration, bugs
)

// String is the word used in logs.
func (f Fault) String() string {
	return [...]string{"none", "downstream", "upstream", "local"}[f]
}

// Retry says whether a request that met a failure may be tried again.
type Retry uint8

const (
	RetryNever Retry = iota
	// RetryAlways: nothing of the request can have been acted on, since no
	// connection was made. The next endpoint is tried.
	RetryAlways
	// RetryIfReused: only on a connection that was idle before, before the first
	// response byte, and if the request is idempotent and still held whole
	// (RFC 9110 9.2.2, RFC 9112 9.3.1).
	RetryIfReused
)

// Kind is a closed set: each has exactly one row in kinds.
type Kind uint8

const (
	None Kind = iota

	// The client's.
	MalformedRequest
	TargetTooLong
	HeadTooLarge
	BodyTooLarge
	VersionUnsupported
	MethodUnsupported
	TransferCodingUnsupported
	ExpectationUnsupported
	BadPath
	HeadTimeout
	BodyTimeout
	BodyTooSlow
	SendTimeout
	KeepAliveTimeout
	ClientClosed
	ClientReset
	BadUpgrade
	WebSocketVersion
	Misdirected
	NotTLS
	TLSOnPlainPort
	MalformedHello
	UnknownServerName
	HandshakeTimeout
	HandshakeFailed
	ClientCertMissing
	ClientCertExpired
	ClientCertUntrusted
	ClientCertRevoked
	TLSRecord
	TLSTruncated
	ProxyHeader
	ProxyUntrusted
	SniffTimeout
	UnknownProtocol
	DirectConnection
	BadDestination

	// weir's.
	NoRoute
	EndpointsFull
	Draining
	Exhausted
	HandshakesFull
	Bug

	// The endpoint's.
	NoEndpoint
	ConnectTimeout
	ResponseTimeout
	ResponseIdle
	UpstreamReset
	UpstreamClosed
	MalformedResponse
	ResponseTruncated
	SurplusResponse
	BadHandshake
	UpstreamHandshake
	UpstreamCertExpired
	UpstreamCertWrongHost
	UpstreamCertUntrusted
	UpstreamCertRevoked
	UpstreamCertPin
	UpstreamTLSRecord
	UpstreamTLSTruncated

	// A tunnel's, after 101: nobody's fault, or one side's.
	TunnelIdle
	TunnelReset

	NumKinds
)

type row struct {
	name   string
	fault  Fault
	status int // answered if no response has begun; 0: nothing may be written
	retry  Retry
	text   string // one line for the body of the answer and the log
}

var kinds = [NumKinds]row{
	None: {"", FaultNone, 0, RetryNever, ""},

	MalformedRequest:          {"malformed_request", FaultDownstream, 400, RetryNever, "the request is malformed"},
	TargetTooLong:             {"target_too_long", FaultDownstream, 414, RetryNever, "the request target is too long"},
	HeadTooLarge:              {"head_too_large", FaultDownstream, 431, RetryNever, "the request head is too large"},
	BodyTooLarge:              {"body_too_large", FaultDownstream, 413, RetryNever, "the request body is too large"},
	VersionUnsupported:        {"version_unsupported", FaultDownstream, 505, RetryNever, "only HTTP/1.0 and HTTP/1.1 are spoken here"},
	MethodUnsupported:         {"method_unsupported", FaultDownstream, 501, RetryNever, "the method is not supported"},
	TransferCodingUnsupported: {"transfer_coding_unsupported", FaultDownstream, 501, RetryNever, "the transfer coding is not supported"},
	ExpectationUnsupported:    {"expectation_unsupported", FaultDownstream, 417, RetryNever, "the expectation is not supported"},
	BadPath:                   {"bad_path", FaultDownstream, 400, RetryNever, "the path is ambiguous or malformed"},
	HeadTimeout:               {"head_timeout", FaultDownstream, 408, RetryNever, "the request head took too long"},
	BodyTimeout:               {"body_timeout", FaultDownstream, 408, RetryNever, "the request body stopped arriving"},
	BodyTooSlow:               {"body_too_slow", FaultDownstream, 408, RetryNever, "the request body arrives too slowly"},
	SendTimeout:               {"send_timeout", FaultDownstream, 0, RetryNever, "the client stopped taking the response"},
	KeepAliveTimeout:          {"keep_alive_timeout", FaultNone, 0, RetryNever, "no further request came"},
	ClientClosed:              {"client_closed", FaultDownstream, 0, RetryNever, "the client closed before the exchange was complete"},
	ClientReset:               {"client_reset", FaultDownstream, 0, RetryNever, "the client reset the connection"},
	BadUpgrade:                {"bad_upgrade", FaultDownstream, 400, RetryNever, "the upgrade is not a valid WebSocket handshake"},
	WebSocketVersion:          {"websocket_version", FaultDownstream, 426, RetryNever, "only WebSocket version 13 is spoken here"},
	Misdirected:               {"misdirected", FaultDownstream, 421, RetryNever, "this connection is not for that host"},
	NotTLS:                    {"not_tls", FaultDownstream, 400, RetryNever, "this port speaks TLS: use https"},
	TLSOnPlainPort:            {"tls_on_plain_port", FaultDownstream, 400, RetryNever, "this port does not speak TLS: use http"},
	MalformedHello:            {"malformed_hello", FaultDownstream, 0, RetryNever, "the TLS ClientHello is malformed or too large"},
	UnknownServerName:         {"unknown_server_name", FaultDownstream, 0, RetryNever, "nothing here has the server name that the client asks for"},
	HandshakeTimeout:          {"handshake_timeout", FaultDownstream, 0, RetryNever, "the TLS handshake took too long"},
	HandshakeFailed:           {"handshake_failed", FaultDownstream, 0, RetryNever, "the TLS handshake with the client failed"},
	ClientCertMissing:         {"client_cert_missing", FaultDownstream, 0, RetryNever, "the client sent no certificate"},
	ClientCertExpired:         {"client_cert_expired", FaultDownstream, 0, RetryNever, "the client's certificate is expired or not yet valid"},
	ClientCertUntrusted:       {"client_cert_untrusted", FaultDownstream, 0, RetryNever, "the client's certificate is not signed by a trusted authority"},
	ClientCertRevoked:         {"client_cert_revoked", FaultDownstream, 0, RetryNever, "the client's certificate is revoked"},
	TLSRecord:                 {"tls_record", FaultDownstream, 0, RetryNever, "the client broke the TLS protocol"},
	TLSTruncated:              {"tls_truncated", FaultDownstream, 0, RetryNever, "the client closed without ending TLS: bytes may be missing"},
	ProxyHeader:               {"proxy_header", FaultDownstream, 0, RetryNever, "the PROXY header is missing or malformed"},
	ProxyUntrusted:            {"proxy_untrusted", FaultDownstream, 0, RetryNever, "a PROXY header is required, and the peer is not trusted to send one"},
	SniffTimeout:              {"sniff_timeout", FaultDownstream, 0, RetryNever, "the first bytes took too long"},
	UnknownProtocol:           {"unknown_protocol", FaultDownstream, 0, RetryNever, "the connection is neither TLS nor HTTP, and leads nowhere"},
	DirectConnection:          {"direct_connection", FaultDownstream, 421, RetryNever, "the connection was made to the proxy itself, so it leads nowhere"},
	BadDestination:            {"bad_destination", FaultDownstream, 400, RetryNever, "the destination is not one that can be connected to"},

	NoRoute:        {"no_route", FaultLocal, 404, RetryNever, "no route matches the request"},
	EndpointsFull:  {"endpoints_full", FaultLocal, 503, RetryNever, "the cluster has as many destinations as it may"},
	Draining:       {"draining", FaultLocal, 503, RetryNever, "the proxy is shutting down"},
	Exhausted:      {"exhausted", FaultLocal, 503, RetryAlways, "the proxy is out of descriptors or ports"},
	HandshakesFull: {"handshakes_full", FaultLocal, 503, RetryNever, "too many TLS handshakes are under way"},
	Bug:            {"bug", FaultLocal, 500, RetryNever, "internal error"},

	NoEndpoint:        {"no_endpoint", FaultUpstream, 503, RetryAlways, "no endpoint is reachable"},
	ConnectTimeout:    {"connect_timeout", FaultUpstream, 504, RetryAlways, "connecting to the endpoint took too long"},
	ResponseTimeout:   {"response_timeout", FaultUpstream, 504, RetryNever, "the endpoint took too long to answer"},
	ResponseIdle:      {"response_idle", FaultUpstream, 0, RetryNever, "the endpoint fell silent inside the response"},
	UpstreamReset:     {"upstream_reset", FaultUpstream, 502, RetryIfReused, "the endpoint reset the connection"},
	UpstreamClosed:    {"upstream_closed", FaultUpstream, 502, RetryIfReused, "the endpoint closed the connection before it answered"},
	MalformedResponse: {"malformed_response", FaultUpstream, 502, RetryNever, "the endpoint's response is malformed"},
	ResponseTruncated: {"response_truncated", FaultUpstream, 0, RetryNever, "the endpoint closed inside the response body"},
	SurplusResponse:   {"surplus_response", FaultUpstream, 0, RetryNever, "the endpoint sent bytes beyond its response"},
	BadHandshake:      {"bad_handshake", FaultUpstream, 502, RetryNever, "the endpoint's WebSocket handshake is not valid"},

	UpstreamHandshake:     {"upstream_handshake", FaultUpstream, 502, RetryAlways, "the TLS handshake with the endpoint failed"},
	UpstreamCertExpired:   {"upstream_cert_expired", FaultUpstream, 502, RetryAlways, "the endpoint's certificate is expired or not yet valid"},
	UpstreamCertWrongHost: {"upstream_cert_wrong_host", FaultUpstream, 502, RetryAlways, "the endpoint's certificate is for another host"},
	UpstreamCertUntrusted: {"upstream_cert_untrusted", FaultUpstream, 502, RetryAlways, "the endpoint's certificate is not signed by a trusted authority"},
	UpstreamCertRevoked:   {"upstream_cert_revoked", FaultUpstream, 502, RetryAlways, "the endpoint's certificate is revoked"},
	UpstreamCertPin:       {"upstream_cert_pin", FaultUpstream, 502, RetryAlways, "the endpoint's certificate has none of the pinned keys"},
	UpstreamTLSRecord:     {"upstream_tls_record", FaultUpstream, 502, RetryNever, "the endpoint broke the TLS protocol"},
	UpstreamTLSTruncated:  {"upstream_tls_truncated", FaultUpstream, 0, RetryNever, "the endpoint closed without ending TLS: bytes may be missing"},

	TunnelIdle:  {"tunnel_idle", FaultNone, 0, RetryNever, "the tunnel was silent for too long"},
	TunnelReset: {"tunnel_reset", FaultNone, 0, RetryNever, "the tunnel was reset"},
}

// String is the stable name: the counter, the access log and the Weir-Error field.
func (k Kind) String() string { return kinds[k].name }

// Fault says who caused it.
func (k Kind) Fault() Fault { return kinds[k].fault }

// Status is the HTTP status that answers it, or 0 where nothing may be written.
func (k Kind) Status() int { return kinds[k].status }

// Retry is the rule for trying the request again.
func (k Kind) Retry() Retry { return kinds[k].retry }

// Text is one plain line for people.
func (k Kind) Text() string { return kinds[k].text }
