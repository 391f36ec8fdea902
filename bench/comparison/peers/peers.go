// Package peers is what weir is compared with: which proxies there are, the
// configuration each runs with, and how one is started and stopped.
//
// Every peer gets a fair chance: one worker, thread or loop (or as many as weir), idle
// connections to the backend enough for all, no access log, nothing kept on disk, and
// timeouts that outlast a measurement. The configurations lie beside this file.
package peers

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// Names of the peers that rules and tables speak of.
const (
	Weir     = "weir"
	Nginx    = "nginx"
	Nginx64K = "nginx-64k"
	HAProxy  = "haproxy"
	Caddy    = "caddy"
	HTTPUtil = "httputil"
	Gnet     = "gnet"
)

// Peer is one proxy.
type Peer struct {
	// Name is what --peers takes and results carry; Title is for tables.
	Name, Title string
	// Note says what sets it apart, for the tables' legend. Optional.
	Note string
	// Blind: it relays bytes and understands none, so that in HTTP it does less than
	// the others.
	Blind bool
	// Package is what to install where Binary is missing.
	Binary, Package string

	config  string   // embedded file
	buffers string   // of nginx
	secure  secure   // what ends TLS
	run     []string // arguments; see expand
	check   []string // arguments that only check the configuration; none: no way to
	version []string // arguments
	env     []string
}

// secure is what goes into a configuration so that the listener ends TLS; see expand.
// All offer the same: TLS 1.2 and 1.3 with X25519, and session tickets.
type secure struct {
	listen string // on the line that says where to listen
	block  string // lines of their own
}

// Secure reports whether p can end TLS.
func (p *Peer) Secure() bool { return p.secure != secure{} }

// All are the peers in the order of tables, weir first.
var All = []*Peer{
	{
		Name: Weir, Title: "weir", config: "weir.toml",
		run: []string{"run", "-c", "@CONFIG@"}, check: []string{"check", "-c", "@CONFIG@"},
		secure: secure{block: "[listeners.edge.tls]\ncertificates = [{ cert = \"@PEM@\", key = \"@PEM@\" }]\ncurves = [\"X25519\"]\nsession_tickets = true"},
	},
	{
		Name: Nginx, Title: "nginx", Binary: "nginx", Package: "nginx", config: "nginx.conf",
		run: nginxArgs, check: append([]string{"-t"}, nginxArgs...), version: []string{"-v"},
		secure: nginxSecure,
	},
	{
		Name: Nginx64K, Title: "nginx, 64k buffers", Note: "nginx with proxy_buffer_size 64k and proxy_buffers 4 64k, as one would tune it for throughput",
		Binary: "nginx", Package: "nginx", config: "nginx.conf",
		buffers: "proxy_buffer_size 64k;\n    proxy_buffers 4 64k;",
		run:     nginxArgs, check: append([]string{"-t"}, nginxArgs...), version: []string{"-v"},
		secure: nginxSecure,
	},
	{
		Name: HAProxy, Title: "HAProxy", Binary: "haproxy", Package: "haproxy", config: "haproxy.cfg",
		run: []string{"-db", "-f", "@CONFIG@"}, check: []string{"-c", "-f", "@CONFIG@"}, version: []string{"-v"},
		secure: secure{listen: " ssl crt @PEM@ ssl-min-ver TLSv1.2 curves X25519"},
	},
	{
		Name: Caddy, Title: "Caddy", Binary: "caddy", Package: "caddy", config: "Caddyfile",
		run:     []string{"run", "--config", "@CONFIG@", "--adapter", "caddyfile"},
		check:   []string{"validate", "--config", "@CONFIG@", "--adapter", "caddyfile"},
		version: []string{"version"},
		secure:  secure{block: "tls @PEM@ @PEM@ {\n\t\tcurves x25519\n\t}"},
		// Caddy keeps a copy of what it runs below these.
		env: []string{"GOMAXPROCS=@WORKERS@", "HOME=@DIR@", "XDG_CONFIG_HOME=@DIR@", "XDG_DATA_HOME=@DIR@"},
	},
	{
		Name: HTTPUtil, Title: "httputil", Note: "net/http/httputil.ReverseProxy, Go's own",
		run: []string{"peer", HTTPUtil, "--listen", "@LISTEN@", "--backend", "@BACKEND@"},
		env: []string{"GOMAXPROCS=@WORKERS@"},
	},
	{
		Name: Gnet, Title: "gnet relay", Note: "a blind TCP relay on gnet's API: it understands no HTTP, so it does less than a proxy",
		Blind: true,
		run:   []string{"peer", Gnet, "--listen", "@LISTEN@", "--backend", "@BACKEND@"},
	},
}

