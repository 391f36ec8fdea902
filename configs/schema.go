// Package configs is what a user may write in a weir TOML file: the schema with
// its defaults, the loader, and the checker that finds every mistake at once.
//
// It knows no engine type and opens nothing but the files it is told to read.
// Every exported field below is a TOML key; its comment is the documentation of
// that key, and examples/reference.toml shows each of them.
package configs

// Config is one whole file. A *Config returned by Load is complete: every
// default is filled in, every cross-reference resolves, and it is not written to
// again, so it may be shared between goroutines.
type Config struct {
	Engine    Engine               `toml:"engine"`
	Log       Log                  `toml:"log"`
	Listeners map[string]*Listener `toml:"listeners"`
	Routes    []*Route             `toml:"routes"`
	Clusters  map[string]*Cluster  `toml:"clusters"`
	// Transparent is what listeners that are transparent share.
	Transparent Transparent `toml:"transparent"`
	// Errors replaces the bodies of the answers weir itself makes, by status
	// ("404", "503"). Statuses that are not listed keep the short plain body.
	Errors map[string]*ErrorPage `toml:"errors"`

	// Warnings are what is suspicious but not wrong, in the order of the file.
	// Load, Parse and Check fill it; it is not a key.
	Warnings []Problem `toml:"-"`
}

// Engine sizes the process.
type Engine struct {
	// Loops is the number of event loops; 0: one per CPU.
	Loops int `toml:"loops"`
	// MaxConnections is how many downstream connections are held at once; above
	// it, new ones wait in the listen backlog. 0: what the descriptor limit
	// allows, two descriptors a connection.
	MaxConnections int `toml:"max_connections"`
	// PauseAbove is the high mark: bytes waiting for a slow peer at which its
	// sender is left unread, until half of it has gone out.
	PauseAbove Size `toml:"pause_above"`
	// DrainTimeout is how long SIGTERM waits for exchanges and tunnels to end
	// before it cuts them.
	DrainTimeout Duration `toml:"drain_timeout"`
	// HandshakeWorkers is how many goroutines compute TLS handshakes, apart from the
	// loops, and how many threads of the lowest priority compute those with RSA keys; 0:
	// half as many as CPUs, at least one.
	HandshakeWorkers int `toml:"handshake_workers"`
	// MaxHandshakes is how many TLS handshakes may be under way at once, clients and
	// endpoints together; above it new ones are refused.
	MaxHandshakes int `toml:"max_handshakes"`
}

// Log says what is written, and where.
type Log struct {
	// Level is the least severe level written: debug, info, warn or error.
	Level string `toml:"level"`
	// Format of the log on stderr: json or text.
	Format string `toml:"format"`
	// Access is where the access log goes, one JSON line an exchange, a tunnel, or a
	// connection refused before either: stdout, off, or a file to append to.
	Access string `toml:"access"`
}

// Listener is a bound address and what it accepts.
type Listener struct {
	// Address is host:port, where the host is an IP address; an empty one means
	// every address. With protocol tcp or tls-passthrough the port may be a range of at
	// most 1024, "9000-9099": see Addresses.
	Address string `toml:"address"`
	// Protocol is what is spoken: http, tcp (opaque bytes to a cluster),
	// tls-passthrough (the same, by what the ClientHello says, with TLS left as it
	// is), or auto: TLS, HTTP and opaque bytes on one port, told apart by what comes
	// first.
	Protocol string `toml:"protocol"`
	// Cluster is where connections go that carry no HTTP and that no entry of
	// Forward takes. Absent: they are closed.
	Cluster string `toml:"cluster"`
	// Forward leads such connections to clusters, the first match wins.
	Forward []*Forward `toml:"forward"`
	// Transparent is off, tproxy or redirect: how connections to other destinations reach
	// this listener. tproxy keeps their addresses as they are (IP_TRANSPARENT, which needs
	// CAP_NET_ADMIN or CAP_NET_RAW); redirect has the kernel translate them.
	Transparent string `toml:"transparent"`
	// Intercept, if present, is what `weir transparent up` leads here. Absent: rules
	// are made by something else.
	Intercept *Intercept `toml:"intercept"`
	// TLS, if present, ends TLS at this listener.
	TLS *ListenerTLS `toml:"tls"`
	// ProxyProtocol, if present, takes PROXY headers from those in front.
	ProxyProtocol *ProxyProtocol `toml:"proxy_protocol"`
	// TrustedProxies lists the CIDRs whose X-Forwarded-* and X-Request-Id fields
	// are believed. From anyone else those fields are replaced.
	TrustedProxies []string `toml:"trusted_proxies"`
	// MaxHead is the largest request head accepted (431 above it), at most 60KiB.
	MaxHead Size `toml:"max_head"`
	// MaxTarget is the longest request target accepted (414 above it).
	MaxTarget Size `toml:"max_target"`
	// MaxFields is the most header fields accepted in a head (431 above it).
	MaxFields int `toml:"max_fields"`
	// MaxBody is the largest request body accepted (413 above it); 0: any.
	MaxBody Size `toml:"max_body"`
	// MinBodyRate is the least bytes per second of a request body, averaged over
	// ten seconds in which weir was willing to read (408 below it); 0: any.
	MinBodyRate Size `toml:"min_body_rate"`
	// EncodedSlash says what becomes of %2F and %5C in a path: reject (400), or
	// keep, which forwards them as they are and never lets them match a route's "/".
	EncodedSlash string           `toml:"encoded_slash"`
	Timeouts     ListenerTimeouts `toml:"timeouts"`
}

