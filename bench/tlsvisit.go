package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// TLSHandshakeOptions say what TLSHandshake runs.
type TLSHandshakeOptions struct {
	Options
	// Request sends one GET for the URL on each connection and waits for its response,
	// which proves that the server has accepted the handshake too: in TLS 1.3 a client
	// is done first. It belongs to the unit and to its latency.
	Request bool
	// Count is the most handshakes that are begun, those of the warm-up included.
	// Optional: as many as Duration allows.
	Count int
}

// Validate reports everything that is wrong with o, and what to do about it.
func (o TLSHandshakeOptions) Validate() error {
	errs := []error{o.Options.Validate()}
	if t, err := parseTarget(o.URL); err == nil {
		errs = append(errs, t.fits("tls", ""))
	}
	if o.Count < 0 {
		errs = append(errs, fmt.Errorf("count: %d is negative; give 0 for no limit", o.Count))
	}
	return errors.Join(errs...)
}

// TLSHandshake connects, does the TLS handshake and closes in order, with or without
// a request between. A unit is all of that; its latency ends with the handshake, or
// with the response if there is a request. URL is https:// or wss://, and its path
// matters for a request only.
//
// The close is a close_notify of the client, for which the server closes the
// connection, perhaps with some last words, or after a request the server's own, so that the TIME_WAIT is the
// server's: see Handshake for loops, failures and ports. Each connection is read to
// its end and has then seen the server's ticket, so with TLS.Resume all handshakes
// but the first few resume. Result.TLS says how many did.
//
// Active, Size, Pipeline, ConnectRate and Verify are ignored. It ends as Handshake
// does.
func TLSHandshake(ctx context.Context, o TLSHandshakeOptions) (*Result, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	all := o.Options
	all.Active, all.Size, all.Pipeline, all.Verify = 1, 0, 1, false
	all.NewConnections = o.Request // the request tells the server to close
	return execute(ctx, all, "tls", "", func(r *run) {
		r.most = uint64(o.Count)
		r.visit()
	})
}

// tlsPeer is one connection for each TLS handshake.
type tlsPeer struct {
	httpPeer
	asks bool // for a response
}

func (r *run) newTLSPeer(i int) *tlsPeer {
	p := &tlsPeer{asks: r.NewConnections}
	p.opener = r.opener
	p.address, p.source = r.place.to, r.place.source(i)
	if p.asks {
		p.request, p.method = r.makeRequest()
	}
	return p
}

func (p *tlsPeer) visit(ctx context.Context) error {
	if p.asks {
		return p.httpPeer.visit(ctx)
	}
	return p.open(ctx)
}

func (p *tlsPeer) leave() error {
	if p.asks {
		return p.httpPeer.leave()
	}
	p.limit(time.Now().Add(p.opener.Timeout))
	if err := p.closeNotify(); err != nil {
		return inPhase("close", err)
	}
	// A server may complain, with a response, that no request came.
	for most := p.read + farewellMost; ; p.r = p.w {
		switch err := p.fill(); {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			p.r = p.w
			return p.awaitEnd()
		case err != nil:
			return inPhase("close", err)
		case p.read > most:
			return errSurplus
		}
	}
}

// farewellMost is the most that a server may say to a client that leaves.
const farewellMost = 64 << 10