var nginxSecure = secure{
	listen: " ssl",
	block:  "ssl_certificate @PEM@;\n        ssl_certificate_key @PEM@;\n        ssl_protocols TLSv1.2 TLSv1.3;\n        ssl_ecdh_curve X25519;",
}

// nginxArgs: without -e it would open a log below the folder it was built for.
var nginxArgs = []string{"-p", "@DIR@", "-e", "stderr", "-c", "@CONFIG@"}

// Names are those of All.
func Names() []string {
	var names []string
	for _, p := range All {
		names = append(names, p.Name)
	}
	return names
}

// Find is the peer called name; nil if there is none.
func Find(name string) *Peer {
	i := slices.IndexFunc(All, func(p *Peer) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return All[i]
}

// Parse reads a list of names, separated by commas; "" is all. The result has the
// order of All.
func Parse(list string) ([]*Peer, error) {
	if list == "" {
		return All, nil
	}
	wanted := map[*Peer]bool{}
	for name := range strings.SplitSeq(list, ",") {
		p := Find(strings.TrimSpace(name))
		if p == nil {
			return nil, fmt.Errorf("peers: there is no %q; there are %s", name, strings.Join(Names(), ", "))
		}
		wanted[p] = true
	}
	var found []*Peer
	for _, p := range All {
		if wanted[p] {
			found = append(found, p)
		}
	}
	return found, nil
}

// Missing says what to install before p can run; "" if it can.
func (p *Peer) Missing() string {
	if p.Binary == "" {
		return ""
	}
	if _, err := exec.LookPath(p.Binary); err != nil {
		return fmt.Sprintf("%s is not installed (apt-get install %s)", p.Binary, p.Package)
	}
	return ""
}

// Usable splits list into those that can run and a line for each that cannot.
func Usable(list []*Peer) (usable []*Peer, leftOut []string) {
	for _, p := range list {
		if why := p.Missing(); why != "" {
			leftOut = append(leftOut, p.Title+" is left out: "+why)
			continue
		}
		usable = append(usable, p)
	}
	return usable, leftOut
}

// Spec is one instance of a peer.
type Spec struct {
	Peer            *Peer
	Weir, Self      string // binaries: weir's, and of this program
	Dir             string // exists, and is this instance's alone
	Listen, Backend string // host:port
	Workers         int    // workers, threads or loops
	Place           Place  // where it runs
	Files           int    // descriptors it may open
	TLS             TLS    // that the listener ends
}

// binary is what runs p.
func (s *Spec) binary() string {
	switch {
	case s.Peer.Name == Weir:
		return s.Weir
	case s.Peer.Binary != "":
		return s.Peer.Binary
	}
	return s.Self
}

// descriptors that a proxy needs beside those of its connections.
const spareFiles = 200

// Tunnels is how many tunnels a proxy can hold that may open so many descriptors.
func Tunnels(files int) int { return max(1, (files-spareFiles)/2) }

// mostFiles bounds what is asked for where the limit is huge: nginx reserves memory
// for as many connections as it may have.
const mostFiles = 20_000

func (s *Spec) files() int { return min(s.Files, mostFiles) }

func (s *Spec) connections() string { return strconv.Itoa(Tunnels(s.files())) }