// ListenerTimeouts are the deadlines of the downstream side.
type ListenerTimeouts struct {
	// RequestHead is how long a whole request head may take, from its first byte
	// (or from accept, for the first request of a connection). Then 408 and close.
	RequestHead Duration `toml:"request_head"`
	// BodyIdle is how long the client may make no progress in a body: send
	// nothing of the request's, or take nothing of the response's.
	BodyIdle Duration `toml:"body_idle"`
	// KeepAliveIdle is how long a connection may wait between two requests.
	KeepAliveIdle Duration `toml:"keep_alive_idle"`
	// Sniff is how long a PROXY header may take, and with protocol auto how long the
	// first bytes may: then the connection is opaque.
	Sniff Duration `toml:"sniff"`
	// Handshake is how long a TLS handshake may take, from its first byte or from
	// accept, and the ClientHello of tls-passthrough.
	Handshake Duration `toml:"handshake"`
	// TunnelIdle is how long a connection without HTTP may be silent in both
	// directions.
	TunnelIdle Duration `toml:"tunnel_idle"`
}

// Route is a match and what is done with a request that matches. Exactly one of
// Cluster, Redirect and Respond is given. At most one of Path, Prefix and Regex;
// with none of them the route takes any path, after all others of its host.
type Route struct {
	// Name appears in logs. Default: made from the host and path of the match.
	Name string `toml:"name"`
	// Host is an exact name, "*.example.com" (any depth below it), or "" for any.
	Host string `toml:"host"`
	// Path matches one path exactly.
	Path string `toml:"path"`
	// Prefix matches on segment borders: "/chat" takes /chat and /chat/x, never
	// /chatter. "/chat/" takes only what is below it.
	Prefix string `toml:"prefix"`
	// Regex is an RE2 expression that must match the whole path.
	Regex string `toml:"regex"`
	// Methods limits the route to these request methods; empty: any.
	Methods []string `toml:"methods"`
	// Headers are conditions on request fields: an exact value, "*" for present,
	// or "~" and an RE2 expression that must match the whole value.
	Headers map[string]string `toml:"headers"`
	// Query are conditions on query parameters, with the same forms of value.
	Query map[string]string `toml:"query"`

	// Cluster is where the request goes.
	Cluster string `toml:"cluster"`
	// Redirect answers with a Location.
	Redirect *Redirect `toml:"redirect"`
	// Respond answers with a fixed body.
	Respond *Respond `toml:"respond"`

	// Rewrite replaces the matched prefix or exact path; with Regex it is a
	// template in which $1 and ${name} are the groups. Absent: no rewrite.
	Rewrite string `toml:"rewrite"`
	// RequestHeaders edits the fields sent to the endpoint.
	RequestHeaders HeaderRules `toml:"request_headers"`
	// ResponseHeaders edits the fields sent to the client.
	ResponseHeaders HeaderRules `toml:"response_headers"`
	// HTTPSRedirect answers requests that came without TLS with a 308 to the same
	// host and target by https.
	HTTPSRedirect bool `toml:"https_redirect"`
	// HTTPSPort is the port of that redirect.
	HTTPSPort int `toml:"https_port"`
	// HSTS, if present, sends Strict-Transport-Security.
	HSTS     *HSTS         `toml:"hsts"`
	Timeouts RouteTimeouts `toml:"timeouts"`
}

// RouteTimeouts are the deadlines of what a route carries.
type RouteTimeouts struct {
	// Response is how long the endpoint may take from the end of the request to
	// the end of the response head. Then 504.
	Response Duration `toml:"response"`
	// ResponseIdle is how long the endpoint may be silent inside a response body.
	// It is what bounds server-sent events and long polling.
	ResponseIdle Duration `toml:"response_idle"`
	// TunnelIdle is how long a WebSocket tunnel may be silent in both
	// directions. It is never shortened by any other timeout.
	TunnelIdle Duration `toml:"tunnel_idle"`
}

