package bench

import (
	"context"
	"time"
)

// visit sends one request and reads its response.
func (p *httpPeer) visit(ctx context.Context) error {
	if err := p.open(ctx); err != nil {
		return err
	}
	if err := p.write(p.request); err != nil {
		return err
	}
	return p.receive()
}

// leave waits for the server to close, as the request told it to (RFC 9112 9.6).
func (p *httpPeer) leave() error {
	p.limit(time.Now().Add(p.opener.Timeout))
	return p.awaitEnd()
}

func (p *httpPeer) cost() int { return len(p.request) }
