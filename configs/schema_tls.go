package configs

// Forward leads connections of a listener that carry no HTTP to a cluster. Every
// condition that is given must hold; the first entry that matches is taken, and the
// listener's Cluster if none does.
type Forward struct {
	// ServerNames are names in the ClientHello (SNI): exact, or "*.example.com" (any
	// depth below it). Empty: any, also none.
	ServerNames []string `toml:"server_names"`
	// ALPN are protocols of which the client must offer one; where TLS ends here, the
	// one agreed on must be among them. Empty: any, also none.
	ALPN []string `toml:"alpn"`
	// Ports are those the client connected to: "9000" or "9000-9099". Empty: any.
	Ports string `toml:"ports"`
	// Cluster is where the connection goes.
	Cluster string `toml:"cluster"`
}

// ProxyProtocol says who may tell the client's address in a PROXY header, version 1
// or 2.
type ProxyProtocol struct {
	// Mode is required (a connection that does not begin with a header, or does not
	// come from From, is closed) or optional (it is taken as it comes).
	Mode string `toml:"mode"`
	// From lists the CIDRs whose headers are believed.
	From []string `toml:"from"`
}

// ListenerTLS ends TLS at a listener. A file that changes is read again, and what is
// wrong with it keeps the old one in force.
type ListenerTLS struct {
	// Certificates are the pairs to choose from by the client's SNI. The first is the
	// default.
	Certificates []*Certificate `toml:"certificates"`
	// ACME obtains certificates for hosts that no entry of Certificates names exactly.
	ACME *ACME `toml:"acme"`
	// StrictSNI refuses clients whose SNI no certificate covers, or who send none.
	// Otherwise they get the default certificate.
	StrictSNI bool `toml:"strict_sni"`
	// MinVersion is 1.2 or 1.3.
	MinVersion string `toml:"min_version"`
	// MaxVersion is 1.2 or 1.3.
	MaxVersion string `toml:"max_version"`
	// Curves are the key exchanges allowed: X25519MLKEM768, SecP256r1MLKEM768,
	// SecP384r1MLKEM1024, X25519, P-256, P-384, P-521. Empty: Go's defaults.
	Curves []string `toml:"curves"`
	// CipherSuites are those of TLS 1.2, by their IANA names; those of TLS 1.3 are
	// not configurable. Empty: ECDHE with AES-GCM or ChaCha20-Poly1305.
	CipherSuites []string `toml:"cipher_suites"`
	// ALPN are the protocols to agree on, the preferred first. http/1.1 is the only
	// one that an HTTP listener speaks; others may name any. Absent: http/1.1, and
	// none with protocol tcp. A client that offers protocols but none of these is
	// refused.
	ALPN []string `toml:"alpn"`
	// ClientAuth is none, request (a certificate is verified if one comes) or
	// require.
	ClientAuth string `toml:"client_auth"`
	// ClientCA is a file, or PEM text, of the authorities that sign client
	// certificates. Required if any is asked for.
	ClientCA string `toml:"client_ca"`
	// ClientCRL is a file, or PEM text, of revocation lists for client certificates.
	ClientCRL string `toml:"client_crl"`
	// SessionTickets lets clients resume sessions, which saves weir a signature and costs
	// some secrecy: whoever gets hold of a key reads what was resumed with it (RFC 5077
	// 5.6, RFC 8446 C.4). Default: only with TicketKeys.
	SessionTickets bool `toml:"session_tickets"`
	// TicketKeys is a file of keys, a line of base64 of at least 32 bytes each, that
	// several weirs share to resume each other's sessions. The first encrypts, all
	// decrypt. Absent: keys of this process, changed every day.
	TicketKeys string `toml:"ticket_keys"`
}

// Certificate is a chain and its key. Each is a file, relative to the config file,
// or PEM text.
type Certificate struct {
	// Cert is the chain, the leaf first.
	Cert string `toml:"cert"`
	// Key is the private key of the leaf: ECDSA, RSA or Ed25519.
	Key string `toml:"key"`
	// OCSP is a file with a DER response that is stapled.
	OCSP string `toml:"ocsp"`
}

// ACME obtains and renews certificates (RFC 8555). The challenges are answered by
// weir's own listeners: HTTP-01 by any HTTP listener without TLS, TLS-ALPN-01 by the
// listener itself; the authority comes to ports 80 and 443.
type ACME struct {
	// Hosts are the names to obtain a certificate for, one each. No wildcards.
	Hosts []string `toml:"hosts"`
	// Email is where the authority writes to.
	Email string `toml:"email"`
	// Directory is the URL of the authority.
	Directory string `toml:"directory"`
	// Storage is a folder for the account, keys and certificates, made if missing.
	// Relative to the config file.
	Storage string `toml:"storage"`
	// CA is a file, or PEM text, of the roots to verify the authority's own server
	// with. Absent: the system's.
	CA string `toml:"ca"`
}

// ClusterTLS makes weir speak TLS to the endpoints of a cluster. What they present
// is verified: chain, name and dates.
type ClusterTLS struct {
	// CA is a file, or PEM text, of the authorities that sign endpoints. Absent: the
	// system's roots.
	CA string `toml:"ca"`
	// CRL is a file, or PEM text, of revocation lists for endpoints.
	CRL string `toml:"crl"`
	// ServerName is sent as SNI and verified. Absent: the host of the endpoint.
	ServerName string `toml:"server_name"`
	// Cert is a client certificate, a file or PEM text.
	Cert string `toml:"cert"`
	// Key is the private key of Cert.
	Key string `toml:"key"`
	// ALPN are the protocols to offer. Empty: http/1.1 for HTTP, none for TCP.
	ALPN []string `toml:"alpn"`
	// MinVersion is 1.2 or 1.3.
	MinVersion string `toml:"min_version"`
	// MaxVersion is 1.2 or 1.3.
	MaxVersion string `toml:"max_version"`
	// Pins are SHA-256 hashes, in base64, of public keys (SPKI) of which one must be
	// in the endpoint's chain. They hold on top of the verification.
	Pins []string `toml:"pins"`
	// Insecure switches the verification off. Whoever can intercept the connection
	// can then read and change it.
	Insecure bool `toml:"insecure"`
}

// HSTS tells browsers to come by https only (RFC 6797). It is sent on TLS
// connections, where the endpoint sends none of its own.
type HSTS struct {
	// MaxAge is how long a browser remembers.
	MaxAge Duration `toml:"max_age"`
	// IncludeSubdomains extends it to all names below.
	IncludeSubdomains bool `toml:"include_subdomains"`
	// Preload asks to be built into browsers.
	Preload bool `toml:"preload"`
}
