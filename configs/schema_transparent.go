package configs

// Transparent says by what the kernel knows the packets that weir takes over: what
// `weir transparent up` makes, and what must not be in use by anything else.
type Transparent struct {
	// Mark is the fwmark of packets that are led to this machine though they are
	// addressed to another.
	Mark int `toml:"mark"`
	// Table is the number of the routing table that delivers them here.
	Table int `toml:"table"`
	// Priority is that of the ip rules which send marked packets to that table.
	Priority int `toml:"priority"`
}

// Intercept is what `weir transparent up` leads to a transparent listener: TCP
// connections to certain ports, which come in by an interface or which processes of
// this machine make. Connections to addresses of this machine are left alone, so that
// a router can still be reached; only To can name them, and only for Local.
type Intercept struct {
	// Interfaces are where connections come in.
	Interfaces []string `toml:"interfaces"`
	// Ports are those of the original destination: "80", or "8000-8099". What servers
	// behind an interface answer, and with Local those of this machine, passes through the
	// same rules: keep Ports clear of those that clients connect from, 32768-60999. With
	// Local they are refused.
	Ports []string `toml:"ports"`
	// To are the CIDRs of destinations. Empty: any.
	To []string `toml:"to"`
	// Except are the CIDRs of destinations that are left alone, though they are in To.
	Except []string `toml:"except"`
	// Local takes connections that processes of this machine make, all but those with
	// the mark of a cluster: clusters that may meet them need one.
	Local bool `toml:"local"`
}
