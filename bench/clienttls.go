package bench

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
)

// ClientTLS is how the generator speaks TLS. The zero value verifies the server with
// the system's roots and offers what Go does by default, without session tickets.
type ClientTLS struct {
	// Insecure accepts any certificate.
	Insecure bool
	// Roots are the authorities to verify the server with. Optional: the system's.
	Roots *x509.CertPool
	// ServerName is sent as SNI and verified. Optional: the host of the URL.
	ServerName string
	// MaxVersion is tls.VersionTLS12 or tls.VersionTLS13. Optional: 1.3.
	MaxVersion uint16
	// Curves are the key exchanges to offer. Optional: Go's defaults, which begin with
	// X25519MLKEM768.
	Curves []tls.CurveID
	// Resume keeps the last ticket of the server, and every handshake after it offers
	// to resume that session.
	Resume bool
}

// validate reports what is wrong with c for t, which is nil if the URL is wrong too.
func (c *ClientTLS) validate(t *target) error {
	var errs []error
	if c.MaxVersion != 0 && c.MaxVersion != tls.VersionTLS12 && c.MaxVersion != tls.VersionTLS13 {
		errs = append(errs, fmt.Errorf("tls max: %s is not offered; give 1.2 or 1.3", tls.VersionName(c.MaxVersion)))
	}
	if c.Insecure && c.Roots != nil {
		errs = append(errs, errors.New("insecure: nothing is verified, so the CA has no use; leave one of the two out"))
	}
	used := c.Insecure || c.Roots != nil || c.ServerName != "" || c.MaxVersion != 0 || len(c.Curves) > 0 || c.Resume
	if t != nil && !t.secure && used {
		errs = append(errs, fmt.Errorf("tls: %s:// has none; give %ss://, or leave the TLS options out", t.scheme, t.scheme))
	}
	return errors.Join(errs...)
}

// config is shared by all connections of a run. A clone each would cost memory.
func (c *ClientTLS) config(host string) *tls.Config {
	config := &tls.Config{
		ServerName: c.ServerName, RootCAs: c.Roots, InsecureSkipVerify: c.Insecure,
		MaxVersion: c.MaxVersion, CurvePreferences: c.Curves,
		NextProtos: []string{"http/1.1"},
		// Small first records cost a system call each and tell nothing of a server.
		DynamicRecordSizingDisabled: true,
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	if c.Resume {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1) // one server
	}
	return config
}

// agreement is what a handshake settled.
type agreement struct {
	version, suite uint16
	curve          tls.CurveID // 0: none; that of the first handshake for a resumed TLS 1.2
}

func (a agreement) String() string {
	s := tls.VersionName(a.version) + " " + tls.CipherSuiteName(a.suite)
	if a.curve != 0 {
		s += " " + a.curve.String()
	}
	return s
}

// agreements counts the TLS handshakes of a run. There are few kinds: all are ours
// to offer.
type agreements struct {
	mu             sync.Mutex
	total, resumed int
	kinds          map[agreement]int
}

func newAgreements() *agreements { return &agreements{kinds: map[agreement]int{}} }

func (a *agreements) count(s *tls.ConnectionState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.total++
	if s.DidResume {
		a.resumed++
	}
	a.kinds[agreement{s.Version, s.CipherSuite, s.CurveID}]++
}

// TLSResult is what was agreed in the TLS handshakes of a run, those of the warm-up
// and of connections that came back included. One that failed is in ErrorKinds.
type TLSResult struct {
	Handshakes int `json:"handshakes"`
	Resumed    int `json:"resumed"`
	// Agreed counts them by version, cipher suite and key exchange, such as
	// "TLS 1.3 TLS_AES_128_GCM_SHA256 X25519".
	Agreed map[string]int `json:"agreed"`
}

// result is nil if there was no TLS.
func (a *agreements) result() *TLSResult {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	r := &TLSResult{Handshakes: a.total, Resumed: a.resumed, Agreed: map[string]int{}}
	for kind, n := range a.kinds {
		r.Agreed[kind.String()] += n
	}
	return r
}

func (r *TLSResult) writeText(line func(name, format string, args ...any)) {
	if r.Handshakes == 0 {
		return
	}
	line("tls", "%d handshakes, %.4g %% resumed", r.Handshakes, 100*float64(r.Resumed)/float64(r.Handshakes))
	line("", "%s", kindsText(r.Agreed))
}
