package configs

// proxyProtocol checks who may tell the client's address. There is no default: a
// header that anyone may send is an address that anyone may forge.
func (ck *checker) proxyProtocol(p keyPath, pp *ProxyProtocol) {
	ck.word(p.child("mode"), pp.Mode, proxyModes)
	if len(pp.From) == 0 {
		ck.missingf(p, `add from = ["10.0.0.0/8"]: trust is given by CIDR`, "proxy_protocol does not say whose headers are believed")
	}
	for i, cidr := range pp.From {
		pp.From[i] = ck.trusted(p.child("from").elem(i), "from", cidr, "anyone may then forge the client's address")
	}
}
