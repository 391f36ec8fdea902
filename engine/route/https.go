package route

import (
	"strconv"

	"weir/configs"
)

// compileHTTPS compiles what a route says about https.
func (r *Route) compileHTTPS(c *configs.Route) {
	if c.HTTPSRedirect {
		r.HTTPSPort = uint16(c.HTTPSPort)
	}
	if h := c.HSTS; h != nil {
		r.HSTS = "max-age=" + strconv.FormatInt(h.MaxAge.Nanoseconds()/1e9, 10)
		if h.IncludeSubdomains {
			r.HSTS += "; includeSubDomains"
		}
		if h.Preload {
			r.HSTS += "; preload"
		}
	}
}

// AppendHTTPS appends the https form of a request's URL: host as in the Host field,
// its port replaced by the route's, and target as it came.
func (r *Route) AppendHTTPS(dst, host, target []byte) []byte {
	dst = append(dst, "https://"...)
	dst = append(dst, withoutPort(host)...)
	if r.HTTPSPort != 443 {
		dst = append(dst, ':')
		dst = strconv.AppendUint(dst, uint64(r.HTTPSPort), 10)
	}
	if len(target) == 0 || target[0] != '/' {
		// An absolute form (RFC 9112 3.2.2) or "*": the root will do.
		target = []byte("/")
	}
	return append(dst, target...)
}
