package acme

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	rfc8555 "golang.org/x/crypto/acme"
)

const (
	// maxAttempt bounds the time from an order to its certificate.
	maxAttempt = 5 * time.Minute
	// maxRetryAfter bounds how long an authority's rate limit is respected.
	maxRetryAfter = 24 * time.Hour
)

// keep obtains and renews the certificate of a site until the manager is closed.
func (m *Manager) keep(s *site) {
	defer m.keepers.Done()
	failures := 0
	for m.pace.until(m.ctx, s.due) {
		cert, err := m.attempt(s)
		if m.ctx.Err() != nil && err != nil {
			return
		}
		if err != nil {
			retry := max(m.pace.backoff(failures), retryAfter(err))
			failures++
			s.due = m.pace.now().Add(retry)
			m.log(s.host, Event{Kind: Failed, Err: reason(err), Retry: retry})
			continue
		}
		failures = 0
		kind := Obtained
		if s.cert.Swap(cert) != nil {
			kind = Renewed
		}
		// A life so short that it is spent on arrival must not make a tight loop.
		s.due = m.pace.now().Add(m.pace.first)
		if at := renewAt(cert.Leaf); at.After(s.due) {
			s.due = at
		}
		m.log(s.host, Event{Kind: kind, Expires: cert.Leaf.NotAfter})
	}
}

// attempt is one try, when it is its turn: what another process has put in storage
// since, or else a new certificate.
func (m *Manager) attempt(s *site) (*tls.Certificate, error) {
	select {
	case m.slots <- struct{}{}:
		defer func() { <-m.slots }()
	case <-m.ctx.Done():
		return nil, m.ctx.Err()
	}
	if cert, err := m.stored(s.host); err == nil && cert != nil {
		if opens, _ := window(cert.Leaf); opens.After(m.pace.now()) {
			return cert, nil
		}
	}
	ctx, cancel := context.WithTimeout(m.ctx, maxAttempt)
	defer cancel()
	return m.obtain(ctx, s)
}

// retryAfter is how long a rate limit asks to wait, or 0.
func retryAfter(err error) time.Duration {
	var problem *rfc8555.Error
	if !errors.As(err, &problem) {
		return 0
	}
	d, _ := rfc8555.RateLimit(problem)
	return min(d, maxRetryAfter)
}