// Redirect answers with a status and a Location.
type Redirect struct {
	// Status is 301, 302, 303, 307 or 308.
	Status int `toml:"status"`
	// To is a template of the Location, with variables such as {host}, {path},
	// {query} and {uri}, and $1 or ${name} where the route has a regex.
	To string `toml:"to"`
}

// Respond answers with a fixed body.
type Respond struct {
	// Status is 200 to 599.
	Status int `toml:"status"`
	// Body is sent as it is; variables in braces are not expanded.
	Body string `toml:"body"`
	// Type is the Content-Type of Body.
	Type string `toml:"type"`
}

// HeaderRules edits header fields: Remove first, then Set, then Add. Values are
// templates with variables: {client_ip} {client_port} {host} {method} {path}
// {query} {uri} {scheme} {request_id} {route} {cluster} {endpoint}; "{{" is a brace.
type HeaderRules struct {
	// Set replaces every field of that name by one.
	Set map[string]string `toml:"set"`
	// Add appends a field and leaves those of the same name.
	Add map[string]string `toml:"add"`
	// Remove drops every field of that name.
	Remove []string `toml:"remove"`
}

// Cluster is a named set of endpoints with one policy.
type Cluster struct {
	// Discovery is static (Endpoints) or original_dst: each connection goes to where its
	// client meant to connect to, before a transparent listener took it. A PROXY header
	// that tells a destination has the last word.
	Discovery string `toml:"discovery"`
	// Endpoints are addresses, "host:port", or tables with a weight. A host name
	// is resolved once, at start.
	Endpoints []Endpoint `toml:"endpoints"`
	// StaleAfter is how long an endpoint made of an original destination is kept when
	// nobody uses it, with its idle connections.
	StaleAfter Duration `toml:"stale_after"`
	// MaxEndpoints is how many endpoints are made of original destinations at once, each
	// loop counting its own. Those that nobody uses make room for others; if there is
	// none, clients with other destinations are refused (503).
	MaxEndpoints int `toml:"max_endpoints"`
	// DestinationHeader is a request field in which a peer in trusted_proxies names the
	// destination, "ip:port", in place of the original one. From anyone else it is
	// ignored; it is never forwarded.
	DestinationHeader string `toml:"destination_header"`
	// DestinationPorts replaces ports of destinations: { 80 = 8080 }.
	DestinationPorts map[string]int `toml:"destination_ports"`
	// Balance is round_robin, in proportion to the weights.
	Balance string `toml:"balance"`
	// MaxIdle is how many idle connections are kept per endpoint and loop for the
	// next request; 0: none.
	MaxIdle int `toml:"max_idle"`
	// MaxHead is the largest response head accepted (502 above it), at most 60KiB.
	MaxHead Size `toml:"max_head"`
	// MaxFields is the most header fields accepted in a response head.
	MaxFields int `toml:"max_fields"`
	// ProxyProtocol is off, v1 or v2: whether connections begin with a PROXY header
	// that tells the client's address. Such a connection serves one client, so an
	// HTTP one is not reused.
	ProxyProtocol string `toml:"proxy_protocol"`
	// Source is whose address endpoints see: self, client_ip (the client's address, a
	// port of its own) or client_ip_port. All but self need CAP_NET_ADMIN or CAP_NET_RAW,
	// and a way back: the endpoints' answers must be routed through this machine, where
	// `weir transparent up` picks them up.
	Source string `toml:"source"`
	// Mark is the fwmark (SO_MARK) of connections to endpoints, by which rules tell them
	// from those of other processes; 0: none.
	Mark int `toml:"mark"`
	// TLS, if present, is spoken to the endpoints.
	TLS      *ClusterTLS     `toml:"tls"`
	Timeouts ClusterTimeouts `toml:"timeouts"`
}

// ClusterTimeouts are the deadlines of connections to endpoints.
type ClusterTimeouts struct {
	// Connect is how long a connection may take to be established, TLS included.
	// Then the next endpoint, and 504 when none is left.
	Connect Duration `toml:"connect"`
	// Idle is how long an unused connection is kept.
	Idle Duration `toml:"idle"`
	// Lifetime is the age at which a connection is no longer reused; 0: any.
	Lifetime Duration `toml:"lifetime"`
}

// Endpoint is one address in a cluster: a string, or a table.
type Endpoint struct {
	// Address is host:port.
	Address string `toml:"address"`
	// Weight is its share of new connections, 1 to 256.
	Weight int `toml:"weight"`
}

// ErrorPage is the body of an answer weir makes itself.
type ErrorPage struct {
	// Body is the body, inline; {status}, {reason} and {request_id} are expanded.
	Body string `toml:"body"`
	// File is read once, at start, in place of Body. Relative to the config file.
	// Check moves its text to Body and leaves File empty.
	File string `toml:"file"`
	// Type is the Content-Type of the body.
	Type string `toml:"type"`
}
