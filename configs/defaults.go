package configs

import (
	"reflect"
	"time"
)

// Every default value stands in this file. They are laid down before a file is
// decoded over them, so a zero that the user wrote stays a zero.

const (
	kib = Size(1 << 10)
	mib = Size(1 << 20)
	gib = Size(1 << 30)

	second = Duration(time.Second)
	minute = Duration(time.Minute)
	hour   = Duration(time.Hour)
)

// The allowed values of the keys that are one of a few words; the first is the default.
var (
	logLevels     = []string{"info", "debug", "warn", "error"}
	logFormats    = []string{"json", "text"}
	slashPolicies = []string{"reject", "keep"}
	balances      = []string{"round_robin"}
	protocols     = []string{"http", "tcp", "tls-passthrough", "auto"}
	proxyModes    = []string{"required", "optional"}
	proxyVersions = []string{"off", "v1", "v2"}
	clientAuths   = []string{"none", "request", "require"}
	transparency  = []string{"off", "tproxy", "redirect"}
	discoveries   = []string{"static", "original_dst"}
	sources       = []string{"self", "client_ip", "client_ip_port"}
	tlsVersions   = []string{"1.2", "1.3"}

	// httpALPN is the default of a listener that speaks HTTP.
	httpALPN = []string{"http/1.1"}
)

// redirectStatuses are the allowed values of redirect.status.
var redirectStatuses = []int{301, 302, 303, 307, 308}

// Default is an empty configuration with every default in place. Code that needs
// no file adds to its maps and to Routes what the New functions make, and then
// calls Check.
func Default() *Config {
	return &Config{
		Engine: Engine{
			PauseAbove:    256 * kib,
			DrainTimeout:  10 * second,
			MaxHandshakes: 4096,
		},
		Log:       Log{Level: logLevels[0], Format: logFormats[0], Access: "stdout"},
		Listeners: map[string]*Listener{},
		Clusters:  map[string]*Cluster{},
		Errors:    map[string]*ErrorPage{},
		// "we" in ASCII, so that whoever finds it among the rules can guess whose it is.
		Transparent: Transparent{Mark: 0x7765, Table: 0x7765, Priority: 7765},
	}
}

// NewListener is a listener on address, "host:port", with the defaults.
func NewListener(address string) *Listener {
	return &Listener{
		Address:      address,
		Protocol:     protocols[0],
		Transparent:  transparency[0],
		MaxHead:      32 * kib,
		MaxTarget:    8 * kib,
		MaxFields:    128,
		MinBodyRate:  256,
		EncodedSlash: slashPolicies[0],
		Timeouts: ListenerTimeouts{
			RequestHead:   10 * second,
			BodyIdle:      30 * second,
			KeepAliveIdle: 75 * second,
			Sniff:         5 * second,
			Handshake:     10 * second,
			TunnelIdle:    hour,
		},
	}
}

// NewRoute is a route that matches everything and has no action yet.
func NewRoute() *Route {
	return &Route{
		HTTPSPort: 443,
		Timeouts: RouteTimeouts{
			Response:     60 * second,
			ResponseIdle: 5 * minute,
			TunnelIdle:   hour,
		},
	}
}

// NewCluster is a cluster of endpoints of equal weight with the defaults.
func NewCluster(endpoints ...string) *Cluster {
	c := &Cluster{
		Discovery:     discoveries[0],
		StaleAfter:    5 * second,
		MaxEndpoints:  10_000,
		Balance:       balances[0],
		MaxIdle:       64,
		MaxHead:       32 * kib,
		MaxFields:     128,
		ProxyProtocol: proxyVersions[0],
		Source:        sources[0],
		Timeouts: ClusterTimeouts{
			Connect:  5 * second,
			Idle:     60 * second,
			Lifetime: hour,
		},
	}
	for _, address := range endpoints {
		c.Endpoints = append(c.Endpoints, newEndpoint(address))
	}
	return c
}

// NewListenerTLS ends TLS with the defaults; it needs a certificate, or ACME. Check
// adds the ALPN of a listener that speaks HTTP.
func NewListenerTLS(certificates ...*Certificate) *ListenerTLS {
	return &ListenerTLS{
		Certificates: certificates,
		MinVersion:   tlsVersions[0],
		MaxVersion:   tlsVersions[1],
		ClientAuth:   clientAuths[0],
	}
}

// NewClusterTLS speaks TLS to endpoints with the defaults.
func NewClusterTLS() *ClusterTLS {
	return &ClusterTLS{MinVersion: tlsVersions[0], MaxVersion: tlsVersions[1]}
}

// NewACME is Let's Encrypt for the hosts.
func NewACME(hosts ...string) *ACME {
	return &ACME{Hosts: hosts, Directory: "https://acme-v02.api.letsencrypt.org/directory", Storage: "acme"}
}

// NewRedirect is a 308 to a Location.
func NewRedirect(to string) *Redirect { return &Redirect{Status: 308, To: to} }

// NewRespond is a 200 with a plain text body.
func NewRespond(body string) *Respond {
	return &Respond{Status: 200, Body: body, Type: "text/plain"}
}

// NewErrorPage is a plain text body for an answer weir makes itself.
func NewErrorPage(body string) *ErrorPage { return &ErrorPage{Body: body, Type: "text/plain"} }

func newEndpoint(address string) Endpoint { return Endpoint{Address: address, Weight: 1} }

// newDefault is a pointer to a new value of type t, with the defaults of t if it
// is a table that may occur several times.
func newDefault(t reflect.Type) reflect.Value {
	switch t {
	case reflect.TypeFor[Listener]():
		return reflect.ValueOf(NewListener(""))
	case reflect.TypeFor[Route]():
		return reflect.ValueOf(NewRoute())
	case reflect.TypeFor[Cluster]():
		return reflect.ValueOf(NewCluster())
	case reflect.TypeFor[Redirect]():
		return reflect.ValueOf(NewRedirect(""))
	case reflect.TypeFor[Respond]():
		return reflect.ValueOf(NewRespond(""))
	case reflect.TypeFor[ListenerTLS]():
		return reflect.ValueOf(NewListenerTLS())
	case reflect.TypeFor[ClusterTLS]():
		return reflect.ValueOf(NewClusterTLS())
	case reflect.TypeFor[ACME]():
		return reflect.ValueOf(NewACME())
	case reflect.TypeFor[ProxyProtocol]():
		return reflect.ValueOf(&ProxyProtocol{Mode: proxyModes[0]})
	case reflect.TypeFor[HSTS]():
		return reflect.ValueOf(&HSTS{MaxAge: 8760 * hour})
	case reflect.TypeFor[ErrorPage]():
		return reflect.ValueOf(NewErrorPage(""))
	case reflect.TypeFor[Endpoint]():
		e := newEndpoint("")
		return reflect.ValueOf(&e)
	}
	return reflect.New(t)
}
