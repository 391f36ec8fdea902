package configs

// maxHSTS is far beyond the two years that browsers ask for.
const maxHSTS = 87600 * hour

// hsts checks what a route tells browsers (RFC 6797). A max_age of 0 makes them
// forget, and has no lower bound but whole seconds.
func (ck *checker) hsts(p keyPath, h *HSTS) {
	at := p.child("max_age")
	if h.MaxAge < 0 || h.MaxAge > maxHSTS || h.MaxAge%second != 0 {
		ck.problemf(at, "whole seconds, from 0 to 87600h", "max_age = %q is out of range", show(h.MaxAge))
	}
	// What hstspreload.org asks of a site. It is no mistake to ask for less, but no
	// browser will take it.
	if h.Preload && !h.IncludeSubdomains {
		ck.warnf(p.child("preload"), "set include_subdomains = true", "preload without include_subdomains is not accepted")
	}
	if h.Preload && h.MaxAge < 8760*hour {
		ck.warnf(p.child("preload"), `set max_age = "8760h" or more`, "preload with a max_age below a year is not accepted")
	}
}
